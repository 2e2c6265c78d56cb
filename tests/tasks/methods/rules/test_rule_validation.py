"""Rules checked in patients held out of the mining."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.class_tests import ClassTests
from tasks.methods.rules.discretise import FixedBins, QuantileBins
from tasks.methods.rules.items import ColumnLabel, outcome_items
from tasks.methods.rules.rule import RuleSet
from tasks.methods.rules.validation import (
    associate_and_validate,
    mine_and_validate,
    patient_folds,
    stratified_folds,
)

LABELS = {"size": ColumnLabel(label="size", unit="mm"), "marker": ColumnLabel(label="marker"),
          "same": ColumnLabel(label="same"), "y": ColumnLabel(label="progression")}  # fmt: skip
CHOICE = {"discretiser": QuantileBins(bins=2), "miner": ClassRuleMiner()}


def cohort(rows=40, seed=0):
    """Return patients of whom those above 20 mm have the outcome; the marker is a coin."""
    rng = np.random.default_rng(seed)
    size = rng.permutation(np.arange(1, rows + 1) * 40.0 / rows)
    table = pd.DataFrame({"size": size, "marker": rng.choice(["pos", "neg"], rows), "same": 1.0})
    table["y"] = np.where(size > 20, "yes", "no")
    return table


def validate(table, **changes):
    return mine_and_validate(table, table["y"], [f"p{i}" for i in range(len(table))], LABELS, **(CHOICE | changes))


def associate(table, **changes):
    choice = {"discretiser": QuantileBins(bins=2), "miner": AssociationMiner()} | changes
    return associate_and_validate(table, [f"p{i}" for i in range(len(table))], LABELS, **choice)


def outcome(values):
    return outcome_items(pd.Series(values, name="y", dtype=object), ColumnLabel(label="y"))


def test_a_true_rule_is_found_in_every_fold_and_holds_in_patients_held_out():
    found = validate(cohort())
    rule = next(rule for rule in found.rules if rule.consequent[0].level == "yes")
    assert rule.claim == "If size is high (> 20 mm), then progression is yes"
    assert rule.significant
    assert rule.held_out.found_in_folds == rule.held_out.folds == 5
    assert rule.held_out.known == 40
    assert rule.held_out.confidence > 0.85
    assert "; in held-out folds " in rule.sentence


def test_with_fixed_cut_offs_held_out_counts_are_those_of_all_patients():
    rule = validate(cohort(), discretiser=FixedBins(cuts={"size": [20]})).rules[0]
    held_out = rule.held_out
    assert (held_out.a, held_out.b, held_out.c, held_out.d) == (rule.a, rule.b, rule.c, rule.d)


@pytest.mark.parametrize("of_outcome", [True, False])
def test_cut_offs_in_a_fold_are_learnt_from_its_training_patients(of_outcome):
    table = cohort(seed=1)
    table["y"] = np.where(table["size"] > 16, "yes", "no")  # the middle of some training patients is another
    parts = stratified_folds(outcome(table["y"].tolist()), 5, 0) if of_outcome else patient_folds(40, 5, 0)
    expected = np.zeros(4, int)
    for fold in range(5):
        held_out = table[parts == fold]
        low, _ = QuantileBins(bins=2).fit(table[parts != fold], {"size": LABELS["size"]}).learnt
        high, yes = held_out["size"] > low.high, held_out["y"] == "yes"
        expected += [(high & yes).sum(), (high & ~yes).sum(), (~high & yes).sum(), (~high & ~yes).sum()]
    found = validate(table) if of_outcome else associate(table)
    claims = {rule.claim: rule for rule in found.rules}
    rule = claims["If size is high (> 20 mm), then progression is yes"]
    assert [getattr(rule.held_out, cell) for cell in "abcd"] == expected.tolist()
    assert [getattr(rule, cell) for cell in "abcd"] != expected.tolist()


def test_held_out_counts_are_of_the_folds_that_found_the_rule():
    rng = np.random.default_rng(5)
    table = pd.DataFrame({f"f{i}": rng.normal(size=40) for i in range(12)})
    table["y"] = rng.permutation(["yes", "no"] * 20)
    labels = {name: ColumnLabel(label=name) for name in table.columns}
    found = mine_and_validate(table, table["y"], [f"p{i}" for i in range(40)], labels, **CHOICE)
    for rule in found.rules:
        assert rule.held_out.known == 8 * rule.held_out.found_in_folds
    assert any(0 < rule.held_out.found_in_folds < 5 for rule in found.rules)
    training = sum(fold.training.a for fold in found.folds) / sum(fold.training.applies for fold in found.folds)
    held_out = sum(fold.held_out.a for fold in found.folds) / sum(fold.held_out.applies for fold in found.folds)
    assert training > held_out + 0.15, "rules of noise shrink towards the base rate in patients held out"


def test_mined_rules_are_those_of_the_miner_alone():
    table = cohort()
    binning = QuantileBins(bins=2).fit(table, {name: label for name, label in LABELS.items() if name != "y"})
    alone = ClassRuleMiner()(binning.items(table), outcome_items(table["y"], LABELS["y"]), [f"p{i}" for i in range(40)])
    found = validate(table)
    assert [rule.model_copy(update={"held_out": None}) for rule in found.rules] == list(alone.rules)
    assert found.searched == alone.searched
    assert found.refused == binning.refused
    assert [refusal.reason for refusal in found.refused] == ["every value is the same"]


def test_a_true_association_is_found_in_every_fold_and_holds_in_patients_held_out():
    found = associate(cohort())
    assert found.claimed
    rule = next(rule for rule in found.rules if rule.claim == "If size is high (> 20 mm), then progression is yes")
    assert rule.held_out.found_in_folds == rule.held_out.folds == len(found.folds) == 5
    assert rule.held_out.known == 40
    assert rule.held_out.support > 0.4
    assert rule.held_out.confidence > 0.85
    fixed = associate(cohort(), discretiser=FixedBins(cuts={"size": [20]}))
    rule = next(rule for rule in fixed.rules if rule.claim == rule.claim)
    assert rule.held_out.model_dump(include=set("abcd")) == rule.model_dump(include=set("abcd"))


def test_associations_are_those_of_the_miner_alone_and_columns_without_items_are_named():
    table = cohort()
    binning = QuantileBins(bins=2).fit(table, LABELS)
    alone = AssociationMiner()(binning.items(table), [f"p{i}" for i in range(40)])
    found = associate(table)
    assert [rule.model_copy(update={"held_out": None}) for rule in found.rules] == list(alone.rules)
    assert found.refused == binning.refused != ()
    assert associate(table).model_dump_json() == found.model_dump_json()


def test_associations_are_not_checked_in_too_few_patients_nor_in_several_rows_of_one():
    with pytest.raises(BadData, match="5 folds for 8 patients"):
        associate(cohort(rows=8))
    with pytest.raises(BadData, match="40 rows of 20 patients"):
        associate_and_validate(
            cohort(), [f"p{i % 20}" for i in range(40)], LABELS, **(CHOICE | {"miner": AssociationMiner()})
        )


def test_patients_are_dealt_to_folds_evenly_and_by_the_seed():
    parts = patient_folds(23, 5, 0)
    assert sorted(np.bincount(parts).tolist()) == [4, 4, 5, 5, 5]
    assert parts.tolist() == patient_folds(23, 5, 0).tolist() != patient_folds(23, 5, 1).tolist()


@pytest.mark.parametrize("adjust", ["holm", "by", "lamp", "westfall_young"])
def test_folds_count_the_same_however_p_values_are_adjusted_and_permute_nothing(adjust, monkeypatch):
    table, drawn = cohort(seed=2), []
    monkeypatch.setattr(ClassTests, "smallest", lambda _tests, draws, _seed: drawn.append(1) or np.ones(len(draws)))
    found = validate(table, miner=ClassRuleMiner(adjust=adjust, permutations=50, productive_p=1.0))
    plain = validate(table, miner=ClassRuleMiner(adjust="bonferroni", productive_p=1.0))
    assert found.folds == plain.folds
    assert {rule.key: rule.held_out for rule in found.rules} == {rule.key: rule.held_out for rule in plain.rules}
    assert len(drawn) == (adjust == "westfall_young"), "for all patients once"


def test_the_outcome_column_gives_no_items():
    found = validate(cohort(), miner=ClassRuleMiner(productive_p=1.0))
    assert found.rules
    assert not any(item.column == "y" for rule in found.rules for item in rule.antecedent)


def test_patients_of_unknown_outcome_are_in_no_fold():
    table = cohort()
    table.loc[:3, "y"] = None
    found = validate(table)
    assert (found.rows, found.left_out) == (36, 4)
    assert found.rules[0].held_out.known == 36


def test_the_result_is_the_same_each_time_and_comes_back_from_json():
    one = validate(cohort(), seed=3)
    assert validate(cohort(), seed=3).model_dump_json() == one.model_dump_json()
    assert RuleSet.model_validate_json(one.model_dump_json()) == one


def test_the_inputs_are_left_as_they_were():
    table = cohort()
    before = table.copy(deep=True)
    validate(table)
    pd.testing.assert_frame_equal(table, before)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=12, max_size=60), st.integers(2, 4), st.integers(0, 9))
def test_folds_share_patients_and_outcomes_evenly(values, folds, seed):
    known = [value for value in values if value is not None]
    if len(set(known)) < 2 or len(known) < 2 * folds:
        return
    parts = stratified_folds(outcome(values), folds, seed)
    assert [part == -1 for part in parts] == [value is None for value in values]
    sizes = np.bincount(parts[parts >= 0], minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    for value in set(known):
        of_value = np.bincount(parts[np.array(values, dtype=object) == value], minlength=folds)
        assert of_value.max() - of_value.min() <= 1


def test_another_seed_deals_other_folds():
    target = outcome(["a", "b"] * 10)
    assert stratified_folds(target, 5, 0).tolist() != stratified_folds(target, 5, 1).tolist()


def test_too_few_patients_or_folds_are_refused():
    with pytest.raises(BadData, match="5 folds for 9 patients"):
        stratified_folds(outcome(["a", "b", "a"] * 3), 5, 0)
    with pytest.raises(BadData, match="1 folds"):
        stratified_folds(outcome(["a", "b"] * 9), 1, 0)


def test_several_rows_of_a_patient_are_refused():
    table = cohort()
    with pytest.raises(BadData, match="40 rows of 20 patients"):
        mine_and_validate(table, table["y"], [f"p{i % 20}" for i in range(40)], LABELS, **CHOICE)


def test_an_outcome_of_other_rows_or_without_a_name_is_refused():
    table, keys = cohort(), [f"p{i}" for i in range(40)]
    with pytest.raises(BadData, match="another index"):
        mine_and_validate(table, table["y"].iloc[::-1], keys, LABELS, **CHOICE)
    with pytest.raises(BadData, match="no name"):
        mine_and_validate(table, table["y"].rename(None), keys, LABELS, **CHOICE)
    with pytest.raises(BadData, match="40 and 39 rows"):
        mine_and_validate(table, table["y"].iloc[1:], keys, LABELS, **CHOICE)


def test_folds_take_their_share_of_a_count():
    table = cohort()
    loose = {"productive_p": 1.0, "max_rules": None}
    by_count, by_share = (
        validate(table, miner=ClassRuleMiner(min_support=least, **loose)) for least in (18, 18 / len(table))
    )
    assert by_count == by_share
    assert by_count.rules[0].held_out.found_in_folds > 0
    both = [associate(table, miner=AssociationMiner(min_support=least, **loose)) for least in (18, 18 / len(table))]
    assert both[0] == both[1]
    assert both[0].rules[0].held_out.found_in_folds > 0
