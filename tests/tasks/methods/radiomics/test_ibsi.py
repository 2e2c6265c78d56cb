"""The reference values of the Image Biomarker Standardisation Initiative (Zwanenburg et al., Radiology 2020)."""

import nibabel
import numpy as np
import pandas as pd
import pytest

from tasks.methods.preprocessing.resample import Resample
from tasks.methods.radiomics.cooccurrence import Cooccurrence
from tasks.methods.radiomics.intensity_statistics import IntensityStatistics
from tasks.methods.radiomics.shape import Shape

pytestmark = pytest.mark.shared
SIX_LEVELS = {"binning": "fixed_size", "bin_size": 1.0, "bin_start": 1.0}
CT_BINS = {"C": {"binning": "fixed_size", "bin_size": 25.0, "bin_start": -1000.0}, "D": {}, "E": {}}
AGGREGATIONS = {"IAZD": "3D_mrg", "ITBB": "3D_avg", "DHQ4": None}


def extractors(bins):
    return [
        IntensityStatistics(),
        Shape(),
        Cooccurrence(**bins),
        Cooccurrence(aggregation="averaged", **bins),
    ]


def read(path):
    """Return voxels (z, y, x) and spacing of a NIfTI file."""
    file = nibabel.load(path)
    return np.asarray(file.dataobj).T, tuple(float(mm) for mm in file.header.get_zooms()[::-1])


def reference_of(definition, table):
    aggregation = AGGREGATIONS[definition.aggregation]
    of_feature = table[table["ibsi_id"] == definition.ibsi]
    rows = of_feature[of_feature["aggregation"].fillna("") == (aggregation or "")]
    assert len(rows) == 1, definition.column
    return rows.iloc[0]


def conformant(extractor):
    return [definition for definition in extractor.definitions() if definition.conformant]


@pytest.fixture
def ct_phantom(shared_data):
    folder = shared_data / "ibsi" / "ibsi1_ct_phantom"
    image, spacing_mm = read(folder / "phantom.nii.gz")
    mask, _ = read(folder / "mask.nii.gz")
    return np.rint(image.astype(np.float32)), np.rint(mask).astype(np.int32), spacing_mm


@pytest.mark.parametrize("extractor", extractors(SIX_LEVELS), ids=lambda extractor: extractor.method)
def test_the_digital_phantom_has_its_reference_values(shared_data, extractor):
    folder = shared_data / "ibsi" / "ibsi1_digital_phantom"
    image, spacing_mm = read(folder / "phantom.nii.gz")
    mask, _ = read(folder / "mask.nii.gz")
    table = pd.read_csv(shared_data / "ibsi" / "ibsi1_digital_precise.csv")
    found = extractor(image, mask > 0, spacing_mm)
    for definition in conformant(extractor):
        row = reference_of(definition, table)
        value = found[definition.column]
        assert float(f"{value:.3g}") == pytest.approx(row["reference_value"], abs=row["tolerance"] + 1e-9)
        assert value == pytest.approx(row["precise_value"], rel=1e-4), definition.column


def prepared(phantom, config):
    """Resample, round and leave out as a configuration of IBSI-1 says; left out voxels are missing."""
    image, mask, spacing_mm = phantom
    step = Resample(spacing_mm=2.0, order=3 if config == "E" else 1, round_to_integers=True)
    hounsfield = step(image, spacing_mm).astype(np.float64)
    region = step.on_mask(mask, spacing_mm) > 0
    kept = region.copy()
    if config in "CE":
        kept &= (hounsfield >= -1000) & (hounsfield <= 400)
    if config in "DE":
        values = hounsfield[kept]
        kept &= np.abs(hounsfield - values.mean()) <= 3 * values.std()
    return np.where(region & ~kept, np.nan, hounsfield), region


@pytest.mark.parametrize("config", ["C", "D", "E"])
def test_the_ct_phantom_has_its_reference_values(shared_data, ct_phantom, config):
    table = pd.read_csv(shared_data / "ibsi" / "ibsi1_reference.csv")
    table = table[(table["dataset"] == "ct_phantom") & (table["config"] == config)]
    image, region = prepared(ct_phantom, config)
    for extractor in extractors(CT_BINS[config]):
        found = extractor(image, region, (2.0, 2.0, 2.0))
        for definition in conformant(extractor):
            row = reference_of(definition, table)
            if pd.notna(row["reference_value"]):
                rounded = float(f"{found[definition.column]:.3g}")
                assert rounded == pytest.approx(row["reference_value"], abs=row["tolerance"] + 1e-9), definition.column


@pytest.mark.parametrize("config", ["C", "D", "E"])
def test_the_ct_phantom_keeps_the_voxels_that_ibsi_keeps(shared_data, ct_phantom, config):
    table = pd.read_csv(shared_data / "ibsi" / "ibsi1_diagnostics.csv").set_index(["config", "tag"])["reference_value"]
    image, region = prepared(ct_phantom, config)
    found = IntensityStatistics()(image, region, (2.0, 2.0, 2.0))
    assert region.sum() == table[config, "int_mask_vox_count_interp_roi"]
    assert found["stat_voxel_count"] == table[config, "int_mask_vox_count_reseg_roi"]
