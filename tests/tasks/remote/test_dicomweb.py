"""Asking by DICOMweb: what is sent, and what is made of odd, broken and hostile answers."""

from __future__ import annotations

import http.server
import json
import ssl
import threading

import httpx
import pytest

from data_catalog.errors import PlanError
from tasks.remote import dicomweb as module
from tasks.remote.archive import ATTEMPTS, Denied, NoAnswer, RemoteSeries
from tasks.remote.dicomweb import DicomWeb, dicomweb
from tasks.sources.dicomweb import DicomWebSource
from tests.tasks.conftest import axial

URL = "https://pacs.example/dicom-web"
SERIES = RemoteSeries("A", "1.2", "1.3", "CT", 1)


def element(value):
    return {"vr": "LO", "Value": [value]}


def study(uid):
    return {"0020000D": element(uid), "00100020": element("A"), "00080061": {"vr": "CS"}}


class Service:
    """A service that answers by a function, and notes what it was asked."""

    def __init__(self, answer):
        self.asked = []

        def act(request):
            self.asked.append(request)
            return answer(request)

        self.archive = DicomWeb(httpx.Client(transport=httpx.MockTransport(act)), URL)

    def studies(self, **asked):
        return [one["StudyInstanceUID"] for one in self.archive.find("STUDY", asked)]

    def take(self, missing=1):
        files = []
        self.archive.fetch(
            SERIES, dict.fromkeys(map(str, range(missing)), ""), lambda body: files.append(b"".join(body)), whole=True
        )
        return files


def in_parts(*bodies):
    content = b"".join(b"--x\r\n\r\n" + body + b"\r\n" for body in bodies) + b"--x--"
    return httpx.Response(200, content=content, headers={"content-type": "multipart/related; boundary=x"})


def test_a_question_names_what_is_wanted_and_what_is_to_be_told():
    service = Service(lambda _: httpx.Response(204))
    assert service.studies(PatientID="Müller & Söhne", StudyDate="20200101-") == []
    (request,) = service.asked
    assert request.url.path == "/dicom-web/studies"
    assert request.url.params["PatientID"] == "Müller & Söhne"
    assert request.url.params.get_list("includefield") == ["00100020", "0020000D", "00080020", "00080061"]
    assert request.headers["accept"] == "application/dicom+json"


def test_the_levels_below_are_asked_for_by_address():
    service = Service(lambda _: httpx.Response(204))
    list(service.archive.find("SERIES", {"StudyInstanceUID": "1.2"}))
    list(service.archive.find("IMAGE", {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}))
    service.archive.fetch(SERIES, {}, print, whole=False)
    paths = [request.url.path for request in service.asked]
    assert paths == ["/dicom-web/studies/1.2/series", "/dicom-web/studies/1.2/series/1.3/instances"]


def test_pages_are_read_until_one_brings_nothing_new():
    held = [f"1.{number}" for number in range(10)]

    def capped(request):  # gives three at a time, whatever it is asked for
        first = int(request.url.params["offset"])
        return httpx.Response(200, json=[study(uid) for uid in held[first : first + 3]])

    assert Service(capped).studies() == held


def test_a_service_that_knows_no_pages_is_asked_twice_and_believed():
    service = Service(lambda _: httpx.Response(200, json=[study("1.1"), study("1.2")]))
    assert service.studies() == ["1.1", "1.2"]
    assert len(service.asked) == 2


def test_values_are_read_as_text_and_missing_ones_left_out():
    answer = {**study("1.1"), "00080020": {"vr": "DA", "Value": [None]}, "00201209": element(7)}
    service = Service(lambda _: httpx.Response(200, json=[answer]))
    (found,) = service.archive.find("STUDY", {})
    assert found == {"PatientID": "A", "StudyInstanceUID": "1.1", "NumberOfSeriesRelatedInstances": "7"}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_service_in_trouble_is_asked_again(status, naps):
    answers = [httpx.Response(status), httpx.Response(status), httpx.Response(200, json=[study("1.1")])]
    service = Service(lambda _: answers.pop(0) if answers else httpx.Response(204))
    assert service.studies() == ["1.1"]
    assert len(naps) == 2


@pytest.mark.parametrize("status", [300, 301, 400, 401, 403, 404, 406, 429])
def test_a_service_that_will_not_is_not_asked_again(status, naps):
    service = Service(lambda _: httpx.Response(status, headers={"location": "https://elsewhere.example"}))
    with pytest.raises(Denied, match=str(status)):
        service.studies(PatientID="MRN-1")
    assert len(service.asked) == 1
    assert not naps


@pytest.mark.parametrize("fault", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError])
def test_a_line_in_trouble_is_tried_again_and_its_message_tells_no_id(fault, naps):
    def broken(request):
        raise fault(f"trouble with {request.url}")

    service = Service(broken)
    with pytest.raises(NoAnswer) as said:
        service.studies(PatientID="MRN-1")
    assert "MRN-1" not in str(said.value)
    assert said.value.__suppress_context__
    assert len(service.asked) == ATTEMPTS


@pytest.mark.parametrize(
    "content", [b"<html>", b'{"error": 1}', b"[1]", b'[{"0020000D": 5}]', b'[{"0020000D": {"Value": {}}}', b"\xff\xfe"]
)
def test_an_answer_that_is_no_dicom_json_is_refused(content):
    with pytest.raises(Denied, match="JSON"):
        Service(lambda _: httpx.Response(200, content=content)).studies()


def test_an_answer_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 100)
    with pytest.raises(Denied, match="reasonable size"):
        Service(lambda _: httpx.Response(200, json=[study("1.1")] * 100)).studies()


def test_an_answer_that_cannot_be_unpacked_is_asked_for_again():
    service = Service(lambda _: httpx.Response(200, content=b"no gzip", headers={"content-encoding": "gzip"}))
    with pytest.raises(NoAnswer, match="decoded"):
        service.studies()
    assert len(service.asked) == ATTEMPTS


def test_a_series_comes_as_it_is_stored_in_one_answer():
    service = Service(lambda _: in_parts(b"one", b"two"))
    assert service.take(2) == [b"one", b"two"]
    (request,) = service.asked
    assert request.url.path == "/dicom-web/studies/1.2/series/1.3"
    assert "transfer-syntax=*" in request.headers["accept"]


def test_a_single_file_may_come_without_parts():
    service = Service(
        lambda _: httpx.Response(200, content=axial(0.0, 1), headers={"content-type": "application/dicom"})
    )
    assert service.take() == [axial(0.0, 1)]


def test_a_page_in_place_of_a_series_is_refused():
    with pytest.raises(Denied, match="in parts"):
        Service(lambda _: httpx.Response(200, html="<p>Log in</p>")).take()


def test_files_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(module, "SPARE_PARTS", 3)
    with pytest.raises(Denied, match="no end"):
        Service(lambda _: in_parts(*[b"x"] * 10)).take()


def opened(**fields):
    with dicomweb(DicomWebSource(**{"url": URL, **fields})) as archive:
        return archive.client


def test_credentials_come_from_the_environment_as_a_password_or_a_token(monkeypatch):
    assert "authorization" not in opened().headers
    monkeypatch.setenv("VOXMINE_DICOMWEB_USER", "reader")
    monkeypatch.setenv("VOXMINE_DICOMWEB_PASSWORD", "sesame")
    assert opened().headers["authorization"] == "Basic cmVhZGVyOnNlc2FtZQ=="
    monkeypatch.setenv("OTHER_TOKEN", "abc")
    assert opened(credentials="OTHER").headers["authorization"] == "Bearer abc"


def test_a_password_is_not_sent_in_the_clear(monkeypatch):
    monkeypatch.setenv("VOXMINE_DICOMWEB_TOKEN", "sesame")
    with pytest.raises(PlanError, match="https") as said:
        opened(url="http://pacs.example/dicom-web")
    assert "sesame" not in str(said.value)
    assert opened(url="http://127.0.0.1:8042/dicom-web").headers["authorization"]
    assert opened(url="http://pacs.example/dicom-web", insecure=True).headers["authorization"]


def test_a_file_of_certificates_that_is_none_is_said_to_be(tmp_path):
    for content in (None, "no certificate"):
        path = tmp_path / "ca.pem"
        if content:
            path.write_text(content, encoding="ascii")
        with pytest.raises(PlanError, match="ca_file"):
            opened(ca_file=path)


@pytest.fixture
def secure(certificate):
    """Return the address of a service with a certificate that vouches for itself."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = json.dumps([study("1.1")]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_is_verified_unless_one_says_otherwise(secure, certificate, naps):
    with pytest.raises(Denied, match="certificate"), dicomweb(DicomWebSource(url=secure)) as archive:
        list(archive.find("STUDY", {}))
    assert not naps, "it would not be verified the second time either"
    for fields in ({"ca_file": certificate[0]}, {"insecure": True}):
        with dicomweb(DicomWebSource(url=secure, **fields)) as archive:
            assert [one["StudyInstanceUID"] for one in archive.find("STUDY", {})] == ["1.1"]
