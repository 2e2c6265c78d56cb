"""How bright the brightest cubic centimetre is."""

import numpy as np
import pytest

from tasks.methods.radiomics.local_intensity import RADIUS_MM, local_intensity
from tests.tasks.methods.radiomics.boxes import boxed, speckled

COARSE = (5.0, 5.0, 5.0)


def by_definition(image, mask, spacing_mm):
    seen = np.argwhere(np.isfinite(image))
    places = np.argwhere(mask)
    means = []
    for place in places:
        near = (((seen - place) * spacing_mm) ** 2).sum(axis=1) <= RADIUS_MM**2
        means.append(image[tuple(seen[near].T)].mean())
    bright = image[mask] == image[mask].max()
    return {"loc_peak_local": np.max(np.array(means)[bright]), "loc_peak_global": max(means)}


def test_at_five_millimetres_a_sphere_is_a_voxel_and_its_six_neighbours():
    image = np.zeros((5, 5, 5))
    image[2, 2, 2], image[2, 2, 3], image[2, 2, 1] = 7, 14, 6
    mask = image > 0
    found = local_intensity(boxed(image, mask, COARSE))
    # around the brightest are 7 and nothing else, around the middle one both others
    assert found == pytest.approx({"loc_peak_local": (14 + 7) / 7, "loc_peak_global": (7 + 14 + 6) / 7})


def test_beyond_the_image_there_is_nothing_to_average():
    found = local_intensity(boxed([[[3.0, 5.0]]], [[[1, 1]]], COARSE))
    assert found == pytest.approx({"loc_peak_local": 4, "loc_peak_global": 4})


def test_what_the_region_leaves_out_still_shines_in():
    image = np.array([[[1.0, 100.0]]])
    found = local_intensity(boxed(image, [[[1, 0]]], COARSE))
    assert found["loc_peak_local"] == pytest.approx(50.5)


def test_of_several_brightest_voxels_the_brightest_surroundings_count():
    image = np.array([[[0, 9.0, 0, 0, 9.0, 2.0]]])
    found = local_intensity(boxed(image, np.ones(image.shape), COARSE))
    assert found["loc_peak_local"] == pytest.approx(11 / 3)


def test_missing_voxels_are_left_out_of_the_average():
    image = np.array([[[np.nan, 4.0, 6.0, np.inf]]])
    found = local_intensity(boxed(image, np.ones(image.shape), COARSE, kept=np.isfinite(image)))
    assert found == pytest.approx({"loc_peak_local": 5, "loc_peak_global": 5})


@pytest.mark.parametrize("seed", range(30))
def test_the_peaks_are_those_of_the_definition(seed):
    generator = np.random.default_rng(seed)
    shape = tuple(generator.integers(1, 14, 3))
    image = np.rint(generator.normal(0, 3, shape))
    mask = speckled(seed, shape, 0.3)
    if seed % 2:
        image[~mask & (generator.random(shape) < 0.2)] = np.nan
    spacing = tuple(generator.choice([1.0, 1.7, 3.0, 8.0], 3))
    region = boxed(image, mask, spacing)
    assert local_intensity(region) == pytest.approx(by_definition(image, mask, spacing), rel=1e-9)


def test_the_whole_sphere_is_seen_where_the_image_goes_that_far():
    image = np.random.default_rng(0).normal(size=(40, 40, 40)).astype(np.float32)
    mask = np.zeros(image.shape, dtype=bool)
    mask[15:25, 12:28, 18:22] = True
    found = local_intensity(boxed(image, mask, (1.0, 1.0, 1.0)))
    assert found == pytest.approx(by_definition(image.astype(float), mask, (1.0, 1.0, 1.0)), rel=1e-9)


def test_a_wide_spacing_leaves_the_voxel_alone():
    found = local_intensity(boxed([[[1.0, 2.0]]], [[[1, 1]]], (9.0, 9.0, 9.0)))
    assert found == {"loc_peak_local": 2, "loc_peak_global": 2}
