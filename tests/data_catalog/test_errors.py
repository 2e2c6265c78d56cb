"""An error says what was expected, what came and what to do."""

import pickle

import pytest

from data_catalog.errors import BadData, MissingExtra, PlanError, StoreError, VoxmineError


def test_an_error_reads_as_two_sentences():
    error = PlanError("A plan names a folder", "nothing is there", "Correct the path.")
    assert str(error) == "A plan names a folder: nothing is there. Correct the path."
    assert (error.expected, error.came, error.remedy) == (
        "A plan names a folder",
        "nothing is there",
        "Correct the path.",
    )


def test_bad_data_has_a_verdict_and_the_same_sentence():
    error = BadData("missing_slice", "Slices lie evenly", "one is missing", "Send it again.")
    assert error.verdict == "missing_slice"
    assert str(error) == "Slices lie evenly: one is missing. Send it again."


@pytest.mark.parametrize(
    "error",
    [
        BadData("verdict", "expected", "came", "remedy"),
        *(kind("expected", "came", "remedy") for kind in (VoxmineError, PlanError, StoreError, MissingExtra)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_from_another_process_as_it_was(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert vars(back) == vars(error)
    assert str(back) == str(error)
    assert isinstance(back, VoxmineError)
