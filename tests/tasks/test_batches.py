"""Where the items of a stage are worked on, and what a batch tells of each."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from distributed import KilledWorker
from distributed.comm.core import CommClosedError
from prefect.states import Completed, Failed

from data_catalog.errors import BadData
from tasks import batches
from tasks.batches import Workplace, _may_pass, at, current_workplace, find_done, run_batch
from tasks.stage import look_up, perform
from tests.tasks.conftest import run


class Diary(list):
    def __call__(self, name, outcome):
        self.append((name, outcome.item, outcome.how))


@pytest.fixture
def diary():
    return Diary()


def no_workers(_items):
    """Give what a run in this process has."""


def batch(store, diary, jobs, client=None):
    with at(Workplace(store, lambda _: client, diary)):
        return run_batch.fn("label", jobs)


def test_a_batch_outside_a_study_says_where_it_belongs():
    assert current_workplace() is None
    with pytest.raises(RuntimeError, match=r"inside a flow of voxmine.*tasks\.batches\.at"):
        run_batch.fn("label", [])


def test_the_workplace_is_there_inside_the_block_only(store, diary):
    place = Workplace(store, no_workers, diary)
    with at(place) as opened:
        assert current_workplace() is opened is place
        with at(replace(place)) as inner:
            assert current_workplace() is inner
        assert current_workplace() is place
    assert current_workplace() is None


def jobs_of(steps, source, *contents):
    return [
        steps.measure.job(f"P-{number}", {"files": source(content, str(number))})
        for number, content in enumerate(contents)
    ]


def test_a_batch_gives_the_outcomes_in_the_order_of_the_jobs(steps, source, store, diary):
    jobs = jobs_of(steps, source, b"1", b"22", b"bad", b"4444")
    run(store, jobs[1])
    steps.CALLS.clear()
    outcomes = batch(store, diary, jobs)
    assert [outcome.item for outcome in outcomes] == ["P-0", "P-1", "P-2", "P-3"]
    assert [outcome.how for outcome in outcomes] == ["computed", "reused", "computed", "computed"]
    assert [outcome.refusal is None for outcome in outcomes] == [True, True, False, True]
    assert len(steps.CALLS) == 3
    assert sorted(diary) == [("measure", outcome.item, outcome.how) for outcome in outcomes]
    assert {outcome.how for outcome in batch(store, diary, jobs)} == {"reused"}
    assert batch(store, diary, []) == []


def test_what_is_done_is_found_and_told_and_nothing_else_is_worked_on(steps, source, store, diary):
    jobs = jobs_of(steps, source, b"1", b"bad", b"333", b"1")
    for job in jobs[:2]:
        run(store, job)
    steps.CALLS.clear()
    with at(Workplace(store, no_workers, diary)):
        found = find_done.fn("label", jobs)
    assert [None if one is None else (one.item, one.how, one.refusal is None) for one in found] == [
        ("P-0", "reused", True),
        ("P-1", "reused", False),
        None,
        ("P-3", "reused", True),
    ]
    assert sorted(item for _, item, _ in diary) == ["P-0", "P-1", "P-3"]
    assert steps.CALLS == []
    with at(Workplace(store, no_workers, diary, frozenset({"measure"}))):
        assert find_done.fn("label", jobs) == [None] * 4, "what is to be done again is not done"


def test_a_batch_in_which_all_is_done_asks_for_no_workers(steps, source, store, diary):
    jobs = jobs_of(steps, source, b"1", b"bad")
    batch(store, diary, jobs)

    def workers(_items):
        pytest.fail("nobody needs them")

    with at(Workplace(store, workers, diary)):
        assert [outcome.how for outcome in run_batch.fn("label", jobs)] == ["reused", "reused"]


def test_a_stage_that_is_refreshed_is_computed_again_and_others_are_not(steps, source, store, diary):
    jobs = jobs_of(steps, source, b"1", b"22", b"bad")
    first = batch(store, diary, jobs)
    steps.CALLS.clear()
    with at(Workplace(store, no_workers, diary, frozenset({"another"}))):
        assert {outcome.how for outcome in run_batch.fn("label", jobs)} == {"reused"}
    assert steps.CALLS == []
    with at(Workplace(store, no_workers, diary, frozenset({"measure"}))):
        again = run_batch.fn("label", jobs)
    assert len(steps.CALLS) == 3
    assert {outcome.how for outcome in again} == {"computed"}
    assert [outcome.ref for outcome in again] == [outcome.ref for outcome in first], "the same data give the same"


@pytest.mark.parametrize("content", [b"123", b"bad"])
def test_two_items_with_the_same_content_are_worked_on_once_and_both_told(steps, source, store, diary, content):
    jobs = jobs_of(steps, source, content, b"other", content)
    outcomes = batch(store, diary, jobs)
    assert len(steps.CALLS) == 2
    assert [outcome.item for outcome in outcomes] == ["P-0", "P-1", "P-2"]
    assert [outcome.how for outcome in outcomes] == ["computed", "computed", "reused"]
    assert outcomes[0].ref == outcomes[2].ref
    if content == b"bad":
        assert [outcomes[place].refusal.item for place in (0, 2)] == ["P-0", "P-2"]
    assert sorted(item for _, item, _ in diary) == ["P-0", "P-1", "P-2"]
    assert [one.item for one in batch(store, diary, jobs)] == ["P-0", "P-1", "P-2"], "a second run says the same"


def test_a_failed_item_fails_for_all_that_ask_for_it(steps, source, store, diary):
    steps.TROUBLE.append(ValueError("bug"))
    outcomes = batch(store, diary, jobs_of(steps, source, b"1", b"1"))
    assert [(outcome.item, outcome.how) for outcome in outcomes] == [("P-0", "failed"), ("P-1", "failed")]
    assert len(steps.CALLS) == 1


class FakeFuture:
    numbers = count()

    def __init__(self, work, fault=None):
        self.key = f"item-{next(self.numbers)}"
        self.fault = fault
        self.status = "error" if fault else "finished"
        self.work = work

    def exception(self):
        return self.fault

    def result(self):
        if self.fault:
            raise self.fault
        return self.work()


class FakeClient:
    """Take jobs as Dask's client does; those of some items are lost with their worker."""

    loop = None

    def __init__(self, faults=None):
        self.faults = faults or {}
        self.sent = []

    def map(self, function, jobs, *, pure, key):
        assert not pure, "two runs of the same work are two tasks: the store says what is known"
        assert key in {"item", "item-alone"}, "a task's name is seen on Dask's dashboard"
        assert function.func is perform
        self.sent += [job.item for job in jobs]
        return [FakeFuture(lambda job=job: function(job), self._fault(job)) for job in jobs]

    def _fault(self, job):
        held = self.faults.get(job.item)
        return held.pop() if isinstance(held, list) else held


@pytest.fixture
def any_order(monkeypatch):
    """Let futures end in the reverse order."""
    monkeypatch.setattr(batches, "as_completed", lambda futures, loop, raise_errors: reversed(futures))


def test_workers_get_what_the_store_does_not_hold(steps, source, store, diary, any_order):
    jobs = jobs_of(steps, source, b"1", b"22", b"333", b"1")
    run(store, jobs[1])
    client = FakeClient()
    outcomes = batch(store, diary, jobs, client)
    assert client.sent == ["P-0", "P-2"]
    assert [(one.item, one.how) for one in outcomes] == [
        ("P-0", "computed"),
        ("P-1", "reused"),
        ("P-2", "computed"),
        ("P-3", "reused"),
    ]
    assert [item for _, item, _ in diary] == ["P-1", "P-2", "P-0", "P-3"], "told as they end"


def test_an_item_that_loses_its_workers_is_refused_and_the_others_go_on(steps, source, store, diary, any_order):
    jobs = jobs_of(steps, source, b"1", b"22", b"333")
    lost = KilledWorker("item", None, 2)
    outcomes = batch(store, diary, jobs, FakeClient({"P-1": lost}))
    assert [outcome.how for outcome in outcomes] == ["computed", "failed", "computed"]
    refusal = outcomes[1].refusal
    assert (refusal.verdict, refusal.item) == ("worker_lost", "P-1")
    assert "compute.memory_per_worker" in refusal.remedy
    assert refusal.files == (), "nobody has read them"
    assert look_up(store, jobs[1]) is None
    assert batch(store, diary, jobs, FakeClient())[1].how == "computed", "tried again at the next run"


def test_an_item_that_was_lost_with_the_worker_of_another_is_tried_alone(steps, source, store, diary, any_order):
    jobs = jobs_of(steps, source, b"1", b"22", b"333")
    lost = KilledWorker("item", None, 2)
    client = FakeClient({"P-0": [None, lost], "P-1": lost})
    outcomes = batch(store, diary, jobs, client)
    assert [outcome.how for outcome in outcomes] == ["computed", "failed", "computed"]
    assert client.sent == ["P-0", "P-1", "P-2", "P-1", "P-1", "P-0"]


def test_other_trouble_of_a_worker_ends_the_batch_and_keeps_what_was_done(steps, source, store, diary, any_order):
    jobs = jobs_of(steps, source, b"1", b"22", b"333")
    with pytest.raises(CommClosedError):
        batch(store, diary, jobs, FakeClient({"P-1": CommClosedError("scheduler gone")}))
    assert [look_up(store, job) is not None for job in jobs] == [False, False, True]


@pytest.mark.parametrize(
    ("state", "passes"),
    [
        (Failed(data=OSError("network")), True),
        (Failed(data=CommClosedError("scheduler")), True),
        (Failed(data=ValueError("bug")), False),
        (Failed(data=BadData("v", "e", "c", "r")), False),
        (Completed(data=1), False),
    ],
)
def test_a_batch_is_tried_again_only_for_what_may_pass(state, passes):
    assert _may_pass(None, None, state) is passes
