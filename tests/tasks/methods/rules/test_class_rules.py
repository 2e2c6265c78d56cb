"""Class rules and their control of false discoveries."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.stats import binom, fisher_exact

from data_catalog.errors import BadData
from tasks.methods.rules.class_rules import ClassRuleMiner, answered_rows
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel, Item, ItemTable, outcome_items

Y = ColumnLabel(label="y")


def table_of(rows):
    letters = np.array([list(row) for row in rows])
    items = tuple(Item(column=f"c{i}", label=f"c{i}", level="yes") for i in range(letters.shape[1]))
    return ItemTable(items, letters == "1", letters != "?")


def outcome_of(text):
    named = {"y": "yes", "n": "no", "?": None}
    return outcome_items(pd.Series([named[letter] for letter in text], name="y", dtype=object), Y)


def keys(rows):
    return [f"p{i}" for i in range(rows)]


def labels(table):
    return {name: ColumnLabel(label=name) for name in table.columns}


def noise(seed, rows=40, columns=30):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"f{i}" for i in range(columns)])
    return table, rng.permutation(np.where(np.arange(rows) < 0.4 * rows, "yes", "no"))


def planted(seed, noisy_columns=23):
    """Return 40 patients: of 12 with a high and b positive 11 have the outcome; of 8, 8 and 12 others 1, 2 and 2."""
    rng = np.random.default_rng(seed)
    a, b = np.repeat([True, True, False, False], [12, 8, 8, 12]), np.repeat([True, False, True, False], [12, 8, 8, 12])
    outcome = np.zeros(40, bool)
    outcome[rng.choice(12, 11, replace=False)] = True
    for start, size, ill in ((12, 8, 1), (20, 8, 2), (28, 12, 2)):
        outcome[start + rng.choice(size, ill, replace=False)] = True
    table = pd.DataFrame(rng.normal(size=(40, noisy_columns)), columns=[f"f{i}" for i in range(noisy_columns)])
    table["a"] = a + rng.uniform(size=40)
    table["b"] = np.where(b, "positive", "negative")
    return table, pd.Series(np.where(outcome, "yes", "no"), name="y")


def test_the_rule_of_a_drawn_table_is_found_with_its_witnesses():
    items = table_of(["10", "11", "10", "11", "00", "01", "00", "01", "1?", "01"])
    found = ClassRuleMiner()(items, outcome_of("yyyynnnny?"), keys(10))
    assert (found.rows, found.left_out, found.searched) == (9, 1, 6)
    (rule,) = found.rules
    assert rule.sentence == "If c0 is yes, then y is yes: 5 of 5 patients (100 %), against 0 of 4 otherwise."
    assert rule.supporting == ("p0", "p1", "p2", "p3", "p8")
    assert rule.p == pytest.approx(fisher_exact([[5, 0], [0, 4]], alternative="greater").pvalue)
    assert rule.adjusted_p == pytest.approx(6 * rule.p)
    assert rule.significant


def test_the_patients_of_a_rule_are_named_by_their_own_keys_when_outcomes_are_missing():
    items = table_of(["1"] * 6 + ["0"] * 7)
    (rule,) = ClassRuleMiner()(items, outcome_of("?yyyyn?nnnnnn"), keys(13)).rules
    assert rule.supporting == ("p1", "p2", "p3", "p4")
    assert rule.contradicting == ("p5",)


def test_missing_is_not_absent():
    items = table_of(["1", "1", "1", "1", "?", "?", "?", "0", "0", "0", "0"])
    (rule,) = ClassRuleMiner()(items, outcome_of("yyyyyyynnnn"), keys(11)).rules
    assert (rule.a, rule.b, rule.c, rule.d) == (4, 0, 0, 4)


def test_p_values_are_adjusted_for_everything_searched_and_not_for_what_is_listed():
    table, outcome = planted(1)
    items = QuantileBins(bins=2).fit(table, labels(table)).items(table)
    found = ClassRuleMiner(adjust="bonferroni")(items, outcome_items(outcome, Y), keys(40))
    assert found.searched > 1000 > found.found
    assert found.rules[0].adjusted_p == pytest.approx(found.rules[0].p * found.searched)


def test_a_longer_rule_that_adds_nothing_is_left_out():
    # c0 alone decides the outcome; c1 is a coin.
    items = table_of(["10", "11"] * 8 + ["00", "01"] * 8)
    found = ClassRuleMiner(consequents=("yes",))(items, outcome_of("y" * 16 + "n" * 16), keys(32))
    assert [rule.claim for rule in found.rules] == ["If c0 is yes, then y is yes"]


def test_a_rule_of_two_items_that_only_work_together_is_kept():
    items = table_of(["11"] * 8 + ["10"] * 8 + ["01"] * 8 + ["00"] * 8)
    found = ClassRuleMiner(consequents=("yes",), max_length=3)(items, outcome_of("y" * 8 + "n" * 24), keys(32))
    assert found.rules[0].claim == "If c0 is yes and c1 is yes, then y is yes"
    assert found.rules[0].a == 8


def test_every_listed_rule_beats_its_parts_by_fishers_test():
    table, outcome = planted(2)
    items = QuantileBins(bins=2).fit(table, labels(table)).items(table)
    target = outcome_items(outcome, Y)
    positions = {item: position for position, item in enumerate(items.items)}
    pairs = [rule for rule in ClassRuleMiner()(items, target, keys(40)).rules if len(rule.antecedent) == 2]
    assert pairs
    for rule in pairs:
        yes = target.present[:, [item.level for item in target.items].index(rule.consequent[0].level)]
        one, two = (items.present[:, positions[item]] for item in rule.antecedent)
        for part, added in ((one, two), (two, one)):
            cells = [[(part & s & y).sum() for y in (yes, ~yes)] for s in (added, ~added)]
            assert fisher_exact(cells, alternative="greater").pvalue <= 0.05 + 1e-9


def interaction():
    """Return 40 patients: 10 with c0 and c1 all have the outcome, of the others 2; c2 is much like c0."""
    rows = ["111"] * 9 + ["110"] + ["101"] + ["100"] * 2 + ["010"] * 13 + ["001"] * 3 + ["000"] * 11
    return table_of(rows), outcome_of("y" * 10 + "n" * 3 + "y" + "n" * 12 + "n" * 3 + "y" + "n" * 10)


def test_only_the_planted_of_several_significant_rules_is_claimed():
    found = ClassRuleMiner(consequents=("yes",))(*interaction(), keys(40))
    planted_rule, *echoes = found.rules
    assert planted_rule.sentence.startswith("If c0 is yes and c1 is yes, then y is yes: 10 of 10 patients")
    assert [rule.claim for rule in echoes[:2]] == [
        "If c1 is yes and c2 is yes, then y is yes",
        "If c0 is yes, then y is yes",
    ]
    assert all(rule.significant for rule in echoes[:2])
    assert {rule.explained_by for rule in echoes} == {planted_rule.claim}
    assert found.claimed == (planted_rule,)


def test_that_the_other_outcome_goes_with_the_other_patients_is_no_second_finding():
    found = ClassRuleMiner()(*interaction(), keys(40))
    assert found.claimed == found.rules[:1]
    mirrored = ClassRuleMiner()(yes_and_no("1" * 8 + "0" * 8), outcome_of("y" * 8 + "n" * 8), keys(16))
    first, second = mirrored.significant
    assert (first.consequent[0].level, second.consequent[0].level) == ("yes", "no")
    assert (first.explained_by, second.explained_by) == (None, first.claim)


def yes_and_no(rows):
    """Return one column of two values, an item each."""
    present = np.array([[row == "1", row == "0"] for row in rows])
    items = tuple(Item(column="c", label="c", level=level) for level in ("with", "without"))
    return ItemTable(items, present, np.ones_like(present))


def test_a_rule_of_the_other_outcome_that_holds_beside_the_first_is_claimed():
    # c0 brings the outcome to all 12; of the others, c1 keeps it from all 14, and 7 of the remaining 14 have it.
    items = table_of(["10"] * 12 + ["01"] * 14 + ["00"] * 14)
    found = ClassRuleMiner()(items, outcome_of("y" * 12 + "n" * 14 + "y" * 7 + "n" * 7), keys(40))
    assert [rule.claim for rule in found.claimed] == ["If c1 is yes, then y is no", "If c0 is yes, then y is yes"]


def test_two_rules_of_their_own_are_both_claimed_and_their_echoes_are_not():
    # c0 and c1 bring the outcome to 10 of 12 each; c2 is c0 but for three patients.
    rows = ["101"] * 10 + ["100"] * 2 + ["010"] * 12 + ["001"] + ["000"] * 25
    outcome = outcome_of("y" * 10 + "n" * 2 + "y" * 10 + "n" * 2 + "n" + "y" + "n" * 24)
    found = ClassRuleMiner(consequents=("yes",), max_length=1)(table_of(rows), outcome, keys(50))
    assert [(rule.claim, rule.claimed, rule.explained_by) for rule in found.rules] == [
        ("If c2 is yes, then y is yes", True, None),
        ("If c0 is yes, then y is yes", False, "If c2 is yes, then y is yes"),
        ("If c1 is yes, then y is yes", True, None),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_interaction_comes_first_and_is_significant(seed):
    table, outcome = planted(seed)
    items = QuantileBins(bins=2).fit(table, labels(table)).items(table)
    found = ClassRuleMiner()(items, outcome_items(outcome, Y), keys(40))
    first = found.rules[0]
    assert {item.key for item in first.antecedent} == {("a", "high"), ("b", "positive")}
    assert (first.a, first.b, first.c, first.d) == (11, 1, 5, 23)
    assert found.claimed == (first,)
    assert all(rule.explained_by for rule in found.significant[1:])


def most_by_chance(tables, alpha=0.05):
    """Return how many of some tables may have a false discovery, with one chance in a thousand of more."""
    return int(binom.ppf(0.999, tables, alpha))


@pytest.mark.parametrize("bins", [2, 3])
def test_noise_has_no_significant_rules(bins):
    false = 0
    for seed in range(20):
        table, outcome = noise(seed, columns=10 * bins)
        items = QuantileBins(bins=bins).fit(table, labels(table)).items(table)
        found = ClassRuleMiner()(items, outcome_items(pd.Series(outcome, name="y"), Y), keys(40))
        assert found.rules, "without candidates the test would show nothing"
        false += bool(found.significant)
    assert false <= most_by_chance(20)


def test_of_many_shuffled_outcomes_few_give_a_significant_rule_and_without_adjustment_most_do():
    table, outcome = noise(0, columns=8)
    items = QuantileBins(bins=2).fit(table, labels(table)).items(table)
    rng = np.random.default_rng(1)
    adjusted = unadjusted = 0
    for _ in range(200):
        target = outcome_items(pd.Series(rng.permutation(outcome), name="y"), Y)
        found = ClassRuleMiner(max_rules=1)(items, target, keys(40))
        adjusted += bool(found.significant)
        unadjusted += any(rule.p <= 0.05 for rule in found.rules)
    assert adjusted <= most_by_chance(200)
    assert unadjusted > 100


def test_rules_are_in_order_and_the_same_each_time():
    table, outcome = planted(3)
    items = QuantileBins().fit(table, labels(table)).items(table)
    target = outcome_items(outcome, Y)
    found = ClassRuleMiner(min_support=0.1)(items, target, keys(40))
    places = [(rule.adjusted_p, rule.p, len(rule.antecedent), rule.claim) for rule in found.rules]
    assert places == sorted(places)
    assert len(places) == len(set(places))
    again = ClassRuleMiner(min_support=0.1)(items, target, keys(40))
    assert again.model_dump_json() == found.model_dump_json()
    few = ClassRuleMiner(min_support=0.1, max_rules=3)(items, target, keys(40))
    assert few.rules == found.rules[:3]
    assert few.found == found.found


def test_the_order_of_rows_does_not_matter():
    table, outcome = planted(4)
    items, target = QuantileBins().fit(table, labels(table)).items(table), outcome_items(outcome, Y)
    turned = np.random.default_rng(0).permutation(40)
    one = ClassRuleMiner()(items, target, keys(40))
    other = ClassRuleMiner()(items.select(turned), target.select(turned), [keys(40)[i] for i in turned])
    assert [rule.claim for rule in one.rules] == [rule.claim for rule in other.rules]
    assert [set(rule.supporting) for rule in one.rules] == [set(rule.supporting) for rule in other.rules]


def test_a_chosen_consequent_is_the_only_one_searched():
    items = table_of(["1"] * 5 + ["0"] * 5)
    both = ClassRuleMiner()(items, outcome_of("yyyyynnnnn"), keys(10))
    one = ClassRuleMiner(consequents=("no",))(items, outcome_of("yyyyynnnnn"), keys(10))
    assert (both.searched, one.searched) == (2, 1)
    assert one.rules == ()
    with pytest.raises(BadData, match="values no, yes: maybe came"):
        ClassRuleMiner(consequents=("maybe",))(items, outcome_of("yyyyynnnnn"), keys(10))


def test_without_items_nothing_is_searched():
    empty = ItemTable((), np.zeros((4, 0), bool), np.zeros((4, 0), bool))
    found = ClassRuleMiner()(empty, outcome_of("yynn"), keys(4))
    assert (found.rules, found.searched, found.rows) == ((), 0, 4)


def test_an_item_that_everybody_has_shows_nothing():
    found = ClassRuleMiner(productive_p=1.0)(table_of(["1"] * 6), outcome_of("yyynnn"), keys(6))
    assert [rule.p for rule in found.rules] == pytest.approx([1.0, 1.0])


def test_the_outcome_among_the_items_is_refused():
    target = outcome_of("yynn")
    with pytest.raises(BadData, match="y came as both"):
        ClassRuleMiner()(target, target, keys(4))


def test_several_rows_of_a_patient_and_tables_of_other_rows_are_refused():
    items = table_of(["1", "1", "0", "0"])
    with pytest.raises(BadData, match="4 rows of 3 patients"):
        ClassRuleMiner()(items, outcome_of("yynn"), ["a", "b", "c", "a"])
    with pytest.raises(BadData, match="4 and 3 rows"):
        ClassRuleMiner()(items, outcome_of("yyn"), keys(4))


def test_rows_of_unknown_outcome_are_not_answered():
    assert answered_rows(outcome_of("y?n?")).tolist() == [0, 2]


def test_more_candidates_than_allowed_are_refused():
    with pytest.raises(BadData, match="Raise min_support"):
        ClassRuleMiner(max_candidates=2)(table_of(["11", "11", "10", "01"]), outcome_of("yynn"), keys(4))


RARE = {"min_support": 0.02, "max_length": 3, "max_rules": None}


def rare(seed):
    """Return 60 patients of whom 15 have the outcome, all 7 with c0 among them; 25 rare items are noise."""
    rng = np.random.default_rng(seed)
    outcome = np.arange(60) < 15
    noisy = rng.random((60, 25)) < 0.12
    present = np.column_stack([np.arange(60) < 7, noisy])
    items = tuple(Item(column=f"c{i}", label=f"c{i}", level="yes") for i in range(26))
    return ItemTable(items, present, np.ones_like(present)), outcome_of(np.where(outcome, "y", "n").tolist())


def test_lamp_counts_only_what_could_be_significant():
    items, target = rare(0)
    holm = ClassRuleMiner(**RARE)(items, target, keys(60))
    lamp = ClassRuleMiner(adjust="lamp", **RARE)(items, target, keys(60))
    assert lamp.searched == holm.searched > 2 * lamp.tested
    assert lamp.delta == pytest.approx(0.05 / lamp.tested)
    first = lamp.rules[0]
    assert first.claim == "If c0 is yes, then y is yes"
    assert first.adjusted_p == pytest.approx(first.p * lamp.tested)
    assert first.adjusted_p < holm.rules[0].adjusted_p
    assert (holm.tested, holm.delta) == (None, None)


def test_westfall_young_is_the_least_strict_and_finds_the_same_first_rule():
    items, target = rare(1)
    by = {name: ClassRuleMiner(adjust=name, **RARE)(items, target, keys(60)) for name in ("lamp", "westfall_young")}
    first, other = (found.rules[0] for found in (by["westfall_young"], by["lamp"]))
    assert first.claim == other.claim
    assert by["westfall_young"].delta > by["lamp"].delta
    again = ClassRuleMiner(adjust="westfall_young", **RARE)(items, target, keys(60))
    assert again == by["westfall_young"]
    assert ClassRuleMiner(adjust="westfall_young", seed=1, **RARE)(items, target, keys(60)).delta != again.delta


def test_fewer_permutations_than_could_make_a_rule_significant_are_refused():
    assert ClassRuleMiner(adjust="westfall_young", permutations=19)
    with pytest.raises(ValueError, match="fewer than 19 permutations"):
        ClassRuleMiner(adjust="westfall_young", permutations=18)
    with pytest.raises(ValueError, match="fewer than 99 permutations"):
        ClassRuleMiner(adjust="westfall_young", permutations=98, alpha=0.01)


def two_centres(seed, sick=(0.8, 0.2), scanned=(0.85, 0.15)):
    """Return 120 patients of two centres that differ in how many are ill and in all 6 items, and in nothing within."""
    rng = np.random.default_rng(seed)
    centre = np.repeat([0, 1], 60)
    present = rng.random((120, 6)) < np.array(scanned)[centre][:, None]
    ill = rng.random(120) < np.array(sick)[centre]
    items = tuple(Item(column=f"c{i}", label=f"c{i}", level="yes") for i in range(6))
    known = rng.random((120, 6)) >= 0.05
    return (
        ItemTable(items, present & known, known),
        outcome_of(np.where(ill, "y", "n").tolist()),
        [f"k{k}" for k in centre],
    )


@pytest.mark.parametrize("adjust", ["holm", "lamp", "westfall_young"])
def test_a_difference_between_centres_gives_false_rules_unless_they_are_strata(adjust):
    miner = ClassRuleMiner(adjust=adjust, permutations=99)
    alone = within = 0
    for seed in range(40):
        items, target, centres = two_centres(seed)
        alone += bool(miner(items, target, keys(120)).significant)
        within += bool(miner(items, target, keys(120), centres).significant)
    assert alone == 40
    assert within <= most_by_chance(40)


@pytest.mark.parametrize("adjust", ["holm", "lamp", "westfall_young"])
def test_a_rule_that_holds_within_centres_is_found_within_them(adjust):
    items, target, centres = two_centres(0)
    same = target.present[:, 1] ^ (np.random.default_rng(0).random(120) < 0.1)
    items = ItemTable(items.items, np.column_stack([same, items.present[:, 1:]]), np.ones_like(items.known))
    found = ClassRuleMiner(adjust=adjust)(items, target, keys(120), centres)
    assert found.rules[0].claim == "If c0 is yes, then y is yes"
    assert found.rules[0].significant


def test_rows_of_unknown_stratum_are_one_stratum_and_one_stratum_is_none():
    items, target, centres = two_centres(1)
    whole = ClassRuleMiner()(items, target, keys(120))
    assert ClassRuleMiner()(items, target, keys(120), ["same"] * 120) == whole
    unknown = [None if centre == "k1" else centre for centre in centres]
    assert ClassRuleMiner()(items, target, keys(120), unknown) == ClassRuleMiner()(items, target, keys(120), centres)
    with pytest.raises(BadData, match="120 and 2 rows"):
        ClassRuleMiner()(items, target, keys(120), ["a", "b"])


@pytest.mark.parametrize("adjust", ["lamp", "westfall_young"])
def test_of_many_shuffled_outcomes_few_give_a_rule_significant_by_what_was_testable(adjust):
    table, outcome = noise(0, columns=8)
    items = QuantileBins(bins=2).fit(table, labels(table)).items(table)
    rng = np.random.default_rng(2)
    miner = ClassRuleMiner(max_rules=1, min_support=0.05, adjust=adjust, permutations=199)
    false = sum(
        bool(miner(items, outcome_items(pd.Series(rng.permutation(outcome), name="y"), Y), keys(40)).significant)
        for _ in range(100)
    )
    assert false <= most_by_chance(100)


@pytest.mark.parametrize("adjust", ["holm", "lamp", "westfall_young"])
def test_a_count_is_the_share_of_the_patients_of_known_outcome(adjust):
    table, outcome = noise(3, columns=6)
    items = QuantileBins(bins=3)(table, labels(table)).items(table)
    target = outcome_items(pd.Series([*outcome[:-4], *[None] * 4], name="y", dtype=object), Y)
    loose = {"adjust": adjust, "productive_p": 1.0, "permutations": 99}
    count = ClassRuleMiner(min_support=9, **loose)(items, target, keys(40))
    share = ClassRuleMiner(min_support=9 / 36, **loose)(items, target, keys(40))
    assert count == share
    assert count.searched > 0


@pytest.mark.parametrize("wrong", [0, -1, 0.0, 1.5])
def test_no_share_and_no_count_is_refused(wrong):
    with pytest.raises(ValidationError, match="min_support"):
        ClassRuleMiner(min_support=wrong)


@pytest.mark.parametrize("adjust", ["bonferroni", "lamp", "westfall_young"])
def test_required_and_excluded_columns_choose_antecedents_and_only_these_are_searched(adjust):
    table, outcome = noise(4, columns=5)
    items = QuantileBins(bins=2)(table, labels(table)).items(table)
    target = outcome_items(pd.Series(outcome, name="y"), Y)
    loose = {"adjust": adjust, "productive_p": 1.0, "max_rules": None, "min_support": 0.1, "permutations": 99}
    every = ClassRuleMiner(**loose)(items, target, keys(40))
    chosen = ClassRuleMiner(required_columns=("f0", "f1"), excluded_columns=("f2",), **loose)(items, target, keys(40))

    def fits(rule):
        columns = {item.column for item in rule.antecedent}
        return bool(columns & {"f0", "f1"}) and "f2" not in columns

    assert {rule.key for rule in chosen.rules} == {rule.key for rule in every.rules if fits(rule)}
    # Alone: f0 and f1 at two levels; with each other and with f3 and f4 each: 4 and 16 pairs of levels; two outcomes.
    assert (chosen.searched, every.searched) == (2 * (4 + 4 + 16), 2 * (10 + 40))


def test_columns_that_have_no_items_or_are_asked_for_and_not_are_refused():
    items, outcome = table_of(["1"] * 6), outcome_of("yyynnn")
    with pytest.raises(BadData, match="nobody came"):
        ClassRuleMiner(required_columns=("nobody",))(items, outcome, keys(6))
    with pytest.raises(BadData, match="nobody came"):
        ClassRuleMiner(excluded_columns=("nobody",))(items, outcome, keys(6))
    with pytest.raises(ValidationError, match="a, b is both"):
        ClassRuleMiner(required_columns=("b", "a"), excluded_columns=("a", "b"))
