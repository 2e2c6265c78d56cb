"""Plans in files: reading one, with changes of single fields, and saying in words what is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from data_catalog.errors import PlanError
from flows.plan import Plan

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)
FIELD_OF_A_NAME = re.compile(r"\{[a-z]+\}")
"""A place in a pattern of names."""
WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "it is needed, and not given",
    "model_type": "it holds fields of its own (leave it out for the usual ones), and a single value or nothing came",
    "dict_type": "it holds names, each with a value, and something else came",
    "tuple_type": "it is a list, and something else came",
    "list_type": "it is a list, and something else came",
    "string_type": "it is text, and something else came; put it in quotes if it looks like a number",
    "string_pattern_mismatch": "it is spelled otherwise, as the pattern {pattern} says",
    "int_parsing": "it is a whole number, and something else came",
    "int_type": "it is a whole number, and something else came",
    "int_from_float": "it is a whole number, and one with a fraction came",
    "float_parsing": "it is a number, and something else came",
    "float_type": "it is a number, and something else came",
    "bool_parsing": "it is true or false, and something else came",
    "bool_type": "it is true or false, and something else came",
    "greater_than": "it is more than {gt}",
    "greater_than_equal": "it is at least {ge}",
    "less_than": "it is less than {lt}",
    "less_than_equal": "it is at most {le}",
    "too_short": "it holds at least {min_length}, and {actual_length} came",
    "too_long": "it holds at most {max_length}, and {actual_length} came",
    "literal_error": "it is one of {expected}, and something else came",
    "union_tag_invalid": "its {discriminator} is one of {expected_tags}: {tag!r} is none",
    "union_tag_not_found": "its {discriminator} is not given",
}
"""What pydantic's faults say to who wrote the plan, by their type."""


def load_plan(path: Path, changes: tuple[str, ...] = ()) -> Plan:
    """Read a plan from a YAML file; paths of sources, tables and models are taken relative to its folder.

    Parameters
    ----------
    path : Path
        The plan file.
    changes : tuple of str
        Fields to set otherwise (`compute.workers=4`), the value in YAML.

    Raises
    ------
    PlanError
        When the file is missing, is no YAML, or a field is unknown or wrong: with the field's place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PlanError("The plan file exists", f"{path} does not", "Write one with `voxmine init`.") from None
    except (IsADirectoryError, UnicodeDecodeError):
        raise PlanError("The plan is a file of text", f"{path} is not", "Write one with `voxmine init`.") from None
    try:
        held = yaml.safe_load(text)
        for change in changes:
            _set(held, change)
    except yaml.YAMLError as wrong:
        raise PlanError(
            f"{path} is YAML",
            f"{getattr(wrong, 'problem', wrong)} {getattr(wrong, 'problem_mark', '')}",
            "Mend it there.",
        ) from None
    return parse_plan(held, path.parent, str(path))


def parse_plan(held: Any, folder: Path, name: str = "The plan") -> Plan:  # noqa: ANN401 - whatever the YAML held
    """Build a plan from what a file held.

    Raises
    ------
    PlanError
        When a field is unknown, missing or wrong; every one is named.
    """
    if not isinstance(held, dict):
        raise PlanError(f"{name} has fields", f"it holds {type(held).__name__}", "Write one with `voxmine init`.")
    try:
        plan = Plan.model_validate(held)
    except ValidationError as wrong:
        raise PlanError(f"{name} can be understood", "\n".join(_faults(wrong)), "\nMend the fields named.") from None
    return located(plan, folder)


def located(plan: Plan, folder: Path) -> Plan:
    """Return the plan with every path in it taken relative to a folder; the workspace is where the run starts."""
    return _located(plan, folder).model_copy(update={"workspace": plan.workspace})


def _located(part: M, folder: Path) -> M:
    """Return a part of a plan with every path in it taken relative to a folder."""
    values = {name: getattr(part, name) for name in type(part).model_fields}
    paths = {name: folder / value for name, value in values.items() if isinstance(value, Path)}
    parts = {name: _located(value, folder) for name, value in values.items() if isinstance(value, BaseModel)}
    several = {
        name: tuple(_located(one, folder) if isinstance(one, BaseModel) else one for one in value)
        for name, value in values.items()
        if isinstance(value, tuple)
    }
    return part.model_copy(update={**paths, **parts, **several})


def _faults(wrong: ValidationError) -> list[str]:
    faults = [""]
    for error in wrong.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in error["loc"])
        said = _in_words(error).removesuffix(".")
        faults.append(f"  {place}: {said}" if place else f"  {said}")
    return faults


def _in_words(error: ErrorDetails) -> str:
    """Return what is wrong with a field; what it held is not said: it may name a patient, or where they lie."""
    kind = error["type"]
    if kind in WORDS:
        return WORDS[kind].format(**error.get("ctx", {}))
    return error["msg"].removeprefix("Value error, ").replace("Input should", "it should")


def _set(held: dict[str, Any], change: str) -> None:
    place, equals, text = change.partition("=")
    *parents, last = place.split(".")
    try:
        for name in parents:
            held = held.setdefault(name, {}) if isinstance(held, dict) else held[int(name)]
        held[last] = _value(text)
    except (AttributeError, LookupError, TypeError, ValueError):
        equals = ""
    if not equals:
        raise PlanError(
            "A change sets a field of the plan",
            f"{change!r} does not",
            "Write the field's place and its value: compute.workers=4.",
        )


def _value(text: str) -> Any:  # noqa: ANN401 - whatever the YAML holds
    """Return the value that YAML gives; `{patient}` in a name's pattern is text, although YAML has it as a mapping."""
    is_name = FIELD_OF_A_NAME.search(text) is not None and ": " not in text and not text.startswith(("'", '"'))
    return text if is_name else yaml.safe_load(text)
