"""What the DICOM benchmark measures with: series that say what they hold, and a comparison that can fail."""

from __future__ import annotations

import imagecodecs
import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from benchmarks.dicom_same import require_same
from benchmarks.dicom_series import ENCODINGS, INTERCEPT, planes, write_series
from data_catalog.geometry import Geometry
from data_catalog.kinds import VOLUME, volume
from data_catalog.lineage import Code, Record
from data_catalog.store import Store

SLICES, SIDE = 4, 32


def decoded(file, name):
    """Decode by another program than the one that encodes, where pydicom has one."""
    if name != "JPEG-LS":
        return file.pixel_array
    (frame,) = generate_frames(file.PixelData)
    return imagecodecs.jpegls_decode(frame)


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_series_holds_the_same_slices_in_every_encoding(tmp_path, name):
    assert write_series(tmp_path / "series", ENCODINGS[name], SLICES, SIDE) == SLICES * SIDE * SIDE * 2
    files = [dcmread(path) for path in (tmp_path / "series").iterdir()]
    files.sort(key=lambda file: file.ImagePositionPatient[2])
    assert [file.file_meta.TransferSyntaxUID for file in files] == [ENCODINGS[name].syntax] * SLICES
    for file, plane in zip(files, planes(SLICES, SIDE), strict=True):
        np.testing.assert_array_equal(decoded(file, name), plane)


def test_slices_look_like_ct():
    values = np.stack(list(planes(2, 128))) + float(INTERCEPT)
    assert values.min() >= INTERCEPT
    assert -1010 < np.median(values[:, :8]) < -990, "air around the body"
    assert 20 < np.median(values[:, 60:68, 12:20]) < 60, "soft tissue at its side"
    assert np.median(values[:, 60:68, 40:46]) < -750, "lung"


@pytest.fixture
def both(tmp_path):
    """Return a store with a volume, its digest, and the same volume as dcm2niix would write it: rows backwards."""
    values = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    geometry = Geometry(
        shape=(2, 3, 4), spacing_mm=(2.0, 0.5, 0.7), origin_mm=(5.0, -6.0, 7.0), direction=tuple(map(tuple, np.eye(3)))
    )

    def record(ref):
        code = Code(version="0", digest="0" * 64, places=())
        return Record(
            key="0" * 64, output=ref, stage="made", item="made", inputs={}, sources={}, parameters={}, code=code,
            python="3", started="2020-01-01T00:00:00+00:00", seconds=0.0, cpu_seconds=0.0,
        )  # fmt: skip

    ref = Store(tmp_path / "store").put(VOLUME, volume(values, geometry, unit="HU", modality="CT"), record)
    affine = np.diag([-0.7, 0.5, 2.0, 1.0])  # right, anterior, superior; rows from the last to the first
    affine[:3, 3] = (-7.0, 6.0 - 2 * 0.5, 5.0)

    def compare(change=lambda values, affine: None):
        theirs, place = values.transpose(2, 1, 0)[:, ::-1].copy(), affine.copy()
        change(theirs, place)
        nibabel.save(nibabel.Nifti1Image(theirs, place), tmp_path / "made.nii")
        require_same(tmp_path / "store", ref.digest, tmp_path / "made.nii")

    return compare


def test_the_same_volume_is_the_same_however_it_is_turned(both):
    both()


def test_one_voxel_more_is_seen(both):
    def change(values, _):
        values[1, 2, 1] += 1

    with pytest.raises(RuntimeError, match="voxels of both volumes differ"):
        both(change)


def test_another_place_is_seen(both):
    def change(_, affine):
        affine[2, 3] += 0.01

    with pytest.raises(RuntimeError, match="corners of both volumes lie"):
        both(change)


def test_a_flipped_axis_is_seen(both):
    def change(values, _):
        values[:] = values[::-1].copy()

    with pytest.raises(RuntimeError, match="voxels of both volumes differ"):
        both(change)
