"""The catalogue of verdicts and the code that gives them are in step."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from data_catalog.corrected import CORRECTED
from data_catalog.refused import REFUSED
from data_catalog.verdicts import Correction, catalogue

ROOT = Path(__file__).parents[2]
GATE = [
    "tasks/formats/**/*.py",
    "tasks/sources/*.py",
    "tasks/methods/regions/*.py",
    "tasks/methods/gate/*.py",
    "tasks/[firs]*.py",
    "tasks/batches.py",
    "tasks/units.py",
    "data_catalog/geometry.py",
    "data_catalog/kinds.py",
]
LEFT_OUT = {
    "tasks/formats/table.py": "a clinical table that cannot be read ends the plan before any work",
    "tasks/feature_maps.py": "a later step",
    "tasks/fuse.py": "a later step",
    "tasks/radiomics.py": "a later step",
    "tasks/readings.py": "a later step",
    "tasks/report.py": "a later step",
    "tasks/segment.py": "a later step",
}
PROMISES = {
    "no_geometry", "no_unit", "not_a_document", "not_a_mask", "not_a_model", "not_a_page", "not_a_table",
    "not_a_volume", "not_numeric", "column_twice", "not_a_signal",
}  # fmt: skip
"""What the check of a kind says to a programmer: no file can bring it about."""


def modules():
    paths = {path.relative_to(ROOT).as_posix(): path for pattern in GATE for path in ROOT.glob(pattern)}
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in paths.items() if name not in LEFT_OUT}


def calls(name):
    """Yield the calls in the gate's code of something that is called so, with the module."""
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in name:
                yield module, node


def words(node):
    """Return the texts that an expression may have as its value."""
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    return [one.value for one in branches if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def given(names, keyword):
    found = {}
    for module, call in calls(names):
        values = [one.value for one in call.keywords if one.arg == keyword] or call.args[:1]
        for value in values:
            found.update(dict.fromkeys(words(value), module))
    return found


def test_every_refusal_of_the_gate_is_in_the_catalogue():
    refused = given({"BadData", "SourceMoved", "Refusal"}, "verdict")
    known = {name for name, verdict in catalogue().items() if verdict.outcome == "quarantined"}
    assert len(refused) > 60
    assert {name: where for name, where in refused.items() if name not in known | PROMISES} == {}


def test_every_correction_of_the_gate_is_in_the_catalogue():
    corrected = given({"Correction"}, "name")
    known = {name for name, verdict in catalogue().items() if verdict.outcome.startswith("accepted")}
    assert {name: where for name, where in corrected.items() if name not in known} == {}


def test_every_verdict_of_the_catalogue_is_given_somewhere():
    texts = {
        node.value
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(set(catalogue()) - texts) == []


def test_no_name_stands_twice():
    names = [name for table in (CORRECTED, REFUSED) for verdicts in table.values() for name in verdicts]
    assert sorted(set(names)) == sorted(names)
    assert len(catalogue()) == len(names)


def test_verdicts_are_named_in_small_letters_and_told_in_sentences():
    for name, verdict in catalogue().items():
        assert name.replace("_", "").isalnum()
        assert name == name.lower()
        for sentence in (verdict.meaning, verdict.remedy):
            assert sentence[0].isupper() or sentence[0] == "`"
            assert sentence.endswith(".")
            assert "|" not in sentence


def test_a_correction_is_frozen_and_has_a_name_and_a_text():
    one = Correction(name="gantry_tilt", text="a gantry tilt of 14.0 degrees is kept as a shear")
    assert one.model_dump() == {"name": "gantry_tilt", "text": "a gantry tilt of 14.0 degrees is kept as a shear"}
    with pytest.raises(ValidationError):
        one.name = "other"
    with pytest.raises(ValidationError):
        Correction(name="gantry_tilt")
