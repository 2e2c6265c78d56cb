"""Rules over the ratings of several readers: weighted by agreement, and held against each reader."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from data_catalog.errors import BadData
from tasks.methods.rules.discretise import FixedBins, QuantileBins
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.reading_rule import ReadingRuleSet
from tasks.methods.rules.readings import ReadingMiner

BINS = QuantileBins(min_rows=1)
COLUMNS = {"margin": ColumnLabel(label="margin"), "verdict": ColumnLabel(label="verdict")}


def miner(**changes):
    return ReadingMiner(**{"ends_in": "verdict", "min_patients": 2, **changes})


def table(*rows):
    return pd.DataFrame(rows, columns=["patient", "case", "reader", "margin", "verdict"])


DRAWN = table(
    ("p1", 1, "A", "sharp", "benign"),
    ("p1", 1, "B", "sharp", "benign"),
    ("p1", 2, "A", "blurred", "malignant"),
    ("p1", 2, "B", "sharp", "malignant"),
    ("p2", 1, "A", "blurred", "malignant"),
    ("p2", 1, "B", "blurred", "malignant"),
    ("p3", 1, "A", "sharp", "benign"),
)


def test_a_drawn_case_counts_by_how_many_of_its_readers_agree():
    found = miner(productive_p=1, min_support=0.2)(DRAWN, COLUMNS, BINS)
    rules = {rule.claim: rule for rule in found.rules}
    blurred = rules["If margin is blurred, then verdict is malignant"]
    assert (blurred.applies, blurred.both, blurred.otherwise, blurred.otherwise_both) == (1.5, 1.5, 2.5, 0.5)
    assert (blurred.support, blurred.confidence, blurred.confidence_otherwise) == (1.5 / 4, 1.0, 0.2)
    assert (blurred.agreed, blurred.agreed_both) == (1, 1), "p2's case; p1's second is not agreed upon"
    sharp = rules["If margin is sharp, then verdict is benign"]
    assert (sharp.agreed, sharp.agreed_both) == (1, 1), "a case of one reader is no agreement"
    assert {one.reader: (one.a, one.b, one.c, one.d) for one in blurred.readers} == {
        "A": (2, 0, 0, 2),
        "B": (1, 0, 1, 1),
    }
    assert (found.patients, found.cases, found.readings, found.readers) == (3, 4, 7, ("A", "B"))
    assert blurred.sentence == (
        "If margin is blurred, then verdict is malignant: 1.5 of 1.5 cases (100 %), against 0.5 of 2.5 otherwise; "
        "where all readers agree on the former, in 1 of 1."
    )


def invented(rng, patients=60, blind=(), effect=0.9):
    """Return readings by three readers of whom the blind ones rate the margin at random."""
    rows = []
    for number in range(patients):
        is_bad = rng.random() < 0.5
        for case in range(1 + number % 3):
            for reader in "ABC":
                sees = is_bad if reader not in blind and rng.random() < effect else rng.random() < 0.5
                verdict = is_bad if rng.random() < 0.9 else rng.random() < 0.5
                margin, other = ("blurred" if sees else "sharp"), rng.choice(["x", "y"])
                rows.append((f"p{number}", case, reader, margin, "bad" if verdict else "good", other))
    return pd.DataFrame(rows, columns=["patient", "case", "reader", "margin", "verdict", "other"])


WITH_OTHER = {**COLUMNS, "other": ColumnLabel(label="other")}


def test_a_rule_that_every_reader_bears_out_holds_for_all_and_one_that_some_do_not_does_not():
    rng = np.random.default_rng(0)
    found = miner()(invented(rng), WITH_OTHER, BINS)
    assert {rule.claim for rule in found.hold_for_all} >= {found.rules[0].claim}
    assert "margin is" in found.rules[0].claim
    blinded = miner()(invented(rng, blind="C"), WITH_OTHER, BINS)
    first = blinded.rules[0]
    assert first.claimed
    assert not first.holds_for_all
    assert [one.adjusted_p <= 0.05 for one in first.readers] == [True, True, False]
    assert blinded.hold_for_all == ()


def test_the_other_value_of_a_rule_is_its_echo():
    found = miner()(invented(np.random.default_rng(0)), WITH_OTHER, BINS)
    assert len(found.claimed) == 1
    significant = [rule for rule in found.rules if rule.significant]
    assert len(significant) > 1
    assert all(rule.explained_by == found.rules[0].claim for rule in significant[1:])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_readers_who_always_agree_count_as_one(seed, copies):
    rng = np.random.default_rng(seed)
    rows = [(f"p{n}", 1, "A", rng.choice(["sharp", "blurred"]), rng.choice(["benign", "malignant"])) for n in range(20)]
    alone = miner(productive_p=1)(table(*rows), COLUMNS, BINS)
    copied = [(patient, case, reader, *ratings) for patient, case, _, *ratings in rows for reader in "ABC"[:copies]]
    among = miner(productive_p=1)(table(*copied), COLUMNS, BINS)
    others = {rule.claim: rule for rule in among.rules}
    assert others.keys() == {rule.claim for rule in alone.rules}
    for one in alone.rules:
        other = others[one.claim]
        assert (other.both, other.applies) == pytest.approx((one.both, one.applies))
        assert other.z == pytest.approx(one.z, abs=1e-9), "a further reader of the same opinion is no further evidence"


def test_many_cases_of_a_patient_are_no_further_evidence():
    """Ratings that are a patient's own, not a case's: of 60 families about 5 % find a rule, not nearly all."""
    families, false = 60, 0
    for seed in range(families):
        rng = np.random.default_rng(seed)
        rows = []
        for number in range(40):
            margin, verdict = rng.choice(["sharp", "blurred"]), rng.choice(["benign", "malignant"])
            rows += [(f"p{number}", case, reader, margin, verdict) for case in range(6) for reader in "AB"]
        found = miner(permutations=199, seed=seed)(table(*rows), COLUMNS, BINS)
        false += any(rule.significant for rule in found.rules)
    assert false <= binom.ppf(0.999, families, 0.05)


def test_a_missing_rating_is_neither_given_nor_withheld():
    readings = pd.concat([DRAWN, table(("p4", 1, "A", None, "benign"), ("p4", 1, "B", "sharp", "benign"))])
    found = miner(productive_p=1, min_support=0.2)(readings, COLUMNS, BINS)
    (sharp,) = [rule for rule in found.rules if rule.claim == "If margin is sharp, then verdict is benign"]
    assert sharp.applies == 3.0, "of p4's case half is known"
    assert (sharp.agreed, sharp.agreed_both) == (1, 1)


def test_the_order_of_rows_does_not_matter_and_inputs_stay_as_they_are():
    readings = invented(np.random.default_rng(2), patients=20)
    before = readings.copy(deep=True)
    first = miner()(readings, WITH_OTHER, BINS)
    assert miner()(readings.sample(frac=1, random_state=1), WITH_OTHER, BINS) == first
    pd.testing.assert_frame_equal(readings, before)
    assert ReadingRuleSet.model_validate_json(first.model_dump_json()) == first


@pytest.mark.parametrize(
    ("readings", "changes", "said"),
    [
        (pd.concat([DRAWN, DRAWN.iloc[:1]]), {}, "1 repeat another"),
        (DRAWN.assign(reader=None), {}, "7 lack one"),
        (DRAWN.iloc[:0], {}, "of 0 readings"),
        (DRAWN.drop(columns="case"), {}, "lacks case"),
        (DRAWN, {"consequents": ("odd",)}, "odd came"),
        (DRAWN, {"ends_in": "reader"}, "reader: it has none"),
    ],
)
def test_readings_that_cannot_be_counted_are_refused(readings, changes, said):
    with pytest.raises(BadData, match=said):
        miner(**changes)(readings, COLUMNS, BINS)


@pytest.mark.shared
def test_what_goes_with_suspected_malignancy_for_every_reader_of_2651_lung_nodules(shared_data):
    """LIDC: readers are not told apart across scans, so a reader is the first to fourth to have read a nodule."""
    written = pd.read_csv(shared_data / "lidc" / "annotations.csv")
    names = {"patient_id": "patient", "nodule_cluster": "case", "read_order": "reader"}
    ratings = ["subtlety", "sphericity", "margin", "lobulation", "spiculation", "texture", "malignancy"]
    columns = {name: ColumnLabel(label=name) for name in ratings}
    columns["diameter_mm"] = ColumnLabel(label="diameter", unit="mm")
    bins = FixedBins(cuts={**{name: [2.5, 3.5] for name in ratings}, "diameter_mm": [6.0, 15.0]})
    search = ReadingMiner(ends_in="malignancy", consequents=("high",), permutations=499)
    found = search(written.rename(columns=names), columns, bins)
    assert (found.patients, found.cases, found.readings) == (875, 2651, 6859)
    assert found.readers == ("1", "2", "3", "4")
    first = found.rules[0]
    assert first.claim == "If diameter is high (> 15 mm), then malignancy is high (> 3.5)"
    assert first.holds_for_all
    high = written["diameter_mm"] > 15
    share = 1 / written.groupby("nodule_cluster")["read_order"].transform("size")
    assert first.applies == pytest.approx(share[high].sum())
    assert first.both == pytest.approx(share[high & (written["malignancy"] > 3.5)].sum())
    assert any(rule.claimed and not rule.holds_for_all for rule in found.rules)
