"""A rule, its measures and its sentence."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules
from pydantic import ValidationError

from tasks.methods.rules.items import Item, Refusal
from tasks.methods.rules.rule import Counts, FoldCheck, HeldOut, Rule, RuleSet, claim, rule_key

CONTRAST = Item(column="glcm", label="GLCM contrast", level="high", low=41.2)
MARKER = Item(column="marker", label="marker", level="positive")
PROGRESSION = Item(column="progression", label="progression", level="yes")
HELD_OUT = HeldOut(a=10, b=2, c=5, d=23, found_in_folds=5, folds=5)
RULE = Rule(
    antecedent=(CONTRAST, MARKER), consequent=(PROGRESSION,), a=11, b=1, c=5, d=23, p=2e-5, adjusted_p=0.02, alpha=0.05,
    supporting=("k1", "k2"), contradicting=("k3",), held_out=HELD_OUT,
)  # fmt: skip


def test_a_rule_reads_as_a_person_would_say_it():
    assert RULE.sentence == (
        "If GLCM contrast is high (> 41.2) and marker is positive, then progression is yes: "
        "11 of 12 patients (92 %), against 5 of 28 otherwise; in held-out folds 10 of 12."
    )
    assert RULE.model_copy(update={"held_out": None}).sentence.endswith("against 5 of 28 otherwise.")
    assert RULE.claim == claim(RULE.antecedent, RULE.consequent)


def test_a_rule_not_found_again_says_so():
    lost = HeldOut(a=0, b=0, c=0, d=0, found_in_folds=0, folds=5)
    assert RULE.model_copy(update={"held_out": lost}).sentence.endswith("; not found again in any of 5 folds.")
    idle = lost.model_copy(update={"found_in_folds": 1, "d": 8})
    assert idle.sentence == "in held-out folds it applied to nobody"


def test_the_measures_are_those_computed_by_hand():
    assert (RULE.known, RULE.applies) == (40, 12)
    assert RULE.support == 11 / 40
    assert RULE.coverage == 12 / 40
    assert RULE.base_rate == 16 / 40
    assert RULE.confidence == 11 / 12
    assert RULE.confidence_otherwise == 5 / 28
    assert RULE.lift == pytest.approx(11 / 12 / (16 / 40))
    assert RULE.leverage == pytest.approx(11 / 40 - 12 / 40 * 16 / 40)
    assert RULE.conviction == pytest.approx((24 / 40) / (1 / 12))
    assert RULE.zhang == pytest.approx((11 * 40 - 12 * 16) / max(11 * 28, 12 * 5))
    assert RULE.jaccard == 11 / 17
    assert RULE.odds_ratio == pytest.approx(11.5 * 23.5 / (1.5 * 5.5))
    low, high = RULE.confidence_interval
    assert 0.64 < low < 11 / 12 < high < 0.99
    low, high = RULE.odds_ratio_interval
    assert low < RULE.odds_ratio < high


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 30))
def test_the_measures_equal_those_of_mlxtend(a, b, c, d):
    n, counts = a + b + c + d, Counts(a=a, b=b, c=c, d=d)
    itemsets = pd.DataFrame(
        {"support": [(a + b) / n, (a + c) / n, a / n], "itemsets": [frozenset("A"), frozenset("C"), frozenset("AC")]}
    )
    both = association_rules(itemsets, num_itemsets=n, metric="support", min_threshold=0.0)
    theirs = both[both["antecedents"] == frozenset("A")].iloc[0]
    for measure in ("support", "confidence", "lift", "leverage"):
        np.testing.assert_allclose(getattr(counts, measure), theirs[measure], atol=1e-12)
    np.testing.assert_allclose(counts.zhang, theirs["zhangs_metric"], atol=1e-9)
    np.testing.assert_allclose(counts.jaccard, theirs["jaccard"])
    if b:  # theirs is huge but finite where rounding leaves a confidence just below 1
        np.testing.assert_allclose(counts.conviction, theirs["conviction"])


def test_a_measure_of_nobody_is_none():
    nobody = Counts(a=0, b=0, c=0, d=0)
    assert nobody.support is nobody.coverage is nobody.base_rate is nobody.confidence is None
    assert nobody.zhang is nobody.jaccard is None
    assert nobody.lift is nobody.leverage is nobody.conviction is nobody.confidence_otherwise is None
    assert nobody.confidence_interval == (0, 1)


def test_a_rule_that_always_holds_has_infinite_conviction():
    assert Counts(a=3, b=0, c=1, d=3).conviction == math.inf


def test_a_rule_is_significant_at_alpha_and_not_above():
    at = RULE.model_copy(update={"adjusted_p": 0.05})
    above = RULE.model_copy(update={"adjusted_p": 0.0501})
    unclaimed = Rule(antecedent=(MARKER,), consequent=(PROGRESSION,), a=1, b=0, c=0, d=1)
    assert [rule.significant for rule in (RULE, at, above, unclaimed)] == [True, True, False, False]
    several = RuleSet(rules=(RULE, above, unclaimed), found=3, searched=9, rows=40)
    assert several.significant == (RULE,)


def test_a_significant_rule_that_echoes_another_is_not_claimed():
    echo = RULE.model_copy(update={"antecedent": (MARKER,), "explained_by": RULE.claim})
    weak = RULE.model_copy(update={"adjusted_p": 0.9})
    assert [rule.claimed for rule in (RULE, echo, weak)] == [True, False, False]
    several = RuleSet(rules=(RULE, echo, weak), found=3, searched=9, rows=40)
    assert (several.significant, several.claimed) == ((RULE, echo), (RULE,))


def test_the_key_forgets_cut_offs_and_order():
    moved = CONTRAST.model_copy(update={"low": 40.7})
    assert rule_key((MARKER, moved), (PROGRESSION,)) == RULE.key
    assert rule_key((MARKER,), (PROGRESSION,)) != RULE.key


def test_a_rule_set_comes_back_from_json_as_it_was():
    some = Counts(a=1, b=2, c=3, d=4)
    several = RuleSet(
        rules=(RULE,), found=1, searched=99, rows=40, left_out=2, adjust="holm", alpha=0.05,
        refused=(Refusal(column="x", label="x", reason="every value is the same"),),
        folds=(FoldCheck(found=3, training=some, held_out=some),),
    )  # fmt: skip
    assert RuleSet.model_validate_json(several.model_dump_json()) == several


def test_counts_are_not_negative_and_a_rule_has_both_sides():
    with pytest.raises(ValidationError):
        Counts(a=-1, b=0, c=0, d=0)
    with pytest.raises(ValidationError):
        Rule(antecedent=(), consequent=(PROGRESSION,), a=0, b=0, c=0, d=0)
