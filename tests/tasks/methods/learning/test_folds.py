import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import Cohort
from tasks.methods.learning.folds import Fold, derived_seed, folds

GROUPS = np.array(["a", "a", "b", "c"])


def test_a_fold_hands_out_copies_of_its_own_rows():
    cohort = Cohort.of(pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}), np.array([0, 0, 1, 1]), GROUPS)
    fold = Fold(np.array([0, 1, 3]), np.array([2]), GROUPS)

    train = fold.training(cohort)
    train.table.loc[:, "x"] = -1.0

    assert fold.testing(cohort).table["x"].tolist() == [3.0]
    assert cohort.table["x"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert not fold.train.flags.writeable


def test_a_fold_with_a_patient_on_both_sides_cannot_be_made():
    with pytest.raises(BadData, match="1 patients have training rows and test rows"):
        Fold(np.array([0, 2]), np.array([1, 3]), GROUPS)


@pytest.mark.parametrize("train", [[0, 1], [0, 1, 2, 3], [0, 1, 1, 3]])
def test_a_fold_holds_each_row_once(train):
    with pytest.raises(BadData) as caught:
        Fold(np.array(train), np.array([2]), GROUPS)
    assert caught.value.verdict == "not_a_split"


def test_a_fold_is_not_used_on_other_rows():
    cohort = Cohort.of(pd.DataFrame({"x": [1.0, 2.0]}), np.array([0, 1]), np.array(["a", "b"]))
    with pytest.raises(BadData, match="a cohort of 2"):
        Fold(np.array([0, 1, 3]), np.array([2]), GROUPS).training(cohort)


@settings(max_examples=25, deadline=None)
@given(
    patients=st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=8, max_size=25),
    parts=st.integers(2, 4),
    seed=st.integers(0, 2**31),
)
def test_no_patient_straddles_and_every_fold_has_both_classes(patients, parts, seed):
    events = sum(event for _, event in patients)
    assume(parts <= events <= len(patients) - parts)
    groups = np.repeat([f"p{number}" for number in range(len(patients))], [rows for rows, _ in patients])
    outcome = np.repeat([int(event) for _, event in patients], [rows for rows, _ in patients])
    order = np.random.default_rng(seed).permutation(len(groups))
    groups, outcome = groups[order], outcome[order]

    try:
        made = folds(outcome, groups, parts, seed)
    except BadData as refused:
        assert refused.verdict == "one_class_in_a_fold"  # noqa: PT017 - refusing is the other right answer
        return

    assert len(made) == parts
    assert np.array_equal(np.sort(np.concatenate([fold.test for fold in made])), np.arange(len(groups)))
    for fold in made:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert set(outcome[fold.train]) == set(outcome[fold.test]) == {0, 1}


def test_folds_are_stratified_when_every_patient_has_one_row():
    outcome = np.repeat([0, 1], [30, 10])
    made = folds(outcome, np.arange(40).astype(str), 5, 0)
    assert [int(outcome[fold.test].sum()) for fold in made] == [2] * 5
    assert [len(fold.test) for fold in made] == [8] * 5


def test_the_same_seed_gives_the_same_folds_and_another_seed_others():
    outcome, groups = np.arange(40) % 2, np.arange(40).astype(str)
    first, same, other = (folds(outcome, groups, 4, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.test, b.test) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a.test, b.test) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("outcome", "verdict", "counts"),
    [
        ([0] * 6, "single_class", "0 patients with the event and 6 without, in 6 rows"),
        ([1] * 6, "single_class", "6 patients with the event and 0 without, in 6 rows"),
        ([0, 0, 0, 0, 1, 1], "too_few_patients", "2 patients with the event and 4 without, in 6 rows"),
    ],
)
def test_too_small_a_class_is_refused_with_the_counts(outcome, verdict, counts):
    with pytest.raises(BadData, match=counts) as caught:
        folds(np.array(outcome), np.arange(6).astype(str), 3, 0)
    assert caught.value.verdict == verdict


def test_rows_of_one_patient_do_not_count_as_patients():
    with pytest.raises(BadData, match="1 patients with the event"):
        folds(np.array([1, 1, 1, 0, 0, 0]), np.array(["a", "a", "a", "b", "c", "d"]), 2, 0)


def test_folds_that_cannot_have_both_classes_are_refused(monkeypatch):
    split = [(np.array([0, 1]), np.array([2, 3])), (np.array([2, 3]), np.array([0, 1]))]
    monkeypatch.setattr("sklearn.model_selection.StratifiedGroupKFold.split", lambda *_: iter(split))
    with pytest.raises(BadData, match="none of 20 shuffles of 2 patients with the event and 2 without") as caught:
        folds(np.array([0, 0, 1, 1]), np.array(list("abcd")), 2, 0)
    assert caught.value.verdict == "one_class_in_a_fold"


def test_derived_seeds_depend_on_every_part_and_on_their_number():
    seeds = [derived_seed(*parts) for parts in ((0,), (0, 0), (0, 1), (1, 0), (0, 0, 0))]
    assert len(set(seeds)) == 5
    assert derived_seed(3, 1) == derived_seed(3, 1)
