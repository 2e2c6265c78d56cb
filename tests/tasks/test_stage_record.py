"""What a stage reads from its sources, what its record says, and what may be shown of its work."""

from __future__ import annotations

import hashlib
import pickle
import re
import zipfile

from tasks.preprocess import preprocess
from tasks.sources.files import walk
from tasks.stage import (
    Listing,
)
from tests.tasks.conftest import NAME, joined, run, sources_of


def test_sources_are_read_in_order(source):
    files = [source(content, name) for content, name in ((b"2", "b"), (b"1", "a"))]
    together = joined(*files)
    assert [content.read() for content in together.read()] == [b"2", b"1"]


def test_a_source_that_changed_is_refused_and_taken_again_when_it_is_back(steps, source, store):
    files = source(b"123")
    job = steps.measure.job("i", {"files": files})
    source(b"456")
    outcome = run(store, job)
    assert outcome.refusal.verdict == "source_changed"
    assert files.files[0].key in outcome.refusal.came
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
    assert listing.stamps == ("f" * 64,)
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
    assert record.sources == {"files": (hashlib.sha256(b"123").hexdigest(),)}
    assert record.inputs == {}
    assert record.parameters == {"scale": {"method": "scale", "factor": 3.0}, "words": {"a": [1, 2]}}
    assert {"workbench.steps:measure", "workbench.maths", "tasks.methods.method"} <= set(record.code.places)
    assert "tasks.stage" not in record.code.places
    assert re.fullmatch(r"3\.\d+\.\d+.*", record.python)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", record.started)
    assert 0 <= record.seconds < 60
    assert record.bytes == sum(size for _, size in store.sizes())
    assert record.peak_bytes is None or record.peak_bytes > 2**20
    assert NAME not in record.model_dump_json()


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
    assert (ref.kind, record.item, record.sources) == (
        "refusal",
        "P-1",
        {"files": (hashlib.sha256(b"bad").hexdigest(),)},
    )


def test_no_representation_holds_a_path_a_name_or_a_parameter(steps, source, tmp_path, who):
    files = source(b"123")
    listing = Listing(files.files, "f" * 64)
    job = steps.measure.job("P-1/v0", {"files": files, "more": listing}, {"scale": NAME, "words": who})
    for shown in (repr(files), repr(listing), repr(job), str(job), repr([job]), repr(job.places)):
        assert NAME not in shown
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
