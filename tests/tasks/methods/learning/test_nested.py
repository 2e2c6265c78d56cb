import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import Cohort
from tasks.methods.learning.evaluation import Evaluation
from tasks.methods.learning.folds import derived_seed, folds
from tasks.methods.learning.forest import ForestLearner
from tasks.methods.learning.harmonisation import NoHarmonisation, ScannerLocationScale
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation
from tasks.methods.learning.support_vectors import SupportVectorLearner

QUICK = NestedCrossValidation(outer_folds=3, inner_folds=2, repeats=2, bootstrap=50)
SMALL = LogisticLearner(k=(1, 4))


@pytest.mark.parametrize(
    "learner", [SMALL, ForestLearner(k=(4,), trees=5), SupportVectorLearner(k=(4,))], ids=lambda one: one.method
)
def test_a_signal_is_found_in_patients_that_were_not_seen(study, learner):
    found = QUICK(study.table, study.outcome, study.groups, learner, NoHarmonisation())

    assert found.auc > 0.7
    assert found.auc_interval.low < found.auc < found.auc_interval.high
    assert found.selection_frequency["texture 0"] == 1.0
    assert (found.n_rows, found.n_patients, found.n_events) == (30, 24, 12)
    assert found.learner == learner.model_dump(mode="json")


def test_it_agrees_with_a_nested_search_written_with_scikit_learn_alone(study):
    found = QUICK(study.table, study.outcome, study.groups, SMALL, NoHarmonisation())

    cohort = Cohort.of(study.table, study.outcome, study.groups)
    expected = np.zeros(30)
    for number, fold in enumerate(folds(cohort.outcome, cohort.groups, 3, derived_seed(0, 1))):
        outcome, groups = cohort.outcome[fold.train], cohort.groups[fold.train]
        inner = folds(outcome, groups, 2, derived_seed(derived_seed(0, 1, number), 1))
        search = GridSearchCV(
            SMALL.pipeline(cohort.columns, 0),
            {name: list(values) for name, values in SMALL.grid().items()},
            scoring="neg_log_loss",
            cv=[(split.train, split.test) for split in inner],
        ).fit(cohort.table.iloc[fold.train], outcome)
        record = found.folds[3 + number]
        assert record.setting == search.best_params_
        expected[fold.test] = search.predict_proba(cohort.table.iloc[fold.test])[:, 1]
        assert record.auc == pytest.approx(roc_auc_score(cohort.outcome[fold.test], expected[fold.test]))
    np.testing.assert_allclose(found.repeats[1].probability, expected)


def test_a_patients_rows_are_judged_in_one_fold_and_each_row_once_a_repeat(study):
    table = QUICK(study.table, study.outcome, study.groups, SMALL, NoHarmonisation()).predictions()
    table["patient"] = np.tile(study.groups, 2)
    assert (table.groupby(["repeat", "patient"])["fold"].nunique() == 1).all()
    assert table.groupby("repeat")["row"].apply(list).tolist() == [list(range(30))] * 2


def test_the_same_call_gives_the_same_bytes_and_changes_nothing(study):
    before = study.table.copy(), study.outcome.copy(), study.groups.copy()
    arguments = study.table, study.outcome, study.groups, SMALL, ScannerLocationScale()

    first, second = (QUICK(*arguments, scanner=study.scanner).model_dump_json() for _ in range(2))

    assert first == second
    pd.testing.assert_frame_equal(study.table, before[0])
    np.testing.assert_array_equal(study.outcome, before[1])
    np.testing.assert_array_equal(study.groups, before[2])


def test_the_names_of_patients_and_rows_do_not_matter_and_are_not_kept(study):
    renamed = np.char.add("secret-", study.groups)
    plain = QUICK(study.table, study.outcome, study.groups, SMALL, NoHarmonisation())
    other = QUICK(study.table.set_index(renamed), study.outcome, renamed, SMALL, NoHarmonisation())
    assert plain == other
    assert "secret" not in other.model_dump_json()


def test_the_evaluation_is_the_same_after_json(study):
    found = QUICK(study.table, study.outcome, study.groups, SupportVectorLearner(k=(2,)), NoHarmonisation())
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_an_empty_column_is_left_out_and_named(study):
    found = QUICK(study.table.assign(nothing=np.nan), study.outcome, study.groups, SMALL, NoHarmonisation())
    assert found.empty_columns == ("nothing",)
    assert "nothing" not in found.columns


def test_harmonisation_takes_away_what_the_scanners_add(study):
    shifted = study.table.copy()
    shifted["texture 0"] += 20.0 * (study.scanner == "B")
    one_column = shifted[["texture 0"]]
    arguments = study.outcome, study.groups, LogisticLearner(k=(1,))
    without = QUICK(one_column, *arguments, NoHarmonisation())
    harmonised = QUICK(one_column, *arguments, ScannerLocationScale(), scanner=study.scanner)
    assert harmonised.auc > without.auc + 0.1


def test_a_scanner_of_one_fold_can_be_refused(study):
    scanner = np.where(study.groups == "key-001", "Z", "A")
    with pytest.raises(BadData, match="unseen='pooled'"):
        QUICK(
            study.table,
            study.outcome,
            study.groups,
            SMALL,
            ScannerLocationScale(unseen="refuse"),
            scanner=scanner,
        )


@pytest.mark.parametrize("events", [0, 2, 3])
def test_a_cohort_too_small_for_its_folds_is_refused_with_the_counts(events):
    table = pd.DataFrame({"x": np.arange(12.0)})
    outcome = (np.arange(12) < events).astype(int)
    left = f"{min(events, 2)} patients with the event"
    with pytest.raises(BadData, match=left):
        NestedCrossValidation(outer_folds=3)(
            table, outcome, np.arange(12).astype(str), LogisticLearner(), NoHarmonisation()
        )
