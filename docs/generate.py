"""Write the reference pages from the code itself: `python -m docs.generate`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_catalog.verdicts import catalogue
from flows.data_words import datasets_page
from flows.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_catalog.verdicts import Verdict

FOLDER = Path(__file__).parent / "reference"
OPENING = """\
# The plan, field by field

This page is made from the code by `python -m docs.generate`; a test fails when it is out of date.

A plan is a YAML file (`voxmine init` writes a commented one), the form in Prefect's UI, or the object
`flows.plan.Plan`: the fields are the same. A field that does not exist is an error. Where a method is chosen, `method`
names it and its other fields stand beside it: `{method: resample, spacing_mm: 2.0}`. "Empty" is `null` in YAML. On the
command line `--set FIELD=VALUE` changes a field of any depth: `--set compute.workers=4`,
`--set preprocess.0.modality=CT` (lists count from 0).
"""
VERDICTS = """\
# The verdicts of the gate

This page is made from the code by `python -m docs.generate`; a test fails when it is out of date.

Whatever is read passes a gate. It is accepted as it is; or accepted with a recorded correction, whose name stands in
the `corrections` of the volume or mask; or quarantined, under a name that is the same for every item refused for that
reason, with what was expected, what came and what to do ([read the quarantine](../how-to/quarantine.md)). Nothing is
resampled unless a step of the plan says so, and no message holds a patient's name, an id or a path.
"""
Schema = dict[str, Any]


def verdicts_page() -> str:
    """Return the reference of the verdicts as Markdown."""
    known = list(catalogue().values())
    parts = [VERDICTS]
    for outcome in dict.fromkeys(verdict.outcome for verdict in known):
        parts.append(f"## {outcome.capitalize()}\n")
        of_outcome = [verdict for verdict in known if verdict.outcome == outcome]
        for about in dict.fromkeys(verdict.about for verdict in of_outcome):
            parts += [f"### {about}\n", _verdicts([one for one in of_outcome if one.about == about])]
    return "\n".join(parts).rstrip() + "\n"


def _verdicts(verdicts: list[Verdict]) -> str:
    rows = [f"| `{one.name}` | {one.meaning} | {one.remedy} |" for one in sorted(verdicts, key=lambda one: one.name)]
    return "\n".join(["| verdict | what it means | what to do |", "|---|---|---|", *rows]) + "\n"


def plan_page() -> str:
    """Return the reference of the plan as Markdown."""
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


PAGES: dict[str, Callable[[], str]] = {"plan.md": plan_page, "verdicts.md": verdicts_page, "datasets.md": datasets_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
