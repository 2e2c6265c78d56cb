"""Subgroups that differ in a number or in survival, more than chance allows over all that were searched."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from data_catalog.errors import BadData
from tasks.methods.rules.items import Item, ItemTable
from tasks.methods.rules.subgroup import SubgroupSet
from tasks.methods.rules.subgroups import SubgroupMiner, difference
from tasks.methods.rules.targets import number_target, survival_target


def table(**columns):
    """Return items of truth values: `sex=[...]` gives the items `sex is yes` and `sex is no`; None is not known."""
    items, present, known = [], [], []
    for name, values in columns.items():
        for level in (True, False):
            items.append(Item(column=name, label=name, level="yes" if level else "no"))
            present.append([value is level for value in values])
            known.append([value is not None for value in values])
    return ItemTable(tuple(items), np.array(present).T, np.array(known).T)


def keys(number):
    return [f"p{place}" for place in range(number)]


def planted(seed=0, rows=80, effect=2.0, others=4):
    rng = np.random.default_rng(seed)
    columns = {name: (rng.random(rows) < 0.5).tolist() for name in ["marker", *(f"other {n}" for n in range(others))]}
    values = rng.normal(size=rows) + effect * np.array(columns["marker"])
    return table(**columns), values


def test_a_drawn_subgroup_has_its_means_and_words():
    items = table(marker=[True] * 4 + [False] * 6)
    values = np.array([9.0, 10, 11, 10, 1, 2, 3, 2, 1, 3])
    found = SubgroupMiner(min_support=0.3)(items, number_target("volume", "ml", values), keys(10))
    first = found.subgroups[0]
    assert (first.inside.patients, first.inside.mean, first.outside.patients, first.outside.mean) == (4, 10, 6, 2)
    assert first.supporting == ("p0", "p1", "p2", "p3")
    assert found.sentence(first) == (
        "If marker is yes: volume 10 ml on average in 4 patients, against 2 ml on average in 6 patients otherwise."
    )
    assert first.claimed
    assert found.searched == 2
    assert first.p == pytest.approx(2 / 210, abs=0.01), "exact: only these four, of 210, differ as much"
    mirror = found.subgroups[1]
    assert mirror.z == pytest.approx(-first.z)
    assert mirror.explained_by == "marker is yes"


def test_the_difference_is_in_standard_deviations_over_shuffles():
    rng = np.random.default_rng(0)
    scores, inside, counted = rng.exponential(size=30), np.arange(30) < 8, np.arange(30) < 25
    sums = np.array([rng.permutation(scores[counted])[:8].sum() for _ in range(20_000)])
    expected = (scores[inside].sum() - sums.mean()) / sums.std()
    assert difference(scores, inside, counted) == pytest.approx(expected, abs=0.03)


def test_a_planted_subgroup_is_claimed_and_its_echoes_are_not():
    items, values = planted()
    found = SubgroupMiner()(items, number_target("volume", "ml", values), keys(80))
    assert [one.claim for one in found.claimed] == [found.subgroups[0].claim]
    assert found.subgroups[0].claim in {"marker is yes", "marker is no"}
    assert any(one.significant and not one.claimed for one in found.subgroups)


def test_a_planted_difference_in_survival_is_told_by_observed_and_expected():
    rng = np.random.default_rng(1)
    marker = rng.random(100) < 0.4
    times, ends = rng.exponential(np.where(marker, 100, 500)), rng.uniform(200, 800, 100)
    target = survival_target("death", "days", np.minimum(times, ends), times <= ends, np.ones(100, bool))
    items = table(marker=marker.tolist(), noise=(rng.random(100) < 0.5).tolist())
    found = SubgroupMiner()(items, target, keys(100))
    first = next(one for one in found.subgroups if one.claim == "marker is yes")
    assert first.significant
    assert first.inside.events > first.inside.expected
    assert first.inside.median_time < 150 < first.outside.median_time
    assert first.inside.events + first.outside.events == (times <= ends).sum()
    assert first.inside.expected + first.outside.expected == pytest.approx((times <= ends).sum())
    assert "death in" in found.sentence(first)
    assert "were to be expected, against" in found.sentence(first)


def test_any_false_discovery_is_as_rare_as_alpha_says():
    """Of 100 families without a true difference at most as many as 5 % gives with a chance of 999 in 1,000."""
    families, false = 100, 0
    for seed in range(families):
        items, values = planted(seed, rows=30, effect=0, others=3)
        found = SubgroupMiner(permutations=99, seed=seed)(items, number_target("x", "", values**3), keys(30))
        false += any(one.significant for one in found.subgroups)
    assert false <= binom.ppf(0.999, families, 0.05)


def test_where_items_are_missing_patients_are_compared_with_those_of_whom_they_are_known():
    items = table(marker=[True] * 5 + [False] * 5 + [None] * 5)
    values = np.array([5.0, 6, 7, 6, 5, 1, 2, 1, 2, 3, 100, 200, 300, 400, 500])
    found = SubgroupMiner(min_support=0.2)(items, number_target("volume", "", values), keys(15))
    first = found.subgroups[0]
    assert {first.inside.mean, first.outside.mean} == {5.8, 1.8}
    assert first.inside.patients + first.outside.patients == 10


def test_patients_of_unknown_target_are_left_out():
    items, values = planted()
    values[:10] = np.nan
    found = SubgroupMiner()(items, number_target("volume", "", values), keys(80))
    assert (found.rows, found.left_out) == (70, 10)
    assert not {f"p{place}" for place in range(10)} & set(found.subgroups[0].supporting)


def test_a_p_value_of_one_subgroup_is_about_that_of_the_normal_approximation():
    items, values = planted(3, rows=200, effect=0.3, others=0)
    found = SubgroupMiner(permutations=1999, productive_p=1)(items, number_target("x", "", values), keys(200))
    first = found.subgroups[0]
    assert first.p == pytest.approx(2 * norm.sf(abs(first.z)), abs=0.02)
    assert first.adjusted_p == first.p, "two mirrored subgroups are one"


def test_large_numbers_with_small_differences_keep_their_digits():
    items, values = planted()
    plain = SubgroupMiner()(items, number_target("x", "", values), keys(80))
    moved = SubgroupMiner()(items, number_target("x", "", values * 1e-3 + 1e6), keys(80))
    assert [one.z for one in moved.subgroups] == pytest.approx([one.z for one in plain.subgroups], abs=1e-4)


def test_the_same_seed_gives_the_same_and_inputs_stay_as_they_are():
    items, values = planted()
    target, before = number_target("x", "", values), items.present.copy()
    first, second = (SubgroupMiner(seed=4)(items, target, keys(80)) for _ in range(2))
    assert first == second
    assert (items.present == before).all()
    assert SubgroupSet.model_validate_json(first.model_dump_json()) == first


def test_no_items_give_no_subgroups_and_several_rows_of_a_patient_are_refused():
    items, values = planted()
    target = number_target("x", "", values)
    assert SubgroupMiner()(ItemTable((), items.present[:, :0], items.known[:, :0]), target, keys(80)).subgroups == ()
    with pytest.raises(BadData, match="one row each"):
        SubgroupMiner()(items, target, ["p"] * 80)


def test_a_count_is_a_share_of_the_patients_of_known_target():
    rng = np.random.default_rng(0)
    present = rng.random((40, 5)) < 0.4
    items = ItemTable(
        tuple(Item(column=f"c{i}", label=f"c{i}", level="yes") for i in range(5)), present, present | True
    )
    target = number_target("weight", "kg", rng.normal(size=40))
    found = [SubgroupMiner(min_support=least)(items, target, [f"p{i}" for i in range(40)]) for least in (6, 6 / 40)]
    assert found[0] == found[1]
    assert found[0].searched > 0
