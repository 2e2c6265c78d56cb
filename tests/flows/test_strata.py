"""Rules tested within hospitals, with permutations spread over workers, from the plan to the rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_catalog.store import Store
from flows import mine_cohort as mining
from flows.mine_cohort import mine_cohort
from flows.plan_files import parse_plan
from tasks.methods.rules.validation import smallest_of_permuted

PATIENTS = 80


@pytest.fixture
def folder(tmp_path):
    """Write two hospitals that differ in device and outcome; within each, the marker goes with the outcome."""
    rng = np.random.default_rng(0)
    north = np.arange(PATIENTS) < PATIENTS // 2
    marker = np.arange(PATIENTS) % 2 == 0
    ill = rng.random(PATIENTS) < np.where(north, 0.55, 0.15) + 0.4 * marker
    pd.DataFrame(
        {
            "id": [f"MRN-{number:02d}" for number in range(PATIENTS)],
            "hospital": np.where(north, "north", "south"),
            "device": np.where(north ^ (rng.random(PATIENTS) < 0.05), "old", "new"),
            "marker": np.where(marker, "positive", "negative"),
            "progressed": np.where(ill, "yes", "no"),
        }
    ).to_csv(tmp_path / "clinical.csv", index=False)
    return tmp_path


def planned(folder, **mine):
    return parse_plan(
        {
            "study": "strata",
            "workspace": str(folder / "out"),
            "clinical": {"path": "clinical.csv", "patient": "id", "known_before": ["hospital", "device", "marker"]},
            "outcome": {"column": "progressed", "positive": "yes", "negative": "no"},
            "learn": None,
            "mine": {"folds": 2, "associations": None, "cards": {"resampling": {"resamples": 2}}, **mine},
            "compute": {"workers": 0},
        },
        folder,
    )


def items_of(rules):
    return {item.column for rule in rules for item in rule.antecedent}


def test_a_difference_between_hospitals_makes_no_rule_where_they_are_strata(folder, monkeypatch):
    monkeypatch.setattr(mining, "PERMUTATIONS", 100)
    miner = {"method": "class_rules", "adjust": "westfall_young", "permutations": 250, "max_length": 1}
    plan = planned(folder, rules=miner, strata="hospital")
    together = Store(plan.store_folder).open(mine_cohort(planned(folder)).rules)
    assert items_of(together.significant) >= {"hospital", "device"}
    mined = mine_cohort(plan)
    within = Store(plan.store_folder).open(mined.rules)
    assert (within.strata, mined.refusals) == ("hospital", ())
    assert items_of(within.significant) == {"marker"}
    monkeypatch.setattr(mining, "PERMUTATIONS", 1000)
    assert Store(plan.store_folder).open(mine_cohort(plan).rules) == within, "in one block the same is found"


def test_where_some_permutations_are_lost_no_rules_are_told_and_the_refusal_is(folder, monkeypatch):
    def lost(*given, draws, **named):
        if draws.start:
            raise MemoryError
        return smallest_of_permuted(*given, draws=draws, **named)

    monkeypatch.setattr(mining, "PERMUTATIONS", 50)
    monkeypatch.setattr("tasks.mine.smallest_of_permuted", lost)
    miner = {"method": "class_rules", "adjust": "westfall_young", "permutations": 150, "max_length": 1}
    mined = mine_cohort(planned(folder, rules=miner, associations={"method": "association", "max_length": 2}))
    (refusal,) = mined.refusals
    assert (refusal.stage, refusal.item) == ("permute_rules", "permutations from 51")
    assert mined.rules is None
    assert mined.associations is not None, "the others go on"
