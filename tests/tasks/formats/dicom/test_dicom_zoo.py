"""Real files of many kinds against dcm2niix's voxels and affines, or refused for the reason they exist for.

The page docs/reference/dicom-cases.md says what came out. To write it anew, run `python -m pytest` on this file with
VOXMINE_WRITE_CASES=1 in the environment.
"""

from __future__ import annotations

import csv
import hashlib
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.parse import parse, parse_header
from tasks.formats.dicom.seg import read_segment, segment_names
from tasks.formats.dicom.series import group_series
from tasks.formats.dicom.volume import read_series
from tasks.formats.identities import Identities
from tests.frames import stored_values

pytestmark = pytest.mark.shared

ROOT = Path(__file__).parents[4]
ZOO = ROOT.parent / "shared" / "data" / "dicom_zoo"
PAGE = ROOT / "docs" / "reference" / "dicom-cases.md"
OPENING = """\
# Real DICOM of many kinds: what came out

This page is made by `tests/tasks/formats/dicom/test_dicom_zoo.py`, which reads 28 cases of real files and compares
each volume with what dcm2niix writes of the same files; the test fails when the page is out of date.

"Equal" means that every voxel is that of dcm2niix and no corner of the grid lies more than 1e-4 mm from its own, whose
matrix is known with six digits. A case that cannot be a volume stands with the verdict it exists for. Images that
state no pixel size are refused as `unknown_pixel_size`; what they hold is compared with 1 mm given, as dcm2niix
takes it.

| case | what it is | verdict | volumes | against dcm2niix |
|---|---|---|---|---|
"""
CORNERS_MM = 1e-4
CLOSE = 3e-5
"""What scaled values may be off, as a share of the range: dcm2niix scales in single precision."""
UNMET = {
    "missing_slice_ct": ({"2_.nii.gz"}, "it writes the volume with the hole, and one that is interpolated"),
    "colour_palette_us": ({"1_.nii.gz"}, "it writes the indices, equal to ours before they are looked up"),
}
"""Volumes of dcm2niix that none of ours equals, and why."""
RESAMPLED = ("_Eq_", "_Tilt_")
"""Volumes that dcm2niix interpolates; ours stay as they were taken."""


def names():
    if not ZOO.is_dir():
        return []
    with (ZOO / "cases.csv").open(newline="") as stream:
        return [row["case"] for row in csv.DictReader(stream)]


@cache
def files_of(case):
    return tuple(path.read_bytes() for path in sorted((ZOO / case).iterdir()) if path.is_file())


@cache
def oracles_of(case):
    with (ZOO / "oracle_dcm2niix.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["case"] == case and row["nifti"]]
    return [row for row in rows if not any(word in row["nifti"] for word in RESAMPLED)]


@cache
def groups_of(case):
    """Return the files of each image series; a file that does not say whose it is stands alone."""
    headers, alone = [], []
    for data in files_of(case):
        try:
            headers.append((data, read_header(Held(data), Identities(b"a key for tests only, 32 bytes.."))))
        except BadData:
            alone.append([data])
    found = group_series([header for _, header in headers])
    return [*([headers[index][0] for index in series.members] for series in found), *alone]


# --- comparing


def affine_of(oracle):
    return np.array([[float(oracle[f"a{i}{j}"]) for j in range(4)] for i in range(3)] + [[0, 0, 0, 1]])


def rounding_of(oracle, shape):
    """Return how far a corner may be off because the oracle is printed with six digits."""
    sizes = np.maximum(np.abs(affine_of(oracle)[:3]), 1e-6)
    return float((0.5 * 10.0 ** (np.floor(np.log10(sizes)) - 5) @ np.array([*shape, 1])).max())


def to_ras(geometry):
    """Return the affine from our index (k, j, i) to RAS (x, y, z)."""
    turn = np.zeros((4, 4))
    turn[0, 2], turn[1, 1], turn[2, 0], turn[3, 3] = -1, -1, 1, 1
    return turn @ geometry.affine()


def turned(values, geometry, oracle, leading, *, placed):
    """Return our voxels as (x, y, z, ...) of the oracle, and how far the corners of all and of one slice are apart."""
    ours = to_ras(geometry)
    theirs = affine_of(oracle) if placed else np.diag([-1, 1, 1, 1]) @ np.abs(affine_of(oracle))
    mapping = np.linalg.solve(theirs, ours)[:3, :3]
    order = np.rint(mapping)
    if np.abs(order).sum(axis=0).tolist() != [1, 1, 1] or np.abs(order).sum(axis=1).tolist() != [1, 1, 1]:
        return None
    axes = [int(np.flatnonzero(row)[0]) for row in order]
    flips = tuple(slice(None, None, -1 if order[i, axes[i]] < 0 else 1) for i in range(3))
    space = values.ndim - 3
    moved = np.moveaxis(values, range(space), range(3, values.ndim)) if leading else values
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in geometry.shape], indexing="ij")).reshape(3, -1)
    index = order @ corners
    index -= index.min(axis=1, keepdims=True)
    ones = np.ones((1, 8))
    apart = np.abs(ours @ np.vstack([corners, ones]) - theirs @ np.vstack([index, ones])).max(axis=0)
    turned_values = moved.transpose(*axes, *range(3, values.ndim))[flips]
    return turned_values, float(apart.max()), float(apart[corners[0] == 0].max())


def same_voxels(values, oracle):
    """Say how our voxels equal the oracle's: exactly, but for the padding, or within the rounding of a scale."""
    shape = "x".join(map(str, values.shape[:3] if "R" in oracle["dtype"] else values.shape))
    if shape != oracle["shape"]:
        return None
    filled = np.nan_to_num(values, nan=float(oracle["min"]))
    stored = np.uint8 if "R" in oracle["dtype"] else np.dtype(oracle["dtype"])
    digests = {
        hashlib.sha256(np.ascontiguousarray(filled, dtype=kind)).hexdigest()
        for kind in (stored, np.float64, np.float32)
    }
    if oracle["sha256_of_C_order_data"] in digests:
        return "equal, padding made missing" if np.isnan(values).any() else "equal"
    span = float(oracle["max"]) - float(oracle["min"])
    ours = (filled.min(), filled.max(), filled.mean(dtype=np.float64))
    close = all(
        abs(a - float(oracle[name])) <= CLOSE * span for a, name in zip(ours, ("min", "max", "mean"), strict=True)
    )
    return "equal within the rounding of the scale" if close and filled.dtype.kind == "f" else None


def compared(volume, oracle):
    """Say how a volume equals an oracle, None if it is another."""
    values, geometry, attributes = volume
    leading = [name for name in attributes["dims"] if name not in "zyx"]
    placed = not any(one["name"] == "pixel_size_given" for one in attributes["corrections"])
    found = turned(np.asarray(values), geometry, oracle, leading, placed=placed)
    if found is None:
        return None
    how, limit = same_voxels(found[0], oracle), CORNERS_MM + rounding_of(oracle, found[0].shape[:3])
    if how is None or not placed:
        return how and f"{how}; it has no place"
    if found[1] <= limit:
        return how
    if found[2] <= limit and any(one["name"] == "gantry_tilt" for one in attributes["corrections"]):
        return f"{how}; the shear is kept, which dcm2niix's third column does not hold"
    return None


def parts_of(volume):
    """Yield a volume, and the volumes of each step along its first axis: dcm2niix writes some as files of their own."""
    values, geometry, attributes = volume
    yield volume
    dims = attributes["dims"]
    if dims[0] in {"part", "echo"}:
        for step in values:
            yield step, geometry, {**attributes, "dims": dims[1:]}


# --- the table


def shown(volume):
    values, geometry, attributes = volume
    sizes = " x ".join(f"{n} {name}" for n, name in zip(values.shape, attributes["dims"], strict=True))
    spacing = " x ".join(f"{step:.4g}" for step in geometry.spacing_mm)
    return f"{sizes}, {spacing} mm, {values.dtype}, unit {attributes['unit']}"


def read_case(case):
    """Return the verdicts, the volumes, and how each oracle of a case is met."""
    verdicts, volumes = [], []
    for group in groups_of(case):
        contents = [Held(data) for data in group]
        try:
            volumes.append(read_series(contents))
        except BadData as refusal:
            verdicts.append(refusal.verdict)
            if refusal.verdict == "unknown_pixel_size":
                volumes.append(read_series(contents, pixel_size_mm=(1.0, 1.0)))
    verdicts += [
        one["name"] for volume in volumes for one in volume[2]["corrections"] if one["name"] != "pixel_size_given"
    ]
    return list(dict.fromkeys(verdicts)), volumes


def met(case, volumes):
    """Return for each oracle of an image how it is met, None if it is not."""
    parts = [part for volume in volumes for part in parts_of(volume)]
    return {
        oracle["nifti"]: next(filter(None, (compared(part, oracle) for part in parts)), None)
        for oracle in oracles_of(case)
        if not is_segmentation(case, oracle)
    }


def is_segmentation(case, oracle):
    return case.startswith(("seg_", "sr_")) and "Image" not in oracle["nifti"]


def regions_of(case):
    """Say what the segmentations of a case hold."""
    found = []
    for data in files_of(case):
        header = parse_header(Held(data)).dataset
        if header.text("Modality") != "SEG":
            continue
        try:
            names_ = segment_names(header)
            voxels = sum(sum(int(one.inside.sum()) for one in read_segment(Held(data), name)[0]) for name in names_)
            found.append(f"{len(names_)} regions of {voxels} voxels")
        except BadData as refusal:
            found.append(refusal.verdict)
    return sorted(set(found))


@cache
def row(case):
    verdicts, volumes = read_case(case)
    hows = list(dict.fromkeys(how or UNMET[case][1] for how in met(case, volumes).values()))
    regions = regions_of(case)
    texts = list(dict.fromkeys(map(shown, volumes)))
    with (ZOO / "cases.csv").open(newline="") as stream:
        what = {one["case"]: one["what"] for one in csv.DictReader(stream)}[case]
    return (
        f"`{case}`",
        what,
        ", ".join(f"`{name}`" for name in verdicts) or "accepted",
        "<br>".join([*texts, *regions]) or "none",
        "; ".join(hows) or ("segmentations only" if regions else "it writes none"),
    )


def page():
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row(case)) + " |" for case in names()]
    return OPENING + "\n".join(lines) + "\n"


# --- the tests

VERDICTS = {
    "missing_slice_ct": {"missing_slice"},
    "gantry_tilt_ct": {"gantry_tilt"},
    "single_slice_mr": {"slice_depth_assumed"},
    "ge_fmri_4d": {"time_counted"},
    "transfer_syntaxes_mr": {"duplicate_slices"},
    "philips_enhanced_4d": {"philips_scale"},
    "rtstruct_ct": {"padding_made_missing"},
    "htj2k_rgb": {"unknown_pixel_size"},
    "jpegls_variants": {"unknown_pixel_size"},
    "colour_palette_us": {"unknown_pixel_size"},
    "enhanced_mr_small": {"multiframe_not_supported"},
    "malformed": {"slice_depth_assumed"},
}
"""What is said of a case; the others are accepted as they are."""


@pytest.mark.parametrize("case", names())
def test_a_case_has_the_voxels_and_the_corners_of_dcm2niix_or_its_own_verdict(shared, case):
    verdicts, volumes = read_case(case)
    assert set(verdicts) == VERDICTS.get(case, set())
    assert {name for name, how in met(case, volumes).items() if how is None} == UNMET.get(case, [set()])[0]


def test_the_page_says_what_came_out(shared):
    if os.environ.get("VOXMINE_WRITE_CASES"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_two_orientations_in_one_series_are_two_volumes(shared):
    _, volumes = read_case("mixed_orientation_mr")
    assert len(volumes) == len(oracles_of("mixed_orientation_mr")) == 2


def test_a_tilted_gantry_keeps_the_positions_of_its_slices(shared):
    # dcm2niix writes the distance between the planes (5 mm times the cosine of 14 degrees) as the third
    # column; the headers place the slices 5 mm apart along z.
    _, ((_, geometry, attributes),) = read_case("gantry_tilt_ct")
    assert geometry.spacing_mm[0] == pytest.approx(5.0)
    text = "a gantry tilt of 14.0 degrees is kept as a shear"
    assert attributes["corrections"] == [{"name": "gantry_tilt", "text": text}]


def test_frames_of_several_encodings_agree_and_a_cut_one_is_refused(shared):
    folder = ZOO / "enhanced_mr_small"
    encodings = ("", "_RLE", "_big_endian", "_jpeg_2k_lossless", "_jpeg_ls_lossless")
    frames = [stored_values(parse_header(Held((folder / f"emri_small{name}.dcm").read_bytes()))) for name in encodings]
    assert frames[0].shape == (10, 64, 64)
    assert all(np.array_equal(values, frames[0]) for values in frames)
    cut = Held((folder / "emri_small_jpeg_2k_lossless_too_short.dcm").read_bytes())
    with pytest.raises(BadData) as refusal:
        stored_values(parse_header(cut))
    assert refusal.value.verdict == "corrupt_file"


def test_the_interleavings_of_jpeg_ls_agree(shared):
    colours = [stored_values(parse((ZOO / "jpegls_variants" / f"JLSL_RGB_ILV{n}.dcm").read_bytes())) for n in range(3)]
    assert np.array_equal(colours[0], colours[1])
    assert np.array_equal(colours[0], colours[2])
    near = stored_values(parse((ZOO / "jpegls_variants" / "JLSN_RGB_ILV0.dcm").read_bytes()))
    assert 0 < np.abs(near.astype(int) - colours[0]).max() <= 3
    signed = stored_values(parse((ZOO / "jpegls_variants" / "JLSL_16_15_1_1F.dcm").read_bytes()))
    assert signed.min() < 0 < signed.max()


def test_the_indices_of_a_palette_are_those_of_dcm2niix_before_they_are_looked_up(shared):
    indices = stored_values(parse((ZOO / "colour_palette_us" / "OBXXXX1A_rle.dcm").read_bytes()))[0]
    (oracle,) = [one for one in oracles_of("colour_palette_us") if one["nifti"] == "1_.nii.gz"]
    assert hashlib.sha256(np.ascontiguousarray(indices[::-1].T)).hexdigest() == oracle["sha256_of_C_order_data"]
