"""DICOM structured reports: what they say as items of text, and what they measure as numbers with units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.formats.dicom.labels import identity_tokens, is_anonymous, machine_name
from tasks.formats.dicom.parse import parse
from tasks.methods.text.item import TextItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.formats.content import Content
    from tasks.formats.dicom.elements import DataSet
    from tasks.methods.text.item import Status

ABOUT_THE_REPORT = frozenset({"HAS OBS CONTEXT", "HAS ACQ CONTEXT", "HAS CONCEPT MOD"})
"""Relationships of what tells who observed whom, by which means and in which words, and of nothing found."""
CODED_STATUS: dict[str, Status] = {
    "2667000": "absent",  # SNOMED CT: Absent
    "410516002": "absent",  # Known absent
    "373067005": "absent",  # No
    "260385009": "absent",  # Negative
    "52101004": "present",  # Present
    "410515003": "present",  # Known present
    "373066001": "present",  # Yes
    "10828004": "present",  # Positive
    "410590009": "uncertain",  # Known possible
    "410592001": "uncertain",  # Probably present
    "371930009": "uncertain",  # Possible
    "261665006": "uncertain",  # Unknown
    "373068000": "uncertain",  # Undetermined
    "G-A206": "absent",  # SNOMED RT: Absent
    "R-00339": "absent",  # No
    "G-A203": "present",  # Present
    "R-0038D": "present",  # Yes
}
"""What a coded value says of its concept, by the code of its value."""
PRESENCE = ("presence", "status", "certainty")
"""Words of concepts that say of a finding whether it is there."""
METHODS = frozenset({"G-C036", "370129005"})
"""Concepts that name how something was measured: they are no part of what was."""
_UNIT = re.compile(r"[!-~]{1,32}")


@dataclass(frozen=True)
class Measurement:
    """Hold one number of a report.

    Parameters
    ----------
    name : str
        What was measured, and how the number was derived from it (`SUVbw Mean`).
    value : float
        The number.
    unit : str
        Its unit (UCUM).
    group : int
        Which container of the report it stands in, by first appearance: those of one lesion share it.
    """

    name: str
    value: float
    unit: str
    group: int


def read_text_items(content: Content) -> list[TextItem]:
    """Return what a structured report says, in its order: its texts, and its codes in words.

    Texts and numbers of a container that is meant to be read in one go (CONTINUOUS) are put together. A code that
    says of its concept whether it is there gives the item its status; as a modifier of a finding, or its property
    `Presence`, it says so of that.

    Raises `BadData`: those of `parse`.
    """
    root = parse(content.read()).dataset
    items: list[TextItem] = []
    run: list[str] = []
    told: set[int] = set()
    for parent, item in _walk(root):
        status = _status(item)
        if status is None and parent.text("ContinuityOfContent") == "CONTINUOUS" and _words(item):
            run.append(_words(item))
            continue
        items += _joined(run)
        run.clear()
        if status is not None:
            if id(item) not in told:
                items.append(TextItem(_concept(item), status))
        elif item.text("ValueType") in {"TEXT", "CODE"}:
            beneath = {id(inner): _status(inner) for inner in item.items("ContentSequence") if _is_of_parent(inner)}
            told.update(beneath)
            said = ": ".join(filter(None, (_named_code(item), _words(item))))
            items.append(TextItem(said, next(iter(beneath.values()), None)))
    return [*items, *_joined(run)]


def read_measurements(content: Content) -> list[Measurement]:
    """Return the numbers of a structured report that have a value and a unit, in its order.

    Raises `BadData`: those of `parse`, `bad_element`.
    """
    root = parse(content.read()).dataset
    tokens = identity_tokens(root)
    groups: dict[int, int] = {}
    found = []
    for parent, item in _walk(root):
        name = _measured(item, tokens) if item.text("ValueType") == "NUM" else ""
        value, unit = _value(item) if name else (None, "")
        if value is not None:
            found.append(Measurement(name, value, unit, groups.setdefault(id(parent), len(groups))))
    return found


def _walk(root: DataSet) -> Iterator[tuple[DataSet, DataSet]]:
    """Yield each content item with the one above it, in the order of reading; the parser bounds depth and number."""
    waiting = [(root, item) for item in reversed(root.items("ContentSequence"))]
    while waiting:
        parent, item = waiting.pop()
        if item.text("RelationshipType") in ABOUT_THE_REPORT:
            continue
        yield parent, item
        waiting += [(item, inner) for inner in reversed(item.items("ContentSequence"))]


def _joined(run: Sequence[str]) -> list[TextItem]:
    return [TextItem(" ".join(run))] if run else []


def _words(item: DataSet) -> str:
    """Return what an item says where it stands: a text, the meaning of a code, a number with its unit."""
    kind = item.text("ValueType")
    if kind == "TEXT":
        return item.text("TextValue")
    if kind == "CODE":
        return _meaning(item, "ConceptCodeSequence")
    measured = item.items("MeasuredValueSequence")
    return f"{measured[0].text('NumericValue')} {_unit(measured[0])}".strip() if measured else ""


def _named_code(item: DataSet) -> str:
    return _concept(item) if item.text("ValueType") == "CODE" else ""


def _status(item: DataSet) -> Status | None:
    return CODED_STATUS.get(_code(item, "ConceptCodeSequence")) if item.text("ValueType") == "CODE" else None


def _is_of_parent(item: DataSet) -> bool:
    """Say whether a coded status is that of the finding it stands beneath, and not of something that this has."""
    if _status(item) is None:
        return False
    relation = item.text("RelationshipType")
    is_presence = any(word in _concept(item).casefold() for word in PRESENCE)
    return relation == "HAS CONCEPT MOD" or (relation == "HAS PROPERTIES" and is_presence)


def _concept(item: DataSet) -> str:
    return _meaning(item, "ConceptNameCodeSequence")


def _meaning(item: DataSet, sequence: str) -> str:
    codes = item.items(sequence)
    return codes[0].text("CodeMeaning") if codes else ""


def _code(item: DataSet, sequence: str) -> str:
    codes = item.items(sequence)
    return codes[0].text("CodeValue") if codes else ""


def _measured(item: DataSet, tokens: frozenset[str]) -> str:
    """Return the name of what was measured, empty where it has none or could hold an identity."""
    modifiers = [
        _meaning(inner, "ConceptCodeSequence")
        for inner in item.items("ContentSequence")
        if inner.text("RelationshipType") == "HAS CONCEPT MOD"
        and _code(inner, "ConceptNameCodeSequence") not in METHODS
    ]
    name = machine_name(" ".join((_concept(item), *modifiers)))
    return name if is_anonymous(name, tokens) else ""


def _value(item: DataSet) -> tuple[float | None, str]:
    measured = item.items("MeasuredValueSequence")
    if not measured:
        return None, ""
    return measured[0].number("NumericValue"), _unit(measured[0])


def _unit(measured: DataSet) -> str:
    unit = _code(measured, "MeasurementUnitsCodeSequence")
    return unit if _UNIT.fullmatch(unit) else ""
