"""What makes a result stale, and what does not: the cache key of a stage's work."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from data_catalog.kinds import REFUSAL
from data_catalog.refs import Ref
from tasks.formats.identities import Identities
from tasks.preprocess import preprocess
from tests.tasks.conftest import joined


def key_of(steps, source, **changes):
    parameters = {"scale": steps.Scale(), "words": {"a": 1, "b": (2, 3)}} | changes.pop("parameters", {})
    given = {"item": "P-1/v0", "inputs": {"files": source(b"123")}, "parameters": parameters} | changes
    return steps.measure.job(**given).key


def test_the_key_is_the_same_for_the_same_work(steps, source):
    assert re.fullmatch("[0-9a-f]{64}", key_of(steps, source))
    assert key_of(steps, source) == key_of(steps, source)


@pytest.mark.parametrize(
    "changes",
    [
        {"item": "P-2/v1"},
        {"parameters": {"words": {"b": (2, 3), "a": 1}}},
        {"parameters": {"words": {"a": 1, "b": [2, 3]}}},
    ],
    ids=["item", "order of a dictionary", "a list for a tuple"],
)
def test_the_key_does_not_depend_on_names_and_order(steps, source, changes):
    assert key_of(steps, source, **changes) == key_of(steps, source)


def test_the_order_of_inputs_and_parameters_does_not_count(steps, source):
    one, two = source(b"1"), source(b"2", "two")
    first = steps.names.job("i", {"tables": (), "single": one, "files": two}, {"x": 1, "y": 2})
    second = steps.names.job("i", {"files": two, "single": one, "tables": ()}, {"y": 2, "x": 1})
    assert first.key == second.key


def test_the_path_of_a_source_does_not_count_but_its_content_does(steps, source):
    one = key_of(steps, source, inputs={"files": source(b"123", "one")})
    assert key_of(steps, source, inputs={"files": source(b"123", "elsewhere")}) == one
    assert key_of(steps, source, inputs={"files": source(b"124", "one")}) != one


def test_the_order_of_files_counts(steps, source):
    first, second = source(b"1", "a"), source(b"2", "b")
    together = [
        joined(first, second),
        joined(second, first),
    ]
    keys = [key_of(steps, source, inputs={"files": files}) for files in together]
    assert keys[0] != keys[1]


def test_the_content_of_artefacts_counts(steps):
    refs = [Ref(kind="table", digest=digit * 64) for digit in "ab"]
    jobs = [
        steps.total.job("i", {"tables": tables, "single": single})
        for tables, single in [
            (tuple(refs), refs[0]),
            (tuple(refs[::-1]), refs[0]),
            (tuple(refs), refs[1]),
            ((), refs[0]),
        ]
    ]
    assert len({job.key for job in jobs}) == 4


@pytest.mark.parametrize(
    "parameters", [{"words": {"a": 2, "b": (2, 3)}}, {"words": None}, {"more": 1}], ids=["value", "none", "more"]
)
def test_a_parameter_counts(steps, source, parameters):
    assert key_of(steps, source, parameters=parameters) != key_of(steps, source)


def test_a_parameter_of_a_method_counts(steps, source):
    changed = key_of(steps, source, parameters={"scale": steps.Scale(factor=2.5)})
    assert changed != key_of(steps, source)


def test_the_name_of_the_stage_and_what_it_makes_count(steps, source):
    job = steps.measure.job("i", {"files": source(b"123")})
    others = [replace(job.stage, name="other"), replace(job.stage, kind=REFUSAL)]
    assert len({job.key, *(other.job("i", job.inputs).key for other in others)}) == 3


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("maths", "value * self.factor", "value + self.factor"),
        ("steps", "file.size if scale", "2 * file.size if scale"),
        ("steps", '"n": [_weight', '"m": [_weight'),
    ],
    ids=["method", "helper", "function"],
)
def test_an_edit_of_the_code_makes_the_result_stale(steps, source, module, old, new):
    before = key_of(steps, source)
    steps.bench.edit(module, old, new)
    assert key_of(steps, source) != before


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("maths", '"""Return the product."""', '"""Give the product."""'),
        ("maths", '    """By how much."""\n', ""),
        ("maths", "return value", "# times\n        return value"),
        ("steps", '"""Count bytes."""', '"""Count all bytes."""'),
        ("steps", '{"n": [sum(', '{"m": [sum('),
    ],
    ids=["docstring", "help text", "comment", "own docstring", "another stage"],
)
def test_an_edit_that_decides_nothing_keeps_the_result(steps, source, module, old, new):
    before = key_of(steps, source)
    steps.bench.edit(module, old, new)
    assert key_of(steps, source) == before


def test_a_method_deep_among_the_parameters_counts(steps, source):
    def key(words):
        return key_of(steps, source, parameters={"scale": None, "words": words})

    def nested():
        return [key({"deep": (steps.Scale(),)}), key([steps.Scale()]), key({"none": 1})]

    before = nested()
    steps.bench.edit("maths", "value * self.factor", "value + self.factor")
    assert [old == new for old, new in zip(before, nested(), strict=True)] == [False, False, True]


def test_a_method_inside_a_part_of_the_plan_counts():
    from flows.mining import Mining

    job = preprocess.job("i", {}, {"steps": Mining()})
    assert "tasks.methods.cohort.representatives" in job.places
    assert "tasks.methods.rules.class_rules" in job.places


def test_keyed_identities_count_with_their_key_and_their_code(steps, who):
    other = Identities(b"another key for tests, 32 bytes.")
    jobs = [steps.total.job("i", {}, {"who": one}) for one in (who, other)]
    assert jobs[0].key != jobs[1].key
    assert "tasks.formats.identities" in jobs[0].places
