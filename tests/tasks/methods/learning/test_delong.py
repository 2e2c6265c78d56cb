import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.learning.delong import compare_models, delong
from tasks.methods.learning.discrimination import patient_weights, weighted_aucs
from tasks.methods.learning.harmonisation import NoHarmonisation
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation


def test_a_comparison_small_enough_for_paper():
    outcome = np.array([1, 1, 0, 0])
    first, second = np.array([4.0, 3, 2, 1]), np.array([4.0, 2, 3, 1])

    found = delong(outcome, first, second)

    # Events are above (1, 1) and (1, 1/2) of the others, others below (1, 1) and (1/2, 1) of the events.
    assert (found.first_auc, found.second_auc, found.difference) == (1.0, 0.75, 0.25)
    assert found.standard_error == pytest.approx(np.sqrt(0.125 / 2 + 0.125 / 2))
    assert found.p_value == pytest.approx(0.4795001, abs=1e-6)
    assert found.interval() == pytest.approx((0.25 - 1.959964 * np.sqrt(0.125), 0.25 + 1.959964 * np.sqrt(0.125)))


def by_the_1988_formulas(outcome, *scores):
    def psi(x, y):
        return np.where(x[:, None] > y, 1.0, np.where(x[:, None] == y, 0.5, 0.0))

    tables = [psi(s[outcome == 1], s[outcome == 0]) for s in scores]
    covariance = sum(np.cov([table.mean(axis=axis) for table in tables]) / tables[0].shape[1 - axis] for axis in (0, 1))
    return covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_it_agrees_with_the_formulas_of_1988_ties_and_all(seed):
    generator = np.random.default_rng(seed)
    outcome = np.arange(20) % 3 // 2
    first, second = generator.integers(0, 6, size=(2, 20)).astype(float)

    found = delong(outcome, first, second)

    assert found.standard_error**2 == pytest.approx(by_the_1988_formulas(outcome, first, second), abs=1e-12)
    assert delong(outcome, second, first).p_value == pytest.approx(found.p_value)


def test_its_standard_error_is_that_of_the_bootstrap():
    generator = np.random.default_rng(4)
    outcome = np.arange(300) % 2
    shared = generator.normal(size=300) + outcome
    first, second = (shared + generator.normal(size=300) for _ in range(2))

    weights = patient_weights(outcome, np.arange(300), draws=2000, seed=0)
    drawn = weighted_aucs(outcome, first, weights) - weighted_aucs(outcome, second, weights)

    assert delong(outcome, first, second).standard_error == pytest.approx(drawn.std(), rel=0.07)


def test_models_that_order_alike_do_not_differ_and_opposite_ones_do():
    outcome, scores = np.array([0, 0, 1, 1]), np.arange(4.0)
    assert delong(outcome, scores, 2 * scores).p_value == 1.0
    assert delong(outcome, scores, -scores).p_value == 0.0


@pytest.mark.parametrize("outcome", [[0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]])
def test_a_class_of_one_row_is_refused(outcome):
    with pytest.raises(BadData, match="of 4 rows have the event"):
        delong(np.array(outcome), np.arange(4.0), np.arange(4.0))


def test_two_evaluations_are_compared_on_their_averaged_probabilities(study):
    alone, validation = slice(0, 24), NestedCrossValidation(outer_folds=3, repeats=2, bootstrap=10)
    arguments = study.outcome[alone], study.groups[alone], LogisticLearner(k=(2,)), NoHarmonisation()
    first = validation(study.table[alone], *arguments)
    second = validation(study.table[alone][["texture 3"]], *arguments)

    found = compare_models(first, second)

    mean = np.mean([repeat.probability for repeat in first.repeats], axis=0)
    assert found == delong(study.outcome[alone], mean, np.array(second.mean_probability))
    assert found.difference > 0


def test_evaluations_of_other_rows_or_repeated_patients_are_not_compared(study):
    validation = NestedCrossValidation(outer_folds=3, repeats=1, bootstrap=10)
    whole, part = (
        validation(
            study.table[rows], study.outcome[rows], study.groups[rows], LogisticLearner(k=(2,)), NoHarmonisation()
        )
        for rows in (slice(0, 30), slice(0, 24))
    )
    with pytest.raises(BadData, match="30 and 24 rows"):
        compare_models(whole, part)
    with pytest.raises(BadData, match="30 rows of 24 patients"):
        compare_models(whole, whole)
