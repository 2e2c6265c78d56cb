from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.learning.stability import selection_stability

COLUMNS = list("abcdef")


def test_equal_sets_are_wholly_stable_and_disjoint_ones_are_not():
    assert selection_stability([{"a", "b"}] * 5, COLUMNS) == 1.0
    assert selection_stability([{"a", "b"}, {"c", "d"}], list("abcd")) == pytest.approx(-1.0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.sampled_from(COLUMNS), min_size=3, max_size=3), min_size=2, max_size=6))
def test_with_sets_of_one_size_it_is_kunchevas_index(chosen):
    pairs = [(len(a & b) - 9 / 6) / (3 - 9 / 6) for a, b in combinations(chosen, 2)]
    assert selection_stability(chosen, COLUMNS) == pytest.approx(np.mean(pairs))


def test_sets_drawn_at_random_are_about_zero():
    generator = np.random.default_rng(0)
    names = [str(number) for number in range(50)]
    chosen = [set(generator.choice(names, 10, replace=False)) for _ in range(200)]
    assert selection_stability(chosen, names) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("chosen", [[{"a"}], [set(COLUMNS)] * 3, [set(), set()]])
def test_it_is_none_where_it_does_not_exist(chosen):
    assert selection_stability(chosen, COLUMNS) is None
