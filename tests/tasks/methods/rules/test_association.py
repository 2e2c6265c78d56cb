"""Association rules between any items."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules, fpgrowth
from pydantic import TypeAdapter

from data_catalog.errors import BadData
from tasks.methods.rules import Miner
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.items import Item, ItemTable


def table_of(rows):
    letters = np.array([list(row) for row in rows])
    items = tuple(Item(column=f"c{i}", label=f"c{i}", level="yes") for i in range(letters.shape[1]))
    return ItemTable(items, letters == "1", letters != "?")


def keys(table):
    return [f"p{i}" for i in range(len(table))]


def test_the_one_rule_of_a_drawn_table_is_found():
    table = table_of(["11", "11", "11", "00", "00", "01"])
    found = AssociationMiner(min_confidence=0.9)(table, keys(table))
    (rule,) = found.rules
    assert rule.sentence == "If c0 is yes, then c1 is yes: 3 of 3 patients (100 %), against 1 of 3 otherwise."
    assert rule.supporting == ("p0", "p1", "p2")
    assert rule.contradicting == ()
    assert (found.found, found.searched, found.rows) == (1, 2, 6)


def test_no_p_value_is_claimed():
    table = table_of(["11", "11", "00", "00"])
    found = AssociationMiner()(table, keys(table))
    assert {rule.p for rule in found.rules} == {rule.adjusted_p for rule in found.rules} == {None}
    assert found.significant == ()
    assert found.adjust is None


def test_the_denominator_is_the_patients_of_whom_both_items_are_known():
    table = table_of(["11", "11", "1?", "1?", "?1", "00", "00"])
    rule = AssociationMiner(min_support=0.1)(table, keys(table)).rules[0]
    assert (rule.a, rule.b, rule.c, rule.d, rule.known) == (2, 0, 0, 2, 4)
    assert rule.support == 0.5


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text("01", min_size=4, max_size=4), min_size=2, max_size=25))
def test_rules_of_known_items_are_those_of_mlxtend(rows):
    table = table_of(rows)
    ours = AssociationMiner(min_support=0.2, min_confidence=0.6, min_lift=0.0)(table, keys(table))
    itemsets = fpgrowth(pd.DataFrame(table.present), min_support=0.2 - 1e-9, max_len=3)
    names = {item: position for position, item in enumerate(table.items)}
    mine = {
        (frozenset(names[i] for i in rule.antecedent), frozenset(names[i] for i in rule.consequent)): rule
        for rule in ours.rules
    }
    if not len(itemsets):
        assert not mine
        return
    measures = ["support", "confidence", "lift", "leverage"]
    theirs = association_rules(
        itemsets, num_itemsets=len(rows), metric="confidence", min_threshold=0.6 - 1e-9, return_metrics=measures
    )
    assert set(mine) == set(zip(theirs["antecedents"], theirs["consequents"], strict=True))
    for _, row in theirs.iterrows():
        rule = mine[row["antecedents"], row["consequents"]]
        for measure in measures:
            np.testing.assert_allclose(getattr(rule, measure), row[measure], atol=1e-12)


def test_rules_are_in_falling_order_of_lift_and_as_many_as_asked_for():
    rng = np.random.default_rng(0)
    table = table_of(["".join(row) for row in rng.choice(list("01"), (30, 6))])
    miner = AssociationMiner(min_confidence=0.5, min_lift=1.0)
    every = miner(table, keys(table))
    lifts = [rule.lift for rule in every.rules]
    assert lifts == sorted(lifts, reverse=True)
    few = miner.model_copy(update={"max_rules": 2})(table, keys(table))
    assert few.rules == every.rules[:2]
    assert few.found == every.found > 2


def test_a_table_without_items_gives_no_rules():
    empty = ItemTable((), np.zeros((3, 0), bool), np.zeros((3, 0), bool))
    found = AssociationMiner()(empty, ["a", "b", "c"])
    assert (found.rules, found.searched) == ((), 0)


def test_several_rows_of_a_patient_are_refused():
    with pytest.raises(BadData, match="one row each"):
        AssociationMiner()(table_of(["11", "11"]), ["a", "a"])


def test_a_miner_is_chosen_by_its_tag():
    assert TypeAdapter(Miner).validate_python({"method": "association"}) == AssociationMiner()
    assert len({AssociationMiner(), AssociationMiner()}) == 1
