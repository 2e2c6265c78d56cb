import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from data_catalog.errors import BadData
from tasks.methods.learning import Control
from tasks.methods.learning.controls import (
    LeakCheck,
    LeakReport,
    Permutations,
    PermutedLabels,
    permuted_outcome,
    volume_only,
)
from tasks.methods.learning.harmonisation import NoHarmonisation, ScannerLocationScale
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation

QUICK = NestedCrossValidation(outer_folds=3, inner_folds=2, repeats=1, bootstrap=10)


def test_volume_only_is_a_copy_of_the_columns_named():
    table = pd.DataFrame({"volume_mm3": [1.0], "texture": [2.0]})
    alone = volume_only(table, ["volume_mm3"])
    alone.loc[0, "volume_mm3"] = 9.0
    assert list(alone.columns) == ["volume_mm3"]
    assert table.loc[0, "volume_mm3"] == 1.0


@pytest.mark.parametrize("names", [[], ["volume"]])
def test_a_volume_that_is_not_there_is_refused(names):
    with pytest.raises(BadData) as caught:
        volume_only(pd.DataFrame({"texture": [2.0]}), names)
    assert caught.value.verdict == "no_volume_column"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 1)), min_size=1, max_size=12), st.integers(0, 99))
def test_a_shuffle_keeps_the_patients_whole_and_their_outcomes_in_number(patients, seed):
    groups = np.repeat([f"p{number}" for number in range(len(patients))], [rows for rows, _ in patients])
    outcome = np.repeat([event for _, event in patients], [rows for rows, _ in patients])

    shuffled = permuted_outcome(outcome, groups, seed)

    per_patient = pd.Series(shuffled).groupby(groups).agg(["min", "max"])
    assert (per_patient["min"] == per_patient["max"]).all()
    assert per_patient["min"].sum() == sum(event for _, event in patients)
    np.testing.assert_array_equal(shuffled, permuted_outcome(outcome, groups, seed))


def test_a_patient_of_mixed_outcomes_hands_them_on_whole():
    groups = np.array(["a", "a", "b", "b", "c", "d"])
    outcome = np.array([0, 1, 1, 1, 0, 1])
    seen = {tuple(permuted_outcome(outcome, groups, seed).tolist()) for seed in range(40)}
    pairs, singles = [(0, 1, 1, 1), (1, 1, 0, 1)], [(0, 1), (1, 0)]
    assert seen == {pair + single for pair in pairs for single in singles}


def test_a_shuffle_leaves_the_outcome_it_was_given():
    outcome = np.array([0, 1, 0, 1])
    permuted_outcome(outcome, np.array(list("abcd")), 1)
    assert outcome.tolist() == [0, 1, 0, 1]


def test_a_signal_is_lost_when_outcomes_are_shuffled(study):
    arguments = study.table, study.outcome, study.groups, LogisticLearner(k=(2,)), NoHarmonisation()

    chance = PermutedLabels(permutations=4, validation=QUICK)(*arguments)

    honest = QUICK(*arguments).auc
    assert len(set(chance.aucs)) == 4
    assert chance.range[0] <= chance.mean <= chance.range[1] < honest
    assert chance.p_value(honest) == 0.2
    assert chance.p_value(0.0) == 1.0


def test_shuffles_are_harmonised_alike(study):
    arguments = study.table, study.outcome, study.groups, LogisticLearner(k=(2,)), ScannerLocationScale()
    one = PermutedLabels(permutations=1, validation=QUICK)(*arguments, scanner=study.scanner)
    assert one == PermutedLabels(permutations=1, validation=QUICK)(*arguments, scanner=study.scanner)


def test_a_p_value_counts_the_shuffles_that_did_as_well():
    assert Permutations(aucs=(0.4, 0.5, 0.6)).p_value(0.5) == 0.75


def test_on_noise_leakage_finds_a_signal_and_honest_folds_find_none():
    generator = np.random.default_rng(0)
    table = pd.DataFrame(generator.normal(size=(40, 500))).add_prefix("noise ")
    outcome, groups = np.arange(40) % 2, np.arange(40).astype(str)

    report = LeakCheck()(table, outcome, groups)
    chance = PermutedLabels(permutations=3)(
        table, outcome, groups, LogisticLearner(k=(10,), inverse_penalty=(0.1,)), NoHarmonisation()
    )

    assert report.leaky_auc > 0.8
    assert report.in_fold_auc < 0.65
    assert report.optimism == report.leaky_auc - report.in_fold_auc > 0.2
    assert 0.35 < chance.mean < 0.65


def test_where_nothing_is_chosen_nothing_leaks(study):
    table = study.table[["texture 0", "texture 2"]]
    report = LeakCheck(learner=LogisticLearner(k=(2,)), validation=QUICK)(table, study.outcome, study.groups)
    assert report.optimism == pytest.approx(0.0, abs=0.05)
    assert LeakReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("control", [PermutedLabels(), LeakCheck(keep=3)])
def test_a_control_is_read_back_from_a_plan(control):
    assert TypeAdapter(Control).validate_json(control.model_dump_json()) == control
