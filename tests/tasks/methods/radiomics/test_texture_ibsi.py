"""Texture against the reference values of the Image Biomarker Standardisation Initiative (Radiology 2020)."""

import nibabel
import numpy as np
import pandas as pd
import pytest

from tasks.methods.preprocessing.resample import Resample
from tasks.methods.radiomics import glcm, gldzm, glrlm, glszm, ngldm, ngtdm
from tasks.methods.radiomics.binning import AsIs, FixedNumber, FixedSize
from tasks.methods.radiomics.grey import grey_volume
from tasks.methods.radiomics.texture import texture

pytestmark = pytest.mark.shared
FAMILIES = {
    "cooccurrence": glcm,
    "run_length": glrlm,
    "size_zone": glszm,
    "distance_zone": gldzm,
    "tone_difference": ngtdm,
    "dependence": ngldm,
}
IN_SLICES = ["2d_avg", "2d_mrg", "2.5d_avg", "2.5d_mrg"]
IN_VOLUME = ["3d_avg", "3d_mrg"]


def read(path):
    """Return voxels (z, y, x) and spacing of a NIfTI file."""
    file = nibabel.load(path)
    return np.asarray(file.dataobj).T, tuple(float(mm) for mm in file.header.get_zooms()[::-1])


def compared(found, table):
    """Return how many values a table has of those found, having compared each."""
    rows = table.set_index(["ibsi_id", "aggregation"])
    number = 0
    for name, family in FAMILIES.items():
        ways = IN_SLICES + IN_VOLUME if name in ("cooccurrence", "run_length") else ["2d", "2.5d", "3d"]
        for word, _, code, *_ in family.FEATURES:
            for way in ways:
                column = f"{family.PREFIX}_{word}_{way.replace('.', '')}"
                if column not in found:
                    continue
                row = rows.loc[(code, way.replace("d", "D"))]
                rounded = float(f"{found[column]:.3g}")
                assert rounded == pytest.approx(row["reference_value"], abs=row["tolerance"] + 1e-9), column
                if "precise_value" in row:
                    assert found[column] == pytest.approx(row["precise_value"], rel=1e-4), column
                number += 1
    return number


def test_the_digital_phantom_has_its_reference_values(shared_data):
    folder = shared_data / "ibsi" / "ibsi1_digital_phantom"
    image, _ = read(folder / "phantom.nii.gz")
    mask = read(folder / "mask.nii.gz")[0] > 0
    grey = grey_volume(image.astype(float), mask, AsIs())
    found = texture(grey, mask, FAMILIES, IN_SLICES + IN_VOLUME)
    table = pd.read_csv(shared_data / "ibsi" / "ibsi1_digital_precise.csv")
    assert compared(found, table) == len(found) == 6 * (25 + 16) + 3 * (16 + 16 + 5 + 17)


def prepared(folder, config):
    """Return image, mask and kept voxels as a configuration of IBSI-1 says."""
    image, spacing_mm = read(folder / "phantom.nii.gz")
    mask = np.rint(read(folder / "mask.nii.gz")[0]).astype(np.int32)
    hounsfield, region = np.rint(image.astype(np.float32)).astype(float), mask > 0
    if config != "A":
        new_mm = (spacing_mm[0] if config == "B" else 2.0, 2.0, 2.0)
        step = Resample(spacing_mm=new_mm, order=3 if config == "E" else 1, round_to_integers=True)
        hounsfield, region = step(hounsfield, spacing_mm).astype(float), step.on_mask(mask, spacing_mm) > 0
    kept = region.copy()
    if config != "D":
        kept &= (hounsfield >= (-500 if config in "AB" else -1000)) & (hounsfield <= 400)
    if config in "DE":
        values = hounsfield[kept]
        kept &= np.abs(hounsfield - values.mean()) <= 3 * values.std()
    return hounsfield, region, kept


@pytest.mark.parametrize("config", ["A", "B", "C", "D", "E"])
def test_the_ct_phantom_has_its_reference_values(shared_data, config):
    hounsfield, region, kept = prepared(shared_data / "ibsi" / "ibsi1_ct_phantom", config)
    binning = {"A": FixedSize(size=25, start=-500), "C": FixedSize(size=25, start=-1000)}.get(config, FixedNumber())
    found = texture(
        grey_volume(hounsfield, kept, binning), region, FAMILIES, IN_SLICES if config in "AB" else IN_VOLUME
    )
    table = pd.read_csv(shared_data / "ibsi" / "ibsi1_reference.csv")
    table = table[(table["dataset"] == "ct_phantom") & (table["config"] == config)]
    assert compared(found, table) == len(found) == (272 if config in "AB" else 136)
