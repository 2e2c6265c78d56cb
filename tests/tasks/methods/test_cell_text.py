"""A cell says one thing, however a program has written it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.methods.cell_text import cell_text, same_cell, spellings


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1.0", "1"), (1.0, "1"), (np.float32(1), "1"), (1, "1"), ("1.", "1"), ("10.00", "10"), ("-3.0", "-3"),
        ("2.50", "2.5"), (2.5, "2.5"), ("01", "01"), ("01.0", "01"), ("1.0.0", "1.0.0"), ("1e3", "1e3"),
        (1e16, "1" + "0" * 16),
        (True, "yes"), (np.bool_(0), "no"), ("True", "yes"), ("FALSE", "no"), ("yes", "yes"), ("Yes", "Yes"),
        (" left\t", "left"), ("Left", "Left"), ("", None), ("   ", None),
    ],
)  # fmt: skip
def test_a_cell_says_the_same_however_it_is_written(cell, said):
    assert cell_text(cell) == said


@given(st.one_of(st.text(max_size=6), st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{0,3})?", fullmatch=True)))
def test_what_a_cell_says_says_the_same_again_in_all_its_spellings(cell):
    said = same_cell(cell)
    assert same_cell(said) == said
    assert spellings(said)[0] == said
    assert {same_cell(one) for one in spellings(said)} == {said}


@pytest.mark.parametrize("numbers", [[1, 2, None], [1.0, 2.5, None]])
def test_a_number_is_found_in_every_spelling_that_pandas_gives_it(numbers):
    for frame in (pd.Series(numbers), pd.Series(numbers, dtype="Float64")):
        for cell in frame.dropna():
            assert str(cell) in spellings(cell_text(cell))
