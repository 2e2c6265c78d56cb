"""The table of how stable each feature is."""

import numpy as np
import pandas as pd
import pytest

from tasks.methods.learning.feature_stability import feature_stability

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)


def long(which, name, ratings=SHROUT_FLEISS):
    rows, columns = ratings.shape
    return pd.DataFrame(
        {
            "patient": np.repeat([f"P-{number}" for number in range(rows)], columns),
            "visit": 0,
            name: ratings.ravel(),
            which: np.tile([f"{number}" for number in range(columns)], rows),
        }
    )


def test_a_feature_has_its_agreement_over_perturbations_and_over_readers():
    perturbed = long("repetition", "CT.tumour.a").sample(frac=1, random_state=0)
    readings = long("reader", "CT.tumour.a").assign(**{"CT.tumour.b": 1.0})
    table = feature_stability(perturbed, readings).set_index("feature")
    both = table.loc["CT.tumour.a"]
    assert both["perturbed_icc"] == pytest.approx(0.1657, abs=5e-5)
    assert [both["readers_icc"], both["readers_low"]] == pytest.approx([0.2898, 0.0188], abs=5e-5)
    assert (both["perturbed_subjects"], both["perturbed_repetitions"]) == (6, 4)
    constant = table.loc["CT.tumour.b"]
    assert constant[["perturbed_icc", "readers_icc"]].isna().all()
    assert constant["perturbed_subjects"] == 0


def test_what_was_not_measured_again_has_no_row():
    assert feature_stability(None, None).empty
    only = feature_stability(None, long("reader", "CT.tumour.a"))
    assert only["feature"].tolist() == ["CT.tumour.a"]
    assert only["perturbed_icc"].isna().all()
    assert feature_stability(long("repetition", "x").iloc[:0], None).columns[0] == "feature"
