"""The one policy of every step: what is reused, refused, tried again, and what is never kept."""

from __future__ import annotations

import hashlib
import re

import pytest

from data_catalog.errors import PlanError, StoreError
from data_catalog.refs import Ref
from tasks import stage as stage_module
from tasks.preprocess import preprocess
from tasks.stage import (
    ATTEMPTS,
    WAIT_SECONDS,
    look_up,
    require_stages,
)
from tests.tasks.conftest import NAME, run


def test_a_result_is_computed_once_and_then_reused(steps, source, store):
    job = steps.measure.job("P-1", {"files": source(b"123")}, {"scale": steps.Scale()})
    first = run(store, job)
    again = run(store, steps.measure.job("P-2", {"files": source(b"123")}, {"scale": steps.Scale()}))
    assert steps.CALLS == ["measure"]
    assert (first.item, first.how) == ("P-1", "computed")
    assert (again.item, again.how) == ("P-2", "reused")
    assert first.ref == again.ref
    assert first.refusal is again.refusal is None
    assert store.open(first.ref)["n"].tolist() == [6.0]


def test_artefacts_are_opened_for_the_function_one_and_several(steps, source, store):
    refs = [run(store, steps.measure.job("i", {"files": source(b"1" * n)})).ref for n in (1, 2, 3)]
    outcome = run(store, steps.total.job("i", {"tables": tuple(refs[:2]), "single": refs[2]}))
    assert store.open(outcome.ref)["n"].tolist() == [6.0]


def test_a_stage_may_ask_for_the_names_alone(steps, source, store):
    ref = run(store, steps.measure.job("i", {"files": source(b"1")})).ref
    outcome = run(store, steps.names.job("i", {"tables": (ref, ref), "single": ref, "files": source(b"1")}))
    assert store.open(outcome.ref)["name"].tolist() == [ref.short] * 3 + ["1"]


def test_a_damaged_result_is_computed_anew(steps, source, store):
    job = steps.measure.job("i", {"files": source(b"123")})
    ref = run(store, job).ref
    store.data_file(ref).write_bytes(b"")
    again = run(store, job)
    assert (again.how, again.ref) == ("computed", ref)
    store.verify(ref)


def test_looking_up_does_no_work(steps, source, store):
    job = steps.measure.job("i", {"files": source(b"123")})
    assert look_up(store, job) is None
    assert steps.CALLS == []
    run(store, job)
    assert look_up(store, job).how == "reused"


def test_an_input_that_the_store_does_not_hold_fails_the_item(steps, store):
    missing = Ref(kind="table", digest="a" * 64)
    outcome = run(store, steps.total.job("i", {"tables": (), "single": missing}))
    assert outcome.how == "failed"
    assert StoreError.__name__ in outcome.refusal.came


def test_bad_data_is_refused_and_the_refusal_is_kept(steps, source, store):
    files = source(b"bad")
    first = run(store, steps.measure.job("P-1/v0", {"files": files}))
    again = run(store, steps.measure.job("P-9/v1", {"files": files}))
    assert steps.CALLS == ["measure"], "the same data is refused again without work"
    assert (first.how, again.how) == ("computed", "reused")
    assert first.ref is again.ref is None
    assert first.refusal.reason == "A file is good: it says bad. Write it again."
    assert first.refusal.verdict == "bad_file"
    assert first.refusal.stage == "measure"
    assert first.refusal.files == (hashlib.sha256(b"bad").hexdigest(),)
    assert [one.refusal.item for one in (first, again)] == ["P-1/v0", "P-9/v1"], "under the name that is asked for"
    assert again.refusal.model_copy(update={"item": "P-1/v0"}) == first.refusal


def test_a_result_that_breaks_its_promise_is_refused(steps, source, store):
    outcome = run(store, steps.measure.job("i", {"files": source(b"odd")}))
    assert outcome.refusal.verdict == "not_a_table"


def test_a_refusal_of_artefacts_names_no_files(store):
    outcome = run(store, preprocess.job("i", {"image": Ref(kind="volume", digest="a" * 64)}, {"steps": ()}))
    assert outcome.refusal.files == ()


def test_a_defect_is_reported_by_its_place_without_its_message_and_not_kept(steps, source, store):
    job = steps.measure.job("P-1", {"files": source(b"123")})
    steps.TROUBLE.append(ValueError(f"cannot parse {NAME}"))
    outcome = run(store, job)
    assert (outcome.how, outcome.ref) == ("failed", None)
    assert outcome.refusal.verdict == "unexpected_error"
    assert re.fullmatch(r"ValueError at .*workbench/steps\.py:\d+", outcome.refusal.came)
    assert NAME not in outcome.refusal.model_dump_json()
    assert list(store.artefacts()) == []
    assert run(store, job).how == "computed", "it is tried again at the next run"


def test_input_and_output_is_tried_again_after_a_longer_wait_each_time(steps, source, store, waits):
    steps.TROUBLE.extend([OSError("network")] * (ATTEMPTS - 1))
    outcome = run(store, steps.measure.job("i", {"files": source(b"123")}))
    assert outcome.how == "computed"
    assert len(steps.CALLS) == ATTEMPTS
    for number, wait in enumerate(waits):
        assert 0.5 <= wait / (WAIT_SECONDS * 2**number) <= 1.5
    assert len(waits) == ATTEMPTS - 1


def test_trouble_that_stays_is_raised(steps, source, store, waits):
    steps.TROUBLE.extend([PermissionError("no")] * ATTEMPTS)
    with pytest.raises(PermissionError):
        run(store, steps.measure.job("i", {"files": source(b"123")}))
    assert len(waits) == ATTEMPTS - 1
    assert list(store.artefacts()) == []


def test_trouble_while_writing_is_tried_again(steps, source, store, waits, monkeypatch):
    real, fails = stage_module.Store.put, iter([True, False])

    def put(self, *arguments):
        if next(fails):
            raise OSError(28, "No space left on device")
        return real(self, *arguments)

    monkeypatch.setattr(stage_module.Store, "put", put)
    done = run(store, steps.measure.job("i", {"files": source(b"123")}))
    assert done.how == "computed"
    assert done.tries == ("No space left on device",)
    assert len(waits) == 1


@pytest.mark.parametrize("content", [b"bad", b"odd"])
def test_bad_data_is_never_tried_again(steps, source, store, waits, content):
    run(store, steps.measure.job("i", {"files": source(content)}))
    assert waits == []


def test_only_stages_can_be_refreshed():
    require_stages(frozenset())
    require_stages(frozenset({"radiomics", "read_dicom", "mine_rules"}))
    with pytest.raises(PlanError, match=r"radiomix is none\. Name some of these: .*radiomics"):
        require_stages(frozenset({"radiomix"}))
