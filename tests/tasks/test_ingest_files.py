"""From files of every image format to volumes."""

from __future__ import annotations

from io import BytesIO

import nibabel
import numpy as np
import pytest
import tifffile

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.kinds import VOLUME, geometry_of
from tasks.formats.content import Held
from tasks.ingest import read_volume
from tests.tasks.conftest import png, run, sources_of

RAMP = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
GRID = Geometry((2, 3, 4), (3.0, 2.0, 1.0))


def nifti(values):
    image = nibabel.Nifti1Image(np.asarray(values).T, np.diag([-1.0, -2.0, 3.0, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    return Held(image.to_bytes())


def tiff(values):
    stream = BytesIO()
    tifffile.imwrite(stream, values, photometric="minisblack", metadata=None)
    return Held(stream.getvalue())


def nrrd(values, body=None, fields=""):
    sizes = " ".join(map(str, values.shape[::-1]))
    head = (
        f"NRRD0004\ntype: uchar\ndimension: 3\nspace: LPS\nsizes: {sizes}\nencoding: raw\n"
        f"space directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (0,0,0)\n{fields}\n"
    )
    return Held(head.encode() + (values.astype(np.uint8).tobytes() if body is None else body))


def refusal_of(call, *given, **named):
    with pytest.raises(BadData) as refusal:
        call(*given, **named)
    return refusal.value.verdict


def test_an_image_becomes_a_volume():
    image = read_volume.function([nifti(RAMP)], modality="MR", unit="1")
    VOLUME.check(image)
    assert np.array_equal(image.values, RAMP)
    assert (image.attrs["modality"], image.attrs["unit"], image.attrs["corrections"]) == ("MR", "1", [])
    assert geometry_of(image) == GRID


def test_a_time_series_keeps_its_axis_and_times():
    image = read_volume.function([nifti(np.stack([RAMP, RAMP]))], modality="MR", unit="1")
    VOLUME.check(image)
    assert image.dims == ("t", "z", "y", "x")
    assert image["t"].values.tolist() == [0.0, 1.0]


def test_sizes_from_the_plan_reach_files_that_state_none():
    sizes = {"pixel_size_mm": 2.0, "slice_distance_mm": 3.0}
    image = read_volume.function([tiff(RAMP)], modality="XC", unit="1", **sizes)
    assert geometry_of(image).spacing_mm == (3.0, 2.0, 2.0)
    plane = read_volume.function([Held(png(RAMP[0]))], modality="US", unit="1", pixel_size_mm=2.0)
    assert geometry_of(plane).spacing_mm == (1.0, 2.0, 2.0)
    assert refusal_of(read_volume.function, [tiff(RAMP)], modality="XC", unit="1") == "no_pixel_size"


def test_a_second_file_holds_the_voxels():
    head = nrrd(RAMP, b"", "data file: 7.raw\n")
    image = read_volume.function([head, Held(RAMP.astype(np.uint8).tobytes())], modality="CT", unit="HU")
    assert np.array_equal(image.values, RAMP)
    assert refusal_of(read_volume.function, [head], modality="CT", unit="HU") == "missing_voxels"


def test_a_volume_is_kept_and_its_refusal_too(tmp_path, store):
    for name, content in (("good.nii", nifti(RAMP).data), ("bad.nii", b"x")):
        (tmp_path / name).write_bytes(content)
    parameters = {"modality": "MR", "unit": "1"}
    good = run(store, read_volume.job("P-1/v0/MR/a", {"files": sources_of(tmp_path / "good.nii")}, parameters))
    assert np.array_equal(store.open(good.ref).values, RAMP)
    bad = run(store, read_volume.job("P-1/v0/MR/b", {"files": sources_of(tmp_path / "bad.nii")}, parameters))
    assert bad.refusal.verdict == "unknown_format"
