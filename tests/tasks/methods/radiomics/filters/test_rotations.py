"""A filter turned by right angles."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import ndimage

from tasks.methods.radiomics.filters.laws import Laws
from tasks.methods.radiomics.filters.rotations import parts_of
from tasks.methods.radiomics.filters.separable import Part
from tasks.methods.radiomics.filters.separable_wavelet import SeparableWavelet

SPACING_MM = (1.0, 1.0, 1.0)


def dense(rows):
    wide = max(len(row) for row in rows)
    x, y, z = (np.pad(row, (wide - len(row)) // 2) for row in rows)
    return np.einsum("i,j,k->ijk", z, y, x)


def all_turns(kernel):
    """Return a cube of numbers in all of its 24 proper rotations."""
    turns = []
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) > 0:
                turned = kernel.transpose(order)
                turns.append(turned[tuple(slice(None, None, sign) for sign in signs)])
    return turns


def noise(shape=(8, 8, 8)):
    return np.random.default_rng(0).normal(size=shape)


def rows_of(each):
    (part,) = type(each).model_validate(each.model_dump() | {"rotations": "none"}).parts(SPACING_MM)
    return part.terms[0]


def test_there_are_24_turns_in_a_volume_and_4_in_a_plane():
    (part,) = parts_of(((1.0, 0.0, 0.0), (0.0, 2.0, 3.0), (5.0, 0.0, 7.0)), "mean")
    assert sum(part_weight(term) for term in part.terms) == pytest.approx(1.0 * 5.0 * 12.0)
    assert len(all_turns(np.arange(27).reshape(3, 3, 3))) == 24
    plane = parts_of(((1.0, 0.0, 0.0), (0.0, 2.0, 3.0)), "max")
    assert len(plane) == 4


def part_weight(term):
    return np.prod([sum(row) for row in term])


each_filter = pytest.mark.parametrize(
    "each",
    [
        Laws(kernel="E5L5S5"),
        Laws(kernel="L5E5E5"),
        Laws(kernel="E3W5R5"),
        SeparableWavelet(wavelet="db2", subband="LLH"),
        SeparableWavelet(wavelet="haar", subband="HHL", level=2),
        SeparableWavelet(wavelet="coif1", subband="HHH"),
    ],
    ids=lambda each: each.name,
)


@each_filter
@pytest.mark.parametrize("rotations", ["max", "mean"])
def test_the_response_is_the_greatest_or_the_mean_of_those_of_24_turned_kernels(each, rotations):
    image = noise()
    kernel = dense(rows_of(each))
    responses = [ndimage.convolve(image, turned, mode="reflect") for turned in all_turns(kernel)]
    expected = np.max(responses, axis=0) if rotations == "max" else np.mean(responses, axis=0)
    turned = each.model_copy(update={"rotations": rotations})
    assert_allclose(turned(image, SPACING_MM), expected, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(axes=st.permutations([0, 1, 2]).map(lambda order: tuple(order[:2])), turns=st.integers(1, 3))
@each_filter
@pytest.mark.parametrize("rotations", ["max", "mean"])
def test_a_turned_image_has_the_turned_response(each, rotations, axes, turns):
    turned = each.model_copy(update={"rotations": rotations})
    image = noise()
    response = turned(np.rot90(image, turns, axes), SPACING_MM)
    assert_allclose(response, np.rot90(turned(image, SPACING_MM), turns, axes), atol=1e-5)


def test_the_mean_of_24_turns_of_a_wavelet_takes_few_terms():
    def terms(subband):
        (part,) = SeparableWavelet(wavelet="db3", subband=subband, rotations="mean").parts(SPACING_MM)
        return len(part.terms)

    assert [terms(subband) for subband in ("LLL", "LLH", "HHL", "HHH")] == [1, 3, 3, 1]


def test_kernels_that_differ_in_sign_only_are_filtered_once():
    assert len(Laws(kernel="E5L5S5", rotations="max").parts(SPACING_MM)) == 6
    assert all(part.either_sign for part in Laws(kernel="E5L5S5", rotations="max").parts(SPACING_MM))
    assert len(Laws(kernel="L5L5L5", rotations="max").parts(SPACING_MM)) == 1


def test_a_kernel_that_is_its_own_turn_is_left_as_it_is():
    minus = (-1.0, -2.0, -1.0)
    image = noise()
    (part,) = parts_of((minus, minus, minus), "max")
    assert part == Part((((-1.0, -2.0, -1.0), (1.0, 2.0, 1.0), (1.0, 2.0, 1.0)),))
    assert ndimage.convolve(image, dense(part.terms[0]))[4, 4, 4] == pytest.approx(
        ndimage.convolve(image, dense((minus, minus, minus)))[4, 4, 4]
    )
