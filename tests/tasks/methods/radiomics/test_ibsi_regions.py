"""Reference values of IBSI-1 for form, local intensity, statistics, histogram and intensity-volume histogram."""

import nibabel
import numpy as np
import pandas as pd
import pytest

from tasks.methods.preprocessing.resample import Resample
from tasks.methods.radiomics import (
    intensity_histogram,
    intensity_statistics,
    local_intensity,
    morphology,
    spatial,
    volume_histogram,
)
from tasks.methods.radiomics.binning import AsIs, FixedNumber, FixedSize
from tasks.methods.radiomics.grey import grey_volume
from tasks.methods.radiomics.kept import kept_voxels
from tests.tasks.methods.radiomics.boxes import boxed

pytestmark = pytest.mark.shared
FAMILIES = {
    "morph": [morphology, spatial],
    "loc": [local_intensity],
    "stat": [intensity_statistics],
    "ih": [intensity_histogram],
    "ivh": [volume_histogram],
}
VALUES = 23 + 2 + 2 + 18 + 23 + 6
"""Reference values of a configuration for these families."""
IVH_WORDS = {"v10": "ivh_v10", "v90": "ivh_v90", "i10": "ivh_i10", "i90": "ivh_i90"}
CONFIGS = {
    "A": (FixedSize(size=25.0, start=-500.0), AsIs(), (-500.0, 400.0)),
    "B": (FixedNumber(number=32), AsIs(), (-500.0, 400.0)),
    "C": (FixedSize(size=25.0, start=-1000.0), FixedSize(size=2.5, start=-1000.0), (-1000.0, 400.0)),
    "D": (FixedNumber(number=32), AsIs(), (None, None)),
    "E": (FixedNumber(number=32), FixedNumber(number=1000), (-1000.0, 400.0)),
}


def read(path):
    """Return voxels (z, y, x) and spacing of a NIfTI file."""
    file = nibabel.load(path)
    return np.asarray(file.dataobj).T, tuple(float(mm) for mm in file.header.get_zooms()[::-1])


def measured(region, binning, volume_binning, bounds):
    """Return all families of a region, passing on what was gathered once."""
    kept = kept_voxels(region)
    grey = grey_volume(region.values, region.kept, binning)
    return (
        morphology.morphology(region, kept)
        | spatial.spatial(region, kept)
        | local_intensity.local_intensity(region, kept)
        | intensity_statistics.intensity_statistics(kept)
        | intensity_histogram.intensity_histogram(grey.histogram)
        | volume_histogram.volume_histogram(kept, volume_binning, *bounds)
    )


def references(table):
    """Yield column and row for each feature of these families that has a reference value."""
    table = table[table["aggregation"].fillna("").isin(["", "DHQ4"])]
    for family, modules in FAMILIES.items():
        for module in modules:
            for word, _, ibsi, *_ in module.FEATURES:
                rows = table[table["ibsi_id"] == ibsi]
                if word in IVH_WORDS:
                    rows = rows[rows["tag"] == IVH_WORDS[word]]
                if ibsi is not None and word not in getattr(module, "UNCONFIRMED", ()):
                    assert len(rows) == 1, (family, word)
                    yield f"{family}_{word}", rows.iloc[0]


def assert_agrees(value, row):
    rounded = float(f"{value:.3g}")
    assert rounded == pytest.approx(row["reference_value"], abs=row["tolerance"] + 1e-9), row["tag"]


def test_the_digital_phantom_has_its_reference_values(shared_data):
    folder = shared_data / "ibsi" / "ibsi1_digital_phantom"
    image, spacing_mm = read(folder / "phantom.nii.gz")
    mask, _ = read(folder / "mask.nii.gz")
    found = measured(boxed(image, mask > 0, spacing_mm), AsIs(), AsIs(), (None, None))
    rows = list(references(pd.read_csv(shared_data / "ibsi" / "ibsi1_digital_precise.csv")))
    assert len(rows) == VALUES
    for column, row in rows:
        assert_agrees(found[column], row)
        assert found[column] == pytest.approx(row["precise_value"], rel=1e-4), column


@pytest.fixture(scope="module")
def ct_phantom(shared_data):
    folder = shared_data / "ibsi" / "ibsi1_ct_phantom"
    image, spacing_mm = read(folder / "phantom.nii.gz")
    mask, _ = read(folder / "mask.nii.gz")
    return np.rint(image.astype(np.float32)), np.rint(mask).astype(np.int32), spacing_mm


def prepared(phantom, config):
    """Resample, round and leave out as a configuration of IBSI-1 says."""
    image, mask, spacing_mm = phantom
    if config != "A":
        new_mm = (spacing_mm[0], 2.0, 2.0) if config == "B" else (2.0, 2.0, 2.0)
        step = Resample(spacing_mm=new_mm, order=3 if config == "E" else 1, round_to_integers=True)
        image, mask, spacing_mm = step(image, spacing_mm), step.on_mask(mask, spacing_mm), new_mm
    image, kept = image.astype(np.float64), mask > 0
    low, high = CONFIGS[config][2]
    if low is not None:
        kept &= (image >= low) & (image <= high)
    if config in "DE":
        inside = image[kept]
        kept &= np.abs(image - inside.mean()) <= 3 * inside.std()
    return boxed(image, mask > 0, spacing_mm, kept)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_ct_phantom_has_its_reference_values(shared_data, ct_phantom, config):
    table = pd.read_csv(shared_data / "ibsi" / "ibsi1_reference.csv")
    table = table[(table["dataset"] == "ct_phantom") & (table["config"] == config)]
    diagnostics = pd.read_csv(shared_data / "ibsi" / "ibsi1_diagnostics.csv").set_index(["config", "tag"])
    region = prepared(ct_phantom, config)
    found = measured(region, *CONFIGS[config])
    assert found["stat_voxel_count"] == diagnostics.loc[(config, "int_mask_vox_count_reseg_roi"), "reference_value"]
    rows = list(references(table))
    assert len(rows) == VALUES
    without = [column for column, row in rows if pd.isna(row["reference_value"])]
    for column, row in rows:
        if column not in without:
            assert_agrees(found[column], row)
    # the reference manual leaves open only what its teams did not agree on
    assert len(without) <= 1
