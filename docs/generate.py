"""Write the reference pages from the code itself: `python -m docs.generate`."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_catalog.verdicts import catalogue
from flows.data_words import datasets_page
from flows.plan import Plan
from tasks.methods.radiomics import columns
from tasks.methods.radiomics.columns import ABBREVIATIONS, AGGREGATION_CODES, Aggregation
from tasks.methods.radiomics.recipe import Recipe
from tasks.methods.radiomics.recipes import OF_MODALITY, RECIPES
from tasks.methods.reporting.recipe_text import recipe_sentences

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_catalog.verdicts import Verdict
    from tasks.methods.radiomics.definition import FeatureDefinition

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
FEATURES = """\
# The features of regions

This page is made from `features.csv`, and that from the code, by `python -m docs.generate`; a test fails when they are
out of date. The table for programs is [features.csv](features.csv).

{grammar}

Codes are those of the [IBSI reference manual](https://ibsi.readthedocs.io). A feature is *conformant* where IBSI has
reference values of it and all of them are met (`make ibsi`). Where a value can be missing although the region was
measured, the table says when; all other values are always numbers. In the tables that a study makes, the same stands
beside each column in the Parquet file, with the digest of the recipe that made it
(`data_catalog.frames.column_facts`).
"""
EVERY_WAY: tuple[Aggregation, ...] = ("2d_avg", "2d_mrg", "2.5d_avg", "2.5d_mrg", "3d_avg", "3d_mrg")
TITLES = {
    "stat": "Intensity statistics",
    "morph": "Morphology",
    "morph2d": "Form in images of one plane",
    "loc": "Local intensity",
    "ih": "Intensity histogram",
    "ivh": "Intensity-volume histogram",
    "cm": "Grey level co-occurrence (GLCM)",
    "rlm": "Grey level run length (GLRLM)",
    "szm": "Grey level size zone (GLSZM)",
    "dzm": "Grey level distance zone (GLDZM)",
    "ngt": "Neighbourhood grey tone difference (NGTDM)",
    "ngl": "Neighbouring grey level dependence (NGLDM)",
}
FEATURE_FIELDS = ("column", "label", "ibsi", "aggregation", "unit", "conformant", "meaning", "undefined")
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


def feature_definitions() -> list[FeatureDefinition]:
    """Return every column that a recipe without filters can have: of volumes, then those of one plane alone."""
    recipe = Recipe(aggregations=EVERY_WAY)
    found = {one.column: one for planar in (False, True) for one in recipe.definitions(planar=planar)}
    return list(found.values())


def features_table() -> str:
    """Return every feature as a table in CSV."""
    content = StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(FEATURE_FIELDS)
    for one in feature_definitions():
        facts = {"column": one.column, **one.facts()}
        writer.writerow([facts[name] for name in FEATURE_FIELDS])
    return content.getvalue()


def features_page() -> str:
    """Return the reference of the features as Markdown, from their table."""
    rows = list(csv.DictReader(StringIO(features_table())))
    grammar = str(columns.__doc__).partition("\n\n")[2].strip()
    parts = [FEATURES.format(grammar=grammar), _recipes()]
    for prefix, title in TITLES.items():
        of_family = [row for row in rows if row["column"].startswith(f"{prefix}_")]
        parts += [f"## {title}\n", *_family_tables(of_family)]
    return "\n".join(parts).rstrip() + "\n"


def _recipes() -> str:
    """Return the published recipes, and which modality is measured by which, in words."""
    by = ", ".join(f"{modality} by `{name}`" for modality, name in OF_MODALITY.items())
    said = [
        f"- `{name}`: {recipe_sentences('the modality', one.model_dump(mode='json'))}" for name, one in RECIPES.items()
    ]
    return "\n".join(
        [
            "## Published recipes\n",
            f"`by_modality` measures {by}, and every other modality by `arbitrary_units`.\n",
            *said,
            "",
        ]
    )


def _family_tables(rows: list[dict[str, str]]) -> list[str]:
    """Return one table of a family's features, whatever ways there are to put them together told once."""
    endings = [ending for ending in AGGREGATION_CODES if any(_ending(row) == ending for row in rows)]
    shown = [row for row in rows if _ending(row) == endings[0]] if endings else rows
    told = ", ".join(f"`_{ending}` ({AGGREGATION_CODES[ending]})" for ending in endings)
    lead = [f"Each column ends in {told}.\n"] if endings else []
    lines = ["| column | feature | IBSI | unit | conformant | says |", "|---|---|---|---|---|---|"]
    for row in shown:
        ending = _ending(row)
        name = row["column"].removesuffix(f"_{ending}") + "_..." if ending else row["column"]
        missing = f" Missing when: {row['undefined'].rstrip('.')}." if row["undefined"] else ""
        conformant = {"true": "yes", "false": "no"}[row["conformant"]]
        cells = (f"`{name}`", row["label"], row["ibsi"], row["unit"], conformant, row["meaning"] + missing)
        lines.append("| " + " | ".join(cells) + " |")
    return [*lead, "\n".join(lines) + "\n"]


def _ending(row: dict[str, str]) -> str:
    """Return how a column of texture ends (`3d_mrg`), or nothing."""
    if not row["label"].startswith(tuple(ABBREVIATIONS.values())):
        return ""
    return max((one for one in AGGREGATION_CODES if row["column"].endswith(f"_{one}")), key=len)


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
        held = field["additionalProperties"]
        return f"mapping of text to {'anything' if held is True else _value(held, known)}"
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


PAGES: dict[str, Callable[[], str]] = {
    "plan.md": plan_page,
    "verdicts.md": verdicts_page,
    "datasets.md": datasets_page,
    "features.csv": features_table,
    "features.md": features_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
