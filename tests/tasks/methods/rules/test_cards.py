"""A card says all that is known of a rule, and to others only what does not give few patients away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.rules.card import Card, CardSet, Note, Sight, cards_of, places_of, subgroup_cards
from tasks.methods.rules.card_table import brief_rows, card_rows
from tasks.methods.rules.centres import CentreAgreement, CentreCounts
from tasks.methods.rules.condition import portable
from tasks.methods.rules.items import Item
from tasks.methods.rules.rule import HeldOut, Rule, RuleSet
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


@settings(max_examples=50, deadline=None)
@given(st.tuples(*[st.integers(0, 9)] * 4), st.integers(2, 5), st.integers(0, 3))
def test_two_rules_that_differ_in_a_hidden_count_only_have_one_card(counts, smallest, place):
    if not 0 < counts[place] < smallest or not sum(counts[:2]):
        return
    cards = []
    for other in range(1, smallest):
        changed = (*counts[:place], other, *counts[place + 1 :])
        cards.append(shown(card(*changed, supporting=(), contradicting=()), smallest))
    assert all(one == cards[0] for one in cards)


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
    centres = CentreAgreement(
        centres=(CentreCounts(centre="A", a=6, b=0, c=1, d=9), CentreCounts(centre="B", a=7, b=3, c=0, d=5)),
        odds_ratio=9.0,
        p=0.4,
    )
    note = Note(stability=Stability(resamples=50, found=44, significant=40), centres=centres)
    told = shown(card(13, 3, 1, 14, note=note), 5)
    assert [one.sentence for one in told.centres] == ["6 of 6 in A", "7 of 8 to 11 in B"]
    assert told.stability.share == 0.88
    assert told.centres_p == Span(low=0.05, high=1)


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


def test_a_card_of_nothing_is_no_card():
    with pytest.raises(AssertionError):
        _ = Card(number="rule-1", kind="rule", searched=0, rows=0).stated
