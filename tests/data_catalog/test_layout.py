"""How each kind lies on disk: exactly, deterministically, and readable by other programs."""

import json
import math
import shutil
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import BaseModel, ConfigDict
from sklearn.linear_model import LogisticRegression
from upath import UPath

from data_catalog import frames, layout
from data_catalog.errors import BadData, StoreError
from data_catalog.geometry import Geometry
from data_catalog.kinds import (
    CONTENTS,
    EVALUATION,
    FEATURES,
    MASK,
    MEASUREMENT,
    MODEL,
    REPORT,
    STUDY,
    TABLE,
    VOLUME,
    geometry_of,
    mask,
    volume,
)
from data_catalog.refs import Ref, Region, Scan, Study
from tests.data_catalog.conftest import every_form, small_volume

TURNED = ((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0))


def written(kind, value, folder):
    folder.mkdir(exist_ok=True)
    facts = layout.write(kind, value, folder)
    assert facts == {name: (len(content), sha256(content).hexdigest()) for name, content in files_of(folder).items()}
    return folder


def files_of(folder):
    """Return every file below a folder: its name and its bytes."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def returned(kind, value, folder):
    return layout.read(kind, written(kind, value, folder))


def test_a_volume_comes_back_with_its_place_in_space(tmp_path):
    geometry = Geometry((3, 4, 5), (2.5, 0.7, 0.7), (-120.5, 33.25, 0.1), TURNED)
    image = volume(
        np.arange(60, dtype="int16").reshape(3, 4, 5), geometry, unit="HU", modality="CT", corrections=["slope 1"]
    )
    back = returned(VOLUME, image, tmp_path / "a")
    xr.testing.assert_identical(back, image)
    assert back.dtype == "int16"
    assert back.name == "voxels"
    assert geometry_of(back) == geometry
    assert back["z"].values.tolist() == geometry.axis_positions_mm(0).tolist()
    assert back.encoding == {}


@pytest.mark.parametrize("leading", ["c", "t", "tc"])
def test_time_and_channel_come_back(leading, tmp_path):
    image = small_volume((*range(2, 2 + len(leading)), 2, 3, 4), "float32")
    image = image.rename(dict(zip(image.dims, [*leading, "z", "y", "x"], strict=True)))
    back = returned(VOLUME, image, tmp_path / "a")
    assert back.dims == (*leading, "z", "y", "x")
    xr.testing.assert_identical(back, image)


def test_missing_voxels_stay_missing_and_zeros_stay_zeros(tmp_path):
    image = small_volume(dtype="float32")
    image.values[0] = np.nan
    image.values[1] = 0
    image.values[2, 0, 0] = np.inf
    back = returned(VOLUME, image, tmp_path / "a")
    np.testing.assert_array_equal(back.values, image.values)
    assert np.isnan(back.values[0]).all()
    whole = small_volume().copy(data=np.zeros((3, 4, 5), dtype="int16"))
    assert returned(VOLUME, whole, tmp_path / "b").dtype == "int16"


def test_a_mask_comes_back_with_the_names_of_its_regions(tmp_path):
    values = np.zeros((2, 3, 4), dtype=np.int32)
    values[1, 1, :3] = (1, 2, 10)
    labels = mask(values, Geometry((2, 3, 4), (1.0, 1.0, 1.0)), {10: "node", 2: "oedema", 1: "tumour"}, note="drawn")
    back = returned(MASK, labels, tmp_path / "a")
    xr.testing.assert_identical(back, labels)
    assert back.attrs["names"] == {"1": "tumour", "2": "oedema", "10": "node"}
    assert back.dtype == np.uint8


def test_a_table_comes_back_with_its_types_and_gaps(tmp_path):
    table = pd.DataFrame(
        {
            "patient": ["P-1", "P-2"],
            "day": pd.array([3, None], dtype="Int64"),
            "dice": [0.5, np.nan],
            "grade": pd.Series(["2", None], dtype="object"),
            "when": pd.to_datetime(["2024-01-31", None]),
            "yes": [True, False],
        }
    )
    back = returned(TABLE, table, tmp_path / "a")
    assert back["day"].dtype == "Int64"
    assert back["when"].dtype.kind == "M"
    assert back["yes"].dtype == bool
    assert back.isna().to_numpy().tolist() == table.isna().to_numpy().tolist()
    assert back["grade"][0] == "2"
    assert back.columns.tolist() == table.columns.tolist()
    assert back["dice"].tolist()[0] == 0.5


def test_an_empty_table_keeps_its_columns(tmp_path):
    back = returned(TABLE, pd.DataFrame({"a": pd.Series([], dtype=float)}), tmp_path / "a")
    assert back.columns.tolist() == ["a"]
    assert len(back) == 0


def test_the_index_of_a_table_is_left_behind(tmp_path):
    back = returned(TABLE, pd.DataFrame({"a": [1, 2]}, index=["ZEBRA", "OKAPI"]), tmp_path / "a")
    assert back.index.tolist() == [0, 1]
    assert b"ZEBRA" not in files_of(tmp_path / "a")["data.parquet"]


def test_a_document_comes_back_as_what_it_was(tmp_path):
    ref = Ref(kind="volume", digest="0" * 64)
    scan = Scan(
        patient="P-1", modality="CT", series="s", image=ref, regions=(Region(name="tumör", reader="A", mask=ref),)
    )
    back = returned(STUDY, Study(scans=(scan,), found=3), tmp_path / "a")
    assert type(back) is Study
    assert back == Study(scans=(scan,), found=3)


class Numbers(BaseModel):
    """A document of whatever numbers there are."""

    model_config = ConfigDict(ser_json_inf_nan="constants")
    numbers: tuple[float, ...] = ()
    text: str = ""


@given(st.lists(st.floats()), st.text(st.characters(codec="utf-8")))
def test_a_listing_holds_what_a_document_would_in_the_order_of_its_fields(numbers, text):
    value = Numbers(numbers=numbers, text=text)
    listing = layout._write_listing(value)
    assert str(json.loads(listing)) == str(json.loads(layout._write_document(value)))
    assert list(json.loads(listing)["value"]) == ["numbers", "text"]


def test_numbers_without_an_end_come_back_from_documents_and_listings(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "OWN_PACKAGES", (__name__.split(".")[0],))
    value = Numbers(numbers=(math.inf, -math.inf, math.nan, 5e-324), text='", "value": {"')
    for kind in (STUDY, CONTENTS):
        assert str(returned(kind, value, tmp_path / kind.name)) == str(value)


def test_a_page_and_a_model_come_back(tmp_path):
    page = "<!DOCTYPE html>\r\n<p>ä − Σ</p>\n"
    assert returned(REPORT, page, tmp_path / "page") == page
    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    back = returned(MODEL, model, tmp_path / "model")
    assert back.predict_proba([[1.4]]).tolist() == model.predict_proba([[1.4]]).tolist()


def test_every_form_is_read_from_object_storage(tmp_path):
    for kind, value in every_form(backwards=False):
        place = UPath(f"memory://layout/{kind.name}")
        for name, content in files_of(written(kind, value, tmp_path / kind.name)).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        here, there = layout.read(kind, tmp_path / kind.name), layout.read(kind, place)
        assert type(there) is type(value)
        assert files_of(written(kind, here, tmp_path / "here")) == files_of(written(kind, there, tmp_path / "there"))
        shutil.rmtree(tmp_path / "here")
        shutil.rmtree(tmp_path / "there")


def test_a_document_of_foreign_code_is_not_read(tmp_path):
    folder = written(STUDY, Study(scans=()), tmp_path / "a")
    path = folder / "data.json"
    path.write_text(json.dumps({"of": "subprocess:Popen", "value": {"args": "true"}}), encoding="utf-8")
    with pytest.raises(StoreError, match="one of this project's types: 'subprocess:Popen'"):
        layout.read(STUDY, folder)


def test_what_breaks_its_promise_is_not_written(tmp_path):
    with pytest.raises(BadData):
        layout.write(VOLUME, small_volume().drop_attrs(), tmp_path)
    with pytest.raises(BadData):
        layout.write(EVALUATION, {"auc": 1.0}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_plain_zarr_reads_a_volume_with_the_names_of_its_axes(tmp_path):
    image = small_volume((40, 150, 140))
    group = zarr.open_group(written(VOLUME, image, tmp_path / "a") / "data.zarr", mode="r")
    voxels = group["voxels"]
    assert voxels.metadata.zarr_format == 3
    assert voxels.metadata.dimension_names == ("z", "y", "x")
    assert voxels.chunks == (32, 75, 70)
    assert voxels.shards == (64, 150, 140)
    assert (voxels[33:35, 128:, 5] == image.values[33:35, 128:, 5]).all()
    assert group["z"][:].tolist() == image["z"].values.tolist()
    assert voxels.attrs["spacing_mm"] == [2.0, 1.0, 0.5]


def test_voxels_are_read_when_they_are_asked_for(tmp_path):
    folder = written(VOLUME, small_volume((40, 150, 140)), tmp_path / "a")
    back = layout.read(VOLUME, folder)
    (chunks,) = (folder / "data.zarr" / "voxels").glob("c")
    chunks.rename(tmp_path / "elsewhere")
    assert back.shape == (40, 150, 140)
    assert not back.isel(z=0).values.any(), "a chunk that is not there reads as its fill value"


dtypes = st.sampled_from([kind + size for kind in "iu" for size in "1248"] + ["f2", "f4", "f8"])
shapes = hnp.array_shapes(min_dims=3, max_dims=5, max_side=6)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_voxels_come_back_and_are_the_same_bytes_each_time(tmp_path_factory, data):
    values = data.draw(hnp.arrays(data.draw(dtypes), data.draw(shapes)))
    geometry = Geometry(values.shape[-3:], (1.5, 0.5, 0.25))
    image = volume(values, geometry, unit="1", modality="MR")
    twin = volume(np.asfortranarray(values), geometry, modality="MR", unit="1")
    twin.attrs = dict(reversed(twin.attrs.items()))
    folder = tmp_path_factory.mktemp("any")
    back = returned(VOLUME, image, folder / "one")
    np.testing.assert_array_equal(back.values, values)
    assert back.dtype == values.dtype
    assert files_of(folder / "one") == files_of(written(VOLUME, twin, folder / "two"))


def test_what_columns_mean_stands_beside_them_in_the_file(tmp_path):
    table = pd.DataFrame({"patient": ["P-1"], "stat_mean": [2.5]})
    bare, told = tmp_path / "bare", tmp_path / "told"
    before = written(TABLE, table, bare)
    assert frames.column_facts(bare) == {}
    table.attrs[frames.COLUMN_FACTS] = {"stat_mean": {"ibsi": "Q4LE", "unit": "HU"}, "elsewhere": {"unit": "mm"}}
    after = written(TABLE, table, told)
    assert frames.column_facts(told) == {"stat_mean": {"ibsi": "Q4LE", "unit": "HU"}}
    assert files_of(before) != files_of(after)
    assert layout.read(TABLE, told).equals(layout.read(TABLE, bare))
    assert table.attrs[frames.COLUMN_FACTS], "the table itself is as it was"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_measurement_comes_back_as_it_was(tmp_path_factory, data):
    rows = data.draw(st.integers(1, 4))
    cells = {
        "f": st.floats(allow_nan=True, allow_infinity=True),
        "i": st.integers(-(2**40), 2**40),
        "U": st.text(max_size=5),
    }
    kinds = data.draw(st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from("ffiU"), min_size=1, max_size=6))
    drawn = {name: data.draw(st.lists(cells[kind], min_size=rows, max_size=rows)) for name, kind in kinds.items()}
    dtypes = {"f": "float64", "i": "int64", "U": "str"}
    table = pd.DataFrame({name: pd.Series(column, dtype=dtypes[kinds[name]]) for name, column in drawn.items()})
    pd.testing.assert_frame_equal(returned(MEASUREMENT, table, tmp_path_factory.mktemp("any")), table)


def test_the_file_of_a_measurement_tells_what_each_number_is(tmp_path):
    table = pd.DataFrame({"channel": [0, 1], "stat_mean": [2.5, 3.5], "det_count": [1.0, float("nan")]})
    table.attrs[frames.COLUMN_FACTS] = {"stat_mean": {"ibsi": "Q4LE", "unit": "HU"}}
    file = pd.read_parquet(written(MEASUREMENT, table, tmp_path) / frames.FILE)
    assert file.columns.tolist() == ["column", "ibsi", "unit", "values"]
    assert file["column"].tolist() == ["stat_mean", "det_count"]
    assert file.loc[0, ["column", "ibsi", "unit"]].tolist() == ["stat_mean", "Q4LE", "HU"]
    assert file.loc[0, "values"].tolist() == [2.5, 3.5]
    assert file.loc[1].isna().tolist() == [False, True, True, False]
    assert str(file.loc[1, "values"].tolist()) == "[1.0, nan]"


def test_a_measurement_of_another_version_is_refused(tmp_path):
    pd.DataFrame({"stat_mean": [2.5]}).to_parquet(tmp_path / frames.FILE)
    with pytest.raises(StoreError, match="of this version"):
        layout.read(MEASUREMENT, tmp_path)


def test_what_columns_mean_is_not_copied_with_every_step_of_a_table():
    table = pd.DataFrame({"stat_mean": [2.5]})
    table.attrs[frames.COLUMN_FACTS] = frames.ColumnFacts({"stat_mean": {"ibsi": "Q4LE"}})
    assert table[["stat_mean"]].attrs[frames.COLUMN_FACTS] is table.attrs[frames.COLUMN_FACTS]


def test_a_table_of_features_comes_back_with_what_its_columns_mean(tmp_path):
    table = pd.DataFrame({"patient": ["P-1"], "stat_mean": [2.5]})
    table.attrs[frames.COLUMN_FACTS] = {"stat_mean": {"ibsi": "Q4LE"}}
    back = returned(FEATURES, table, tmp_path / "told")
    assert back.attrs == table.attrs
    assert isinstance(back.attrs[frames.COLUMN_FACTS], frames.ColumnFacts)
    assert returned(TABLE, table, tmp_path / "plain").attrs == {}


@pytest.mark.parametrize("first", [0.0, -0.0])
def test_a_viewer_is_told_zero_whichever_zero_lies_first(tmp_path, first):
    values = np.array([first, 0.0, -0.0, 1.0]).reshape(1, 2, 2)
    folder = written(VOLUME, volume(values, Geometry((1, 2, 2), (1.0, 1.0, 1.0)), unit="1", modality="MR"), tmp_path)
    assert '"min": 0.0' in (folder / "data.zarr" / "zarr.json").read_text()
