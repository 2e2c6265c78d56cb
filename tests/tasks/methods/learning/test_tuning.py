import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from tasks.methods.learning.cohort import Cohort
from tasks.methods.learning.discrimination import auc
from tasks.methods.learning.folds import folds
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.support_vectors import SupportVectorLearner
from tasks.methods.learning.tuning import tune


@pytest.mark.parametrize("learner", [LogisticLearner(k=(1, 3, 8)), SupportVectorLearner(k=(1, 3, 8))])
def test_it_chooses_as_scikit_learns_grid_search_does(study, learner):
    cohort = Cohort.of(study.table, study.outcome, study.groups)
    splits = folds(cohort.outcome, cohort.groups, 3, 0)
    pipeline = learner.pipeline(cohort.columns, 0)

    found = tune(pipeline, learner.grid(), cohort, splits, score=learner.scores, merit=auc)

    oracle = GridSearchCV(
        pipeline,
        {name: list(values) for name, values in learner.grid().items()},
        scoring="roc_auc",
        cv=[(fold.train, fold.test) for fold in splits],
    ).fit(cohort.table, cohort.outcome)
    assert found.inner_auc == pytest.approx(oracle.best_score_)
    assert oracle.cv_results_["mean_test_score"][oracle.cv_results_["params"].index(found.setting)] == pytest.approx(
        oracle.best_score_
    )


def test_every_score_comes_from_a_model_that_did_not_see_the_row(study):
    cohort = Cohort.of(study.table, study.outcome, study.groups)
    splits = folds(cohort.outcome, cohort.groups, 3, 0)
    learner = LogisticLearner(k=(2,), inverse_penalty=(1.0,))
    pipeline = learner.pipeline(cohort.columns, 0).set_params(select__k=2, classify__C=1.0)

    found = tune(pipeline, learner.grid(), cohort, splits, score=learner.scores, merit=auc)

    for fold in splits:
        train, test = fold.training(cohort), fold.testing(cohort)
        alone = pipeline.fit(train.table, train.outcome).predict_proba(test.table)[:, 1]
        np.testing.assert_array_equal(found.scores[fold.test], alone)


def test_of_settings_that_do_alike_the_first_is_taken(study):
    cohort = Cohort.of(study.table[["texture 0"]], study.outcome, study.groups)
    learner = LogisticLearner(k=(4, 2, 3), inverse_penalty=(1.0, 10.0))
    splits = folds(cohort.outcome, cohort.groups, 2, 0)
    found = tune(learner.pipeline(cohort.columns, 0), learner.grid(), cohort, splits, score=learner.scores, merit=auc)
    assert found.setting == {"select__k": 4, "classify__C": 1.0}
