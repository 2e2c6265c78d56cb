"""Association rules between any items and their control of false discoveries."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules, fpgrowth
from pydantic import TypeAdapter, ValidationError
from scipy.stats import binom, fisher_exact

from data_catalog.errors import BadData
from tasks.methods.rules import Miner
from tasks.methods.rules.adjust import adjusted_p_values
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel, Item, ItemTable

EVERY = AssociationMiner(min_confidence=0.0, min_lift=0.0, productive_p=1.0, max_rules=None)
"""Lists all rules of frequent itemsets."""


def table_of(rows):
    letters = np.array([list(row) for row in rows])
    items = tuple(Item(column=f"c{i}", label=f"c{i}", level="yes") for i in range(letters.shape[1]))
    return ItemTable(items, letters == "1", letters != "?")


def keys(table):
    return [f"p{i}" for i in range(len(table))]


def noise(seed, bins, rows=40):
    """Return six columns of numbers and two of categories that have nothing to do with each other, some unknown."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(rows, 6)), columns=[f"f{i}" for i in range(6)])
    table["marker"] = rng.choice(["positive", "negative"], rows)
    table["outcome"] = rng.choice(["yes", "no"], rows, p=[0.4, 0.6])
    table = table.mask(rng.uniform(size=table.shape) < 0.1)
    return QuantileBins(bins=bins)(table, {name: ColumnLabel(label=name) for name in table}).items(table)


def test_the_one_rule_of_a_drawn_table_is_found():
    table = table_of(["11"] * 5 + ["00"] * 4 + ["01"])
    found = AssociationMiner(min_confidence=0.9)(table, keys(table))
    (rule,) = found.rules
    assert rule.sentence == "If c0 is yes, then c1 is yes: 5 of 5 patients (100 %), against 1 of 5 otherwise."
    assert rule.supporting == ("p0", "p1", "p2", "p3", "p4")
    assert rule.contradicting == ()
    assert (found.found, found.searched, found.rows) == (1, 2, 10)
    assert rule.p == pytest.approx(fisher_exact([[5, 0], [1, 4]], alternative="greater").pvalue)
    assert rule.adjusted_p == pytest.approx(2 * rule.p)
    assert (found.adjust, found.alpha, rule.alpha) == ("holm", 0.05, 0.05)
    assert rule.significant


def test_the_denominator_is_the_patients_of_whom_both_items_are_known():
    table = table_of(["11", "11", "1?", "1?", "?1", "00", "00"])
    rule = EVERY(table, keys(table)).rules[0]
    assert (rule.a, rule.b, rule.c, rule.d, rule.known) == (2, 0, 0, 2, 4)
    assert rule.support == 0.5
    assert rule.p == pytest.approx(1 / 6)


def test_pairs_that_are_seldom_together_are_searched_all_the_same():
    # Each item is frequent, and no two of them are together: nothing is tested, and everything was searched.
    table = table_of(["100"] * 5 + ["010"] * 5 + ["001"] * 5)
    found = EVERY(table, keys(table))
    assert (found.found, found.searched) == (0, 6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text("011?", min_size=4, max_size=4), min_size=2, max_size=20), st.integers(2, 4))
def test_all_pairs_frequent_by_themselves_are_searched_and_adjusted_for_as_if_written_out(rows, longest):
    table = table_of(rows)
    found = EVERY.model_copy(update={"max_length": longest, "adjust": "by"})(table, keys(table))
    itemsets = [one for length in range(1, longest) for one in combinations(range(4), length)]
    frequent = [one for one in itemsets if table.present[:, one].all(axis=1).mean() >= 0.2]
    pairs = [(x, y) for x in frequent for y in frequent if not set(x) & set(y) and len(x) + len(y) <= longest]
    assert found.searched == len(pairs)
    p = np.ones(len(pairs))
    for place, (left, right) in enumerate(pairs):
        known = table.known[:, left + right].all(axis=1)
        x, y = (table.present[:, side].all(axis=1)[known] for side in (left, right))
        if table.present[:, left + right].all(axis=1).mean() >= 0.2:
            cells = [[(x & y).sum(), (x & ~y).sum()], [(~x & y).sum(), (~x & ~y).sum()]]
            p[place] = fisher_exact(cells, alternative="greater").pvalue
    positions = {item: position for position, item in enumerate(table.items)}
    expected = dict(zip(pairs, adjusted_p_values(p, "by"), strict=True))
    for rule in found.rules:
        pair = tuple(tuple(positions[item] for item in side) for side in (rule.antecedent, rule.consequent))
        assert rule.adjusted_p == pytest.approx(expected[pair])


def most_by_chance(tables, alpha=0.05):
    """Return how many of some tables may have a false discovery, with one chance in a thousand of more."""
    return int(binom.ppf(0.999, tables, alpha))


@pytest.mark.parametrize(("bins", "longest"), [(2, 2), (2, 3), (3, 3)])
def test_few_tables_of_noise_have_a_significant_association_and_adjusting_for_those_found_would_give_many(
    bins, longest
):
    tables, adjusted, careless = 80, 0, 0
    miner = AssociationMiner(max_length=longest, max_rules=None)
    for seed in range(tables):
        items = noise(seed, bins)
        found = miner(items, keys(items))
        adjusted += bool(found.significant)
        careless += any(rule.p * found.found <= 0.05 for rule in found.rules)
    assert adjusted <= most_by_chance(tables)
    assert careless > most_by_chance(tables)


def test_a_planted_association_is_claimed_once_whichever_way_it_is_read():
    rng = np.random.default_rng(0)
    coins = ["".join(row) for row in rng.choice(list("01"), (40, 4))]
    linked = ["111"] * 10 + ["100"] * 8 + ["010"] * 8 + ["000"] * 14
    table = table_of([one + other for one, other in zip(linked, coins, strict=True)])
    found = AssociationMiner()(table, keys(table))
    (rule,) = found.claimed
    assert rule.claim == "If c0 is yes and c1 is yes, then c2 is yes"
    converse = next(rule for rule in found.rules if len(rule.consequent) == 2)
    assert converse.p == rule.p
    assert len(found.significant) == 4
    assert {echo.explained_by for echo in found.significant[1:]} == {rule.claim}


def test_a_longer_association_that_adds_nothing_is_left_out():
    # c0 and c1 go together; c2 is a coin.
    table = table_of(["111", "110"] * 8 + ["001", "000"] * 8)
    found = AssociationMiner(min_confidence=0.0)(table, keys(table))
    assert {len(rule.antecedent + rule.consequent) for rule in found.rules} == {2}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text("01", min_size=4, max_size=4), min_size=2, max_size=25))
def test_rules_of_known_items_are_those_of_mlxtend(rows):
    table = table_of(rows)
    ours = EVERY.model_copy(update={"min_confidence": 0.6})(table, keys(table))
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


def test_rules_are_in_order_of_p_and_as_many_as_asked_for():
    rng = np.random.default_rng(0)
    table = table_of(["".join(row) for row in rng.choice(list("01"), (30, 6))])
    every = EVERY(table, keys(table))
    places = [(rule.adjusted_p, rule.p, len(rule.antecedent + rule.consequent), rule.claim) for rule in every.rules]
    assert places == sorted(places)
    few = EVERY.model_copy(update={"max_rules": 2})(table, keys(table))
    assert few.rules == every.rules[:2]
    assert few.found == every.found > 2
    assert EVERY(table, keys(table)).model_dump_json() == every.model_dump_json()


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


def test_rules_end_in_the_chosen_column_only_and_fewer_are_searched():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(40, 6)), columns=[f"f{i}" for i in range(6)])
    table["twin"] = table["f0"] + 0.01 * table["f1"]
    items = QuantileBins(bins=2).fit(table, {name: ColumnLabel(label=name) for name in table}).items(table)
    loose = {"min_confidence": 0.0, "min_lift": 0.0, "max_rules": None, "max_length": 2}
    every = AssociationMiner(**loose)(items, keys(items))
    chosen = AssociationMiner(ends_in=("twin",), **loose)(items, keys(items))
    assert {item.column for rule in chosen.rules for item in rule.consequent} == {"twin"}
    assert [rule.claim for rule in chosen.rules] == [r.claim for r in every.rules if r.consequent[0].column == "twin"]
    assert chosen.searched * len(table.columns) == every.searched
    assert chosen.rules[0].adjusted_p < every.rules[0].adjusted_p
    with pytest.raises(BadData, match="nobody came"):
        AssociationMiner(ends_in=("nobody",))(items, keys(items))
    assert AssociationMiner(ends_in=("nobody",)).search(items).searched == 0, "a fold may leave a column without items"


def test_a_count_is_a_share_of_all_patients():
    items = noise(5, 2)
    count, share = (EVERY.model_copy(update={"min_support": least})(items, keys(items)) for least in (8, 0.2))
    assert count == share
    assert count.searched > 0
    with pytest.raises(ValidationError, match="min_support"):
        AssociationMiner(min_support=0)


def test_required_and_excluded_columns_choose_antecedents_and_only_these_are_searched():
    items = noise(6, 2, rows=60)
    every = EVERY.model_copy(update={"min_support": 2})
    chosen = every.model_copy(update={"required_columns": ("f0", "marker"), "excluded_columns": ("f1",)})(
        items, keys(items)
    )

    def fits(rule):
        columns = {item.column for item in rule.antecedent}
        return bool(columns & {"f0", "marker"}) and "f1" not in columns

    expected = {rule.key for rule in every(items, keys(items)).rules if fits(rule)}
    assert {rule.key for rule in chosen.rules} == expected
    assert any(item.column == "f1" for rule in chosen.rules for item in rule.consequent), "rules may end in it"
    # Eight columns of two levels each, of which antecedents have seven, and one of two among these:
    pairs = sum(
        2 ** (len(left) + len(right)) for left, right in both_sides(range(8), 3) if {0, 6} & set(left) and 1 not in left
    )
    assert chosen.searched == pairs


def both_sides(columns, longest):
    """Yield every antecedent and consequent of some columns that have none in common and are short enough."""
    for length in range(2, longest + 1):
        for together in combinations(columns, length):
            for size in range(1, length):
                for left in combinations(together, size):
                    yield left, tuple(one for one in together if one not in left)


def test_columns_that_have_no_items_or_are_asked_for_and_not_are_refused():
    items = noise(6, 2)
    with pytest.raises(BadData, match="nobody came"):
        AssociationMiner(required_columns=("nobody",))(items, keys(items))
    with pytest.raises(ValidationError, match="f0 is both"):
        AssociationMiner(required_columns=("f0",), excluded_columns=("f0",))
