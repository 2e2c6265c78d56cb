"""Features that change when they are measured again are left out, as far as the training rows tell."""

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import Cohort
from tasks.methods.learning.controls import PermutedLabels
from tasks.methods.learning.final_model import fit_final
from tasks.methods.learning.folds import folds
from tasks.methods.learning.forest import ForestLearner
from tasks.methods.learning.harmonisation import NoHarmonisation, ScannerLocationScale
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation, fit_on
from tasks.methods.learning.repeated import Repeated
from tasks.methods.learning.stable_features import StableFeatures, unstable

LEARNER = LogisticLearner(k=(2, 4), inverse_penalty=(0.1, 1.0))
QUICK = NestedCrossValidation(outer_folds=3, inner_folds=2, repeats=1, bootstrap=10)


def make_study(patients=36, seed=0):
    """Return a cohort where a stable and an unstable feature tell the outcome alike, beside noise and a category."""
    generator = np.random.default_rng(seed)
    outcome = np.arange(patients) % 2
    table = pd.DataFrame(generator.normal(size=(patients, 4)), columns=["stable", "unstable", "plain", "age"])
    table["stable"] += 1.5 * outcome
    table["unstable"] += 1.5 * outcome
    table["sex"] = np.where(generator.random(patients) < 0.5, "f", "m")
    noise = np.array([0.05, 3.0, 0.05, np.nan])  # the age is not measured in an image
    numeric = table[["stable", "unstable", "plain", "age"]].to_numpy()
    perturbed = numeric[:, None] + noise * generator.normal(size=(patients, 6, 4))
    repeated = Repeated(("stable", "unstable", "plain", "age"), perturbed, np.zeros((patients, 0, 4)))
    return SimpleNamespace(
        table=table,
        outcome=outcome,
        groups=np.array([f"key-{number:03d}" for number in range(patients)]),
        scanner=np.where(generator.random(patients) < 0.5, "A", "B"),
        repeated=repeated,
    )


@pytest.fixture(scope="module")
def study():
    return make_study()


def cohort_of(study, repeated=None):
    return Cohort.of(study.table, study.outcome, study.groups, study.scanner, repeated or study.repeated)


def kept(cohort, stability):
    step = stability(cohort.columns).fit(cohort.table)
    return step.dropped, list(step.transform(cohort.table).columns)


def test_what_changes_under_perturbation_is_dropped_and_what_was_not_measured_again_is_kept(study):
    dropped, columns = kept(cohort_of(study), StableFeatures())
    assert dropped == ("unstable",)
    assert columns == ["stable", "plain", "age", "sex", "(scanner)"]


@pytest.mark.parametrize(
    ("over", "dropped"),
    [(("perturbations",), ("a",)), (("readers",), ("b",)), (("perturbations", "readers"), ("a", "b"))],
)
def test_a_feature_must_agree_over_all_that_is_asked_for(over, dropped):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(30, 3))
    noisy = generator.normal(size=(2, 30, 4, 3)) * np.array([[2, 0.1, 0.1], [0.1, 2, 0.1]])[:, None, None]
    repeated = Repeated(("a", "b", "c"), values[:, None] + noisy[0], values[:, None] + noisy[1])
    table = pd.DataFrame(values, columns=["a", "b", "c"])
    cohort = Cohort.of(table, np.arange(30) % 2, np.arange(30).astype(str), repeated=repeated)
    assert kept(cohort, StableFeatures(over=over))[0] == dropped


def test_a_reader_who_measures_higher_counts_among_readers_though_not_the_order_of_perturbations():
    values = np.random.default_rng(0).normal(size=(30, 2))
    biased = values[:, None] + np.array([0.0, 3.0])[:, None] * np.array([1, 0])
    biased = biased + 1e-3 * np.random.default_rng(1).normal(size=biased.shape)
    cohort = Cohort.of(
        pd.DataFrame(values, columns=["a", "b"]),
        np.arange(30) % 2,
        np.arange(30).astype(str),
        repeated=Repeated(("a", "b"), np.zeros((30, 0, 2)), biased),
    )
    assert kept(cohort, StableFeatures())[0] == ("a",)


def test_the_low_end_of_the_interval_asks_for_more(study):
    few = cohort_of(study).take(np.arange(5))
    by = {
        judged: kept(few, StableFeatures(judged_by=judged, minimum_icc=0.97, confidence=0.999))[0]
        for judged in ("icc", "low")
    }
    assert set(by["icc"]) < set(by["low"])


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_higher_limit_never_keeps_more(one, other):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(20, 12))
    cube = values[:, None] + np.linspace(0, 3, 12) * generator.normal(size=(20, 5, 12))
    names = tuple(f"f{number}" for number in range(12))
    cohort = Cohort.of(
        pd.DataFrame(values, columns=list(names)),
        np.arange(20) % 2,
        np.arange(20).astype(str),
        repeated=Repeated(names, cube, np.zeros((20, 0, 12))),
    )
    low, high = sorted((one, other))
    assert set(kept(cohort, StableFeatures(minimum_icc=low))[0]) <= set(
        kept(cohort, StableFeatures(minimum_icc=high))[0]
    )
    assert "f0" not in kept(cohort, StableFeatures(minimum_icc=1.0))[0], "what never changes agrees wholly"


@pytest.mark.parametrize("learner", [LEARNER, ForestLearner(k=(4,), trees=5)], ids=lambda learner: learner.method)
@pytest.mark.parametrize("value", [1e90, np.nan, 0.0, "shuffled"])
def test_whatever_was_measured_again_in_test_patients_the_fitted_model_is_the_same_to_the_last_bit(
    study, learner, value
):
    clean = cohort_of(study)
    fold = folds(clean.outcome, clean.groups, 3, 0)[1]
    cube = study.repeated.perturbed.copy()
    cube[fold.test] = np.random.default_rng(0).permuted(cube[fold.test]) if value == "shuffled" else value
    poisoned = cohort_of(study, Repeated(study.repeated.columns, cube, study.repeated.readings))
    settled = {"inner_folds": 2, "seed": 5, "stability": StableFeatures()}

    honest, other = (fit_on(fold, each, learner, ScannerLocationScale(), **settled) for each in (clean, poisoned))

    assert pickle.dumps(honest.pipeline) == pickle.dumps(other.pipeline)
    assert (honest.setting, honest.threshold) == (other.setting, other.threshold)
    test = fold.testing(clean).table
    assert honest.probability(test).tobytes() == other.probability(fold.testing(poisoned).table).tobytes()


def test_what_was_measured_again_in_training_patients_does_matter(study):
    clean = cohort_of(study)
    fold = folds(clean.outcome, clean.groups, 3, 0)[1]
    cube = study.repeated.perturbed.copy()
    cube[fold.train, :, 0] = np.random.default_rng(0).normal(size=(len(fold.train), 6))
    poisoned = cohort_of(study, Repeated(study.repeated.columns, cube, study.repeated.readings))
    settled = {"inner_folds": 2, "seed": 5, "stability": StableFeatures()}
    honest, other = (fit_on(fold, each, LEARNER, NoHarmonisation(), **settled) for each in (clean, poisoned))
    assert honest.unstable == ("unstable",)
    assert other.unstable == ("stable", "unstable")


def test_no_fold_chooses_an_unstable_feature_and_each_says_how_many_it_left_out(study):
    given_ = {"scanner": study.scanner, "repeated": study.repeated}
    without = QUICK(study.table, study.outcome, study.groups, LEARNER, NoHarmonisation(), **given_)
    with_ = QUICK(
        study.table, study.outcome, study.groups, LEARNER, ScannerLocationScale(), stability=StableFeatures(), **given_
    )
    assert any("unstable" in fold.selected for fold in without.folds)
    assert without.stable_features is None
    assert not any("unstable" in fold.selected for fold in with_.folds)
    assert all("stable" in fold.selected for fold in with_.folds)
    assert [fold.unstable for fold in with_.folds] == [1, 1, 1]
    assert [fold.unstable for fold in without.folds] == [0, 0, 0]
    assert with_.stable_features["minimum_icc"] == 0.9
    assert type(with_).model_validate_json(with_.model_dump_json()) == with_


def test_the_final_model_needs_neither_repeated_measurements_nor_what_was_left_out(study):
    model = fit_final(
        study.table,
        study.outcome,
        study.groups,
        LEARNER,
        NoHarmonisation(),
        scanner=None,
        seed=0,
        repeated=study.repeated,
        stability=StableFeatures(),
    )
    assert unstable(model) == ("unstable",)
    assert unstable(LEARNER.pipeline(cohort_of(study).columns, 0)) == ()
    without = model.predict_proba(study.table.drop(columns="unstable"))
    assert np.array_equal(model.predict_proba(study.table), without)
    with pytest.raises(BadData, match="absent: plain"):
        model.predict_proba(study.table.drop(columns="plain"))


def test_shuffled_outcomes_go_through_the_same_step(study):
    control = PermutedLabels(permutations=1, validation=QUICK)
    args = (study.table, study.outcome, study.groups, LEARNER, NoHarmonisation())
    with_ = control(*args, repeated=study.repeated, stability=StableFeatures())
    dropped = control(study.table.drop(columns="unstable"), *args[1:])
    assert with_ == dropped


def test_selecting_on_what_nobody_measured_again_is_refused_by_name(study):
    with pytest.raises(BadData) as refused:
        QUICK(study.table, study.outcome, study.groups, LEARNER, NoHarmonisation(), stability=StableFeatures())
    assert refused.value.verdict == "nothing_measured_again"


def test_a_cohort_without_a_stable_feature_is_refused_by_name(study):
    noise = np.random.default_rng(0).normal(size=study.repeated.perturbed.shape)
    only = Repeated(("stable", "unstable"), noise[:, :, :2], np.zeros((len(noise), 0, 2)))
    table = study.table[["stable", "unstable"]]
    with pytest.raises(BadData) as refused:
        QUICK(table, study.outcome, study.groups, LEARNER, NoHarmonisation(), repeated=only, stability=StableFeatures())
    assert refused.value.verdict == "no_stable_feature"


def test_a_constant_feature_is_no_unstable_one(study):
    table = study.table.assign(flat=1.0)
    cube = np.concatenate([study.repeated.perturbed, np.ones((36, 6, 1))], axis=2)
    repeated = Repeated((*study.repeated.columns, "flat"), cube, np.zeros((36, 0, 5)))
    cohort = Cohort.of(table, study.outcome, study.groups, repeated=repeated)
    assert kept(cohort, StableFeatures())[0] == ("unstable",)
