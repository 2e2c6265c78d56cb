from __future__ import annotations

import struct

import numpy as np
import pytest

from data_catalog.errors import BadData

TILES = np.arange(5 * 6, dtype=np.int16).reshape(5, 2, 3) + 100
WHOLE = np.zeros((6, 9), np.int16)
for k, tile in enumerate(TILES):
    WHOLE[2 * (k // 3) : 2 * (k // 3) + 2, 3 * (k % 3) : 3 * (k % 3) + 3] = tile


def csa(tags, version=2):
    """Return a CSA header of either version that holds some texts by name."""
    out = b"SV10\4\3\2\1" if version == 2 else b""
    out += struct.pack("<2I", len(tags), 77)
    for name, texts in tags.items():
        count = 6
        out += struct.pack("<64si4siii", name.encode(), len(texts), b"FD\0\0", 4, count, 77)
        for text in [*texts, *[""] * (count - len(texts))]:
            data = text.encode() + b"\0" if text else b""
            first = len(data) + (count if version == 1 else 0)
            out += struct.pack("<4i", first, len(data), 77, len(data)) + data + b"\0" * (-len(data) % 4)
    return out


def mosaic(make, *, normal=("0", "0", "1"), count="5", version=2, step=4.0, pixels=WHOLE, header=None, beside=None,
           **elements):  # fmt: skip
    ds = make.dataset(pixels, Modality="MR", ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], **elements)
    if step is not None:
        ds.SpacingBetweenSlices = step
    tags = {"NumberOfImagesInMosaic": [count] if count else [], "SliceNormalVector": list(normal)}
    held = csa(tags, version) if header is None else header
    if held:
        ds.private_block(0x29, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", held)
    if beside is not None:
        ds.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", beside)
    return make.written(ds)


def refusal_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value


@pytest.mark.parametrize("version", [1, 2])
def test_tiles_are_slices_and_their_corner_is_that_of_the_first_tile(make, version):
    values, geometry, attributes = make.read([mosaic(make, version=version)])
    assert np.array_equal(values, TILES)
    assert attributes["dims"] == ["z", "y", "x"]
    # The mosaic is 4 rows of 2 mm and 6 columns of 0.5 mm larger than a tile; its header centres both alike.
    assert geometry.origin_mm == (0.0, 20.0 + 4 * 2 / 2, 10.0 + 6 * 0.5 / 2)
    assert geometry.spacing_mm == (4.0, 2.0, 0.5)


def test_tiles_may_be_stacked_against_the_normal(make):
    values, geometry, _ = make.read([mosaic(make, normal=("0", "0", "-1"))])
    assert np.array_equal(values, TILES[::-1])
    assert geometry.origin_mm[0] == -16.0


def test_the_number_of_tiles_may_stand_in_a_private_element_of_its_own(make):
    assert np.array_equal(make.read([mosaic(make, count=None, beside=5)])[0], TILES)


def test_the_distance_of_slices_may_be_their_thickness(make):
    assert make.read([mosaic(make, step=None, SliceThickness=3)])[1].spacing_mm[0] == 3.0


def test_mosaics_of_several_times_are_a_series_in_time(make):
    files = [
        mosaic(make, pixels=WHOLE + 1000 * k, AcquisitionNumber=k, AcquisitionTime=f"12000{2 * k}") for k in (2, 0, 1)
    ]
    values, _, attributes = make.read(files)
    assert attributes["coords"] == {"t": [0, 2, 4]}
    assert np.array_equal(values, np.stack([TILES, TILES + 1000, TILES + 2000]))


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"header": b""}, "mosaic_not_placed"),
        ({"header": b"SV10"}, "mosaic_not_placed"),
        ({"header": b"SV10" + b"\xff" * 400}, "mosaic_not_placed"),
        ({"header": struct.pack("<2I", 3, 77) + b"\0" * 300}, "mosaic_not_placed"),
        ({"count": None}, "mosaic_not_placed"),
        ({"normal": ()}, "mosaic_not_placed"),
        ({"normal": ("0", "0", "nan")}, "mosaic_not_placed"),
        ({"normal": ("0", "0", "one")}, "mosaic_not_placed"),
        ({"normal": ("1", "0", "0")}, "mosaic_not_placed"),
        ({"step": None}, "mosaic_not_placed"),
        ({"ImagePositionPatient": None}, "mosaic_not_placed"),
        ({"ImageOrientationPatient": None}, "mosaic_not_placed"),
        ({"header": csa({"NumberOfImagesInMosaic": ["5"]})[:-90] + b"\xff" * 90}, "mosaic_not_placed"),
        ({"count": "17"}, "bad_element"),
    ],
)
def test_a_mosaic_that_cannot_be_placed_is_refused(make, options, verdict):
    assert refusal_of(make.read, [mosaic(make, **options)]).verdict == verdict
