"""What is asked of an archive: ids from files, and plans that hold no secret."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from data_catalog.errors import PlanError
from tasks.sources.dicomweb import DicomWebSource
from tasks.sources.dimse import PacsSource
from tasks.sources.query import Wanted, wanted

URL = "https://pacs.example/dicom-web"


def web(**fields):
    return DicomWebSource(**{"url": URL, **fields})


def pacs(**fields):
    return PacsSource(**{"host": "pacs.example", "title": "PACS", **fields})


@pytest.fixture
def listed(tmp_path):
    """Return the function that writes a file of ids and gives what a source wants with it."""

    def wanted_with(content, **fields):
        path = tmp_path / "ids.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return wanted(web(patients=path, **fields)).patients

    return wanted_with


def test_ids_stand_one_a_line_or_in_a_column(listed):
    assert listed("MRN-1\n\n MRN-2 \nMRN-1\n") == ("MRN-1", "MRN-2")
    assert listed("\ufeffMRN-1\r\nMRN-2\r\n") == ("MRN-1", "MRN-2")
    assert listed("age,who\n50,0012\n60,7\n", patient_column="who") == ("0012", "7")


@pytest.mark.parametrize("sign", ["*", "?", "\\"])
def test_an_id_that_would_ask_for_other_patients_is_refused_by_its_row_alone(listed, sign):
    with pytest.raises(PlanError, match="row 2") as said:
        listed(f"MRN-1\nMRN-9{sign}\n")
    assert "MRN-9" not in str(said.value)


@pytest.mark.parametrize("content", ["", "\n \n", b"\xff\xfe\xfa"], ids=["empty", "blank", "no text"])
def test_a_file_without_ids_is_refused(listed, content):
    with pytest.raises(PlanError, match="patients"):
        listed(content)


def test_a_column_that_is_not_there_is_named_beside_those_that_are(listed):
    with pytest.raises(PlanError, match=r"'who'.*age, name"):
        listed("age,name\n1,2\n", patient_column="who")


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(PlanError, match="studies"):
        wanted(web(studies=tmp_path / "nothing.txt"))


def test_what_is_wanted_tells_no_id(listed):
    assert "MRN" not in repr(Wanted(patients=("MRN-1",), studies=("1.2",)))


@pytest.mark.parametrize(
    ("since", "until", "written", "taken"),
    [
        (None, None, "", True),
        (None, None, "no day", True),
        (date(2020, 1, 2), None, "20200102", True),
        (date(2020, 1, 2), None, "20200101", False),
        (None, date(2020, 1, 2), "20200102", True),
        (None, date(2020, 1, 2), "20200103", False),
        (None, date(2020, 1, 2), "", False),
        (None, date(2020, 1, 2), "2020-01-01", False),
    ],
)
def test_a_study_is_taken_by_its_day(since, until, written, taken):
    assert Wanted(since=since, until=until).takes_study({"StudyDate": written}) is taken


@pytest.mark.parametrize(
    ("modality", "description", "taken"),
    [
        ("MR", "Ax T1 post", True),
        ("MR", "Ax T2", False),
        ("CT", "t1", False),
        ("SEG", "", True),
        ("RTSTRUCT", "x", True),
    ],
)
def test_a_series_is_taken_by_its_modality_and_description(modality, description, taken):
    assert Wanted(modalities=("MR",), description="*t1*").takes_series(modality, description) is taken


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pacs.example",
        "ftp://pacs.example",
        "https://",
        "https://me:secret@pacs.example",
        "https://a/b?token=secret",
    ],
)
def test_an_address_is_one_of_a_web_service_and_holds_no_secret(url):
    with pytest.raises(ValidationError) as said:
        web(url=url)
    assert "address" in str(said.value)


def test_a_slash_at_the_end_of_an_address_means_nothing():
    assert web(url=f"{URL}/").url == URL
    assert web().address != pacs().address


@pytest.mark.parametrize(
    "fields", [{"title": ""}, {"title": "A" * 17}, {"title": " PACS"}, {"port": 0}, {"port": 70_000}]
)
def test_a_title_and_a_port_are_what_dicom_allows(fields):
    with pytest.raises(ValidationError):
        pacs(**fields)


def test_a_receiver_that_speaks_tls_needs_a_certificate(tmp_path):
    with pytest.raises(ValidationError, match="certificate"):
        pacs(tls=True)
    assert pacs(tls=True, retrieve="get").tls
    assert pacs(tls=True, certificate=tmp_path, key=tmp_path).tls


@pytest.mark.parametrize("source", [web(), pacs()], ids=["web", "pacs"])
def test_every_field_says_what_it_is_for(source):
    fields = type(source).model_json_schema()["properties"]
    assert [name for name, field in fields.items() if name != "method" and not field.get("description")] == []
