"""A rule that is true is found again among patients drawn anew; luck is not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.stability import PatientResampling, Resampled, added, associations_again, class_rules_again

COLUMNS = {"size": ColumnLabel(label="size", unit="mm"), "noise": ColumnLabel(label="noise")}
BINS = QuantileBins(bins=2)
MINER = ClassRuleMiner(max_length=1, consequents=("yes",))


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    size = rng.normal(20, 5, 60)
    return pd.DataFrame({"size": size, "noise": rng.normal(size=60), "outcome": np.where(size > 20, "yes", "no")})


@pytest.fixture(scope="module")
def mine(table):
    return class_rules_again(table["outcome"], COLUMNS, BINS, MINER)


def key(column, level="high"):
    return ((column, level),), (("outcome", "yes"),)


def test_a_true_rule_is_found_in_every_resample_and_noise_in_few(table, mine):
    found = PatientResampling(resamples=20)(table, mine, [key("size"), key("noise")], 0.05, range(20))
    true, noise = added([found])
    assert (true.found, true.significant, true.share) == (20, 20, 1.0)
    assert noise.significant <= 4
    assert true.sentence == "found again in 20 of 20 resamples of the patients"


def test_blocks_of_resamples_add_up_to_the_whole(table, mine):
    resampling, keys = PatientResampling(resamples=9, seed=5), [key("size"), key("noise"), key("noise", "low")]
    whole = added([resampling(table, mine, keys, 0.05, range(9))])
    parts = added([resampling(table, mine, keys, 0.05, draws) for draws in (range(4), range(4, 9))])
    assert parts == whole


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 200), st.integers(0, 50), st.integers(0, 50))
def test_a_draw_is_the_same_wherever_it_is_made_and_of_patients_there_are(patients, seed, number):
    for draw in ("bootstrap", "half"):
        rows = PatientResampling(draw=draw, seed=seed).rows(number, patients)
        np.testing.assert_array_equal(rows, PatientResampling(draw=draw, seed=seed).rows(number, patients))
        assert rows.size == (patients if draw == "bootstrap" else patients // 2)
        assert rows.min() >= 0
        assert rows.max() < patients
    assert np.unique(rows).size == rows.size, "half of the patients, each once"


def test_draws_differ():
    rows = PatientResampling().rows
    assert (rows(0, 50) != rows(1, 50)).any()


def test_cut_offs_are_learnt_from_the_drawn_patients(table):
    seen = []

    class Bins(QuantileBins):
        def fit(self, table, columns):
            seen.append(len(table.index.unique()))
            return super().fit(table, columns)

    mine = class_rules_again(table["outcome"], COLUMNS, Bins(bins=2), MINER)
    PatientResampling(draw="half")(table, mine, [], 0.05, range(3))
    assert seen == [30, 30, 30]


def test_associations_are_found_again_too(table):
    twin = table.assign(twin=table["size"] + 1)
    columns = {**COLUMNS, "twin": ColumnLabel(label="twin")}
    mine = associations_again(columns, BINS, AssociationMiner(max_length=2), len(table))
    keys = [((("size", "high"),), (("twin", "high"),)), ((("size", "high"),), (("noise", "high"),))]
    twins, noise = added([PatientResampling()(twin, mine, keys, 0.05, range(10))])
    assert twins.found == 10
    assert noise.found <= 2


def test_nothing_drawn_tells_nothing():
    assert added([]) == ()
    assert added([Resampled(resamples=0, found=(0,), significant=(0,))]) == ()


def test_resamples_take_their_share_of_a_count(table):
    half, keys = PatientResampling(draw="half", resamples=5), [key("size")]
    again = class_rules_again(table["outcome"], COLUMNS, BINS, MINER.model_copy(update={"min_support": 20}))
    assert half(table, again, keys, 0.05, range(5)).found == (5,)
    twin = table.assign(twin=table["size"] + 1)
    columns = {**COLUMNS, "twin": ColumnLabel(label="twin")}
    mine = associations_again(columns, BINS, AssociationMiner(max_length=2, min_support=20), len(table))
    assert half(twin, mine, [((("size", "high"),), (("twin", "high"),))], 0.05, range(5)).found == (5,)
