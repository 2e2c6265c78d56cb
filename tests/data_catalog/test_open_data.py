"""The catalogue of open data sets: every description can be read, says its terms, and leads somewhere."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest
from pydantic import TypeAdapter, ValidationError

from data_catalog.errors import VoxmineError
from data_catalog.open_data import (
    FOLDER,
    Address,
    ByHand,
    DataSet,
    File,
    FromHttp,
    FromIdc,
    FromPip,
    is_loopback,
    known,
    load,
    names,
)

SETS = known()
each = pytest.mark.parametrize("data", SETS, ids=lambda data: data.name)
SPDX = {
    "CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-3.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "GPL-3.0-only",
}  # fmt: skip
WANTED = {
    "sarcoma", "ibsi_1_digital_phantom", "ibsi_1_ct_phantom", "ibsi_2_phantoms", "ibsi_validation", "lidc",
    "breast_ultrasound", "hannover_xrays", "nih_chest_xray14", "lgg_vasari", "idc_index", "dcm_qa", "dcmqi",
    "pydicom_data", "pseudo_phi", "midi_b", "mining", "mni_template", "pydicom_test_files",
}  # fmt: skip


def test_the_sets_that_the_documentation_speaks_of_are_there():
    assert set(names()) >= WANTED
    assert [data.name for data in SETS] == sorted(names())


@each
def test_a_description_is_one_sentence(data):
    assert data.description.endswith(".")
    assert not re.search(r"\. [A-Z]", data.description)
    assert "\n" not in data.description


@each
def test_a_licence_is_one_that_is_known_or_is_told_in_words(data):
    assert data.licence.spdx in SPDX or (data.licence.spdx is None and data.licence.note)
    if data.licence.spdx and data.licence.spdx.startswith("CC-"):
        kind, version = data.licence.spdx.lower().removeprefix("cc-").rsplit("-", 1)
        assert data.licence.url == f"https://creativecommons.org/licenses/{kind}/{version}/"
        assert data.licence.name == data.licence.spdx.replace("CC-", "CC ").replace(f"-{version}", f" {version}")


@each
def test_no_two_files_of_a_set_have_one_place(data):
    places = [
        f"{part.into}/{file.file_name}" for part in data.fetched if not isinstance(part, FromIdc) for file in part.files
    ]
    assert len(places) == len(set(places))


@each
def test_an_address_names_one_version_for_all_time(data):
    """A branch moves, a commit does not."""
    for part in data.fetched:
        for file in part.files if isinstance(part, FromHttp) else ():
            if "github" in file.url:
                assert re.search(r"/[0-9a-f]{40}(/|$)", file.url)
            assert file.url.startswith("https://")


@each
def test_the_size_is_that_of_the_files_where_all_are_stated(data):
    parts = [part for part in data.fetched if not isinstance(part, FromIdc)]
    sizes = [file.size for part in parts for file in part.files]
    if len(parts) == len(data.fetched) and data.size.total_bytes is not None:
        assert sum(sizes) == data.size.total_bytes
        assert len(sizes) == data.size.files


@each
def test_the_plan_that_fits_is_there(data):
    if data.plan is not None:
        assert (files("deployments") / "plans" / f"{data.plan}.yaml").is_file()


def test_every_real_example_plan_has_its_data_set():
    plans = {path.name.removesuffix(".yaml") for path in (files("deployments") / "plans").iterdir()}
    assert plans - {"demo", "template"} == {data.plan for data in SETS if data.plan}


def test_the_numbers_of_imaging_data_commons_are_those_of_its_index():
    data = pytest.importorskip("idc_index_data")
    pandas = pytest.importorskip("pandas")
    columns = ["collection_id", "PatientID", "Modality", "source_DOI", "instanceCount", "series_size_MB"]
    index = pandas.read_parquet(data.IDC_INDEX_PARQUET_FILEPATH, columns=columns)
    if not data.__version__.startswith("25."):
        pytest.skip("the numbers are those of release 25")
    for name, whole in (("sarcoma", True), ("lidc", False), ("pseudo_phi", True)):
        found = load(name)
        (part,) = (part for part in found.get if isinstance(part, FromIdc))
        rows = index[index["collection_id"] == part.collection]
        if not whole:
            rows = rows[rows["Modality"].isin(part.modalities) & (rows["source_DOI"] == part.doi.lower())]
        size = found.size
        counted = (rows["PatientID"].nunique(), len(rows), rows["instanceCount"].sum())
        assert (size.patients, size.series, size.files) == counted
        assert size.total_bytes == round(rows["series_size_MB"].sum() * 1e6)


def test_the_kinds_of_parts_are_all_in_use():
    assert {type(part) for data in SETS for part in data.get} == {FromIdc, FromHttp, FromPip, ByHand}


def test_what_a_person_has_to_do_is_apart_from_what_a_program_does():
    data = load("sarcoma")
    assert [part.kind for part in data.fetched] == ["idc"]
    assert [part.what for part in data.by_hand] == ["the clinical table"]


@pytest.mark.parametrize(("asked", "told"), [("sarkoma", "Did you mean sarcoma?"), ("../../x", "Choose one of them.")])
def test_an_unknown_name_is_refused_with_the_nearest_one(asked, told):
    with pytest.raises(VoxmineError, match="is none of them") as refused:
        load(asked)
    assert refused.value.remedy == told


def described(**changes):
    held = load("ibsi_1_digital_phantom").model_dump(mode="json")
    held.update(changes)
    return DataSet.model_validate_json(json.dumps(held))


def test_a_description_is_strict():
    described()
    for wrong in (
        {"titel": "x"},
        {"size": {"patients": "51"}},
        {"citations": []},
        {"get": []},
        {"get": [{"kind": "ftp"}]},
    ):
        with pytest.raises(ValidationError):
            described(**wrong)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://example.org/x", True),
        ("http://127.0.0.1:80/x", True),
        ("http://localhost/x", True),
        ("http://[::1]/x", True),
        ("http://example.org/x", False),
        ("http://127.0.0.1.example.org/x", False),
        ("ftp://example.org/x", False),
        ("file:///etc/passwd", False),
        ("https:///x", False),
    ],
)
def test_only_https_is_an_address(address, good):
    if good:
        assert TypeAdapter(Address).validate_python(address) == address
    else:
        with pytest.raises(ValidationError, match="begins with https://"):
            TypeAdapter(Address).validate_python(address)


def test_this_machine_is_known_by_any_of_its_names():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.8.8", "::1")))
    assert not any(map(is_loopback, (None, "", "example.org", "10.0.0.1", "localhost.example.org")))


@pytest.mark.parametrize("sizes", [{}, {"size": 1, "at_most": 2}])
def test_a_file_has_a_size_or_a_bound(sizes):
    with pytest.raises(ValidationError, match="either `size` or `at_most`"):
        File(url="https://example.org/x", sha256=None, **sizes)


def test_a_file_is_called_as_its_address_unless_it_is_told_otherwise():
    file = File(url="https://example.org/a/b.zip?download=1", at_most=7, sha256=None)
    assert (file.file_name, file.limit) == ("b.zip", 7)
    assert file.model_copy(update={"name": "c.zip"}).file_name == "c.zip"


@pytest.mark.parametrize("into", ["../up", "/abs", "a//b", ".hidden"])
def test_nothing_is_written_outside_the_folder(into):
    with pytest.raises(ValidationError):
        FromHttp(into=into, files=(File(url="https://example.org/x", at_most=1, sha256=None),))


def test_the_descriptions_lie_in_the_package():
    assert (FOLDER / "sarcoma.yaml").is_file()
