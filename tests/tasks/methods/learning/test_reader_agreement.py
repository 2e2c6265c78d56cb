import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.learning.reader_agreement import dice, icc_a1, reader_agreement

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)


def test_the_example_of_shrout_and_fleiss():
    found = icc_a1(SHROUT_FLEISS)
    assert found.icc == pytest.approx(0.2898, abs=5e-5)
    assert found.low == pytest.approx(0.0188, abs=5e-4)
    assert found.high == pytest.approx(0.7611, abs=5e-4)


def test_readers_who_agree_have_one_and_a_reader_who_reads_higher_costs_agreement():
    once = np.array([1.0, 2.0, 3.0, 4.0])
    assert icc_a1(np.column_stack([once, once])) == (1.0, 1.0, 1.0)
    # Subjects' variance 5/3 stands beside the readers' variance 2, without error.
    assert icc_a1(np.column_stack([once, once + 2])).icc == pytest.approx((5 / 3) / (5 / 3 + 2))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 100), st.floats(-100, 100))
def test_unit_and_zero_point_do_not_matter_and_the_interval_holds_the_value(seed, scale, shift):
    generator = np.random.default_rng(seed)
    ratings = generator.normal(size=(6, 1)) + generator.normal(size=(6, 3))
    found = icc_a1(ratings)
    assert icc_a1(scale * ratings + shift) == pytest.approx(found, rel=1e-6, abs=1e-8)
    assert found.low <= found.icc <= found.high


@pytest.mark.parametrize(
    ("ratings", "icc"),
    [([[1, 3], [1, 3], [1, 3]], 0.0), ([[0.1, 0.3], [0.3, 0.1], [0.2, 0.2]], -3.0)],
)
def test_subjects_that_do_not_differ_give_an_interval_without_width(ratings, icc):
    assert icc_a1(np.array(ratings, dtype=float)) == pytest.approx((icc, icc, icc))


@pytest.mark.parametrize("ratings", [np.ones((3, 2)), np.zeros((1, 2)), np.arange(3.0)[:, None], np.zeros((0, 2))])
def test_agreement_on_nothing_is_refused(ratings):
    with pytest.raises(BadData) as caught:
        icc_a1(ratings)
    assert caught.value.verdict == "no_agreement_to_measure"


def long_table(order):
    table = pd.DataFrame({"rating": SHROUT_FLEISS.ravel(), "gappy": SHROUT_FLEISS.ravel(), "flat": 1.0, "site": "lung"})
    table.loc[5, "gappy"] = np.nan
    subjects, readers = np.repeat(list("uvwxyz"), 4), np.tile(list("ABCD"), 6)
    return table.iloc[order], subjects[order], readers[order]


def test_a_feature_table_in_any_order_has_the_agreement_of_each_feature():
    straight = reader_agreement(*long_table(np.arange(24)))
    mixed = reader_agreement(*long_table(np.random.default_rng(0).permutation(24)))

    pd.testing.assert_frame_equal(straight, mixed)
    assert straight["feature"].tolist() == ["rating", "gappy", "flat"]
    assert straight["icc"][0] == pytest.approx(0.2898, abs=5e-5)
    assert straight["icc"][1] == pytest.approx(icc_a1(np.delete(SHROUT_FLEISS, 1, axis=0)).icc)
    assert straight["subjects"].tolist() == [6, 5, 6]
    assert straight["icc"].isna().tolist() == [False, False, True]
    assert (straight["readers"] == 4).all()


@pytest.mark.parametrize(
    ("rows", "counts"),
    [(np.arange(23), "1 readings absent, 0 doubled"), (np.array([*range(24), 0]), "0 readings absent, 1 doubled")],
)
def test_a_subject_not_read_once_by_every_reader_is_refused(rows, counts):
    with pytest.raises(BadData, match=counts):
        reader_agreement(*long_table(rows))


def test_dice_of_small_masks():
    assert dice(np.array([True, True, False]), np.array([False, True, True])) == 0.5
    assert dice(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool)) == 1.0
    assert dice(np.ones(3, dtype=bool), np.zeros(3, dtype=bool)) == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_dice_is_symmetric_and_the_f1_of_one_for_the_other(seed):
    first, second = np.random.default_rng(seed).random((2, 3, 4, 5)) < 0.5
    overlap, either = np.count_nonzero(first & second), np.count_nonzero(first | second)
    jaccard = overlap / either
    assert dice(first, second) == dice(second, first) == pytest.approx(2 * jaccard / (1 + jaccard))


def test_masks_of_different_shapes_have_no_dice():
    with pytest.raises(BadData, match="differ"):
        dice(np.ones(3, dtype=bool), np.ones(4, dtype=bool))
