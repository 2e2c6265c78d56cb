"""How an image goes on beyond its border."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tasks.methods.radiomics.filters.boundary import continued, whole_box

NUMPY = {"zero": "constant", "nearest": "edge", "periodic": "wrap", "mirror": "symmetric"}


@pytest.mark.parametrize(
    ("boundary", "row"),
    [
        ("zero", [0, 0, 0, 1, 2, 3, 0, 0, 0]),
        ("nearest", [1, 1, 1, 1, 2, 3, 3, 3, 3]),
        ("periodic", [1, 2, 3, 1, 2, 3, 1, 2, 3]),
        ("mirror", [3, 2, 1, 1, 2, 3, 3, 2, 1]),
    ],
)
def test_a_row_goes_on_as_the_boundary_says(boundary, row):
    image = np.array([[[1, 2, 3]]])
    assert_array_equal(continued(image, whole_box(image.shape), (0, 0, 3), boundary), [[row]])


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    reach=st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    boundary=st.sampled_from(list(NUMPY)),
)
def test_an_image_goes_on_as_numpy_pads_it(shape, reach, boundary):
    image = np.arange(1, np.prod(shape) + 1, dtype=np.int16).reshape(shape)
    expected = np.pad(image, [(far, far) for far in reach], mode=NUMPY[boundary])
    assert_array_equal(continued(image, whole_box(shape), reach, boundary), expected)


@given(start=st.tuples(*[st.integers(0, 4)] * 3), size=st.tuples(*[st.integers(1, 5)] * 3), data=st.data())
def test_a_box_goes_on_into_the_image_and_then_beyond_it(start, size, data):
    boundary = data.draw(st.sampled_from(list(NUMPY)))
    image = np.arange(9 * 9 * 9).reshape(9, 9, 9)
    box = tuple(slice(first, first + length) for first, length in zip(start, size, strict=True))
    padded = np.pad(image, 6, mode=NUMPY[boundary])
    expected = padded[tuple(slice(part.start, part.stop + 12) for part in box)]
    assert_array_equal(continued(image, box, (6, 6, 6), boundary), expected)


def test_what_is_read_is_a_copy():
    image = np.zeros((2, 2, 2))
    continued(image, whole_box(image.shape), (0, 0, 0), "mirror")[:] = 1
    assert not image.any()
