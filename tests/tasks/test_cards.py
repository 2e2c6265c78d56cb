"""The cards of a study: resamples, slices and centres put beside the rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_catalog.errors import BadData
from data_catalog.kinds import CARDS, COHORT, EXTENT, RESAMPLES, RULES, mask
from tasks.cards import (
    Extent,
    Seen,
    locate_region,
    make_cards,
    resample_associations,
    resample_rules,
    spoken_outcome,
)
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.stability import PatientResampling
from tasks.mine import mine_associations, mine_rules, mine_sequences
from tasks.stage import perform
from tests.tasks.conftest import GRID, ball, kept

FEATURE = "CT.tumour.stat_mean"
COLUMNS = {FEATURE: ColumnLabel(label="mean", unit="HU"), "marker": ColumnLabel(label="marker")}
WORDS = ("progression", "yes", "no")
SHARED = {"columns": COLUMNS, "outcome": WORDS, "discretiser": QuantileBins(bins=2)}
MINER = ClassRuleMiner(consequents=("yes",))


@pytest.fixture
def cohort():
    size = np.arange(40.0)
    return pd.DataFrame(
        {
            "patient": [f"P-{number:02d}" for number in range(40)],
            "visit": 0,
            "scanner": ["A", "B"] * 20,
            "outcome": np.where(size > 19.5, 1.0, 0.0),
            FEATURE: size,
            "marker": np.where(np.arange(40) % 3, "pos", "neg"),
        }
    )


@pytest.fixture
def rules(cohort):
    return mine_rules.function(cohort, **SHARED, folds=2, seed=0, miner=MINER)


def seen(patient):
    return Seen(
        patient=patient, visit=0, modality="CT", region="tumour", reader="A", image="volume-1", mask="mask-1",
        sources=("a" * 64,),
    )  # fmt: skip


def test_the_slices_of_a_region_are_counted_from_one():
    labels = ball() > 0
    found = locate_region.function(mask(labels, GRID, {1: "tumour"}), label=1)
    EXTENT.check(found)
    inside = np.flatnonzero(labels.any(axis=(1, 2)))
    assert found == Extent(first_slice=int(inside[0]) + 1, last_slice=int(inside[-1]) + 1, slices=len(labels))


def test_a_label_that_is_not_there_has_no_slices():
    with pytest.raises(BadData, match="mask is empty"):
        locate_region.function(mask(ball() > 0, GRID, {1: "tumour", 2: "node"}), label=2)


def test_a_planted_rule_is_found_in_every_resample(cohort, rules):
    again = resample_rules.function(cohort, rules, **SHARED, miner=MINER, resampling=PatientResampling(), draws=(0, 5))
    RESAMPLES.check(again)
    assert again.resamples == 5
    assert again.found[0] == again.significant[0] == 5


def test_associations_are_resampled_with_and_without_an_outcome(cohort):
    twin = cohort.assign(marker=np.where(cohort[FEATURE] > 19.5, "pos", "neg"))
    miner = AssociationMiner(max_length=2)
    for outcome in (WORDS, None):
        given = {**SHARED, "outcome": outcome}
        found = mine_associations.function(twin, **given, folds=2, seed=0, miner=miner)
        again = resample_associations.function(
            twin, found, **given, miner=miner, resampling=PatientResampling(draw="half"), draws=(3, 6)
        )
        assert again.resamples == 3
        assert max(again.found) == 3
        assert len(again.found) == len(found.rules)


def test_cards_hold_stability_centres_places_and_sights(cohort, rules):
    again = [
        resample_rules.function(cohort, rules, **SHARED, miner=MINER, resampling=PatientResampling(), draws=draws)
        for draws in ((0, 2), (2, 5))
    ]
    extents = [Extent(first_slice=2, last_slice=4, slices=9), Extent(first_slice=1, last_slice=1, slices=9)]
    held = make_cards.function(
        cohort,
        rules,
        rules_again=again,
        extents=extents,
        outcome=WORDS,
        centre="scanner",
        features=(FEATURE,),
        seen=(seen("P-39"), seen("P-00")),
    )
    CARDS.check(held)
    first = held.named("rule-1")
    assert first.rule == rules.rules[0]
    assert first.note.stability.resamples == 5
    assert first.note.places == (("CT", "tumour"),)
    assert [(one.centre, one.a, one.b, one.c, one.d) for one in first.note.centres.centres] == [
        ("A", 10, 0, 0, 10),
        ("B", 10, 0, 0, 10),
    ]
    assert [(one.patient, one.first_slice) for one in held.sights] == [("P-00", 1), ("P-39", 2)]
    assert held.item_pairs.items[0] == rules.rules[0].antecedent[0]


def test_a_study_of_one_centre_or_without_resamples_has_cards_too(cohort, rules):
    for changed, centre in ((cohort.assign(scanner="A"), "scanner"), (cohort, None)):
        held = make_cards.function(changed, rules, outcome=WORDS, centre=centre, features=(), seen=())
        assert len(held.cards) == len(rules.rules)
        assert {card.note.centres for card in held.cards} == {None}
        assert {card.note.stability for card in held.cards} == {None}


def test_a_column_of_centres_that_is_not_there_is_refused(cohort, rules):
    with pytest.raises(BadData, match="it lacks hospital"):
        make_cards.function(cohort, rules, outcome=WORDS, centre="hospital", features=(), seen=())


def test_orders_and_patterns_have_cards_beside_the_rules(cohort, rules):
    days = [(key, day, event) for key in cohort["patient"] for day, event in ((0, "drug"), (5, "scan"))]
    events = pd.DataFrame(days, columns=["patient", "day", "event"])
    found = mine_sequences.function(events, cohort, miner=SequenceMiner(), outcome=WORDS)
    held = make_cards.function(cohort, rules, sequences=found, outcome=WORDS, centre=None, features=(), seen=())
    pattern = held.named("pattern-1").pattern
    assert pattern.outcome == f"{WORDS[0]} is {WORDS[1]}"
    assert set(pattern.supporting) == set(cohort["patient"][cohort["outcome"] == 1])
    assert held.named("sequence-1").claimed
    untested = mine_sequences.function(events, cohort, miner=SequenceMiner())
    held = make_cards.function(cohort, sequences=untested, outcome=None, centre=None, features=(), seen=())
    assert {card.kind for card in held.cards} == {"sequence"}


def test_nothing_mined_gives_no_cards(cohort):
    held = make_cards.function(cohort, outcome=None, centre="scanner", features=(), seen=())
    assert held.cards == ()
    assert held.item_pairs is None


def test_the_outcome_is_spoken_in_its_words(cohort):
    cohort.loc[0, "outcome"] = np.nan
    words = spoken_outcome(cohort, WORDS)
    assert words.name == "outcome"
    assert words.isna()[0]
    assert words[39] == "yes"


def test_cards_are_made_from_artefacts(store, cohort, rules):
    inputs = {"cohort": kept(store, COHORT, cohort), "rules": kept(store, RULES, rules)}
    given = {"outcome": WORDS, "centre": "scanner", "features": (FEATURE,), "seen": ()}
    outcome = perform(store.root, make_cards.job("study", {**inputs, "rules_again": (), "extents": ()}, given))
    assert store.open(outcome.ref).named("rule-1").rule == rules.rules[0]
    (record,) = store.records(outcome.ref)
    assert record.parameters == {}
