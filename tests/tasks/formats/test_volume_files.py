"""Whatever holds an image or a label map is known by its first bytes and reads alike."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
from PIL import Image

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.formats.content import Held
from tasks.formats.tiff_scale import Scale
from tasks.formats.volume_files import read_image, read_labels

RAMP = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
GRID = Geometry((2, 3, 4), (4.0, 3.0, 2.0), (30.0, 20.0, 10.0))
SIZE = Scale(3.0, 2.0, 4.0)


def itk(values, ending):
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing(GRID.spacing_mm[::-1])
    image.SetOrigin(GRID.origin_mm[::-1])
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"image.{ending}"
        SimpleITK.WriteImage(image, str(path))
        beside = [other.read_bytes() for other in sorted(Path(folder).iterdir()) if other != path]
        return Held(path.read_bytes()), *map(Held, beside)


def tiff(values):
    stream = BytesIO()
    tifffile.imwrite(stream, values, photometric="minisblack", metadata=None)
    return Held(stream.getvalue())


def png(values):
    stream = BytesIO()
    Image.fromarray(np.asarray(values, np.uint8)).save(stream, "PNG")
    return Held(stream.getvalue())


def refusal_of(call, *given, **named):
    with pytest.raises(BadData) as refusal:
        call(*given, **named)
    return refusal.value.verdict


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "nrrd", "nhdr", "mha", "mhd", "hdr"])
def test_every_format_with_a_place_gives_the_same_volume(ending):
    values, geometry, attributes = read_image(*itk(RAMP, ending))
    assert np.array_equal(values, RAMP)
    assert np.abs(geometry.affine() - GRID.affine()).max() < 1e-4
    assert attributes["dims"] == ["z", "y", "x"]


def test_formats_without_a_place_take_their_size_from_elsewhere():
    values, geometry, _ = read_image(tiff(RAMP), scale=SIZE)
    assert np.array_equal(values, RAMP)
    assert geometry == Geometry((2, 3, 4), (4.0, 3.0, 2.0))
    values, geometry, _ = read_image(png(RAMP[0]), scale=SIZE)
    assert np.array_equal(values, RAMP[:1])
    assert geometry == Geometry((1, 3, 4), (1.0, 3.0, 2.0))
    assert refusal_of(read_image, png(RAMP[0])) == "no_pixel_size"
    assert refusal_of(read_image, png(RAMP[0]), scale=Scale(slice_mm=1.0)) == "no_pixel_size"


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"\x1f\x8b", gzip.compress(b"no image", mtime=0), b"\0" * 500, b"Key = 1\n"]
)
def test_other_files_are_refused(data):
    assert refusal_of(read_image, Held(data)) == "unknown_format"
    assert refusal_of(read_labels, Held(data), like=GRID, coded=False) == "unknown_format"


@pytest.mark.parametrize("ending", ["nii.gz", "nrrd", "mha"])
def test_a_label_map_lies_where_its_file_says(ending):
    labels, geometry, _ = read_labels(*itk((RAMP % 3).astype(np.uint8), ending), like=GRID, coded=True)
    assert (labels.dtype, labels.tolist()) == (np.int32, (RAMP % 3).tolist())
    geometry.require_same_grid(GRID)


def test_masks_without_a_place_lie_on_their_image():
    for mask, expected in ((tiff((RAMP % 3).astype(np.uint8)), RAMP % 3), (tiff(RAMP > 3), RAMP > 3)):
        labels, geometry, _ = read_labels(mask, like=GRID, coded=False)
        assert np.array_equal(labels, expected)
        assert geometry is GRID
    flat = Geometry((1, 3, 4), (1.0, 3.0, 2.0))
    grey = png(np.array(RAMP[0] % 3))
    assert np.array_equal(read_labels(grey, like=flat, coded=True)[0], RAMP[:1] % 3)
    assert np.array_equal(read_labels(grey, like=flat, coded=False)[0], RAMP[:1] % 3 == 2)


def test_a_mask_of_another_shape_is_refused():
    assert refusal_of(read_labels, tiff(RAMP), like=Geometry((2, 4, 3), (1.0, 1.0, 1.0)), coded=True) == "other_grid"
    assert refusal_of(read_labels, png(RAMP[0]), like=GRID, coded=True) == "other_grid"


def test_a_space_from_the_plan_reaches_the_reader():
    data = itk(RAMP, "nrrd")[0].data.replace(b"space: left-posterior-superior\n", b"space dimension: 3\n")
    assert refusal_of(read_image, Held(data)) == "unknown_position"
    assert read_image(Held(data), space="LPS")[1].origin_mm == GRID.origin_mm
    assert read_labels(Held(data), like=GRID, coded=True, space="LPS")[1].origin_mm == GRID.origin_mm


def test_the_same_volume_of_nibabel_is_the_same():
    affine = np.diag([-2.0, -3.0, 4.0, 1.0])
    affine[:3, 3] = (-10, -20, 30)
    image = nibabel.Nifti1Image(RAMP.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    values, geometry, _ = read_image(Held(image.to_bytes()))
    assert np.array_equal(values, RAMP)
    assert geometry == GRID
