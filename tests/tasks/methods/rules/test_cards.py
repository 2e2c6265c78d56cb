"""A card says all that is known of a rule, and to others only what does not give few patients away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.rules.card import Card, CardSet, Note, Sight, cards_of, pattern_cards, places_of, subgroup_cards
from tasks.methods.rules.card_table import brief_rows, card_rows
from tasks.methods.rules.centres import CentreAgreement, CentreCounts
from tasks.methods.rules.condition import portable
from tasks.methods.rules.items import Item
from tasks.methods.rules.rule import HeldOut, Rule, RuleSet
from tasks.methods.rules.sequence_rule import OutcomeTest, SequencePattern, SequenceSet
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.shown import percent_text, shown, shown_set, span_text
from tasks.methods.rules.small_cells import NOTHING, Span
from tasks.methods.rules.stability import Stability
from tasks.methods.rules.subgroup import Side, Subgroup, SubgroupSet

CONTRAST = Item(column="CT.tumour.cm_contrast", label="CT tumour GLCM contrast", level="high", low=41.2)
MARKER = Item(column="marker.x.y", label="marker", level="positive")
PROGRESSION = Item(column="outcome", label="progression", level="yes")
FEATURES = frozenset({"CT.tumour.cm_contrast"})


def patients(start, count):
    return tuple(f"P-{number:03d}" for number in range(start, start + count))


def rule(a, b, c, d, **changes):
    given = {
        "antecedent": (CONTRAST, MARKER),
        "consequent": (PROGRESSION,),
        "p": 2e-5,
        "adjusted_p": 0.02,
        "alpha": 0.05,
        "supporting": patients(0, a),
        "contradicting": patients(100, b),
    }
    return Rule(a=a, b=b, c=c, d=d, **{**given, **changes})


def card(*counts, note=None, rows=50, **changes):
    found = RuleSet(rules=(rule(*counts, **changes),), found=1, searched=300, rows=rows, adjust="holm", alpha=0.05)
    (made,) = cards_of("rule", found, {"rule-1": note or Note()})
    return made


def sight(patient, modality="CT", region="tumour"):
    return Sight(
        patient=patient, visit=0, modality=modality, region=region, reader="A", image="volume-1", mask="mask-1",
        first_slice=12, last_slice=19, slices=24, sources=("a" * 64,),
    )  # fmt: skip


def test_a_card_of_enough_patients_says_what_the_rule_says():
    made = card(11, 0, 5, 24, held_out=HeldOut(a=10, b=0, c=5, d=23, found_in_folds=5, folds=5))
    told = shown(made, 5)
    assert not told.hidden
    assert told.sentence == (
        "If CT tumour GLCM contrast is high (> 41.2) and marker is positive, then progression is yes: "
        "11 of 11 patients (100 %), against 5 of 29 otherwise; in held-out folds 10 of 10."
    )
    assert (
        told.sentence
        == card(11, 0, 5, 24, held_out=HeldOut(a=10, b=0, c=5, d=23, found_in_folds=5, folds=5)).stated.sentence
    )
    assert (told.number, told.status, told.claimed) == ("rule-1", "claimed", True)
    assert told.adjusted_p == Span(low=0.02, high=0.02)
    assert told.not_known == Span(low=10, high=10)
    assert told.supporting == patients(0, 11)
    assert told.counts.holds == "11 of 11 (100 %)"


def test_few_patients_against_a_rule_are_neither_counted_nor_named_nor_to_be_worked_out():
    told = shown(card(11, 2, 5, 22), 5)
    assert told.hidden
    assert told.contradicting is None
    assert "11 of 12 to 15 patients (73 to 92 %), against 5 of 27 otherwise" in told.sentence
    assert told.counts.antecedent_only == Span(low=1, high=4)
    assert told.not_known == NOTHING, "beside the number of rows it would tell the hidden count"
    assert told.p == Span(low=0, high=0.001)
    text = told.model_dump_json()
    assert "P-100" not in text
    assert "P-101" not in text


table = st.tuples(*[st.integers(0, 9)] * 4)


def by_centre(**tables):
    """Return a note with counts by centre, and an odds ratio that they tell."""
    centres = tuple(
        CentreCounts(centre=name, **dict(zip("abcd", counts, strict=True))) for name, counts in tables.items()
    )
    return Note(centres=CentreAgreement(centres=centres, odds_ratio=1 + sum(one.a for one in centres[:1]), p=0.4))


def changed(counts, place, count):
    return (*counts[:place], count, *counts[place + 1 :])


def of_nobody(counts, smallest, **changes):
    """Return the card of some counts, without its lists of patients."""
    return shown(card(*counts, supporting=(), contradicting=(), **changes), smallest)


@settings(max_examples=80, deadline=None)
@given(table, table, table, st.integers(2, 5), st.integers(0, 3))
def test_two_rules_that_differ_in_a_hidden_count_only_have_one_card(counts, north, south, smallest, place):
    counts = changed(counts, place, 1)
    if not sum(counts[:2]):
        return
    cards = []
    for other in range(1, smallest):
        here = changed(counts, place, other)
        note = by_centre(north=changed(north, place, 0), south=changed(south, place, other))
        held = HeldOut(a=9, b=9, c=9, d=sum(here), found_in_folds=5, folds=5)
        cards.append(of_nobody(here, smallest, note=note, held_out=held))
    assert all(one == cards[0] for one in cards)


def pattern_card(a, b, c, d, unknown=0, **changes):
    """Return the card of the second of two patterns; the first was not held against the outcome."""
    given = {"outcome": "relapse is yes", "p": 0.0004, "adjusted_p": 0.02, "alpha": 0.05, "gains": True}
    lists = {"supporting": patients(0, a), "contradicting": patients(100, b)}
    test = OutcomeTest(a=a, b=b, c=c, d=d, **{**given, **lists, **changes})
    untested = SequencePattern(steps=(("drug",),), patients=9, completed=9, median_days=0)
    steps = (("drug", "scan"), ("surgery",))
    tested = SequencePattern(steps=steps, patients=50, completed=a + b or 1, median_days=9, with_outcome=test)
    found = SequenceSet(
        rules=(), found=0, searched=7, patients=a + b + c + d + unknown, adjust="holm", alpha=0.05,
        patterns=(tested, untested), patterns_found=70, patterns_tested=70,
    )  # fmt: skip
    (made,) = pattern_cards(found)
    return made


@settings(max_examples=80, deadline=None)
@given(table, st.integers(2, 5), st.integers(0, 3), st.booleans())
def test_two_patterns_that_differ_in_a_hidden_count_only_have_one_card(counts, smallest, place, gains):
    cards = [
        shown(
            pattern_card(*changed(counts, place, other), unknown=9, gains=gains, supporting=(), contradicting=()),
            smallest,
        )
        for other in range(1, smallest)
    ]
    assert all(one == cards[0] for one in cards)


@settings(max_examples=80, deadline=None)
@given(st.tuples(table, table, table), st.integers(2, 5), st.integers(0, 3), st.permutations(range(3)))
def test_two_rules_that_differ_in_a_hidden_count_of_a_centre_only_have_one_card(parts, smallest, place, order):
    """The third part are patients of no known centre; all three add up to the rule's counts."""
    of_all = tuple(map(sum, zip(*parts, strict=True)))
    one, other, _ = order
    both = parts[one][place] + parts[other][place]
    if not sum(of_all[:2]):
        return
    cards = []
    for count in range(1, min(smallest, both + 1)):
        moved = list(parts)
        moved[one] = changed(parts[one], place, count)
        moved[other] = changed(parts[other], place, both - count)
        cards.append(of_nobody(of_all, smallest, note=by_centre(north=moved[0], south=moved[1])))
    assert all(one == cards[0] for one in cards)


@settings(max_examples=80, deadline=None)
@given(table, table, st.integers(2, 5), st.integers(0, 3))
def test_two_rules_that_differ_in_a_hidden_held_out_count_only_have_one_card(counts, held, smallest, place):
    """A rule that every fold finds has as many held-out patients as patients."""
    rest = 2 if place == 3 else 3
    of_all = changed(counts, 0, 50)
    cards = []
    for count in range(1, smallest):
        moved = changed(changed(held, place, count), rest, 0)
        moved = changed(moved, rest, sum(of_all) - sum(moved))
        held_out = HeldOut(**dict(zip("abcd", moved, strict=True)), found_in_folds=5, folds=5)
        cards.append(of_nobody(of_all, smallest, held_out=held_out))
    assert all(one == cards[0] for one in cards)


def test_the_centres_of_a_rule_are_told_if_none_has_few_patients():
    enough = by_centre(A=(18, 10, 0, 9), B=(7, 5, 6, 0))
    told = shown(card(25, 15, 6, 9, note=enough), 5)
    assert [one.sentence for one in told.centres] == ["18 of 28 in A", "7 of 12 in B"]
    assert told.centres_odds_ratio == Span(low=19, high=19)
    assert card_rows([told])[0]["centres_odds_ratio"] == "19"
    # 20 less the 18 of A would be the 2 of B
    few = shown(card(20, 12, 6, 9, note=by_centre(A=(18, 7, 0, 9), B=(2, 5, 6, 0))), 5)
    assert not few.hidden
    assert (few.centres, few.centres_odds_ratio, few.centres_p) == ((), NOTHING, Span(low=0.05, high=1))
    # 27 less all of both would be the 2 patients of no known centre
    assert shown(card(27, 15, 6, 9, note=enough), 5).centres == ()


def test_of_held_out_patients_those_without_the_antecedent_are_not_told_beside_a_hidden_count():
    held = HeldOut(a=10, b=0, c=6, d=24, found_in_folds=5, folds=5)
    few = shown(card(11, 2, 5, 22, held_out=held), 5)
    assert few.sentence.endswith("; in held-out folds 10 of 10.")
    assert few.held_out.confidence == Span(low=1, high=1)
    assert few.held_out.known == few.held_out.neither == few.held_out.lift == NOTHING
    of_held = shown(card(11, 5, 5, 19, held_out=held.model_copy(update={"b": 2, "d": 22})), 5)
    assert of_held.held_out.antecedent_only == Span(low=1, high=4)
    assert of_held.held_out.neither == NOTHING


def test_a_card_has_all_measures_of_its_rule():
    names = ("support", "confidence", "lift", "leverage", "conviction", "zhang", "jaccard", "odds_ratio")
    made = rule(11, 5, 6, 24)
    told = shown(card(11, 5, 6, 24), 5)
    (row,) = card_rows([told])
    for name in names:
        assert getattr(told.counts, name) == Span(low=getattr(made, name), high=getattr(made, name))
        assert float(row[name]) == pytest.approx(getattr(made, name), rel=1e-5)
    (hidden,) = card_rows([shown(card(11, 2, 6, 24), 5)])
    for name in names:
        low, high = map(float, hidden[name].split(" to "))
        assert low < getattr(rule(11, 2, 6, 24), name) < high
    (always,) = card_rows([shown(card(11, 0, 6, 24), 5)])
    assert always["conviction"] == "", "it is infinite"


def test_statuses_of_an_echo_and_of_chance():
    assert shown(card(11, 0, 5, 24, explained_by="a better rule"), 5).status == "echo"
    assert shown(card(11, 0, 5, 24, adjusted_p=0.3), 5).status == "not significant"


def test_where_a_rule_looked_is_told_by_the_features_among_its_items():
    assert places_of(card(1, 0, 0, 1), FEATURES) == (("CT", "tumour"),)
    assert places_of(card(1, 0, 0, 1), frozenset()) == ()


def test_of_the_regions_only_those_of_patients_who_are_named_are_told():
    note = Note(places=(("CT", "tumour"),))
    held = CardSet(
        cards=(card(6, 2, 5, 24, note=note),),
        sights=(sight("P-001"), sight("P-001", "PT"), sight("P-100"), sight("P-700")),
    )
    assert [one.patient for one in shown_set(held, 5).sights] == ["P-001"]
    assert [one.patient for one in shown_set(held, 1).sights] == ["P-001", "P-100"]
    assert held.named("rule-1") is held.cards[0]
    assert held.named("rule-2") is None


def test_a_sight_says_where_to_look():
    assert sight("P-1").sentence == "CT tumour, slices 12 to 19 of 24, drawn by A"
    second = sight("P-1").model_copy(update={"visit": 1, "last_slice": 12})
    assert second.sentence == "CT tumour, visit 2, slice 12 of 24, drawn by A"


def test_stability_and_centres_are_on_the_card():
    note = by_centre(A=(6, 0, 1, 9), B=(7, 3, 0, 5))
    note = note.model_copy(update={"stability": Stability(resamples=50, found=44, significant=40)})
    told = shown(card(13, 3, 1, 14, note=note), 1)
    assert [one.sentence for one in told.centres] == ["6 of 6 in A", "7 of 10 in B"]
    assert told.stability.share == 0.88
    assert told.centres_p == Span(low=0.4, high=0.4), "nothing is hidden"
    few = shown(card(13, 3, 1, 14, note=note), 5)
    assert (few.centres, few.centres_p) == ((), Span(low=0.05, high=1))


def test_orders_of_events_have_cards_too():
    import pandas as pd

    rows = [(f"P-{n}", day, event) for n in range(12) for day, event in ((n, "steroids"), (n + 9 + n % 3, "infection"))]
    rows += [(f"Q-{n}", 0, "steroids") for n in range(3)]
    found = SequenceMiner()(pd.DataFrame(rows, columns=["patient", "day", "event"]))
    first, *_ = cards_of("sequence", found)
    assert first.number == "sequence-1"
    assert first.claimed
    exact = shown(first, 1)
    assert exact.sentence == first.stated.sentence
    hidden = shown(first, 5)
    assert "12 of 13 to 16 patients" in hidden.sentence
    assert hidden.contradicting is None
    few = shown(first, 20)
    assert few.order.median_days is None
    assert "days after" not in few.sentence


def test_a_pattern_held_against_the_outcome_has_a_card_with_the_numbers_of_a_rule():
    told = shown(pattern_card(11, 5, 6, 24, unknown=8), 5)
    assert (told.number, told.kind, told.status) == ("pattern-1", "pattern", "claimed")
    assert told.sentence == (
        "drug with scan, then surgery: relapse is yes in 11 of 16 patients (69 %) with it, against 6 of 30 without."
    )
    assert told.steps == ("drug with scan", "surgery")
    assert (told.p, told.adjusted_p) == (Span(low=0.0004, high=0.0004), Span(low=0.02, high=0.02))
    assert (told.searched, told.adjust, told.not_known) == (70, "westfall_young", Span(low=8, high=8))
    assert told.counts == shown(card(11, 5, 6, 24), 5).counts
    assert (told.supporting, told.contradicting) == (patients(0, 11), patients(100, 5))
    assert card_rows([told])[0].keys() == card_rows([shown(card(11, 0, 5, 24), 5)])[0].keys()
    assert portable([told], "s", "1", None).rules == (), "a row of a table has no events"


def test_few_patients_with_a_pattern_are_neither_counted_nor_named():
    few = shown(pattern_card(11, 2, 6, 24, unknown=8), 5)
    assert "in 11 of 12 to 15 patients (73 to 92 %) with it, against 6 of 30 without" in few.sentence
    assert (few.contradicting, few.not_known, few.p) == (None, NOTHING, Span(low=0, high=0.001))
    assert "P-100" not in few.model_dump_json()


def test_a_pattern_that_a_shorter_one_says_is_an_echo_if_it_is_significant():
    told = shown(pattern_card(11, 5, 6, 24, gains=False), 5)
    assert (told.status, told.explained_by) == ("echo", "a shorter pattern")
    assert shown(pattern_card(11, 5, 6, 24, adjusted_p=0.4), 5).status == "not significant"


def subgroups(target="survival"):
    def group(items, inside, outside, **changes):
        given = {"z": 4.0, "p": 0.001, "adjusted_p": 0.002, "alpha": 0.05, "supporting": patients(0, inside), **changes}
        sides = {"inside": Side(patients=inside, mean=2.0), "outside": Side(patients=outside, mean=1.0)}
        return Subgroup(items=items, **sides, **given)

    found = (group((CONTRAST,), 12, 28), group((MARKER,), 3, 37, explained_by="a better one"))
    return SubgroupSet(
        target=target, unit="years", is_time=False, subgroups=found, found=2, searched=90, rows=40, permutations=999,
        alpha=0.05,
    )  # fmt: skip


def test_subgroups_have_cards_numbered_over_all_targets():
    cards = subgroup_cards([subgroups(), subgroups("age")])
    assert [made.number for made in cards] == [f"subgroup-{rank}" for rank in (1, 2, 3, 4)]
    assert cards[2].target == "age"
    assert places_of(cards[0], FEATURES) == (("CT", "tumour"),)
    told = shown(cards[0], 5)
    assert told.claimed
    assert told.sentence == (
        "If CT tumour GLCM contrast is high (> 41.2): survival 2 years on average in 12 patients, "
        "against 1 years on average in 28 patients otherwise."
    )
    assert told.supporting == patients(0, 12)
    few = shown(cards[1], 5)
    assert few.status == "echo"
    assert few.sentence == "If marker is positive: survival differs from all others."
    assert few.supporting is None
    assert few.adjusted_p == Span(low=0.001, high=0.01)
    assert "P-000" not in few.model_dump_json()
    assert card_rows([told])[0].keys() == card_rows([shown(card(11, 0, 5, 24), 5)])[0].keys()
    assert portable([told, few], "s", "1", None).rules == (), "a subgroup says nothing of a single row"


def test_a_table_of_cards_has_the_same_columns_for_each_and_its_numbers():
    rows = card_rows([shown(card(11, 0, 5, 24), 5), shown(card(11, 2, 5, 22), 5)])
    assert rows[0].keys() == rows[1].keys()
    assert (rows[0]["both"], rows[0]["antecedent_only"], rows[0]["supporting"].count("P-")) == ("11", "0", 11)
    assert (rows[1]["antecedent_only"], rows[1]["contradicting"]) == ("1 to 4", "hidden")
    assert float(rows[0]["odds_ratio_low"]) < float(rows[0]["odds_ratio"]) < float(rows[0]["odds_ratio_high"])
    (brief,) = brief_rows([shown(card(11, 2, 5, 22), 5)])
    assert brief["card"] == "rule-1"
    assert brief["against"] == "hidden"
    assert brief["adjusted p"] == "0.01 to 0.05"


@pytest.mark.parametrize(
    ("span", "said", "percent"),
    [
        (Span(low=12, high=12), "12", "1200 %"),
        (Span(low=0.5, high=0.75), "0.5 to 0.75", "50 to 75 %"),
        (Span(low=0.118, high=0.122), "0.118 to 0.122", "12 %"),
        (NOTHING, "none", ""),
        (Span(low=3, high=None), "3 or more", ""),
        (Span(low=None, high=3), "at most 3", ""),
    ],
)
def test_spans_in_words(span, said, percent):
    assert span_text(span) == said
    assert percent_text(span) == percent


def test_a_set_of_cards_comes_back_from_json():
    held = CardSet(cards=(card(11, 2, 5, 22),), sights=(sight("P-001"),))
    assert CardSet.model_validate_json(held.model_dump_json()) == held
    told = shown_set(held, 5)
    assert type(told).model_validate_json(told.model_dump_json()) == told


named = st.frozensets(st.integers(0, 15), min_size=0, max_size=12)


def set_of(pairs):
    """Return a set of a card for each pair of lists of patients."""
    lists = [tuple(tuple(f"P-{n}" for n in sorted(one)) for one in pair) for pair in pairs]
    rules = tuple(rule(len(a), len(b), 9, 9, supporting=a, contradicting=b) for a, b in lists)
    found = RuleSet(rules=rules, found=len(rules), searched=300, rows=50, adjust="holm", alpha=0.05)
    return CardSet(cards=cards_of("rule", found))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(named, named).filter(any), min_size=2, max_size=5), st.integers(2, 5))
def test_whoever_is_of_a_hidden_list_is_told_from_no_more_than_all_but_few_by_the_lists_that_are_shown(pairs, smallest):
    held = set_of(pairs)
    few = {patient for made in held.cards for one in made.lists if 0 < len(one) < smallest for patient in one}
    told = shown_set(held, smallest)
    lists = [set(one) for made in told.cards for one in (made.supporting, made.contradicting) if one]
    everyone = set().union(*lists)
    for hidden in few & everyone:
        alike = [one for one in everyone if all((one in each) == (hidden in each) for each in lists)]
        assert len(alike) >= smallest
    in_turn = [set(one) for made in held.cards for one in made.lists if len(one) >= smallest]
    assert in_turn[:1] == lists[:1], "the first list is always shown"


def test_the_exceptions_of_a_rule_are_not_what_the_rules_with_a_part_of_it_have_in_common():
    part, other, both = set(range(12)), set(range(9, 20)), {9, 10, 11}
    told = shown_set(set_of([(range(100, 110), both), (range(100, 112), part), (range(100, 113), other)]), 5)
    assert [made.contradicting is None for made in told.cards] == [True, False, True]
    assert all(made.supporting is not None for made in told.cards), "nobody of these is hidden elsewhere"
    assert [made.counts.antecedent_only.low for made in told.cards] == [1, 12, 11]
    assert all(made.contradicting for made in shown_set(set_of([(range(100, 110), both), ((), part)]), 1).cards)


def test_lists_of_claimed_cards_come_first():
    part, other, both = set(range(12)), set(range(9, 20)), {9, 10, 11}
    first, second, third = set_of([(range(100, 110), both), ((), part), ((), other)]).cards
    not_claimed = second.model_copy(update={"rule": second.rule.model_copy(update={"adjusted_p": 1.0})})
    assert (not_claimed.claimed, third.claimed) == (False, True)
    told = shown_set(CardSet(cards=(first, not_claimed, third)), 5).cards
    assert [made.contradicting is None for made in told] == [True, True, False]


def test_a_card_of_nothing_is_no_card():
    with pytest.raises(AssertionError):
        _ = Card(number="rule-1", kind="rule", searched=0, rows=0).stated
