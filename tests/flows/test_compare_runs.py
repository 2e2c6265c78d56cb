"""How two runs differ, and why."""

from __future__ import annotations

import pytest

from data_catalog.lineage import Code
from data_catalog.store import Store
from flows.compare_runs import diff
from tests.data_catalog.conftest import key_of
from tests.data_catalog.lineages import FIRST, SECOND, note, note_code, put


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def lines(store, first=FIRST, second=SECOND):
    return "\n".join(diff(store, first, second).lines())


def test_two_runs_that_did_the_same_do_not_differ(store):
    page = put(store, "page")
    note(store, FIRST, [page], results={"report": page.output})
    note(store, SECOND, [page], "reused", results={"report": page.output})
    said = lines(store)
    assert "Both did the same work." in said
    assert "byte for byte" in said


def test_a_changed_parameter_is_named_with_both_values_and_how_many_items_it_is_true_of(store):
    for name, spacing in ((FIRST, 1.0), (SECOND, 2.0)):
        made = [
            put(
                store,
                f"scan {n} at {spacing}",
                key=key_of(f"{n} {spacing}"),
                item=f"P-{n}/v0/CT/a",
                stage="resample",
                parameters={"steps": [{"spacing_mm": spacing}]},
            )
            for n in range(3)
        ]
        note(store, name, made, plan={"spacing": spacing})
    said = lines(store)
    assert "resample: 0 the same, 3 made otherwise, 0 of them with the same result" in said
    assert "parameter steps.0.spacing_mm: 1.0 became 2.0 (3 items)" in said
    assert "plan: spacing: 1.0 became 2.0" in said


def test_a_changed_code_is_named_by_its_parts(store):
    codes = {name: Code(version="0", digest=key_of(name), places=("tasks.a",)) for name in (FIRST, SECOND)}
    note_code(store, key_of(FIRST), **{"tasks.a": key_of("a"), "numpy": "2.0", "tasks.gone": key_of("gone")})
    note_code(store, key_of(SECOND), **{"tasks.a": key_of("other"), "numpy": "2.1", "tasks.new": key_of("new")})
    for name, code in codes.items():
        note(store, name, [put(store, "page", key=key_of(f"key {name}"), code=code)])
    said = lines(store)
    for words in ("tasks.a has changed", "numpy 2.0 became 2.1", "tasks.gone is no longer there", "tasks.new is new"):
        assert f"code: {words}" in said
    assert "1 made otherwise, 1 of them with the same result" in said


def test_a_code_whose_parts_nobody_noted_is_named_by_its_digests(store):
    for name in (FIRST, SECOND):
        code = Code(version="0", digest=key_of(name), places=("tasks.a",))
        note(store, name, [put(store, "page", key=key_of(f"key {name}"), code=code)])
    assert f"code {key_of(FIRST)[:12]} became {key_of(SECOND)[:12]}" in lines(store)


def test_other_inputs_and_other_files_are_named_and_what_only_one_run_did(store):
    one, two = (put(store, f"scan {n}", sources=[f"slice {n}"], stage="read", item="P-1") for n in (1, 2))
    masks = [put(store, f"mask {n}", [scan], stage="draw", item="P-1") for n, scan in enumerate((one, two))]
    note(store, FIRST, [one, masks[0], put(store, "alone")], results={"report": one.output})
    note(store, SECOND, [two, masks[1]], results={"report": two.output})
    said = lines(store)
    assert "source files holds other bytes (1 items)" in said
    assert "input given is another (1 items)" in said
    assert "only in the first: alone" in said
    assert "Results that differ: report" in said


def test_a_change_that_no_record_tells_is_not_passed_over(store):
    for name in (FIRST, SECOND):
        note(store, name, [put(store, "page", key=key_of(name))])
    assert "what is not told" in lines(store)
