"""Walking through an archive's studies: patience, and only what was asked for."""

from __future__ import annotations

import logging
from datetime import date

import pytest

from tasks.remote import archive
from tasks.remote.archive import Denied, NoAnswer, RemoteSeries, instances_of, patiently, pieces, series_of, unlogged
from tasks.sources.query import Wanted

STUDIES = [
    {"PatientID": "A", "StudyInstanceUID": "1.1", "StudyDate": "20200101"},
    {"PatientID": "B", "StudyInstanceUID": "1.2", "StudyDate": "20210101"},
    {"PatientID": "C", "StudyInstanceUID": "1.3"},
]


class Told:
    """An archive that answers from lists, and notes what it is asked."""

    def __init__(self, series=None, instances=()):
        self.series, self.instances, self.asked = series, instances, []

    def find(self, level, asked):
        self.asked.append((level, dict(asked)))
        if level == "STUDY":
            return STUDIES
        if level == "IMAGE":
            return self.instances
        if self.series is not None:
            return self.series
        return [{"SeriesInstanceUID": asked["StudyInstanceUID"] + ".9", "Modality": "CT"}]


def studies(wanted):
    return [one.study for one in series_of(Told(), wanted)]


def test_a_series_is_known_by_its_study_and_whose_it_is():
    told = Told([{"SeriesInstanceUID": "1.9", "Modality": "CT", "NumberOfSeriesRelatedInstances": "3"}])
    first = next(series_of(told, Wanted()))
    assert first == RemoteSeries("A", "1.1", "1.9", "CT", 3)
    assert not {"'A'", "1.1", "1.9"} & set(repr(first).split())


def test_an_archive_that_answers_more_than_it_was_asked_does_not_give_more():
    assert studies(Wanted()) == ["1.1", "1.2", "1.3"]
    assert studies(Wanted(patients=("a", "X"))) == ["1.1"]
    assert studies(Wanted(studies=("1.2", "1.1"), patients=("B",))) == ["1.2"]
    assert studies(Wanted(since=date(2020, 6, 1))) == ["1.2"]
    assert studies(Wanted(until=date(2020, 6, 1))) == ["1.1"]


def test_each_patient_is_asked_for_alone_and_a_single_modality_with_it():
    told = Told()
    list(series_of(told, Wanted(patients=("A", "B"), modalities=("CT",), since=date(2020, 1, 2))))
    asked = [asked for level, asked in told.asked if level == "STUDY"]
    common = {"StudyDate": "20200102-", "ModalitiesInStudy": "CT"}
    assert asked == [{"PatientID": "A", **common}, {"PatientID": "B", **common}]
    assert next(Wanted(modalities=("CT", "PT"), until=date(2020, 1, 2)).study_filters()) == {"StudyDate": "-20200102"}


def test_a_series_that_is_named_twice_is_one():
    one = {"SeriesInstanceUID": "1.9", "Modality": "CT"}
    assert len(list(series_of(Told([one, one]), Wanted(studies=("1.1",))))) == 1


@pytest.mark.parametrize("uid", ["", "../../etc", "1.2/instances", "1.2?x=y", "1" * 65])
def test_what_is_no_uid_is_left_out(uid):
    assert list(series_of(Told([{"SeriesInstanceUID": uid}]), Wanted())) == []
    named = [{"SOPInstanceUID": uid}, {"SOPInstanceUID": "1.5", "SOPClassUID": "1.6"}]
    assert instances_of(Told(instances=named), RemoteSeries("A", "1", "2", "CT", 2)) == {"1.5": "1.6"}


@pytest.mark.parametrize(("said", "count"), [("12", 12), ("", None), ("many", None)])
def test_an_archive_may_not_say_how_many_instances_there_are(said, count):
    told = Told([{"SeriesInstanceUID": "1.9", "NumberOfSeriesRelatedInstances": said}])
    assert next(series_of(told, Wanted())).instances == count


def test_a_question_without_an_answer_is_asked_again_after_longer_and_longer_waits(naps):
    tries = []

    def act():
        tries.append(1)
        if len(tries) < 3:
            raise NoAnswer("It answers", "it does not", "Try again.")
        return "answered"

    assert patiently(act) == "answered"
    assert len(naps) == 2
    assert naps[0] < archive.WAIT_SECONDS * 1.5 < naps[1] * 1.5


def test_a_question_is_not_asked_for_ever_and_a_refusal_is_final(naps):
    def silent():
        raise NoAnswer("It answers", "it does not", "Try again.")

    def refusing():
        raise Denied("It answers", "it will not", "Ask.")

    with pytest.raises(NoAnswer):
        patiently(silent)
    assert len(naps) == archive.ATTEMPTS - 1
    with pytest.raises(Denied):
        patiently(refusing)
    assert len(naps) == archive.ATTEMPTS - 1


def test_a_long_list_is_cut_into_pieces():
    assert list(pieces([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]


def test_a_library_logs_nothing_while_it_would_tell_whose_scans_are_asked_for(caplog):
    logger = logging.getLogger("a_library")
    with caplog.at_level(logging.DEBUG), unlogged("a_library"):
        logging.getLogger("a_library.inner").error("MRN-1")
    assert not caplog.records
    with caplog.at_level(logging.DEBUG):
        logger.error("audible again")
    assert caplog.records
