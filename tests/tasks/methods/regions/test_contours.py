"""A region's contours onto the slices of its image, and what is told of how they lie."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.formats.content import Held
from tasks.formats.dicom.rtstruct import read_contours, region_names
from tasks.formats.dicom.volume import read_series
from tasks.methods.regions.contours import place_contours
from tasks.methods.regions.scanline import rasterise

SHARED = Path(__file__).parents[5] / "shared" / "data"
GRID = Geometry(shape=(5, 6, 7), spacing_mm=(2.0, 1.0, 1.0))
OBLIQUE = Geometry(
    shape=(5, 6, 7),
    spacing_mm=(2.0, 1.0, 1.0),
    origin_mm=(-3.0, 8.0, 1.0),
    direction=((0.36, -0.8, -0.48), (0.48, 0.6, -0.64), (0.8, 0.0, 0.6)),
)


def box(y0=0.5, x0=0.5, y1=4.5, x1=5.5, z=0.0):
    return np.array([(z, y0, x0), (z, y0, x1), (z, y1, x1), (z, y1, x0)])


def names(notes):
    return [note.name for note in notes]


def test_contours_in_their_slices_are_drawn_without_a_word():
    contours = [box(z=2.0), box(1.5, 1.5, 3.5, 4.5, z=2.0), box(z=4.0)]
    mask, notes = place_contours(contours, GRID)
    np.testing.assert_array_equal(mask, rasterise(contours, GRID))
    assert mask.sum(axis=(1, 2)).tolist() == [0, 14, 20, 0, 0]
    assert notes == []


def test_a_contour_that_is_there_twice_counts_once_wherever_it_starts():
    once, _ = place_contours([box()], GRID)
    mask, notes = place_contours([box(), np.roll(box(), 2, axis=0), box()[::-1]], GRID)
    np.testing.assert_array_equal(mask, once)
    assert [note.text for note in notes] == ["2 contours that are there twice were drawn once"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), min_size=3, max_size=8), st.integers(0, 7))
def test_the_same_edges_are_the_same_contour(points, start):
    contour = np.array([(0.0, y, x) for y, x in points])
    again = np.roll(contour, start, axis=0)[::-1]
    mask, _ = place_contours([contour, again, contour.copy()], GRID)
    np.testing.assert_array_equal(mask, rasterise([contour], GRID))


@pytest.mark.parametrize(
    ("second", "count"),
    [
        (box(1.5, 1.5, 3.5, 4.5), 0),  # a hole
        (box(2.5, 3.5, 5.4, 6.4), 1),
        (box(2.5, 3.5, 5.4, 6.4, z=2.0), 0),  # of another slice
        (box(4.5, 0.5, 5.4, 5.5), 0),  # beside it
    ],
)
def test_contours_that_cross_are_told(second, count):
    mask, notes = place_contours([box(), second], GRID)
    assert names(notes) == ["contours_cross"] * count
    np.testing.assert_array_equal(mask, rasterise([box(), second], GRID))


def test_slices_between_contours_stay_empty_and_are_counted():
    mask, notes = place_contours([box(z=0.0), box(z=8.0)], GRID)
    assert mask.any(axis=(1, 2)).tolist() == [True, False, False, False, True]
    assert [note.text for note in notes] == ["3 slices between the first and the last contour have none and stay empty"]


def test_contours_a_little_off_their_slices_are_drawn_in_the_nearest_and_told():
    mask, notes = place_contours([box(z=0.9), box(z=1.8)], GRID)
    assert mask.any(axis=(1, 2)).tolist() == [True, True, False, False, False]
    assert [note.text for note in notes] == [
        "2 contours lie up to 0.900 mm off their slices and were drawn in the nearest"
    ]
    assert place_contours([box(z=0.03)], GRID)[1] == []


def test_contours_off_the_slices_by_more_than_half_are_refused():
    with pytest.raises(BadData, match="1 of 2 do not") as refusal:
        place_contours([box(), box(z=9.1)], GRID)
    assert refusal.value.verdict == "contour_off_grid"


def test_contours_of_thinner_slices_are_refused_as_they_would_rub_each_other_out():
    with pytest.raises(BadData, match="2 further planes") as refusal:
        place_contours([box(z=0.0), box(z=0.5), box(z=1.0), box(z=1.5), box(z=4.0)], GRID)
    assert refusal.value.verdict == "contours_between_slices"


def test_a_keyhole_cuts_a_hole():
    outer, inner = [(0.5, 0.5), (0.5, 5.5), (4.5, 5.5), (4.5, 0.5)], [(1.5, 1.5), (3.5, 1.5), (3.5, 4.5), (1.5, 4.5)]
    keyhole = np.array([(0.0, y, x) for y, x in [*outer, outer[0], *inner, inner[0]]])
    mask, _ = place_contours([keyhole], GRID)
    np.testing.assert_array_equal(mask, place_contours([box(), box(1.5, 1.5, 3.5, 4.5)], GRID)[0])
    assert mask.sum() == 14


def test_contours_on_an_oblique_image_give_the_voxels_of_a_straight_one():
    index = [box(z=1.0), box(1.2, 1.7, 3.9, 4.1, z=1.0), box(0.2, 0.1, 2.2, 3.3, z=3.0)]
    mask, notes = place_contours([OBLIQUE.to_mm(contour) for contour in index], OBLIQUE)
    unit = Geometry(shape=GRID.shape, spacing_mm=(1.0, 1.0, 1.0))
    np.testing.assert_array_equal(mask, rasterise(index, unit))
    assert names(notes) == ["slices_without_contours"]


def test_a_contour_across_the_slices_of_its_image_is_refused():
    with pytest.raises(BadData) as refusal:
        place_contours([box()], OBLIQUE)
    assert refusal.value.verdict == "contour_off_grid"


def test_no_contours_give_no_voxel_and_no_word():
    mask, notes = place_contours([], GRID)
    assert not mask.any()
    assert notes == []


def test_contours_are_left_as_they_are():
    contours = [box(), box()[::-1]]
    place_contours(contours, GRID)
    np.testing.assert_array_equal(contours, [box(), box()[::-1]])


def published():
    with (SHARED / "ibsi" / "ibsi_validation.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["tag"] == "morph_mask_vox_count_init_roi"]
    return {(row["patient"], row["modality"].split("_")[0]): float(row["consensus"]) for row in rows}


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data are not beside the project")
def test_all_real_regions_of_twenty_patients_have_the_published_number_of_voxels():
    counts, drawn = published(), {}
    for path in sorted((SHARED / "sts" / "dicom").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            held = archive.namelist()
            for modality in ("CT", "MR", "PET"):
                files = [name for name in held if name.startswith(f"{modality}/mask/") and name.endswith(".dcm")]
                if not files:
                    continue
                images = [name for name in held if name.startswith(f"{modality}/image/") and name.endswith(".dcm")]
                _, grid, _ = read_series([Held(archive.read(name)) for name in images])
                structures = archive.read(files[0])
                contours, left_out = read_contours(structures, region_names(structures)[0])
                mask, notes = place_contours(contours, grid)
                assert (left_out, notes) == ([], [])
                drawn[path.stem, modality] = mask.sum()
    assert len({patient for patient, _ in drawn}) == 20
    assert len(drawn) == 48, "twelve patients have no contours on CT"
    assert drawn == {key: counts[key] for key in drawn}
