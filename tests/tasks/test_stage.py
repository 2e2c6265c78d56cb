"""The one policy of every step: what makes a result stale, what is tried again, refused, recorded, and sent where."""

from __future__ import annotations

import pickle
import re
import zipfile
from dataclasses import replace
from itertools import count

import pytest
from distributed import KilledWorker
from distributed.comm.core import CommClosedError
from prefect.states import Completed, Failed

from data_catalog.errors import BadData, StoreError
from data_catalog.kinds import REFUSAL
from data_catalog.refs import Ref
from tasks import stage as stage_module
from tasks.formats.identities import Identities
from tasks.preprocess import preprocess
from tasks.sources.files import walk
from tasks.stage import (
    ATTEMPTS,
    WAIT_SECONDS,
    Listing,
    Workplace,
    _may_pass,
    at,
    current_workplace,
    look_up,
    perform,
    run_batch,
)
from tests.tasks.conftest import sources_of

PATIENT = "ZEBRAFISH^QUAGGA"

MATHS = '''
"""Maths."""

from typing import Literal

from tasks.methods.method import Method


class Scale(Method):
    """Multiply."""

    method: Literal["scale"] = "scale"
    factor: float = 2.0
    """By how much."""

    def __call__(self, value):
        """Return the product."""
        return value * self.factor
'''

STEPS = '''
"""Steps."""

import pandas as pd

from data_catalog.errors import BadData
from data_catalog.kinds import TABLE
from tasks.stage import stage

CALLS = []
TROUBLE = []


@stage(TABLE)
def measure(files, *, scale=None, words=None):
    """Count bytes."""
    CALLS.append("measure")
    if TROUBLE:
        raise TROUBLE.pop()
    if files[0] == b"bad":
        raise BadData("bad_file", "A file is good", "it says bad", "Write it again.")
    if files[0] == b"odd":
        return "no table"
    return pd.DataFrame({"n": [_weight(file, scale) for file in files]})


def _weight(file, scale):
    return float(len(file) if scale is None else scale(len(file)))


@stage(TABLE, keeps_parameters=False)
def total(tables, single, *, who=None):
    """Add up."""
    CALLS.append("total")
    return pd.DataFrame({"n": [sum(table["n"].sum() for table in tables) + single["n"].sum()]})


@stage(TABLE, opens=False)
def names(tables, single, files):
    """Name what came."""
    return pd.DataFrame({"name": [*(ref.short for ref in tables), single.short, str(len(files))]})


@stage(TABLE)
def listed(listing):
    """Say what a listing holds."""
    return pd.DataFrame({"size": [len(content) for _, content in listing]})
'''


@pytest.fixture
def steps(workbench):
    """The module of steps; edit it through `steps.bench`."""
    workbench.write("maths", MATHS)
    workbench.write("steps", STEPS)

    class Steps:
        bench = workbench

        def __getattr__(self, name):
            module = "maths" if name == "Scale" else "steps"
            return getattr(workbench.load(module), name)

    return Steps()


@pytest.fixture
def source(tmp_path):
    """Return a function that writes a source file under a patient's name and gives it as an input."""
    folder = tmp_path / PATIENT

    def written(content, name="one"):
        folder.mkdir(exist_ok=True)
        path = folder / f"{PATIENT}_{name}.dcm"
        path.write_bytes(content)
        return sources_of(path)

    return written


@pytest.fixture
def waits(monkeypatch):
    """Take the place of sleeping; return how long was slept."""
    slept = []
    monkeypatch.setattr(stage_module.time, "sleep", slept.append)
    return slept


def run(store, job):
    return perform(store.root, job)


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
        replace(first, files=(*x.files, *y.files), digests=(*x.digests, *y.digests))
        for x, y in ((first, second), (second, first))
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
        ("steps", "len(file) if scale", "2 * len(file) if scale"),
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
    from flows.plan import Mining

    job = preprocess.job("i", {}, {"steps": Mining()})
    assert "tasks.methods.cohort.representatives" in job.places
    assert "tasks.methods.rules.class_rules" in job.places


def test_keyed_identities_count_with_their_key_and_their_code(steps, who):
    other = Identities(b"another key for tests, 32 bytes.")
    jobs = [steps.total.job("i", {}, {"who": one}) for one in (who, other)]
    assert jobs[0].key != jobs[1].key
    assert "tasks.formats.identities" in jobs[0].places


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
    assert first.refusal.files == files.digests
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
    steps.TROUBLE.append(ValueError(f"cannot parse {PATIENT}"))
    outcome = run(store, job)
    assert (outcome.how, outcome.ref) == ("failed", None)
    assert outcome.refusal.verdict == "unexpected_error"
    assert re.fullmatch(r"ValueError at .*workbench/steps\.py:\d+", outcome.refusal.came)
    assert PATIENT not in outcome.refusal.model_dump_json()
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
    assert run(store, steps.measure.job("i", {"files": source(b"123")})).how == "computed"
    assert len(waits) == 1


@pytest.mark.parametrize("content", [b"bad", b"odd"])
def test_bad_data_is_never_tried_again(steps, source, store, waits, content):
    run(store, steps.measure.job("i", {"files": source(content)}))
    assert waits == []


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


def test_sources_are_read_in_order(source):
    files = [source(content, name) for content, name in ((b"2", "b"), (b"1", "a"))]
    together = replace(
        files[0], files=(*files[0].files, *files[1].files), digests=(*files[0].digests, *files[1].digests)
    )
    assert together.read() == [b"2", b"1"]


def test_a_source_that_changed_is_refused_and_taken_again_when_it_is_back(steps, source, store):
    files = source(b"123")
    job = steps.measure.job("i", {"files": files})
    source(b"456")
    outcome = run(store, job)
    assert outcome.refusal.verdict == "source_changed"
    assert files.digests[0][:12] in outcome.refusal.came
    assert list(store.artefacts()) == [], "where bytes are is no property of them: the refusal is not kept"
    source(b"123")
    assert run(store, job).how == "computed"


def test_a_source_that_is_gone_is_refused_and_taken_again_when_it_is_back(steps, source, store, waits):
    job = steps.measure.job("i", {"files": source(b"123")})
    path = job.inputs["files"].files[0].container
    path.unlink()
    assert run(store, job).refusal.verdict == "source_gone"
    assert waits == []
    source(b"123")
    assert run(store, job).how == "computed"


def test_a_broken_archive_is_a_source_that_changed(steps, store, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one", b"123")
    job = steps.measure.job("i", {"files": sources_of(tmp_path / "a.zip")})
    (tmp_path / "a.zip").write_bytes(b"no archive")
    assert run(store, job).refusal.verdict == "source_changed"


def test_a_result_needs_no_source_when_it_is_held(steps, source, store):
    job = steps.measure.job("i", {"files": source(b"123")})
    run(store, job)
    job.inputs["files"].files[0].container.unlink()
    assert run(store, job).how == "reused"


def test_a_listing_is_known_by_its_stamp_and_read_file_by_file(steps, store, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"12")
    (tmp_path / "in" / "b").write_bytes(b"345")
    listing = Listing(walk(tmp_path / "in").files, "f" * 64)
    outcome = run(store, steps.listed.job("i", {"listing": listing}))
    assert store.open(outcome.ref)["size"].tolist() == [2, 3]
    assert listing.digests == ("f" * 64,)
    (record,) = store.records(outcome.ref)
    assert record.sources == {"listing": ("f" * 64,)}
    assert steps.listed.job("i", {"listing": Listing((), "f" * 64)}).key == record.key
    assert steps.listed.job("i", {"listing": Listing(listing.files, "e" * 64)}).key != record.key


def test_the_record_says_what_made_the_artefact(steps, source, store):
    files = source(b"123")
    job = steps.measure.job("P-1/v0", {"files": files}, {"scale": steps.Scale(factor=3), "words": {"a": (1, 2)}})
    outcome = run(store, job)
    (record,) = store.records(outcome.ref)
    assert (record.key, record.output, record.stage, record.item) == (job.key, outcome.ref, "measure", "P-1/v0")
    assert record.sources == {"files": files.digests}
    assert record.inputs == {}
    assert record.parameters == {"scale": {"method": "scale", "factor": 3.0}, "words": {"a": [1, 2]}}
    assert {"workbench.steps:measure", "workbench.maths", "tasks.methods.method"} <= set(record.code.places)
    assert "tasks.stage" not in record.code.places
    assert re.fullmatch(r"3\.\d+\.\d+.*", record.python)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", record.started)
    assert 0 <= record.seconds < 60
    assert PATIENT not in record.model_dump_json()


def test_the_record_names_the_artefacts_that_were_read(steps, source, store):
    one, two = (run(store, steps.measure.job("i", {"files": source(content)})).ref for content in (b"1", b"22"))
    (record,) = store.records(run(store, steps.total.job("i", {"tables": (one, two), "single": two})).ref)
    assert record.inputs == {"tables": (one, two), "single": (two,)}
    assert record.parents() == [one, two]
    assert record.sources == {}


def test_parameters_that_are_secret_are_in_no_record(steps, source, store, who):
    one = run(store, steps.measure.job("i", {"files": source(b"1")})).ref
    (record,) = store.records(run(store, steps.total.job("i", {"tables": (one,), "single": one}, {"who": who})).ref)
    assert record.parameters == {}
    assert who.key.hex() not in record.model_dump_json()


def test_a_refusal_has_its_record(steps, source, store):
    files = source(b"bad")
    run(store, steps.measure.job("P-1", {"files": files}))
    (ref,) = store.artefacts()
    (record,) = store.records(ref)
    assert (ref.kind, record.item, record.sources) == ("refusal", "P-1", {"files": files.digests})


def test_no_representation_holds_a_path_a_name_or_a_parameter(steps, source, tmp_path, who):
    files = source(b"123")
    listing = Listing(files.files, "f" * 64)
    job = steps.measure.job("P-1/v0", {"files": files, "more": listing}, {"scale": PATIENT, "words": who})
    for shown in (repr(files), repr(listing), repr(job), str(job), repr([job]), repr(job.places)):
        assert PATIENT not in shown
        assert str(tmp_path) not in shown
        assert "key for tests" not in shown
    assert files.digests[0] in repr(files)


def test_a_stage_travels_by_its_name_and_a_job_with_it(steps, source):
    job = steps.measure.job("P-1", {"files": source(b"123")}, {"scale": steps.Scale()})
    assert pickle.loads(pickle.dumps(preprocess)) is preprocess
    assert pickle.loads(pickle.dumps(steps.measure)) is steps.measure
    back = pickle.loads(pickle.dumps(job))
    assert back == job
    assert back.key == job.key
    assert b"_weight" not in pickle.dumps(job)


def test_a_job_is_small_enough_to_send(steps, source):
    assert len(pickle.dumps(steps.measure.job("P-1", {"files": source(b"1" * 10**6)}))) < 2000


class Diary(list):
    def __call__(self, name, outcome):
        self.append((name, outcome.item, outcome.how))


@pytest.fixture
def diary():
    return Diary()


def batch(store, diary, jobs, client=None):
    with at(Workplace(store, client, diary)):
        return run_batch.fn("label", jobs)


def test_a_batch_outside_a_study_says_where_it_belongs():
    assert current_workplace() is None
    with pytest.raises(RuntimeError, match=r"inside a flow of voxmine.*tasks\.stage\.at"):
        run_batch.fn("label", [])


def test_the_workplace_is_there_inside_the_block_only(store, diary):
    place = Workplace(store, None, diary)
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

    def map(self, function, roots, jobs, *, pure, key):
        assert not pure, "two runs of the same work are two tasks: the store says what is known"
        assert key == "item", "a task's name is seen on Dask's dashboard"
        assert function is perform
        self.sent += [job.item for job in jobs]
        return [
            FakeFuture(lambda root=root, job=job: function(root, job), self.faults.get(job.item))
            for root, job in zip(roots, jobs, strict=True)
        ]


@pytest.fixture
def any_order(monkeypatch):
    """Let futures end in the reverse order."""
    monkeypatch.setattr(stage_module, "as_completed", lambda futures, loop, raise_errors: reversed(futures))


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
    assert refusal.files == jobs[1].inputs["files"].digests
    assert look_up(store, jobs[1]) is None
    assert batch(store, diary, jobs, FakeClient())[1].how == "computed", "tried again at the next run"


def test_other_trouble_of_a_worker_ends_the_batch_and_keeps_what_was_done(steps, source, store, diary, any_order):
    jobs = jobs_of(steps, source, b"1", b"22", b"333")
    with pytest.raises(CommClosedError):
        batch(store, diary, jobs, FakeClient({"P-1": CommClosedError("scheduler gone")}))
    assert [look_up(store, job) is not None for job in jobs] == [False, False, True]
