"""OME-Zarr 0.5: three other readers open what is written, and it says where voxels lie."""

import numpy as np
import ome_zarr_models
import pytest
import zarr
from ngff_zarr import from_ngff_zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models.v05 import Image, ImageLabel

from data_catalog import layout
from data_catalog.geometry import Geometry
from data_catalog.kinds import MASK, VOLUME, geometry_of, mask, volume

TURNED = ((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0))
GRID = Geometry((6, 300, 270), (3.0, 0.9, 0.8), (-100.0, 20.0, 5.0), TURNED)
COUNTED = np.arange(np.prod(GRID.shape)).reshape(GRID.shape).astype("int16") % 1000


def written(kind, value, folder):
    folder.mkdir()
    layout.write(kind, value, folder)
    return folder / "data.zarr"


def imaged(shape=(), *, unit="HU", modality="CT", **axes):
    values = np.broadcast_to(COUNTED, (*shape, *GRID.shape))
    return volume(values, GRID, unit=unit, modality=modality, **axes)


def outlined():
    return mask(COUNTED > 500, GRID, {1: "tumour", 4: "node"})


CASES = {
    "plain": imaged(),
    "time": imaged((3,), leading=("t",), coords={"t": [1.0, 3.5, 6.0]}),
    "uneven time": imaged((3,), leading=("t",), coords={"t": [0.0, 1.0, 6.0]}),
    "one time": imaged((1,), leading=("t",), coords={"t": [2.0]}),
    "echo": imaged((2,), leading=("echo",), coords={"echo": [2.0, 4.0]}),
    "diffusion": imaged((2, 2), leading=("t", "b_value"), coords={"b_value": [0, 1000]}),
    "colour": imaged((3,), unit="1", coords={"c": ["red", "green", "blue"]}),
    "time and channel": imaged((2, 3)),
    "small": imaged().isel(y=slice(0, 50), x=slice(0, 40)),
}


@pytest.mark.parametrize("name", CASES)
def test_other_readers_open_a_volume_at_every_level(name, tmp_path):
    image = CASES[name]
    path = written(VOLUME, image, tmp_path / "a")
    shapes = [image.shape] if name == "small" else [image.shape, (*image.shape[:-3], 6, 150, 135)]
    described = Image.from_zarr(zarr.open_group(path, mode="r"))
    assert isinstance(ome_zarr_models.open_ome_zarr(zarr.open_group(path, mode="r")), Image)
    assert len(described.ome_attributes.multiscales[0].datasets) == len(shapes)

    read = from_ngff_zarr(str(path), validate=True)
    assert [one.data.shape for one in read.images] == shapes
    assert list(read.images[0].dims) == list(image.dims)
    np.testing.assert_array_equal(read.images[0].data[..., 1, :, :].compute(), image[..., 1, :, :].values)

    (node,) = Reader(parse_url(str(path)))()
    assert [data.shape for data in node.data] == shapes
    np.testing.assert_array_equal(node.data[-1].compute(), zarr.open_array(path / _paths(path)[-1], mode="r")[:])
    assert node.metadata["contrast_limits"][0] == ([0.0, 999.0] if name == "colour" else [-160.0, 240.0])


def _paths(path):
    (scales,) = zarr.open_group(path, mode="r").attrs["ome"]["multiscales"]
    return [one["path"] for one in scales["datasets"]]


def test_other_readers_open_a_mask_with_names_and_colours(tmp_path):
    path = written(MASK, outlined(), tmp_path / "a")
    described = ome_zarr_models.open_ome_zarr(zarr.open_group(path, mode="r"))
    assert isinstance(described, ImageLabel)
    held = described.ome_attributes.image_label
    assert [(one.label_value, one.name) for one in held.properties] == [(1, "tumour"), (4, "node")]
    assert len({tuple(one.rgba) for one in held.colors}) == 2
    assert len(from_ngff_zarr(str(path), validate=True).images) == 2
    (node,) = Reader(parse_url(str(path)))()
    assert node.metadata["properties"] == {1: {"name": "tumour"}, 4: {"name": "node"}}
    assert set(np.unique(node.data[1].compute())) == {0, 1}


def transformed(image, tmp_path):
    """Return axes, and for each level the scale and the translation of each axis."""
    (scales,) = zarr.open_group(written(VOLUME, image, tmp_path / "a"), mode="r").attrs["ome"]["multiscales"]
    axes = {axis["name"]: (axis["type"], axis.get("unit")) for axis in scales["axes"]}
    pairs = [
        list(zip(scale["scale"], shift["translation"], strict=True))
        for scale, shift in (one["coordinateTransformations"] for one in scales["datasets"])
    ]
    return axes, pairs


def test_scale_and_translation_are_millimetres_along_the_axes_of_the_array(tmp_path):
    axes, (first, second) = transformed(imaged(), tmp_path)
    assert axes == dict.fromkeys("zyx", ("space", "millimeter"))
    starts = [GRID.axis_positions_mm(axis)[0] for axis in range(3)]
    np.testing.assert_allclose(first, list(zip((3.0, 0.9, 0.8), starts, strict=True)))
    np.testing.assert_allclose(
        second, [(3.0, starts[0]), (1.8, starts[1] + 0.45), (1.6, starts[2] + 0.4)], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize(
    ("name", "axis", "first"),
    [
        ("time", ("time", "second"), (2.5, 1.0)),
        ("uneven time", ("time", None), (1.0, 0.0)),  # no scale could say it: the coordinates do
        ("one time", ("time", None), (1.0, 0.0)),
        ("echo", ("echo", None), (1.0, 0.0)),
        ("colour", ("channel", None), (1.0, 0.0)),
    ],
)
def test_other_axes_have_the_type_and_the_scale_that_there_is(name, axis, first, tmp_path):
    axes, (pairs, _) = transformed(CASES[name], tmp_path)
    assert axes[CASES[name].dims[0]] == axis
    assert pairs[0] == first


def test_each_level_keeps_its_own_place_in_the_patient(tmp_path):
    image = imaged()
    image.attrs["corrections"] = [{"name": "tilt", "text": "kept"}]
    path = written(VOLUME, image, tmp_path / "a")
    attributes = dict(zarr.open_array(path / "1/voxels", mode="r").attrs)
    placed = Geometry.from_attrs((6, 150, 135), attributes)
    np.testing.assert_allclose(placed.to_mm(np.zeros(3)), geometry_of(image).to_mm(np.array([0, 0.5, 0.5])))
    assert placed.direction == TURNED
    assert (attributes["unit"], attributes["corrections"]) == ("HU", image.attrs["corrections"])


def test_an_array_that_ome_has_no_place_for_says_why_and_is_whole(tmp_path):
    image = imaged((2, 3), leading=("echo", "c"))
    path = written(VOLUME, image, tmp_path / "a")
    held = dict(zarr.open_group(path, mode="r").attrs)
    assert list(held) == ["ome_left_out"]
    assert "one axis beside time and space, this has ['echo', 'c']" in held["ome_left_out"]
    back = layout.read(VOLUME, tmp_path / "a")
    assert back.dims == image.dims
    np.testing.assert_array_equal(back.values, image.values)
    assert zarr.open_array(path / "1/voxels", mode="r").shape == (2, 3, 6, 150, 135)


def shown(image, folder):
    return zarr.open_group(written(VOLUME, image, folder), mode="r").attrs["ome"]["omero"]["channels"]


def test_a_viewer_first_shows_each_channel_in_its_range_and_colour(tmp_path):
    values = np.stack([COUNTED.astype("f4"), 2.0 * COUNTED, np.full(GRID.shape, np.nan)])
    values[0, 0, 0, 0] = np.inf
    image = volume(values, GRID, unit="1", modality="OT", coords={"c": ["red", "green", "other"]})
    channels = shown(image.isel(y=slice(0, 200), x=slice(0, 200)), tmp_path / "a")
    assert [one["color"] for one in channels] == ["FF0000", "00FF00", "FFFFFF"]
    assert [one["label"] for one in channels] == ["red", "green", "other"]
    windows = [(one["window"]["start"], one["window"]["end"]) for one in channels]
    assert windows == [(0.0, 999.0), (0.0, 1998.0), (0.0, 1.0)]
    assert shown(imaged((2,)), tmp_path / "b")[1]["label"] == "CT 1"


def test_an_image_of_one_value_has_a_range_too(tmp_path):
    (channel,) = shown(
        volume(np.full((2, 3, 4), 7.5), Geometry((2, 3, 4), (1, 1, 1)), unit="1", modality="MR"), tmp_path / "a"
    )
    assert channel["window"] == {"min": 7.5, "max": 8.5, "start": 7.5, "end": 8.5}
