"""Sums of products of rows, and how passes are shared."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from tasks.methods.radiomics.filters import separable
from tasks.methods.radiomics.filters.separable import ONE, Part, Passes, add_convolved, convolved

rows = st.integers(0, 3).flatmap(
    lambda half: st.tuples(*[st.sampled_from([0.0, 1.0, -2.0, 0.5])] * (2 * half + 1)).filter(any)
)
terms = st.tuples(rows, rows, rows)


def noise(shape):
    return np.random.default_rng(0).normal(size=shape)


def dense(term):
    """Return a term as one array, (z, y, x), 7 voxels wide."""
    x, y, z = (np.pad(row, 3 - len(row) // 2) for row in term)
    return np.einsum("i,j,k->ijk", z, y, x)


def inside(values, reach):
    return values[tuple(slice(far, length - far) for far, length in zip(reach, values.shape, strict=True))]


def test_a_row_is_convolved_and_not_correlated():
    image = np.zeros((1, 1, 5))
    image[0, 0, 2] = 1.0
    assert_array_equal(convolved(image, (1.0, 2.0, 3.0), 2, 1), [[[1.0, 2.0, 3.0]]])


@settings(deadline=None)
@given(parts=st.lists(st.lists(terms, min_size=1, max_size=4), min_size=1, max_size=3))
def test_shared_passes_give_what_each_term_gives_alone(parts):
    image = noise((9, 10, 11))
    everything = [term for part in parts for term in part]
    passes = Passes(image, everything)
    x, y, z = (max(len(term[axis]) // 2 for term in everything) for axis in range(3))
    for part in parts:
        whole = ndimage.convolve(image, sum(dense(term) for term in part), mode="constant")
        assert_allclose(passes.response(Part(tuple(part))), inside(whole, (z, y, x)), atol=1e-12)
    assert not passes._made


def test_equal_passes_are_made_once(monkeypatch):
    made = []

    def counted(voxels, row, axis, reach, sums):
        made.append(axis)
        add_convolved(voxels, row, axis, reach, sums)

    monkeypatch.setattr(separable, "add_convolved", counted)
    low, high = (1.0, 1.0, 0.0), (1.0, -1.0, 0.0)
    subbands = [(x, y, z) for z in (low, high) for y in (low, high) for x in (low, high)]
    passes = Passes(noise((5, 5, 5)), subbands)
    for term in subbands:
        passes.response(Part((term,)))
    assert [made.count(axis) for axis in range(3)] == [2, 4, 8]


def test_a_row_of_one_changes_nothing_and_gives_a_new_array():
    image = noise((3, 4, 5))
    passes = Passes(image, [(ONE, ONE, ONE)])
    response = passes.response(Part(((ONE, ONE, ONE),)))
    assert_array_equal(response, image)
    assert not np.shares_memory(response, image)


def test_long_axes_are_convolved_to_their_end():
    image = noise((4, 3, 2500))
    row = (0.5, -1.0, 2.0, 0.0, 3.0)
    for axis, far in ((2, 2), (0, 0)):
        kernel = row if far else (2.5,)
        whole = ndimage.convolve1d(image, kernel, axis=axis, mode="constant")
        expected = whole[..., far : 2500 - far] if axis == 2 else whole
        assert_allclose(convolved(image, kernel, axis, far), expected, atol=1e-12)
    deep = image.transpose(0, 2, 1).copy().reshape(4, 1250, 6)
    whole = ndimage.convolve1d(deep, (1.0, 2.0, 4.0), axis=0, mode="constant")
    assert_allclose(convolved(deep, (1.0, 2.0, 4.0), 0, 1), whole[1:-1], atol=1e-12)
