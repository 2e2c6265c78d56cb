"""The reference maps and values of IBSI-2 (Whybra et al., Radiology 2024)."""

import csv

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from benchmarks.ibsi2 import largest_error, phase1_filter, phase2_filter
from tasks.methods.preprocessing.resample import Resample
from tasks.methods.radiomics.filters.responses import responses_in_box
from tasks.methods.radiomics.intensity_statistics import FEATURES, intensity_statistics
from tests.conftest import SHARED
from tests.tasks.methods.radiomics.boxes import row as region_of

pytestmark = pytest.mark.shared
IBSI = SHARED / "ibsi"
ALLOWED = 0.01
"""Largest difference from a reference map, as a fraction of its range."""


def table(name):
    path = IBSI / name
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []


MAPS = [row for row in table("ibsi2_phase1.csv") if row["reference_map"]]
VALUES = [row for row in table("ibsi2_phase2.csv") if row["reference_value"]]


def read(path):
    """Return voxels (z, y, x) and spacing of a NIfTI file."""
    file = nibabel.load(path)
    return np.asarray(file.dataobj).T, tuple(float(mm) for mm in file.header.get_zooms()[::-1])


def test_the_tables_hold_33_maps_and_323_values(shared_data):
    assert (len(MAPS), len(VALUES)) == (33, 323)


@pytest.mark.parametrize("row", MAPS, ids=lambda row: row["test_id"])
def test_every_voxel_of_a_map_is_within_1_percent_of_the_reference(row):
    image, spacing_mm = read(IBSI / row["phantom_path"])
    reference, _ = read(IBSI / row["reference_map"])
    assert largest_error(phase1_filter(row)(image, spacing_mm), reference) <= ALLOWED


@pytest.fixture(scope="module")
def ct_phantom(shared_data):
    """Return image, region and spacing of each configuration."""
    image, spacing_mm = read(IBSI / "ibsi1_ct_phantom" / "phantom.nii.gz")
    mask, _ = read(IBSI / "ibsi1_ct_phantom" / "mask.nii.gz")
    hounsfield, region = np.rint(image.astype(np.float32)), np.rint(mask).astype(np.int32)
    step = Resample(spacing_mm=1.0, order=3, round_to_integers=True)
    return {
        "A": (hounsfield, region > 0, spacing_mm),
        "B": (step(hounsfield, spacing_mm), step.on_mask(region, spacing_mm) > 0, (1.0, 1.0, 1.0)),
    }


@pytest.mark.parametrize("test_id", list(dict.fromkeys(row["filter_id"] for row in VALUES)))
def test_the_statistics_of_a_response_are_within_tolerance(ct_phantom, test_id):
    rows = [row for row in VALUES if row["filter_id"] == test_id]
    image, region, spacing_mm = ct_phantom[rows[0]["config"]]
    box = ndimage.find_objects(region.astype(np.uint8))[0]
    kept = region[box] & (image[box] >= -1000) & (image[box] <= 400)
    wanted = phase2_filter(rows[0])
    response = image[box] if wanted is None else next(responses_in_box([wanted], image, box, spacing_mm))[1]
    found = intensity_statistics(region_of(response[kept]))
    columns = {ibsi: f"stat_{word}" for word, _, ibsi, *_ in FEATURES}
    for row in rows:
        value = found[columns[row["ibsi_id"]]]
        assert value == pytest.approx(float(row["reference_value"]), abs=float(row["tolerance"])), row["feature"]
