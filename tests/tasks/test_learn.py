"""Models are judged on the rows whose outcome is known, with the method's own numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_catalog.errors import BadData
from data_catalog.kinds import COHORT, CONTROL, EVALUATION, MODEL, RULES, TABLE
from tasks.learn import UNKNOWN_SCANNER, evaluate, fit_model, leak, permute, scanner_effects, tell_rule_list
from tasks.methods.learning.cohort import SCANNER
from tasks.methods.learning.controls import LeakCheck, PermutedLabels
from tasks.methods.learning.harmonisation import NoHarmonisation, ScannerLocationScale
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation
from tasks.methods.learning.rule_list import RuleListLearner
from tasks.methods.learning.stable_features import StableFeatures, unstable
from tasks.methods.rules.items import ColumnLabel
from tasks.stage import perform
from tests.tasks.conftest import kept

QUICK = NestedCrossValidation(outer_folds=2, inner_folds=2, repeats=1, bootstrap=20)
LEARNER = LogisticLearner(k=(1,), inverse_penalty=(1.0,))
COLUMNS = ("signal", "noise")
SHARED = {"columns": COLUMNS, "learner": LEARNER, "harmoniser": NoHarmonisation()}


@pytest.fixture
def cohort():
    rng = np.random.default_rng(3)
    outcome = np.array([0.0, 1.0, 1.0, 0.0] * 6)
    table = pd.DataFrame(
        {
            "patient": [f"P-{number}" for number in range(24)],
            "scanner": ["A", "B", None] * 8,
            "outcome": outcome,
            "signal": outcome + rng.normal(0, 0.2, 24),
            "noise": rng.normal(size=24),
            "leaking": outcome,
        }
    )
    unknown = pd.DataFrame({"patient": ["P-x"], "scanner": ["A"], "outcome": [np.nan], "signal": [1e6], "noise": [1e6]})
    return pd.concat([table, unknown], ignore_index=True)


def test_a_fitted_rule_list_is_told_in_words(cohort):
    learner = RuleListLearner(k=(1,))
    fitted = fit_model.function(cohort, **{**SHARED, "learner": learner}, seed=0)
    told = tell_rule_list.function(fitted, columns={"signal": ColumnLabel(label="tumour signal", unit="HU")})
    RULES.check(told)
    assert told.rules[0].conditions[0].startswith("tumour signal is ")
    assert told.rules[0].conditions[0].endswith(" HU")
    assert told.rows == 24


def test_a_learner_is_judged_on_rows_whose_outcome_is_known(cohort):
    found = evaluate.function(cohort, **SHARED, validation=QUICK)
    EVALUATION.check(found)
    known = cohort[cohort["outcome"].notna()]
    expected = QUICK(
        known[list(COLUMNS)],
        known["outcome"].to_numpy().astype(int),
        known["patient"].to_numpy(),
        LEARNER,
        NoHarmonisation(),
        scanner=known["scanner"].fillna(UNKNOWN_SCANNER).to_numpy(),
    )
    assert found == expected
    assert found.n_rows == 24
    assert found.auc > 0.9
    assert set(found.columns) == set(COLUMNS), "no other column is seen"


def test_a_shuffled_outcome_is_near_chance(cohort):
    found = permute.function(cohort, **SHARED, control=PermutedLabels(permutations=2, validation=QUICK))
    CONTROL.check(found)
    assert len(found.aucs) == 2
    assert found.mean < 0.9


def test_what_leakage_would_show_stands_beside_the_honest_number(cohort):
    found = leak.function(cohort, columns=COLUMNS, control=LeakCheck(keep=1, learner=LEARNER, validation=QUICK))
    CONTROL.check(found)
    assert 0.8 < found.in_fold_auc <= 1
    assert 0.8 < found.leaky_auc <= 1


@pytest.mark.parametrize("harmoniser", [NoHarmonisation(), ScannerLocationScale()], ids=lambda one: one.method)
def test_the_model_for_new_patients_is_fitted_and_kept(cohort, store, harmoniser):
    ref = kept(store, COHORT, cohort)
    job = fit_model.job("all rows", {"cohort": ref}, {**SHARED, "harmoniser": harmoniser, "seed": 0})
    model = store.open(perform(store.root, job).ref)
    MODEL.check(model)
    new = pd.DataFrame({"signal": [0.0, 1.0], "noise": [0.0, 0.0], SCANNER: ["A", "A"]})
    low, high = model.predict_proba(new)[:, 1]
    assert low < 0.5 < high


def test_scanners_are_compared_on_all_rows_an_unknown_one_being_one_of_them(cohort):
    shifted = cohort.assign(noise=cohort["noise"] + 50 * (cohort["scanner"] == "B"))
    found = scanner_effects.function(shifted, columns=COLUMNS)
    TABLE.check(found)
    assert found["feature"].tolist()[0] == "noise"
    assert found["scanners"].tolist() == [3, 3]
    assert found["rows"].tolist() == [25, 25]
    assert found.set_index("feature").loc["noise", "adjusted_p_value"] < 0.01
    assert found.set_index("feature").loc["signal", "adjusted_p_value"] > 0.05


def test_the_cohort_is_not_changed(cohort):
    before = cohort.copy(deep=True)
    evaluate.function(cohort, **SHARED, validation=QUICK)
    scanner_effects.function(cohort, columns=COLUMNS)
    pd.testing.assert_frame_equal(cohort, before)


def test_a_cohort_too_small_to_judge_is_refused_and_no_defect(cohort, store):
    ref = kept(store, COHORT, cohort.head(3))
    outcome = perform(store.root, evaluate.job("all", {"cohort": ref}, {**SHARED, "validation": QUICK}))
    assert outcome.how == "computed"
    assert outcome.refusal.stage == "evaluate"


def test_what_is_measured_again_is_joined_to_the_rows_whose_outcome_is_known(cohort):
    rng = np.random.default_rng(0)
    cohort = cohort.assign(visit=0)
    perturbed = pd.concat(
        [
            cohort[["patient", "visit"]].assign(
                repetition=number,
                signal=cohort["signal"] + rng.normal(0, 0.01, len(cohort)),
                noise=rng.normal(size=len(cohort)),
            )
            for number in range(3)
        ]
    ).sample(frac=1, random_state=0)
    shared = {**SHARED, "stability": StableFeatures()}
    found = evaluate.function(cohort, perturbed, **shared, validation=QUICK)
    assert [fold.unstable for fold in found.folds] == [1, 1]
    assert set(found.selection_frequency) == {"signal"}
    model = fit_model.function(cohort, perturbed, **shared, seed=0)
    assert unstable(model) == ("noise",)
    shuffled = permute.function(cohort, perturbed, **shared, control=PermutedLabels(permutations=1, validation=QUICK))
    assert len(shuffled.aucs) == 1
    readings = perturbed.rename(columns={"repetition": "reader"})
    by_readers = evaluate.function(cohort, None, readings, **shared, validation=QUICK)
    assert [fold.unstable for fold in by_readers.folds] == [1, 1]
    with pytest.raises(BadData, match="measured again"):
        evaluate.function(cohort, **shared, validation=QUICK)
