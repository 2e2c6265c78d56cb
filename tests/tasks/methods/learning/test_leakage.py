"""The promise of the learning family: whatever the test rows hold, the fitted model is the same to the last bit."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.learning.cohort import SCANNER, Cohort
from tasks.methods.learning.folds import folds
from tasks.methods.learning.forest import ForestLearner
from tasks.methods.learning.harmonisation import ScannerLocationScale
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation, fit_on
from tasks.methods.learning.support_vectors import SupportVectorLearner

LEARNERS = [LogisticLearner(k=(2, 4)), ForestLearner(k=(4,), trees=5), SupportVectorLearner(k=(2, 4))]


def poisoned(cohort, rows, value, scanner="poison"):
    """Return the cohort with absurd features, categories, scanners and flipped outcomes in some rows."""
    table, outcome = cohort.table.copy(), cohort.outcome.copy()
    table.loc[rows, list(cohort.columns.numeric)] = value
    table.loc[rows, list(cohort.columns.categorical)] = "poison"
    table.loc[rows, SCANNER] = scanner
    outcome[rows] = 1 - outcome[rows]
    return Cohort(table, outcome, cohort.groups, cohort.columns)


@pytest.mark.parametrize("value", [1e90, -1e90, np.nan, 0.0])
@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.method)
def test_poisoned_test_rows_leave_the_fitted_model_the_same_to_the_last_bit(study, learner, value):
    clean = Cohort.of(study.table, study.outcome, study.groups, study.scanner)
    fold = folds(clean.outcome, clean.groups, 4, 0)[1]
    poison = poisoned(clean, fold.test, value)
    settled = {"inner_folds": 3, "seed": 5}

    honest, other = (fit_on(fold, each, learner, ScannerLocationScale(), **settled) for each in (clean, poison))

    assert pickle.dumps(honest.pipeline) == pickle.dumps(other.pipeline)
    assert (honest.setting, honest.threshold, honest.inner_auc) == (other.setting, other.threshold, other.inner_auc)
    train = fold.training(clean).table
    assert honest.probability(train).tobytes() == other.probability(train).tobytes()
    assert np.isfinite(other.probability(fold.testing(poison).table)).all()


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.method)
def test_the_poison_is_strong_enough_to_show_in_training_rows(study, learner):
    clean = Cohort.of(study.table, study.outcome, study.groups, study.scanner)
    fold = folds(clean.outcome, clean.groups, 4, 0)[1]
    settled = {"inner_folds": 3, "seed": 5}
    flipped = poisoned(clean, fold.train[:6], 0.0, scanner="A")
    honest, other = (fit_on(fold, each, learner, ScannerLocationScale(), **settled) for each in (clean, flipped))
    assert pickle.dumps(honest.pipeline) != pickle.dumps(other.pipeline)


@settings(max_examples=5, deadline=None)
@given(number=st.integers(0, 2), value=st.floats(-1e90, 1e90))
def test_what_an_outer_fold_chose_does_not_depend_on_its_test_features(number, value):
    table, outcome, groups = _cohort()
    validation = NestedCrossValidation(outer_folds=3, inner_folds=2, repeats=1, bootstrap=1)
    learner, harmoniser = LogisticLearner(k=(1, 3)), ScannerLocationScale()
    scanner = np.repeat("A", len(outcome))
    honest = validation(table, outcome, groups, learner, harmoniser, scanner=scanner)
    poison = table.copy()
    poison.loc[np.array(honest.repeats[0].fold) == number] = value

    other = validation(poison, outcome, groups, learner, harmoniser, scanner=scanner)

    kept = {"setting", "selected", "inner_auc", "threshold"}
    assert other.folds[number].model_dump(include=kept) == honest.folds[number].model_dump(include=kept)


def _cohort():
    import pandas as pd

    generator = np.random.default_rng(2)
    outcome = np.arange(24) % 2
    table = pd.DataFrame(generator.normal(size=(24, 5))).add_prefix("texture ")
    table["texture 0"] += outcome
    return table, outcome, np.arange(24).astype(str)
