"""Scans of one modality are measured in one unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_catalog.geometry import Geometry
from data_catalog.kinds import volume
from data_catalog.refs import Ref, Region, Scan, Study
from data_catalog.verdicts import catalogue
from flows.radiomics_study import _in_one_unit
from tasks.units import of_one_unit, units_of

REF = Ref(kind="volume", digest="0" * 64)
DRAWN = (Region(name="tumour", reader="anna", mask=Ref(kind="mask", digest="1" * 64), label=1),)


def scan(patient, modality="PT", regions=DRAWN, **changes):
    return Scan(patient=patient, modality=modality, series="s", image=REF, regions=regions, **changes)


def left(units, scans=None):
    scans = scans or [scan(f"P-{number}") for number in range(len(units))]
    kept, refusals = of_one_unit(scans, [{"PT": unit} for unit in units])
    return [one.patient for one in kept], [one.item.partition("/")[0] for one in refusals]


@pytest.mark.parametrize(
    ("units", "kept", "refused"),
    [
        ([], [], []),
        (["SUV"], ["P-0"], []),
        (["SUV", "SUV"], ["P-0", "P-1"], []),
        (["SUV", "Bq/ml", "SUV"], ["P-0", "P-2"], ["P-1"]),
        (["Bq/ml", "Bq/ml", "SUV"], ["P-0", "P-1"], ["P-2"]),
        (["Bq/ml", "SUV"], ["P-1"], ["P-0"]),  # as many of each: not the raw one
        (["1", "SUV", "Bq/ml", "SUV"], ["P-1", "P-3"], ["P-0", "P-2"]),
    ],
)
def test_the_unit_that_most_have_counts(units, kept, refused):
    assert left(units) == (kept, refused)


@given(st.lists(st.sampled_from(["SUV", "Bq/ml", "1"])))
def test_nothing_is_lost_and_what_is_kept_has_one_unit(units):
    kept, refused = left(units)
    assert sorted(kept + refused) == sorted(f"P-{number}" for number in range(len(units)))
    assert len({units[int(name[2:])] for name in kept}) <= 1
    assert len(kept) >= len(units) / 3


def test_scans_without_regions_are_not_measured_and_do_not_count():
    scans = [scan("P-0", regions=()), scan("P-1", regions=()), scan("P-2")]
    assert left(["Bq/ml", "Bq/ml", "SUV"], scans) == (["P-0", "P-1", "P-2"], [])


def test_modalities_do_not_count_for_each_other():
    scans = [scan("P-0", "PT"), scan("P-1", "CT"), scan("P-2", "CT")]
    assert of_one_unit(scans, [{"PT": "SUV"}, {"CT": "HU"}, {"CT": "HU"}]) == (scans, [])


def test_each_channel_of_a_fused_scan_has_its_unit():
    scans = [scan(f"P-{number}") for number in range(3)]
    units = [{"PT on CT": "SUV", "CT": "HU"}, {"PT on CT": "Bq/ml", "CT": "HU"}, {"PT on CT": "SUV", "CT": "HU"}]
    kept, (refusal,) = of_one_unit(scans, units)
    assert [one.patient for one in kept] == ["P-0", "P-2"]
    assert "PT on CT" in refusal.expected


def test_the_refusal_says_what_others_have_and_is_in_the_catalogue():
    _, (refusal,) = of_one_unit([scan(f"P-{n}") for n in range(3)], [{"PT": "SUV"}, {"PT": "1"}, {"PT": "SUV"}])
    assert "2 of 3 have SUV" in refusal.expected
    assert refusal.came == "this one has no unit"
    assert catalogue()[refusal.verdict].outcome == "quarantined"


class Shelf:
    """Hold volumes by their digest's first digit."""

    def __init__(self, units):
        grid, values = Geometry((2, 3, 4), (1, 1, 1)), np.arange(24.0).reshape(2, 3, 4)
        self.held = {f"{k}" * 64: volume(values, grid, unit=unit, modality="PT") for k, unit in enumerate(units)}

    def attrs(self, held):
        return self.held[held.digest].attrs

    def each(self, work, of):
        return [work(one) for one in of]


def test_a_study_is_measured_without_the_scan_of_another_unit():
    shelf = Shelf(("SUV", "Bq/ml", "SUV"))
    scans = [scan(f"P-{k}").model_copy(update={"image": Ref(kind="volume", digest=f"{k}" * 64)}) for k in range(3)]
    assert units_of(scans[1], shelf) == {"PT": "Bq/ml"}
    kept = _in_one_unit(Study(scans=tuple(scans)), shelf)
    assert [one.patient for one in kept.scans] == ["P-0", "P-2"]
    assert [one.verdict for one in kept.refusals] == ["mixed_units"]
