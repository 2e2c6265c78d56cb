"""The measurements of a study in one table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_catalog.kinds import FEATURES, TABLE
from data_catalog.refs import Ref, Scan, Study
from tasks.gather import Measured, gather_features, gather_repeats, joined_digests
from tasks.methods.cohort.deltas import Deltas
from tasks.methods.radiomics.rows import CHANNEL, REPETITION, STEP
from tasks.stage import perform

IMAGE = Ref(kind="volume", digest="0" * 64)


def measured(patient="P-1", **changes):
    what = {"visit": 0, "day": None, "modality": "CT", "scanner": None, "region": "tumour", "reader": "A"}
    return Measured(**{"patient": patient, **what, **changes})


def test_measurements_are_gathered_with_whose_they_are():
    tables = [pd.DataFrame({CHANNEL: [-1], STEP: [""], "f": [value]}) for value in (1.0, 2.0, 3.0)]
    found = gather_features.function(
        tables, measured=(measured("P-2", day=7), measured(reader="B", scanner="Acme"), measured())
    )
    FEATURES.check(found)
    assert found[["patient", "reader", "f"]].to_numpy().tolist() == [
        ["P-1", "A", 3.0],
        ["P-1", "B", 2.0],
        ["P-2", "A", 1.0],
    ]
    assert found["day"].dtype == "Int64"
    assert found["day"].isna().tolist() == [True, True, False]
    assert CHANNEL not in found


def test_channels_stand_under_their_own_names_or_numbers():
    table = pd.DataFrame({CHANNEL: [0, 1, 2], STEP: ["0", "1", "2"], "f": [1.0, 2.0, 3.0]})
    what = measured(modality="CT+PT", channels=(None, "PT on CT"))
    found = gather_features.function([table], measured=(what,))
    assert sorted(found["modality"]) == ["CT+PT[0]", "CT+PT[2]", "PT on CT"]


def test_features_that_a_region_lacks_are_missing():
    tables = [pd.DataFrame({CHANNEL: [-1], STEP: [""], name: [1.0]}) for name in ("f", "g")]
    found = gather_features.function(tables, measured=(measured(), measured("P-2")))
    assert found[["f", "g"]].isna().to_numpy().tolist() == [[False, True], [True, False]]


def test_a_study_in_which_nothing_was_measured_is_refused_with_the_remedy(store):
    outcome = perform(store.root, gather_features.job("study", {"tables": ()}, {"measured": ()}))
    assert outcome.refusal.verdict == "nothing_measured"
    assert "`segment`" in outcome.refusal.remedy


def test_the_digest_of_a_column_is_told_for_each_modality():
    assert joined_digests({"PT": "2", "CT": "1"}) == "CT=1 PT=2"


def scan(patient, visit, day):
    return Scan(patient=patient, visit=visit, day=day, modality="CT", scanner=None, series="s", image=IMAGE)


STUDY = Study(scans=(scan("P-1", 0, 0), scan("P-1", 1, 4), scan("P-2", 0, None)))


def repeated(*values):
    """Return the measurement of one region, once for each value."""
    rows = range(len(values))
    return pd.DataFrame({CHANNEL: -1, STEP: "", REPETITION: rows, "f": values, "g": np.nan})


REPEATED = {
    measured("P-2"): repeated(7.0, 8.0),
    measured(visit=1): repeated(5.0, 7.0),
    measured(reader="B"): repeated(3.0, 4.0),
    measured(): repeated(1.0, 2.0),
    measured(region="node"): repeated(9.0, 9.5),
}


def gathered(measurements=REPEATED, **changes):
    given = {"readers": "mean", **changes}
    return gather_repeats.function(STUDY, list(measurements.values()), measured=tuple(measurements), **given)


def test_repetitions_stay_apart_when_they_are_gathered():
    found = gathered()
    TABLE.check(found)
    assert set(found.columns) == {"patient", "visit", REPETITION, "CT.tumour.f", "CT.node.f"}, "nobody has a g"
    held = found.set_index(["patient", "visit", REPETITION])
    assert held["CT.tumour.f"].to_dict() == {
        ("P-1", 0, 0): 2.0,
        ("P-1", 0, 1): 3.0,
        ("P-1", 1, 0): 5.0,
        ("P-1", 1, 1): 7.0,
        ("P-2", 0, 0): 7.0,
        ("P-2", 0, 1): 8.0,
    }
    assert held["CT.node.f"].dropna().to_dict() == {("P-1", 0, 0): 9.0, ("P-1", 0, 1): 9.5}
    assert gathered(readers="first").set_index(["patient", "visit", REPETITION])["CT.tumour.f"][("P-1", 0, 0)] == 1.0


def test_the_order_in_which_regions_were_measured_does_not_count():
    turned = dict(reversed(REPEATED.items()))
    pd.testing.assert_frame_equal(gathered(turned), gathered())


@pytest.mark.parametrize(("form", "changes"), [("difference", [3.0, 4.0]), ("per_day", [0.75, 1.0])])
def test_what_changes_between_visits_is_of_the_same_repetition(form, changes):
    found = gathered(deltas=Deltas(forms=(form,)))
    later = found[(found["patient"] == "P-1") & (found["visit"] == 1)].sort_values(REPETITION)
    (name,) = (name for name in found if "delta" in name)
    assert later[name].tolist() == changes
    assert found[name].notna().sum() == 2


def test_changes_that_nobody_has_add_no_column():
    once = {what: table for what, table in REPEATED.items() if what.visit == 0}
    assert set(gathered(once, deltas=Deltas())) == set(gathered(once))
