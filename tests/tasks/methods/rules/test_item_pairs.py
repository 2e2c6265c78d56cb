"""Which items go together, two by two."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.methods.rules.item_pairs import item_pairs
from tasks.methods.rules.items import Item, ItemTable


def table(present, known=None):
    present = np.asarray(present, bool)
    known = np.ones_like(present) if known is None else np.asarray(known, bool)
    items = tuple(Item(column=str(place), label=str(place), level="yes") for place in range(present.shape[1]))
    return ItemTable(items, present & known, known)


def test_pairs_of_four_patients_can_be_counted_by_eye():
    pairs = item_pairs(table([[1, 1], [1, 0], [0, 1], [0, 0]], [[1, 1], [1, 1], [1, 0], [1, 1]]))
    assert pairs.both == ((2, 1), (1, 1))
    assert pairs.known == ((4, 3), (3, 3))
    assert pairs.table(0, 1) == (1, 1, 0, 1)
    assert pairs.phi[0][1] == pytest.approx(0.5)


@settings(max_examples=50, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 15), st.integers(2, 4))), st.data())
def test_phi_is_the_correlation_of_those_known(present, data):
    known = data.draw(arrays(bool, present.shape))
    pairs = item_pairs(table(present, known))
    rows = known[:, 0] & known[:, 1]
    first, second = present[rows, 0], present[rows, 1]
    if rows.sum() < 2 or first.std() == 0 or second.std() == 0:
        assert pairs.phi[0][1] is None
    else:
        assert pairs.phi[0][1] == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert pairs.phi[0][1] == pairs.phi[1][0]
    assert sum(pairs.table(0, 1)) == rows.sum()


def test_an_item_that_all_have_goes_with_nothing():
    assert item_pairs(table([[1, 1], [1, 0]])).phi[0][1] is None
