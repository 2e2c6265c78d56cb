from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

PLANE = np.arange(12, dtype=np.int16).reshape(3, 4)
DOSE, HALF_LIFE, WEIGHT = 4e8, 6586.2, 70.0


def pet(make, drug=None, private=(), **elements):
    stated = {
        "Modality": "PT",
        "Units": "BQML",
        "CorrectedImage": ["DECY", "ATTN", "SCAT"],
        "DecayCorrection": "START",
        "SeriesDate": "20240131",
        "SeriesTime": "130000",
        "AcquisitionDate": "20240131",
        "AcquisitionTime": "130500",
        "PatientWeight": WEIGHT,
        "RescaleSlope": 2.0,
        "RescaleIntercept": 0,
        "SliceThickness": 3,
    }
    ds = make.dataset(PLANE, **{k: v for k, v in {**stated, **elements}.items() if v is not None})
    item = Dataset()
    told = {"RadionuclideTotalDose": DOSE, "RadionuclideHalfLife": HALF_LIFE, "RadiopharmaceuticalStartTime": "120000"}
    for keyword, value in {**told, **(drug or {})}.items():
        if value is not None:
            setattr(item, keyword, value)
    ds.RadiopharmaceuticalInformationSequence = Sequence([item])
    for group, creator, element, vr, value in private:
        ds.private_block(group, creator, create=True).add_new(element, vr, value)
    return make.written(ds)


def factor(seconds):
    return WEIGHT * 1000 / (DOSE * 2 ** (-seconds / HALF_LIFE))


def read(make, data):
    values, _, attributes = make.read([data])
    return float(values[0, 2, 3]) / 22.0, attributes


@pytest.mark.parametrize(
    ("elements", "drug", "seconds"),
    [
        ({}, {}, 3600),
        ({"DecayCorrection": "ADMIN"}, {}, 0),
        ({}, {"RadiopharmaceuticalStartDateTime": "20240131113000", "RadiopharmaceuticalStartTime": None}, 5400),
        ({"SeriesTime": "003000", "AcquisitionTime": "003000"}, {"RadiopharmaceuticalStartTime": "233000"}, 3600),
        ({"AcquisitionTime": None, "AcquisitionDate": None}, {}, 3600),
    ],
)
def test_activity_becomes_suv_by_the_dose_at_the_time_it_is_corrected_to(make, elements, drug, seconds):
    found, attributes = read(make, pet(make, drug, **elements))
    assert found == pytest.approx(factor(seconds), rel=1e-6)
    assert attributes["unit"] == "SUV"
    text = "values were turned to SUV by the decay-corrected dose per body weight"
    assert attributes["corrections"] == [{"name": "suv_computed", "text": text}]


def test_a_series_that_was_made_later_takes_the_start_of_the_scan_from_ge(make):
    private = [(0x0009, "GEMS_PETD_01", 0x0D, "DT", "20240131124500.00")]
    found, _ = read(make, pet(make, private=private, SeriesTime="180000"))
    assert found == pytest.approx(factor(2700), rel=1e-6)


@pytest.mark.parametrize(
    ("elements", "drug"),
    [
        ({"PatientWeight": None}, {}),
        ({"PatientWeight": 0}, {}),
        ({"CorrectedImage": ["DECY"]}, {}),
        ({"DecayCorrection": "NONE"}, {}),
        ({"SeriesTime": "180000"}, {}),
        ({"SeriesTime": ""}, {}),
        ({"SeriesDate": None, "SeriesTime": "180000"}, {}),
        ({}, {"RadionuclideTotalDose": None}),
        ({}, {"RadionuclideTotalDose": 0}),
        ({}, {"RadionuclideHalfLife": None}),
        ({}, {"RadiopharmaceuticalStartTime": None}),
        ({}, {"RadiopharmaceuticalStartDateTime": "20240131150000"}),
        ({}, {"RadiopharmaceuticalStartDateTime": "20230131110000"}),
    ],
)
def test_activity_stays_activity_where_something_is_not_stated_or_impossible(make, elements, drug):
    found, attributes = read(make, pet(make, drug, **elements))
    assert (found, attributes["unit"]) == (1.0, "Bq/ml")
    assert [one["name"] for one in attributes["corrections"]] == ["suv_not_computed"]


def test_two_drugs_leave_the_dose_open(make):
    ds = make.dataset(PLANE, Modality="PT", Units="BQML", CorrectedImage=["DECY", "ATTN"], PatientWeight=70)
    ds.RadiopharmaceuticalInformationSequence = Sequence([Dataset(), Dataset()])
    assert make.read([make.written(ds)])[2]["unit"] == "Bq/ml"


def test_values_that_are_suv_already_are_kept(make):
    found, attributes = read(make, pet(make, Units="GML"))
    assert (found, attributes["unit"], attributes["corrections"]) == (1.0, "SUV", [])


@pytest.mark.parametrize(
    ("element", "unit", "name"), [(0x00, "SUV", "suv_computed"), (0x09, "Bq/ml", "activity_computed")]
)
def test_counts_of_philips_are_turned_by_its_own_factor(make, element, unit, name):
    private = [(0x7053, "Philips PET Private Group", element, "DS", "0.25")]
    found, attributes = read(make, pet(make, private=private, Units="CNTS"))
    assert (found, attributes["unit"]) == (0.25, unit)
    assert attributes["corrections"][0]["name"] == name


@pytest.mark.parametrize("value", ["0", "nothing"])
def test_counts_without_a_factor_stay_arbitrary(make, value):
    private = [(0x7053, "Philips PET Private Group", 0x00, "LO", value)]
    assert read(make, pet(make, private=private, Units="CNTS"))[1]["unit"] == "1"


# --- magnetic resonance of Philips


def philips(make, private_slope, **elements):
    ds = make.dataset(PLANE, Modality="MR", RescaleSlope=2.5, RescaleIntercept=5, SliceThickness=3, **elements)
    ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", private_slope)
    return make.written(ds)


def test_philips_values_are_scaled_to_compare_between_scans(make):
    values, _, attributes = make.read([philips(make, 0.5)])
    assert np.array_equal(values[0], ((PLANE * 2.5 + 5) / (2.5 * 0.5)).astype(np.float32))
    assert [one["name"] for one in attributes["corrections"]] == ["philips_scale"]


@pytest.mark.parametrize("slope", [0.0, -1.0, np.nan])
def test_a_private_slope_that_makes_no_sense_counts_for_nothing(make, slope):
    values, _, attributes = make.read([philips(make, slope)])
    assert np.array_equal(values[0], (PLANE * 2.5 + 5).astype(np.float32))
    assert attributes["corrections"] == []
