"""How large a region of one plane is and what form it has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.measure import find_contours, regionprops

from tasks.methods.radiomics.morphology_2d import COLUMNS, FEATURES, UNDEFINED, morphology_2d
from tests.tasks.methods.radiomics.boxes import CUBIC, ball, of_form, speckled


def of(mask, spacing_mm=CUBIC):
    return morphology_2d(of_form(mask, spacing_mm))


def signed_area(contour):
    y, x = (contour - contour.mean(axis=0)).T
    return float((y[:-1] * x[1:] - y[1:] * x[:-1]).sum()) / 2


def test_a_rectangle_in_a_plane():
    corner = np.hypot(0.5, 0.25)
    found = of(np.ones((1, 3, 5)), (9.0, 1.0, 0.5))
    assert found["morph2d_area_pixels_mm2"] == 7.5
    assert found["morph2d_area_mm2"] == pytest.approx(7.5 - 4 * 0.5 * 0.5 * 0.25)
    assert found["morph2d_perimeter_mm"] == pytest.approx(2 * 2 + 2 * 2 + 4 * corner)
    assert found["morph2d_diameter_mm"] == pytest.approx(np.hypot(3, 2))
    assert found["morph2d_solidity"] == pytest.approx(1)


def test_a_disc_in_a_plane_is_round_and_a_hole_is_left_out():
    disc = ball(20, (1, 45, 45))
    ring = disc & ~ball(8, (1, 45, 45))
    found, holed = of(disc), of(ring)
    assert found["morph2d_area_mm2"] == pytest.approx(np.pi * 400, rel=0.02)
    assert found["morph2d_circularity"] == pytest.approx(1, abs=0.15)
    assert found["morph2d_solidity"] > 0.97
    assert holed["morph2d_area_mm2"] == pytest.approx(np.pi * (400 - 64), rel=0.02)
    assert holed["morph2d_perimeter_mm"] > found["morph2d_perimeter_mm"] + 2 * np.pi * 7
    assert holed["morph2d_solidity"] < 0.9


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.6, 0.9]))
def test_contours_and_axes_agree_with_scikit_image(seed, share):
    mask = speckled(seed, (1, 9, 12), share)
    spacing = np.array([0.7, 1.3])
    contours = [contour * spacing for contour in find_contours(np.pad(mask[0], 1).astype(float), level=0.5)]
    corners = np.concatenate(contours)
    found = of(mask, (5.0, 0.7, 1.3))
    # holes run the other way round, so their area counts against the whole
    assert found["morph2d_area_mm2"] == pytest.approx(abs(sum(signed_area(contour) for contour in contours)))
    lengths = [np.linalg.norm(np.diff(contour, axis=0), axis=1).sum() for contour in contours]
    assert found["morph2d_perimeter_mm"] == pytest.approx(sum(lengths))
    assert found["morph2d_diameter_mm"] == pytest.approx(pdist(corners).max())
    # of two dimensions, a hull's volume is its area
    assert found["morph2d_area_mm2"] / found["morph2d_solidity"] == pytest.approx(ConvexHull(corners).volume)
    count = mask.sum()
    if count > 1:
        (region,) = regionprops(mask[0].astype(int), spacing=spacing)
        # scikit-image divides by n where IBSI divides by n - 1
        by_n = np.sqrt((count - 1) / count)
        assert found["morph2d_major_axis_mm"] * by_n == pytest.approx(region.axis_major_length)
        assert found["morph2d_minor_axis_mm"] * by_n == pytest.approx(region.axis_minor_length, abs=1e-6)


def test_one_pixel_has_no_elongation():
    found = of(np.ones((1, 1, 1)))
    assert found["morph2d_area_mm2"] == pytest.approx(0.5)
    assert np.isnan(found["morph2d_elongation"])
    assert sum(np.isnan(list(found.values()))) == 1
    assert set(UNDEFINED) == {"elongation"}


def test_a_line_of_pixels_has_a_length():
    found = of(np.ones((1, 1, 6)), (1.0, 1.0, 2.0))
    assert found["morph2d_elongation"] == 0
    assert found["morph2d_diameter_mm"] == pytest.approx(12)


def test_every_column_is_a_feature():
    assert tuple(of(np.ones((1, 2, 2)))) == COLUMNS == tuple(f"morph2d_{word}" for word, *_ in FEATURES)
