"""Perturbations one after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import ndimage

from data_catalog.errors import BadData
from tasks.methods.radiomics.perturbation.chain import PerturbationChain
from tasks.methods.radiomics.perturbation.contour_randomisation import ContourRandomisation
from tasks.methods.radiomics.perturbation.rotation import Rotation
from tasks.methods.radiomics.perturbation.translation import Translation
from tasks.methods.radiomics.perturbation.volume_adaptation import VolumeAdaptation

CUBIC = (1.0, 1.0, 1.0)


def lesion(shape=(20, 36, 36), radius=7):
    away = np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) // 2
    mask = (away**2).sum(axis=0) <= radius**2
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 60, shape), 1)
    return 100.0 * mask + noise, mask


def test_perturbations_act_in_order():
    image = np.zeros((1, 9, 9))
    mask = np.zeros((1, 9, 9), dtype=bool)
    mask[0, 4, 4] = True
    grow, move = VolumeAdaptation(fractions=(4.0,)), Translation(fractions=(1.0,), interpolation="linear")
    _, inside = PerturbationChain(perturbations=(grow, move))(image, mask, CUBIC, 0)
    assert np.argwhere(inside[0]).tolist() == [[4, 5], [5, 4], [5, 5], [5, 6], [6, 5]]


def test_repetitions_differ_and_each_can_be_had_again():
    image, mask = lesion()
    chain = PerturbationChain()
    drawn = [chain(image, mask, CUBIC, number) for number in range(4)]
    again = chain(image, mask, CUBIC, 2)
    assert np.array_equal(drawn[2][0], again[0])
    assert np.array_equal(drawn[2][1], again[1])
    assert len({each[1].tobytes() for each in drawn}) == 4
    assert not np.array_equal(drawn[0][0], chain.model_copy(update={"seed": 1})(image, mask, CUBIC, 0)[0])


def test_two_perturbations_of_one_kind_draw_apart():
    image, mask = lesion()
    move = Translation(fractions=(-1.0, 1.0), interpolation="linear")
    twice = PerturbationChain(perturbations=(move, move))
    shifted = [twice(image, mask, CUBIC, number)[1] for number in range(40)]
    assert any((each == mask).all() for each in shifted), "a shift and its opposite are met sooner or later"
    assert not all((each == mask).all() for each in shifted)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 50), st.floats(0.8, 3))
def test_a_part_with_the_margin_of_the_chain_is_perturbed_as_the_whole_is(repetition, thickness):
    chain = PerturbationChain(
        perturbations=(
            Rotation(interpolation="linear"),
            Translation(interpolation="linear"),
            VolumeAdaptation(),
            ContourRandomisation(supervoxel_mm3=60),
        )
    )
    image, mask = lesion((44, 70, 70))
    spacing_mm = (thickness, 1.0, 1.0)
    places = mask.nonzero()
    box = tuple(int(np.ptp(axis)) + 1 for axis in places)
    margin = chain.margin(spacing_mm, box, planar=False)
    part = tuple(
        slice(max(int(axis.min()) - more, 0), int(axis.max()) + 1 + more)
        for axis, more in zip(places, margin, strict=True)
    )
    assert image[part].size < image.size
    whole, region = chain(image, mask, spacing_mm, repetition)
    cut, inside = chain(image[part], mask[part], spacing_mm, repetition)
    assert region.sum() == inside.sum()
    assert (region[part] == inside).all()
    assert cut[inside] == pytest.approx(whole[part][inside], abs=0.02)


def test_an_image_of_one_plane_is_perturbed_in_its_plane():
    image, mask = lesion()
    chain = PerturbationChain(perturbations=(*PerturbationChain().perturbations, Rotation()))
    changed, inside = chain(image[10:11], mask[10:11], CUBIC, 0)
    assert changed.shape == inside.shape == (1, 36, 36)
    assert inside.any()
    assert chain.margin(CUBIC, (1, 15, 15), planar=True)[0] == 0


def test_a_region_that_is_moved_out_of_its_image_is_refused():
    mask = np.zeros((1, 4, 4), dtype=bool)
    mask[0, 3, 3] = True
    away = PerturbationChain(perturbations=(Translation(fractions=(1.0,)),))
    with pytest.raises(BadData) as refused:
        away(np.zeros((1, 4, 4)), mask, CUBIC, 0)
    assert refused.value.verdict == "empty_region"


def test_bad_input_is_refused_by_name():
    chain = PerturbationChain()
    with pytest.raises(BadData, match="share a grid"):
        chain(np.zeros((1, 4, 4)), np.ones((1, 4, 5), dtype=bool), CUBIC, 0)
    with pytest.raises(BadData, match="the mask is empty"):
        chain(np.zeros((1, 4, 4)), np.zeros((1, 4, 4), dtype=bool), CUBIC, 0)
    with pytest.raises(ValidationError):
        PerturbationChain(repetitions=1)
