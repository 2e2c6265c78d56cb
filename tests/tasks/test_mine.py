"""Rules are mined in the cohort's columns and the outcome's own words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_catalog.errors import BadData
from data_catalog.kinds import COHORT, RULES
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.subgroups import SubgroupMiner
from tasks.mine import mine_associations, mine_rules, mine_sequences, mine_subgroups, permute_rules
from tasks.sources.targets import NumberTarget, SurvivalTarget
from tasks.stage import perform
from tests.tasks.conftest import kept

COLUMNS = {"CT.tumour.stat_mean": ColumnLabel(label="mean", unit="HU"), "marker": ColumnLabel(label="marker")}
WORDS = ("progression", "yes", "no")
SHARED = {"columns": COLUMNS, "outcome": WORDS, "discretiser": QuantileBins(bins=2), "folds": 2, "seed": 0}


@pytest.fixture
def cohort():
    size = np.arange(40.0)
    return pd.DataFrame(
        {
            "patient": [f"P-{number}" for number in range(40)],
            "outcome": np.where(size > 19.5, 1.0, 0.0),
            "CT.tumour.stat_mean": size,
            "marker": np.where(np.arange(40) % 2, "pos", "neg"),
            "other": size,
        }
    )


def test_a_planted_rule_is_found_in_the_outcomes_words(cohort):
    found = mine_rules.function(cohort, **SHARED, miner=ClassRuleMiner(consequents=("yes",)))
    RULES.check(found)
    first = found.rules[0]
    assert first.claim == "If mean is high (> 19.5 HU), then progression is yes"
    assert first.significant
    assert (first.a, first.b, first.c, first.d) == (20, 0, 0, 20)
    assert first.held_out is not None
    assert len(found.folds) == 2
    assert {item.column for rule in found.rules for item in rule.antecedent} <= set(COLUMNS), "no other column is seen"
    assert first.supporting[0].startswith("P-")


def test_patients_of_unknown_outcome_are_left_out(cohort):
    cohort.loc[[0, 39], "outcome"] = np.nan
    found = mine_rules.function(cohort, **SHARED, miner=ClassRuleMiner())
    assert (found.rows, found.left_out) == (38, 2)


def test_strata_take_from_a_rule_what_their_difference_made(cohort):
    apart = cohort.assign(scanner=np.where(cohort["CT.tumour.stat_mean"] > 19.5, "A", "B"))
    first = mine_rules.function(apart, **SHARED, miner=ClassRuleMiner()).rules[0]
    assert first.significant
    within = mine_rules.function(apart, **SHARED, miner=ClassRuleMiner(), strata="scanner")
    assert within.strata == "scanner"
    assert not within.significant, "within a scanner all patients are alike"
    alike = cohort.assign(scanner=np.where(np.arange(40) % 4 < 2, "A", None))
    found = mine_rules.function(alike, **SHARED, miner=ClassRuleMiner(), strata="scanner")
    assert found.rules[0].key == first.key
    assert found.rules[0].significant
    with pytest.raises(BadData, match="it lacks centre"):
        mine_rules.function(apart, **SHARED, miner=ClassRuleMiner(), strata="centre")


def test_permutations_worked_on_apart_give_the_same_rules(cohort):
    within = {name: SHARED[name] for name in ("columns", "outcome", "discretiser")}
    miner = ClassRuleMiner(adjust="westfall_young", permutations=50)
    blocks = [
        permute_rules.function(cohort, **within, miner=miner, strata=None, draws=draws) for draws in ((0, 30), (30, 50))
    ]
    apart = mine_rules.function(cohort, blocks, **SHARED, miner=miner)
    assert [len(block.smallest) for block in blocks] == [30, 20]
    assert apart == mine_rules.function(cohort, **SHARED, miner=miner)
    assert apart.rules[0].adjusted_p == 1 / 51


def test_associations_may_end_in_the_outcome_or_know_none(cohort):
    twin = cohort.assign(marker=np.where(cohort["CT.tumour.stat_mean"] > 19.5, "pos", "neg"))
    found = mine_associations.function(twin, **SHARED, miner=AssociationMiner(min_support=0.2))
    RULES.check(found)
    items = {item.column for rule in found.rules for item in (*rule.antecedent, *rule.consequent)}
    assert "outcome" in items
    without = mine_associations.function(twin, **{**SHARED, "outcome": None}, miner=AssociationMiner(min_support=0.2))
    items = {item.column for rule in without.rules for item in (*rule.antecedent, *rule.consequent)}
    assert items == set(COLUMNS)


def test_what_comes_before_what_is_found():
    rows = [(f"P-{n}", day, event) for n in range(12) for day, event in ((n, "steroids"), (n + 9 + n % 3, "infection"))]
    events = pd.DataFrame(rows, columns=["patient", "day", "event"])
    strangers = events.assign(patient="Q" + events["patient"], day=-events["day"])
    cohort = pd.DataFrame({"patient": events["patient"].unique()})
    found = mine_sequences.function(pd.concat([events, strangers]), cohort, miner=SequenceMiner())
    RULES.check(found)
    assert found.patients == 12, "who is not in the cohort is not counted"
    assert [rule.steps for rule in found.significant] == [("steroids", "infection")]


def test_patterns_are_held_against_the_outcome_in_its_words():
    rows = [
        (f"P-{n}", day, event)
        for n in range(24)
        for day, event in ((n, "drug" if n % 2 else "scan"), (n + 9, "scan" if n % 2 else "drug"))
    ]
    events = pd.DataFrame(rows, columns=["patient", "day", "event"])
    outcome = [1.0 if n % 2 else 0.0 for n in range(24)]
    cohort = pd.DataFrame({"patient": [f"P-{n}" for n in range(24)], "outcome": outcome})
    found = mine_sequences.function(events, cohort, miner=SequenceMiner(), outcome=WORDS)
    RULES.check(found)
    claimed = {one.claim: one.with_outcome for one in found.claimed_patterns}
    assert claimed.keys() == {"drug, then scan", "scan, then drug"}
    assert claimed["drug, then scan"].words == "progression is yes in 12 of 12 patients with it, against 0 of 12"


SURVIVAL = SurvivalTarget(time="days", event="died", happened="yes", label="death")


def clinical_of(cohort):
    high = cohort["CT.tumour.stat_mean"] > 19.5
    days = np.where(high, 50.0, 400.0) + np.arange(40)
    died = np.where(np.arange(40) % 4 == 0, "no", "yes").astype(object)
    table = pd.DataFrame({"patient": cohort["patient"], "days": days, "died": died, "weight": days / 10})
    return table.sample(frac=1, random_state=0)


def test_subgroups_differ_in_a_column_of_the_clinical_table_or_in_a_feature(cohort):
    shared = {"columns": COLUMNS, "discretiser": QuantileBins(bins=2), "miner": SubgroupMiner()}
    clinical = clinical_of(cohort)
    death = mine_subgroups.function(cohort, clinical, **shared, target=SURVIVAL)
    RULES.check(death)
    assert death.target == "death"
    assert "mean is high (> 19.5 HU)" in {one.claim for one in death.subgroups}
    assert death.subgroups[0].inside.events + death.subgroups[0].outside.events == 30
    weight = mine_subgroups.function(cohort, clinical, **shared, target=NumberTarget(column="weight", unit="kg"))
    assert (weight.target, weight.unit, weight.is_time) == ("weight", "kg", False)
    feature = NumberTarget(column="CT.tumour.stat_mean", of="features", label="mean")
    own = mine_subgroups.function(cohort, None, **shared, target=feature)
    assert {item.column for one in own.subgroups for item in one.items} <= {"marker"}, "not of its own column"


def test_patients_whose_target_is_not_known_are_left_out(cohort):
    shared = {"columns": COLUMNS, "discretiser": QuantileBins(bins=2), "miner": SubgroupMiner()}
    clinical = clinical_of(cohort).iloc[5:]
    clinical.iloc[0, clinical.columns.get_loc("died")] = None
    found = mine_subgroups.function(cohort, clinical, **shared, target=SURVIVAL)
    assert (found.rows, found.left_out) == (34, 6)


def test_a_target_that_is_not_there_is_refused(cohort):
    shared = {"columns": COLUMNS, "discretiser": QuantileBins(bins=2), "miner": SubgroupMiner()}
    with pytest.raises(BadData, match="lacks weight"):
        mine_subgroups.function(cohort, None, **shared, target=NumberTarget(column="weight"))


def test_the_cohort_is_not_changed(cohort):
    before = cohort.copy(deep=True)
    mine_rules.function(cohort, **SHARED, miner=ClassRuleMiner())
    mine_associations.function(cohort, **SHARED, miner=AssociationMiner())
    pd.testing.assert_frame_equal(cohort, before)


def test_several_rows_of_a_patient_are_refused(cohort, store):
    ref = kept(store, COHORT, cohort.assign(patient="P-1"))
    outcome = perform(store.root, mine_rules.job("study", {"cohort": ref}, {**SHARED, "miner": ClassRuleMiner()}))
    assert outcome.refusal.verdict == "several_rows_per_patient"
