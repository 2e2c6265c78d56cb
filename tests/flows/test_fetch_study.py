"""Fetching as a flow: before a study is read, from every archive of its plan, under opaque names."""

from __future__ import annotations

import logging

import pytest

from data_catalog.errors import PlanError
from flows import runtime
from flows.fetch_study import arrived, ask_archives, fetch_study, fetched_folder, is_elsewhere, on_disk, with_fetched
from flows.key import identities
from flows.plan import Plan
from tasks.remote import archive
from tasks.sources.dicom import DicomSource
from tasks.sources.dicomweb import DicomWebSource
from tasks.sources.drop import DropFolderSource
from tests.orthanc import Orthanc, needs_orthanc, slices


@pytest.fixture
def server(tmp_path):
    one = Orthanc(tmp_path / "orthanc")
    yield one
    one.kill()


@pytest.fixture
def planned(tmp_path):
    """Return the function that makes a plan of sources."""

    def made(*sources, **fields):
        base = Plan(sources=[DicomSource(path=tmp_path)], workspace=tmp_path / "results", **fields)
        return base.model_copy(update={"sources": sources})

    return made


@pytest.fixture
def heard(monkeypatch):
    """Return the sentences that are said, and the counts of the steps."""
    said, rows = [], []
    monkeypatch.setattr(runtime, "SAID", [said.append])
    monkeypatch.setattr(runtime, "LISTENERS", [lambda stage, counter: rows.append((stage, dict(counter)))])
    return said, rows


@needs_orthanc
def test_a_flow_fetches_and_tells_what_is_left_for_later_and_what_is_gone(server, planned, heard, tmp_path, caplog):
    server.upload(*slices(2, "MRN-A", "1.2.10"), *slices(2, "MRN-B", "1.2.11"))
    (tmp_path / "drop" / "one").mkdir(parents=True)
    (tmp_path / "drop" / "one" / "a.dcm").write_bytes(b"x")
    said, rows = heard
    web = DicomWebSource(url=server.url)
    plan = planned(
        web, DropFolderSource(path=tmp_path / "drop"), web.model_copy(update={"quiet_s": 900, "offline": True})
    )
    who = identities(plan)
    arrived(plan, who)
    server.delete_all()
    server.upload(*slices(2, "MRN-A", "1.2.10"), *slices(2, "MRN-C", "1.2.12"), *slices(2, "MRN-D", "1.2.13"))
    waiting = plan.sources[0].model_copy(update={"quiet_s": 900})
    with caplog.at_level(logging.DEBUG):
        assert fetch_study(plan.model_copy(update={"sources": (waiting, *plan.sources[1:])})) == ()
    assert [one.partition(": ")[2] for one in said] == [
        "1 studies are not complete yet; they are left for later.",
        "the archive has 1 series no more, or they are not asked for: removed.",
        "2 series may still grow; they are left for later.",
    ]
    assert not [secret for secret in ("MRN-", "1.2.1") if secret in caplog.text + str(said) + str(rows)]
    assert rows[-1] == ("fetch_series", {"items": 3, "reused": 3})
    local = with_fetched(plan, who)
    assert [type(source) for source in local.sources] == [DicomSource, DropFolderSource, DicomSource]
    assert len(list(local.sources[0].path.glob("[0-9a-f]*/*.dcm"))) == 2


@needs_orthanc
def test_an_archive_is_asked_what_it_has_and_nothing_is_fetched(server, planned):
    server.upload(*slices(2, "MRN-A", "1.2.10"), *slices(2, "MRN-B", "1.2.11"))
    plan = planned(DicomWebSource(url=server.url), DicomWebSource(url="https://x.example", offline=True))
    who = identities(plan)
    lines, patients = ask_archives(plan, who)
    assert lines == ["sources.0: the archive answers, with 2 series of 2 patients."]
    assert patients == {who.pseudonym("MRN-A"), who.pseudonym("MRN-B")}
    assert not fetched_folder(plan).exists()


@needs_orthanc
def test_what_has_arrived_has_a_stamp(server, planned, tmp_path):
    plan = planned(DicomWebSource(url=server.url), DropFolderSource(path=tmp_path / "none"), DicomSource(path=tmp_path))
    who = identities(plan)
    assert arrived(plan, who) == []
    server.upload(*slices(2))
    first = arrived(plan, who)
    assert len(first) == 1
    offline = plan.model_copy(update={"sources": (plan.sources[0].model_copy(update={"offline": True}),)})
    server.upload(*slices(1, first=2))
    assert arrived(offline, who) == first[:1]
    assert arrived(plan, who) != first


def test_an_archive_that_does_not_answer_is_named_by_its_place_in_the_plan(planned, monkeypatch):
    monkeypatch.setattr(archive, "sleep", lambda _: None)
    plan = planned(DicomWebSource(url="http://127.0.0.1:9"))
    for ask in (lambda: ask_archives(plan, identities(plan)), lambda: arrived(plan, identities(plan))):
        with pytest.raises(PlanError, match=r"sources.0 \(dicomweb\)"):
            ask()


def test_a_plan_with_folders_alone_has_nothing_elsewhere(planned, tmp_path):
    assert not is_elsewhere(planned(DicomSource(path=tmp_path)))
    assert is_elsewhere(planned(DropFolderSource(path=tmp_path)))


def test_with_what_was_fetched_every_source_of_a_plan_is_on_disk(planned, tmp_path):
    source = DicomWebSource(url="https://x.example", modalities=["CT"])
    plan = planned(source, DicomSource(path=tmp_path))
    local = with_fetched(plan, identities(plan))
    assert [on_disk(one) for one in local.sources] == list(local.sources)
    assert local.sources[0].modalities == ("CT",)
    with pytest.raises(TypeError, match="dicomweb"):
        on_disk(source)
