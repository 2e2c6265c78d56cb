"""Fetching from archives that say little, send little, or send what nobody asked for."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from pydicom.uid import generate_uid

from tasks import fetch
from tasks.fetch import Told, fetch_source
from tasks.remote.archive import ATTEMPTS, Denied
from tasks.sources.dicomweb import DicomWebSource
from tests.tasks.conftest import dicom

SOURCE = DicomWebSource(url="https://pacs.example")
UIDS = [generate_uid(entropy_srcs=[str(number)]) for number in range(3)]


class Scripted:
    """An archive of one series that says and sends what it is told to."""

    def __init__(self, says=UIDS, sends=UIDS, count=""):
        self.says, self.sends, self.count, self.fetches = says, sends, count, 0

    def find(self, level, asked):
        if level == "STUDY":
            return [{"PatientID": "A", "StudyInstanceUID": "1.2"}]
        if level == "SERIES":
            return [{"SeriesInstanceUID": "1.3", "Modality": "CT", "NumberOfSeriesRelatedInstances": self.count}]
        return [{"SOPInstanceUID": uid} for uid in self.says]

    def fetch(self, series, missing, keep, *, whole):
        self.fetches += 1
        if isinstance(self.sends, Exception):
            raise self.sends
        for uid in self.sends:
            keep([dicom(SOPInstanceUID=uid)])


@pytest.fixture
def fetched(tmp_path, who, monkeypatch):
    """Return the function that fetches from an archive and gives what became of its series, and the refusal."""

    def act(archive):
        told = []
        monkeypatch.setattr(fetch, "opened", lambda _: nullcontext(archive))
        fetch_source(SOURCE, tmp_path / "fetched", who, Told(done=told.append))
        (one,) = told
        return one.how, one.refusal and one.refusal.verdict

    return act


def test_of_an_archive_that_counts_nothing_the_instances_are_compared(fetched):
    archive = Scripted()
    assert fetched(archive) == ("fetched", None)
    assert fetched(archive) == ("held", None)
    assert archive.fetches == 1
    other = Scripted(says=UIDS[1:])
    assert fetched(other) == ("fetched", None)
    assert other.fetches == 0, "one is gone there, and was taken out here"


def test_an_archive_that_counts_wrongly_is_believed_in_what_it_lists(fetched):
    archive = Scripted(count="99")
    assert fetched(archive) == ("fetched", None)
    assert fetched(archive) == ("held", None)


@pytest.mark.parametrize(
    ("archive", "fetches"),
    [(Scripted(sends=[]), ATTEMPTS), (Scripted(sends=UIDS[:2]), ATTEMPTS + 1), (Scripted(says=[]), 0)],
    ids=["nothing comes", "one does not come", "nothing is listed"],
)
def test_a_series_that_does_not_come_whole_is_refused(fetched, archive, fetches):
    assert fetched(archive) == ("refused", "series_incomplete")
    assert archive.fetches == fetches


def test_what_nobody_asked_for_is_not_kept(fetched, tmp_path):
    assert fetched(Scripted(sends=[*UIDS, UIDS[0], generate_uid()])) == ("fetched", None)
    assert len(list(tmp_path.rglob("*.dcm"))) == 3


def test_an_archive_that_will_not_give_a_series_is_not_asked_twice(fetched):
    archive = Scripted(sends=Denied("It gives it", "it will not", "Ask."))
    assert fetched(archive) == ("refused", "not_fetched")
    assert archive.fetches == 1
