"""Asking by DIMSE: what a PACS may answer, and what is taken of what it sends."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from data_catalog.errors import PlanError
from tasks.remote.archive import Denied, NoAnswer, RemoteSeries, instances_of, series_of
from tasks.remote.dimse import FIND, GET, MOVE, pacs
from tasks.sources.dimse import PacsSource
from tasks.sources.query import Wanted
from tests.orthanc import LEAK, Orthanc, free_port, needs_orthanc, slices

pytestmark = pytest.mark.filterwarnings(LEAK)
ONE = RemoteSeries("A", "1.2", "1.3", "CT", 1)


class Scripted:
    """A PACS that answers C-FIND, C-MOVE and C-GET from a script."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []
        entity = AE("PACS")
        for syntax in (FIND, MOVE, GET):
            entity.add_supported_context(syntax)
        handlers = [(evt.EVT_C_FIND, self.find), (evt.EVT_C_MOVE, self.move), (evt.EVT_C_GET, self.get)]
        self.server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)

    def next_answers(self, event):
        self.asked.append(event.identifier)
        return self.answers.pop(0) if self.answers else []

    def find(self, event):
        for answer in self.next_answers(event):
            if answer == "break":
                event.assoc.abort()
            yield answer if isinstance(answer, tuple) else (answer, None)

    def move(self, event):
        answers = self.next_answers(event)
        yield (None, None) if "unknown" in answers else ("127.0.0.1", self.our_port)
        yield 0
        yield from answers

    def get(self, event):
        answers = self.next_answers(event)
        yield 0
        yield from answers

    def source(self, **fields):
        port, self.our_port = self.server.server_address[1], free_port()
        return PacsSource(host="127.0.0.1", port=port, title="PACS", our_port=self.our_port, **fields)


@pytest.fixture
def scripted():
    started = []

    def start(*answers):
        started.append(Scripted(list(answers)))
        return started[-1]

    yield start
    for one in started:
        one.server.shutdown()


def found(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return (0xFF00, dataset)


def asked(source, level="STUDY", **above):
    with pacs(source) as archive:
        return list(archive.find(level, above))


def test_what_a_pacs_finds_is_told_as_text(scripted):
    one = found(PatientID=" A ", StudyInstanceUID="1.2", ModalitiesInStudy=["CT", "PT"], StudyDate=None)
    two = found(NumberOfSeriesRelatedInstances=7)
    server = scripted([one], [one], [two], [two])
    assert asked(server.source()) == [
        {"PatientID": "A", "StudyInstanceUID": "1.2", "ModalitiesInStudy": "CT", "StudyDate": ""}
    ]
    assert asked(server.source(), "SERIES", StudyInstanceUID="1.2")[0]["NumberOfSeriesRelatedInstances"] == "7"
    assert [one.QueryRetrieveLevel for one in server.asked] == ["STUDY", "STUDY", "SERIES", "SERIES"]
    assert server.asked[2].StudyInstanceUID == "1.2"


def test_an_answer_that_got_lost_is_found_when_the_question_is_asked_again(scripted):
    one, two = found(StudyInstanceUID="1.2"), found(StudyInstanceUID="1.3")
    server = scripted([one], [one, two], [one, two])
    assert [answer["StudyInstanceUID"] for answer in asked(server.source())] == ["1.2", "1.3"]
    assert len(server.asked) == 3


def test_an_id_beyond_ascii_is_asked_for_in_unicode(scripted):
    server = scripted([])
    asked(server.source(), PatientID="Müller")
    assert server.asked[0].SpecificCharacterSet == "ISO_IR 192"
    assert server.asked[0].PatientID == "Müller"


def test_a_pacs_that_is_short_of_something_is_asked_again(scripted, naps):
    server = scripted([0xA700], [0xA701], [found(PatientID="A")])
    assert asked(server.source())[0]["PatientID"] == "A"
    assert len(naps) == 2


def test_a_pacs_that_breaks_off_is_asked_again(scripted, naps):
    server = scripted([found(PatientID="A"), "break"], [found(PatientID="B")])
    assert [one["PatientID"] for one in asked(server.source())] == ["B"]
    assert len(naps) == 1


@pytest.mark.parametrize("status", [0xA900, 0xC001])
def test_a_pacs_that_will_not_is_not_asked_again(scripted, naps, status):
    with pytest.raises(Denied, match=f"0x{status:04X}"):
        asked(scripted([status]).source())
    assert not naps


def test_a_pacs_that_does_not_know_us_says_so(scripted):
    server = scripted(["unknown"])
    with pytest.raises(PlanError, match="our_title"), pacs(server.source()) as archive:
        archive.fetch(ONE, {"1.4": ""}, print, whole=True)


def test_single_instances_are_asked_for_by_name(scripted):
    server = scripted([], [])
    with pacs(server.source()) as archive:
        archive.fetch(ONE, {f"1.4.{number}": "" for number in range(70)}, print, whole=False)
    assert [one.QueryRetrieveLevel for one in server.asked] == ["IMAGE", "IMAGE"]
    assert [len(one.SOPInstanceUID) for one in server.asked] == [64, 6]


def test_an_instance_that_is_not_awaited_is_not_taken(scripted):
    taken = []
    with pacs(scripted().source()) as archive:
        assert not archive.receive("1.4", b"early")
        with archive._awaiting({"1.4": ""}, taken.append):
            assert archive.receive("1.4", b"content")
            assert not archive.receive("1.5", b"another")
        assert not archive.receive("1.4", b"late")
    assert taken == [[b"content"]]


def test_by_get_no_port_is_opened_and_unknown_classes_are_all_offered(scripted):
    server = scripted([], [])
    source = server.source(retrieve="get")
    with pacs(source) as archive, pacs(source):
        archive.fetch(ONE, {"1.4": ""}, print, whole=True)
        archive.fetch(ONE, {"1.4": "1.2.840.10008.5.1.4.1.1.2"}, print, whole=True)
    assert [one.QueryRetrieveLevel for one in server.asked] == ["SERIES", "SERIES"]


def test_what_ends_the_asking_ends_the_association(scripted):
    used = []

    def interrupted(source):
        with pacs(source) as archive, archive._association() as association:
            used.append(association)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(scripted().source())
    assert used[0].is_aborted


def test_a_pacs_with_tls_must_show_a_certificate_that_can_be_verified(scripted, certificate):
    server = scripted()
    trusted, key = certificate
    with pytest.raises(NoAnswer, match="does not"):
        asked(server.source(tls=True, ca_file=trusted, certificate=trusted, key=key))


@needs_orthanc
@pytest.mark.parametrize("retrieve", ["move", "get"])
def test_series_come_over_tls(tmp_path, certificate, retrieve):
    trusted, key = certificate
    our_port = free_port()
    server = Orthanc(
        tmp_path / "orthanc",
        DicomTlsEnabled=True,
        DicomTlsCertificate=str(trusted),
        DicomTlsPrivateKey=str(key),
        DicomTlsTrustedCertificates=str(trusted),
        DicomModalities={"us": {"AET": "VOXMINE", "Host": "127.0.0.1", "Port": our_port, "UseDicomTls": True}},
    )
    try:
        server.upload(*slices(3))
        secured = {"tls": True, "ca_file": trusted, "certificate": trusted, "key": key, "retrieve": retrieve}
        source = PacsSource(host="127.0.0.1", port=server.dicom, title="ORTHANC", our_port=our_port, **secured)
        came = []
        with pacs(source) as archive:
            (one,) = series_of(archive, Wanted())
            archive.fetch(one, instances_of(archive, one), came.append, whole=True)
        assert len(came) == 3
        plain = source.model_copy(update={"tls": False})
        with pytest.raises(NoAnswer):
            asked(plain)
    finally:
        server.kill()
