"""Write the reference of the plan from the plan itself: `python -m docs.generate`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from flows.plan import Plan

PAGE = Path(__file__).parent / "reference" / "plan.md"
OPENING = """\
# The plan, field by field

This page is made from the code by `python -m docs.generate`; a test fails when it is out of date.

A plan is a YAML file (`voxmine init` writes a commented one), the form in Prefect's UI, or the object
`flows.plan.Plan`: the fields are the same. A field that does not exist is an error. Where a method is chosen, `method`
names it and its other fields stand beside it: `{method: resample, spacing_mm: 2.0}`. "Empty" is `null` in YAML. On the
command line `--set FIELD=VALUE` changes a field of any depth: `--set compute.workers=4`,
`--set preprocess.0.modality=CT` (lists count from 0).
"""
Schema = dict[str, Any]


def page() -> str:
    """Return the reference as Markdown."""
    schema = Plan.model_json_schema()
    known: dict[str, Schema] = schema["$defs"]
    parts = [OPENING, "## The plan\n", _described(schema), _table(schema, known)]
    told: set[str] = set()
    for name, field in schema["properties"].items():
        inside = [of for of in _inside(field, known) if of not in told]
        told.update(inside)
        if inside:
            parts.append(f"## Inside `{name}`\n")
        for of in inside:
            parts += [f"### {_heading(of, known)}\n", _described(known[of]), _table(known[of], known)]
    return "\n".join(parts).rstrip() + "\n"


def _inside(field: Any, known: dict[str, Schema]) -> list[str]:  # noqa: ANN401 - any part of a schema
    """Return the definitions that a part of the schema refers to, and those that these refer to, each once."""
    if isinstance(field, list):
        found = [of for part in field for of in _inside(part, known)]
    elif not isinstance(field, dict):
        return []
    elif "$ref" in field:
        of = _name(field)
        found = [of, *_inside(known[of].get("properties", {}), known)]
    else:
        found = [of for key, part in field.items() if key != "default" for of in _inside(part, known)]
    return list(dict.fromkeys(found))


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _heading(of: str, known: dict[str, Schema]) -> str:
    """Return a method's tag, or the name of a part in words."""
    tag = known[of]["properties"].get("method", {}).get("const")
    return f"`{tag}`" if tag else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", of).capitalize()


def _link(of: str, known: dict[str, Schema]) -> str:
    heading = _heading(of, known)
    return f"[{heading}](#{heading.strip('`').lower().replace(' ', '-')})"


def _described(schema: Schema) -> str:
    """Return a docstring as Markdown: its paragraphs, the name of a section before the section's text."""
    text = re.sub(r"^(\w+)\n-{3,}\n", r"\1: ", str(schema["description"]), flags=re.MULTILINE)
    return text + "\n"


def _table(schema: Schema, known: dict[str, Schema]) -> str:
    rows = ["| field | value | default | meaning |", "|---|---|---|---|"]
    tag = schema["properties"].get("method", {}).get("const")
    if tag:
        rows.append(f"| `method` | `{tag}` | | chooses this one |")
    for name, field in schema["properties"].items():
        if tag and name == "method":
            continue
        default = _default(field["default"]) if "default" in field else "**required**"
        meaning = field.get("description") or known[_name(field)]["description"].partition("\n")[0]
        cells = (f"`{name}`", _value(field, known), default, " ".join(meaning.split()))
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _value(field: Schema, known: dict[str, Schema]) -> str:
    """Return in words what may stand in a field."""
    if "$ref" in field:
        return _link(_name(field), known)
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_value(choice, known) for choice in field["anyOf"]))
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    if field["type"] == "array":
        return _list(field, known)
    if field["type"] == "object":
        return f"mapping of text to {_value(field['additionalProperties'], known)}"
    return _plain(field)


def _list(field: Schema, known: dict[str, Schema]) -> str:
    if "prefixItems" in field:
        return f"list of {len(field['prefixItems'])}: {_value(field['prefixItems'][0], known)} each"
    least = ", at least one" if field.get("minItems") else ""
    return f"list of {_value(field['items'], known)}{least}"


def _plain(field: Schema) -> str:
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {field[key]:g}" for key, sign in signs.items() if key in field]
    what = "path" if field.get("format") == "path" else {**words, "null": "empty"}[field["type"]]
    return " ".join([what, " and ".join(limits)]).strip()


def _default(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return a default as it would be written; of a method its tag, of a part that it has defaults of its own."""
    if value in (None, "", [], {}):
        return "empty"
    if isinstance(value, dict):
        return f"`{value['method']}`" if "method" in value else "its own"
    if isinstance(value, list) and isinstance(value[0], dict):
        return ", ".join(_default(one) for one in value)
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
