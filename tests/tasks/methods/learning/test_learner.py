import pickle

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from data_catalog.errors import BadData
from tasks.methods.learning import Learner
from tasks.methods.learning.cohort import Cohort
from tasks.methods.learning.forest import ForestLearner
from tasks.methods.learning.harmonisation import NoHarmonisation, ScannerLocationScale
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.rule_list import RuleListLearner
from tasks.methods.learning.support_vectors import SupportVectorLearner

LEARNERS = [
    LogisticLearner(k=(1, 4)),
    ForestLearner(k=(2, 8), trees=10),
    SupportVectorLearner(k=(1, 4)),
    SupportVectorLearner(k=(2,), kernel="linear"),
    RuleListLearner(k=(1, 4)),
]
by_method = pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.method)


@pytest.fixture
def cohort(study):
    return Cohort.of(study.table, study.outcome, study.groups, study.scanner)


@by_method
def test_a_learner_finds_the_column_that_carries_the_signal(learner, cohort):
    fitted = learner(cohort, NoHarmonisation(), 3, 0)
    probability = fitted.probability(cohort.table)

    assert "texture 0" in fitted.selected
    assert fitted.inner_auc > 0.7
    assert probability[cohort.outcome == 1].mean() > probability[cohort.outcome == 0].mean() + 0.2
    assert set(learner.grid()) <= set(fitted.setting)
    assert 0 < fitted.threshold < 1


@by_method
def test_probabilities_are_probabilities_and_predictions_follow_them(learner, cohort):
    pipeline = learner(cohort, NoHarmonisation(), 3, 0).pipeline
    both = pipeline.predict_proba(cohort.table)

    np.testing.assert_allclose(both.sum(axis=1), 1.0)
    assert both.min() >= 0
    clear = np.abs(both[:, 1] - 0.5) > 1e-9
    np.testing.assert_array_equal(pipeline.predict(cohort.table)[clear], (both[:, 1] > 0.5)[clear])


@by_method
def test_the_same_rows_and_seed_give_the_same_bits(learner, cohort):
    first, second = (learner(cohort, ScannerLocationScale(), 3, 7) for _ in range(2))
    np.testing.assert_array_equal(first.probability(cohort.table), second.probability(cohort.table))
    assert (first.setting, first.threshold) == (second.setting, second.threshold)


@by_method
def test_a_fitted_pipeline_survives_being_stored(learner, cohort):
    fitted = learner(cohort, ScannerLocationScale(), 3, 0)
    again = pickle.loads(pickle.dumps(fitted.pipeline))
    np.testing.assert_array_equal(again.predict_proba(cohort.table)[:, 1], fitted.probability(cohort.table))


@by_method
def test_a_table_of_one_column_can_be_learnt_from(learner, study):
    cohort = Cohort.of(study.table[["texture 0"]], study.outcome, study.groups)
    assert learner(cohort, NoHarmonisation(), 2, 0).selected == ("texture 0",)


@by_method
def test_a_table_that_never_varies_is_refused(learner, study):
    cohort = Cohort.of(pd.DataFrame({"flat": np.ones(30)}), study.outcome, study.groups)
    with pytest.raises(BadData, match="constant"):
        learner(cohort, NoHarmonisation(), 3, 0)


def test_harmonisation_without_scanners_is_refused(study):
    cohort = Cohort.of(study.table, study.outcome, study.groups)
    with pytest.raises(BadData, match="no scanners were given"):
        LogisticLearner()(cohort, ScannerLocationScale(), 3, 0)


def test_platts_line_comes_from_patients_held_back_and_keeps_the_machines_order(cohort):
    fitted = SupportVectorLearner(k=(2,), inverse_penalty=(1.0,))(cohort, NoHarmonisation(), 3, 0)
    decisions = fitted.pipeline.decision_function(cohort.table)
    probability = fitted.probability(cohort.table)

    assert fitted.setting["classify__slope"] > 0
    np.testing.assert_array_equal(np.argsort(decisions, kind="stable"), np.argsort(probability, kind="stable"))
    line = fitted.setting["classify__intercept"] + fitted.setting["classify__slope"] * decisions
    np.testing.assert_allclose(np.log(probability / (1 - probability)), line)


def test_the_regression_is_at_its_one_minimum(cohort):
    fitted = LogisticLearner(k=(4,), inverse_penalty=(0.1,))(cohort, NoHarmonisation(), 3, 0)
    matrix, regression = fitted.pipeline[:-1].transform(cohort.table), fitted.pipeline[-1]
    residual = regression.predict_proba(matrix)[:, 1] - cohort.outcome
    np.testing.assert_allclose(matrix.T @ residual + regression.coef_[0] / 0.1, 0, atol=1e-3)


def test_separated_classes_are_learnt_without_a_penalty_worth_the_name(study):
    table = study.table.assign(told=study.outcome * 3.0)
    cohort = Cohort.of(table, study.outcome, study.groups)
    fitted = LogisticLearner(inverse_penalty=(100.0,))(cohort, NoHarmonisation(), 3, 0)
    assert fitted.inner_auc == 1.0


def test_a_forest_averages_its_trees_on_one_thread():
    forest = ForestLearner(trees=3).classifier(1)
    assert (forest.n_jobs, forest.n_estimators, forest.random_state) == (1, 3, 1)


@pytest.mark.parametrize(
    "plan",
    [
        {"method": "logistic", "k": []},
        {"method": "logistic", "k": [0]},
        {"method": "logistic", "inverse_penalty": [-1.0]},
        {"method": "logistic", "inverse_penalty": [1e6]},
        {"method": "support_vectors", "inverse_penalty": [0.0]},
        {"method": "forest", "trees": 0},
        {"method": "support_vectors", "kernel": "poly"},
        {"method": "logistic", "penalty": "l1"},
        {"method": "boosting"},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_before_a_run(plan):
    with pytest.raises(ValidationError):
        TypeAdapter(Learner).validate_python(plan)


@by_method
def test_a_plan_is_read_back_as_the_learner_it_came_from(learner):
    assert TypeAdapter(Learner).validate_json(learner.model_dump_json()) == learner
