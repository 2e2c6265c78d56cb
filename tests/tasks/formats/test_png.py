from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from data_catalog.errors import BadData
from tasks.formats import png
from tasks.formats.png import ORIENTATION, read_image, read_labels, read_mask

PIXEL = (0.2, 0.1)
RAMP = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def written(values, mode=None, kind="PNG", **options):
    picture = values if isinstance(values, Image.Image) else Image.fromarray(values)
    stream = BytesIO()
    (picture.convert(mode) if mode else picture).save(stream, kind, **options)
    return stream.getvalue()


def refusal_of(data, read=read_image):
    with pytest.raises(BadData) as refusal:
        read(data, PIXEL)
    return refusal.value.verdict


def told(attributes):
    return [(correction["name"], correction["text"]) for correction in attributes["corrections"]]


@pytest.mark.parametrize("mode", [None, "RGB", "LA", "RGBA", "P"])
def test_grey_stays_what_it_is_in_every_mode(mode):
    image, geometry, attributes = read_image(written(RAMP, mode), PIXEL)
    assert image.dtype == np.float32
    assert np.array_equal(image[0], RAMP)
    assert (geometry.shape, geometry.spacing_mm) == ((1, 3, 4), (1.0, 0.2, 0.1))
    assert attributes == {"dims": ["z", "y", "x"], "coords": {}, "unit": "1", "corrections": []}


def test_colours_become_luminance():
    rgb = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    image, _, attributes = read_image(written(rgb), PIXEL)
    assert np.allclose(image[0, 0], [76.245, 149.685, 29.07, 255])
    assert told(attributes) == [("colours_to_luminance", "colours were turned to luminance")]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_luminance_is_within_rounding_of_pillow(seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    assert np.abs(read_image(written(rgb), PIXEL)[0][0] - np.asarray(Image.fromarray(rgb).convert("L"))).max() <= 1


def test_fully_transparent_pixels_are_missing_and_half_transparent_ones_are_not():
    rgba = np.dstack([RAMP, RAMP, RAMP, np.full_like(RAMP, 255)])
    rgba[0, :2, 3] = (0, 128)
    image, _, attributes = read_image(written(rgba), PIXEL)
    assert np.argwhere(np.isnan(image)).tolist() == [[0, 0, 0]]
    assert told(attributes) == [("transparent_made_missing", "1 transparent pixels were made missing")]


def test_a_transparent_palette_colour_is_missing():
    data = written(Image.fromarray(np.array([[0, 1]], np.uint8), "L").convert("P"), transparency=0)
    assert np.isnan(read_image(data, PIXEL)[0]).tolist() == [[[True, False]]]


def test_sixteen_bits_are_kept():
    deep = np.array([[0, 40_000, 65_535]], dtype=np.uint16)
    assert read_image(written(deep), PIXEL)[0].tolist() == [[[0, 40_000, 65_535]]]


def test_a_bitmap_is_0_and_255():
    assert set(read_image(written(RAMP > 100), PIXEL)[0].ravel()) == {0, 255}


def test_jpeg_is_read():
    image, _, _ = read_image(written(np.full((8, 8), 77, np.uint8), kind="JPEG"), PIXEL)
    assert np.abs(image - 77).max() <= 1


def test_sixteen_bit_colour_is_refused_rather_than_cut():
    data = bytearray(written(np.zeros((2, 2, 3), np.uint8)))
    data[24] = 16
    assert refusal_of(bytes(data)) in {"colour_not_supported", "corrupt_file"}
    with pytest.raises(BadData):
        read_image(written(Image.new("CMYK", (2, 2)), kind="JPEG"), PIXEL)


def test_several_frames_are_refused():
    frames = [Image.new("L", (2, 2), value) for value in (0, 255)]
    assert refusal_of(written(frames[0], save_all=True, append_images=frames[1:])) == "several_frames"


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr(png, "MAX_PIXELS", 11)
    assert refusal_of(written(RAMP)) == "image_too_large"


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", "not_an_image"),
        (b"GIF89a", "not_an_image"),
        (written(RAMP)[:50], "corrupt_file"),
        (written(np.zeros((60, 60), np.uint8), kind="JPEG")[:200], "corrupt_file"),
        (b"\xff\xd8\xff", "corrupt_file"),
    ],
)
def test_other_and_broken_files_are_refused(data, verdict):
    assert refusal_of(data) == verdict


@pytest.mark.parametrize("pixel", [(0.0, 1.0), (float("nan"), 1.0)])
def test_a_pixel_has_a_size(pixel):
    with pytest.raises(BadData, match="spacing is positive"):
        read_image(written(RAMP), pixel)


def test_nothing_of_the_text_is_kept():
    text = PngInfo()
    text.add_text("Comment", "Zebrafish")
    assert "Zebra" not in str(read_image(written(RAMP, pnginfo=text), PIXEL)[2])


# --- masks


def test_a_mask_is_what_is_brighter_than_half_and_doubt_is_counted():
    values = np.array([[0, 255, 127, 128, 200]], dtype=np.uint8)
    inside, geometry, attributes = read_mask(written(values), PIXEL)
    assert inside.tolist() == [[[False, True, False, True, True]]]
    assert inside.dtype == np.bool_
    assert geometry.shape == (1, 1, 5)
    assert told(attributes) == [("decided_at_half", "3 pixels between outside and inside were decided at half")]


@pytest.mark.parametrize("brightest", [1, 255])
def test_a_mask_of_zeros_and_ones_is_as_good_as_one_of_255(brightest):
    inside, _, attributes = read_mask(written(np.eye(3, dtype=np.uint8) * brightest), PIXEL)
    assert np.array_equal(inside[0], np.eye(3, dtype=bool))
    assert attributes["corrections"] == []


def test_transparent_pixels_are_outside():
    rgba = np.full((1, 2, 4), 255, np.uint8)
    rgba[0, 0, 3] = 0
    assert read_mask(written(rgba), PIXEL)[0].tolist() == [[[False, True]]]


def test_an_empty_mask_is_refused():
    assert refusal_of(written(np.zeros((3, 3), np.uint8)), read_mask) == "empty_mask"


def test_grey_values_and_the_colours_of_a_palette_may_be_labels():
    values = np.array([[0, 1, 300]], dtype=np.uint16)
    labels, geometry, attributes = read_labels(written(values), PIXEL)
    assert (labels.tolist(), labels.dtype, geometry.shape) == ([[[0, 1, 300]]], np.int32, (1, 1, 3))
    assert attributes["corrections"] == []
    palette = Image.fromarray(np.array([[0, 2]], np.uint8), "L")
    palette.putpalette(bytes(range(100, 109)))
    assert read_labels(written(palette), PIXEL)[0].tolist() == [[[0, 2]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_was_held_and_it_is_told(orientation):
    grey = np.repeat(np.repeat(np.array([[0, 90, 250], [30, 180, 60]], np.uint8), 16, axis=0), 16, axis=1)
    picture = Image.fromarray(grey)
    exif = picture.getexif()
    exif[ORIENTATION] = orientation
    data = written(picture, kind="JPEG", quality=100, exif=exif)
    image, geometry, attributes = read_image(data, PIXEL)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))))
    assert np.array_equal(image[0], shown)
    assert geometry.shape == (1, *shown.shape)
    notes = [] if orientation == 1 else ["turned_upright"]
    assert [name for name, _ in told(attributes)] == notes
    mask, _, of_mask = read_mask(data, PIXEL)
    assert np.array_equal(mask[0], shown > shown.max() / 2)
    assert [name for name, _ in told(of_mask)][: len(notes)] == notes


def test_a_picture_without_its_end_is_refused():
    whole = written(RAMP)
    assert refusal_of(whole[:-12]) == "corrupt_file"
    assert np.array_equal(read_image(whole + b"written behind it", PIXEL)[0][0], RAMP)


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits_is_not_stretched(bits):
    values = np.array([[0, 1, 2, 3]], dtype=np.uint8)
    packed = b"\x1b" if bits == 2 else b"\x01\x23"

    def chunk(kind, data):
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", 4, 1, bits, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" + packed)) + chunk(b"IEND", b"")
    assert np.array_equal(read_labels(data, PIXEL)[0][0], values)
    assert np.array_equal(read_image(data, PIXEL)[0][0], values)


def test_other_pictures_are_no_labels():
    assert refusal_of(written(np.zeros((2, 2, 3), np.uint8)), read_labels) == "not_labels"
    assert refusal_of(written(np.zeros((2, 2), np.uint8)), read_labels) == "empty_mask"
    whole = written(np.arange(4096, dtype=np.uint8).reshape(64, 64))
    assert refusal_of(whole[: len(whole) // 2], read_labels) == "corrupt_file"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["PNG", "JPEG"]))
def test_a_mutated_file_is_read_or_refused(seed, kind):
    chance = random.Random(seed)
    data = bytearray(written(np.dstack([RAMP] * 3), kind=kind))
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(8, len(data))] ^= 1 << chance.randrange(8)
    try:
        image, geometry, _ = read_image(bytes(data), PIXEL)
    except BadData:
        return
    assert image.shape == geometry.shape


@pytest.mark.shared
def test_real_images_and_masks_share_their_grids(shared):
    folder = shared / "breast_usg" / "images"
    for path in sorted(folder.glob("*_tumor.png"))[:5]:
        mask, grid, _ = read_mask(path.read_bytes(), PIXEL)
        image, other, _ = read_image((folder / path.name.replace("_tumor", "")).read_bytes(), PIXEL)
        grid.require_same_grid(other)
        assert np.isfinite(image[mask]).all()
