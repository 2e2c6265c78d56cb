"""A whole data set in a folder, with the record of what came."""

from __future__ import annotations

import json

import pytest

from data_catalog.errors import VoxmineError
from data_catalog.open_data import ByHand, FromHttp, FromIdc, FromPip, load
from tasks.open_data import get as module
from tasks.open_data.answers import DownloadError
from tasks.open_data.get import RECORD, NeedsPerson, get
from tasks.open_data.idc import Series


def a_set(*parts):
    return load("ibsi_1_digital_phantom").model_copy(update={"get": parts})


def record(folder):
    return json.loads((folder / RECORD).read_text(encoding="utf-8"))


@pytest.fixture
def told():
    return []


def test_what_came_is_recorded_with_licence_citation_and_checksum(there, tmp_path, told):
    get(a_set(FromHttp(into="below", files=(there(),))), tmp_path / "new", None, told.append)
    held = record(tmp_path / "new")
    assert held["licence"]["spdx"] == "CC-BY-4.0"
    assert held["citations"][0]["doi"] == "10.1148/radiol.2020191145"
    assert held["came"] == {"below/data.bin": {"size": 307_200, "sha256": there().sha256}}
    assert told[-1].endswith("as published.")


def test_a_checksum_that_nobody_has_published_is_recorded_told_and_compared_from_then_on(there, server, tmp_path, told):
    data = a_set(FromHttp(files=(there(sha256=None, at_most=400_000),)))
    get(data, tmp_path, None, told.append)
    assert "trust on first use" in told[-1]
    get(data, tmp_path, None, told.append)
    assert told[-1] == "data.bin is there and whole."
    (tmp_path / "data.bin").unlink()
    server.content = bytes(307_200)
    with pytest.raises(DownloadError, match="its SHA-256 begins with"):
        get(data, tmp_path, None, told.append)
    assert (tmp_path / "data.bin.bad").exists()


def test_what_came_before_a_refusal_is_recorded(there, tmp_path, told):
    data = a_set(FromHttp(files=(there(),)), FromHttp(into="x", files=(there("nothing"),)))
    with pytest.raises(DownloadError):
        get(data, tmp_path, None, told.append)
    assert list(record(tmp_path)["came"]) == ["data.bin"]


def test_a_package_that_was_changed_since_is_refused(tmp_path, told):
    data = a_set(FromPip(package="made", version="1.0"))
    (tmp_path / "made-1.0.zip").write_bytes(b"as it came")
    get(data, tmp_path, None, told.append)
    get(data, tmp_path, None, told.append)
    (tmp_path / "made-1.0.zip").write_bytes(b"changed")
    with pytest.raises(DownloadError, match=r"as it was downloaded: its SHA-256 begins with"):
        get(data, tmp_path, None, told.append)


def test_series_are_recorded_by_their_collection(tmp_path, told, monkeypatch):
    asked = []

    def series(part, folder, first, tell):
        asked.append((part.collection, folder, first))
        return Series("v25", 612, 1000, 10_000, 2)

    monkeypatch.setattr(module, "get_series", series)
    get(a_set(FromIdc(collection="made", into="dicom")), tmp_path, 3, told.append)
    assert asked == [("made", tmp_path / "dicom", 3)]
    assert record(tmp_path)["came"]["idc:made"]["files"] == 1000
    assert told == ["2 series fetched, 612 there: 1,000 files, IDC release v25."]


def test_a_set_that_needs_a_person_is_refused_with_what_to_do(tmp_path, told):
    with pytest.raises(NeedsPerson, match=r"Ask the hospital\."):
        get(a_set(ByHand(what="the scans", how="Ask the hospital.")), tmp_path / "new", None, told.append)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("text", ["no JSON", "{}", '{"came": {"a": 1}}', "[]"])
def test_a_record_that_is_none_is_refused(there, tmp_path, told, text):
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(VoxmineError, match="cannot be read"):
        get(a_set(FromHttp(files=(there(),))), tmp_path, None, told.append)
