"""Real files of many kinds against dcm2niix's voxels and affines, or refused for the reason they exist for."""

from __future__ import annotations

import csv
import hashlib

import numpy as np
import pytest

from data_catalog.errors import BadData
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.parse import parse
from tasks.formats.dicom.pixels import stored_values
from tasks.formats.dicom.series import group_series
from tasks.formats.dicom.volume import read_series

pytestmark = pytest.mark.shared

READ = {
    "base_explicit_mr": "4_.nii.gz",
    "j2k_lossless_mr": "4_.nii.gz",
    "rle_mr": "4_.nii.gz",
    "too_few_slices_mr": "4_.nii.gz",
    "single_slice_mr": "4_.nii.gz",
    "non_isotropic_mr": "201_.nii.gz",
    "multi_fragment_j2k": "6001_anat-T1w_acq-tfl.nii.gz",
    "legacy_enhanced_ct": "123456_Multiframe_image_24x38x3.nii.gz",
    "seg_ct_24x38x3": "123456_Image_24x38x3.nii.gz",
    "parametric_map": "1_.nii.gz",
    "rgb_volume": "747197466_T1_WM_AX.nii.gz",
    "rtstruct_ct": "3_PHANTOM_EXAMPLE.nii.gz",
}
REFUSED = {
    "missing_slice_ct": "missing_slice",
    "ge_fmri_4d": "conflicting_slices",
    "philips_enhanced_4d": "conflicting_slices",
    "transfer_syntaxes_mr": "multiframe_not_supported",
    "jpeg_lossless_mr": "codec_missing",
    "htj2k_rgb": "codec_missing",
    "jpegls_variants": "codec_missing",
    "colour_palette_us": "colour_not_supported",
    "enhanced_mr_small": "corrupt_file",
}
"""The reason of at least one file of the case."""


def files_of(shared, case):
    return [path.read_bytes() for path in sorted((shared / "dicom_zoo" / case).iterdir()) if path.is_file()]


def volumes_of(shared, case, identities):
    files = files_of(shared, case)
    series = group_series([read_header(data, identities) for data in files])
    return [read_series([files[member] for member in one.members]) for one in series]


def oracles_of(shared, case):
    with (shared / "dicom_zoo" / "oracle_dcm2niix.csv").open(newline="") as stream:
        return {row["nifti"]: row for row in csv.DictReader(stream) if row["case"] == case}


def affine_of(oracle):
    return np.array([[float(oracle[f"a{i}{j}"]) for j in range(4)] for i in range(3)] + [[0, 0, 0, 1]])


def rounding_of(oracle, shape):
    """Return how far a corner may be off because the oracle is printed with six digits."""
    halves = np.array(
        [
            [0.5 * 10 ** (np.floor(np.log10(max(abs(value), 1e-6))) - 5) for value in row]
            for row in affine_of(oracle)[:3]
        ]
    )
    return float((halves @ np.array([*shape, 1])).max())


def to_ras(geometry):
    """Return the affine from our index (k, j, i) to RAS (x, y, z)."""
    turn = np.zeros((4, 4))
    turn[0, 2], turn[1, 1], turn[2, 0], turn[3, 3] = -1, -1, 1, 1
    return turn @ geometry.affine()


def in_their_order(values, geometry, oracle):
    """Return our voxels with the axes and directions of the oracle, and how far the corners are apart."""
    theirs, ours = affine_of(oracle), to_ras(geometry)
    mapping = np.linalg.solve(theirs, ours)
    order = np.rint(mapping[:3, :3])
    assert np.abs(order).sum(axis=0).tolist() == np.abs(order).sum(axis=1).tolist() == [1, 1, 1]
    axes = [int(np.flatnonzero(row)[0]) for row in order]
    last = np.array(geometry.shape) - 1
    corners = np.array(np.meshgrid(*[(0, n) for n in last], indexing="ij")).reshape(3, -1)
    index = order @ corners
    index -= index.min(axis=1, keepdims=True)
    ones = np.ones((1, 8))
    apart = np.abs(ours @ np.vstack([corners, ones]) - theirs @ np.vstack([index, ones])).max()
    moved = np.moveaxis(values, 0, -1) if values.ndim > 3 else values
    flips = tuple(slice(None, None, -1 if order[i, axes[i]] < 0 else 1) for i in range(3))
    return moved.transpose(*axes, *range(3, moved.ndim))[flips], float(apart)


def digests_of(turned, oracle):
    """Return the digests of voxels as stored, and as float64, which nibabel gives where there is an intercept."""
    stored = np.uint8 if "R" in oracle["dtype"] else np.dtype(oracle["dtype"])
    return [hashlib.sha256(np.ascontiguousarray(turned, dtype=dtype)).hexdigest() for dtype in (stored, np.float64)]


@pytest.mark.parametrize("case", READ)
def test_a_real_series_has_the_voxels_and_the_corners_of_dcm2niix(shared, identities, case):
    files = [data for data in files_of(shared, case) if parse(data).pixel_keyword and b"SEG " not in data[:2000]]
    values, geometry, _ = read_series(files)
    oracle = oracles_of(shared, case)[READ[case]]
    turned, apart = in_their_order(values, geometry, oracle)
    assert "x".join(map(str, turned.shape[:3])) == oracle["shape"]
    assert apart < 1e-4 + rounding_of(oracle, turned.shape[:3])
    if oracle["dtype"] == "float32" and case != "parametric_map":
        assert turned.mean() == pytest.approx(float(oracle["mean"]), rel=1e-5)
        assert turned.max() == pytest.approx(float(oracle["max"]), rel=1e-5)
        return
    if np.isnan(turned).any():  # padding, which dcm2niix keeps
        turned = np.nan_to_num(turned, nan=float(oracle["min"]))
    assert oracle["sha256_of_C_order_data"] in digests_of(turned, oracle)


def test_two_orientations_in_one_series_are_two_volumes(shared, identities):
    oracles = oracles_of(shared, "mixed_orientation_mr").values()
    found = set()
    for values, geometry, _ in volumes_of(shared, "mixed_orientation_mr", identities):
        for oracle in oracles:
            if np.abs(np.linalg.solve(affine_of(oracle), to_ras(geometry))[:3, :3]).max() < 1.01:
                turned, apart = in_their_order(values, geometry, oracle)
                assert apart < 1e-4 + rounding_of(oracle, turned.shape)
                digest = hashlib.sha256(np.ascontiguousarray(turned)).hexdigest()
                assert digest == oracle["sha256_of_C_order_data"]
                found.add(oracle["nifti"])
    assert len(found) == len(oracles) == 2


def test_a_tilted_gantry_keeps_the_positions_of_its_slices(shared, identities):
    ((values, geometry, attributes),) = volumes_of(shared, "gantry_tilt_ct", identities)
    # dcm2niix writes the distance between the planes (5 mm times the cosine of 14 degrees) as the third
    # column; the headers place the slices 5 mm apart along z.
    assert geometry.spacing_mm[0] == pytest.approx(5.0)
    assert attributes["corrections"] == ["a gantry tilt of 14.0 degrees is kept as a shear"]
    oracle = oracles_of(shared, "gantry_tilt_ct")["4_.nii.gz"]
    turned = values.transpose(2, 1, 0)[:, ::-1]
    assert oracle["sha256_of_C_order_data"] in digests_of(turned, oracle)
    first_row_last = geometry.to_mm(np.array([0, 511, 0]))[::-1] * (-1, -1, 1)
    assert np.abs(first_row_last - affine_of(oracle)[:3, 3]).max() < 1e-3


def test_frames_of_several_encodings_agree(shared):
    folder = shared / "dicom_zoo" / "enhanced_mr_small"
    names = ("emri_small", "emri_small_RLE", "emri_small_big_endian", "emri_small_jpeg_2k_lossless")
    frames = [stored_values(parse((folder / f"{name}.dcm").read_bytes())) for name in names]
    assert frames[0].shape == (10, 64, 64)
    assert all(np.array_equal(values, frames[0]) for values in frames)


@pytest.mark.parametrize("case", REFUSED)
def test_a_real_case_is_refused_for_the_reason_it_exists_for(shared, identities, case):
    files = files_of(shared, case)
    attempts = [files] if case in {"missing_slice_ct", "ge_fmri_4d", "jpeg_lossless_mr"} else [[data] for data in files]
    verdicts = set()
    for attempt in attempts:
        try:
            read_series(attempt)
        except BadData as refusal:
            verdicts.add(refusal.verdict)
    assert REFUSED[case] in verdicts
