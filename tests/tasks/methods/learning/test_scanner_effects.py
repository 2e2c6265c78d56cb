import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from data_catalog.errors import BadData
from tasks.methods.learning.scanner_effects import scanner_effects


def cohort(seed=0, rows=30):
    generator = np.random.default_rng(seed)
    scanner = np.array(["A", "B", "C"])[np.arange(rows) % 3]
    table = pd.DataFrame(generator.normal(size=(rows, 4)), columns=["quiet", "loud", "rare", "flat"])
    table["loud"] += 5.0 * (scanner == "B")
    table["flat"] = 1.0
    table.loc[2:, "rare"] = np.nan
    table["sex"] = "f"
    return table, scanner, np.arange(rows).astype(str)


def test_the_feature_that_differs_between_scanners_comes_first():
    effects = scanner_effects(*cohort())

    assert effects["feature"].tolist() == ["loud", "quiet", "rare", "flat"]
    assert effects["epsilon_squared"][0] > 0.5
    assert effects["adjusted_p_value"][0] < 0.001 < effects["adjusted_p_value"][1]
    assert effects["scanners"].tolist() == [3, 3, 0, 3]


def test_it_agrees_with_scipy_and_with_the_formulas():
    table, scanner, groups = cohort(3)
    effects = scanner_effects(table, scanner, groups).set_index("feature")
    h, p = stats.kruskal(*(table["loud"][scanner == name] for name in "ABC"))

    assert effects.loc["loud", "h"] == pytest.approx(h)
    assert effects.loc["loud", "p_value"] == pytest.approx(p)
    assert effects.loc["loud", "epsilon_squared"] == pytest.approx(h * 31 / (30**2 - 1))
    quiet = effects.loc["quiet", "p_value"]
    assert effects.loc["loud", "adjusted_p_value"] == pytest.approx(min(2 * p, quiet))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_monotone_change_of_a_feature_changes_nothing(seed):
    table, scanner, groups = cohort(seed)
    changed = table.assign(loud=np.exp(table["loud"]))
    pd.testing.assert_frame_equal(scanner_effects(table, scanner, groups), scanner_effects(changed, scanner, groups))


def test_each_patient_counts_once():
    table, scanner, groups = cohort()
    repeated = pd.concat([table, table], ignore_index=True)
    doubled = scanner_effects(repeated, np.tile(scanner, 2), np.tile(groups, 2))
    pd.testing.assert_frame_equal(doubled, scanner_effects(table, scanner, groups))


def test_features_that_cannot_be_tested_have_empty_cells():
    table, _, groups = cohort()
    effects = scanner_effects(table, np.repeat("A", 30), groups)
    assert effects[["h", "p_value", "adjusted_p_value", "epsilon_squared"]].isna().all(axis=None)


def test_a_row_without_a_scanner_is_refused():
    table, scanner, groups = cohort()
    with pytest.raises(BadData, match="1 of 30 rows have none"):
        scanner_effects(table, np.where(np.arange(30) == 4, "", scanner), groups)
