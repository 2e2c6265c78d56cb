"""What the columns of a cohort are called when its scans do not agree on their unit."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from flows.mine_cohort import measured_scans, shared_units


@pytest.mark.parametrize(
    ("units", "shared"),
    [
        ([], {}),
        ([{"PT": "SUV"}, {"PT": "SUV"}, {"CT": "HU"}], {"PT": "SUV", "CT": "HU"}),
        ([{"PT": "SUV"}, {"PT": "Bq/ml"}, {"CT": "HU"}], {"PT": "1", "CT": "HU"}),
        ([{"PT": "Bq/ml"}, {"PT": "SUV"}, {"PT": "SUV"}], {"PT": "1"}),
        ([{"PT": "SUV"}, {"PT": "1"}, {"PT": "1"}, {"PT": "SUV"}], {"PT": "1"}),
    ],
)
def test_columns_are_labelled_with_a_unit_only_where_all_scans_have_it(units, shared):
    assert shared_units(units) == shared


@dataclass
class Drawn:
    modality: str
    regions: list[str] = field(default_factory=list)


def test_the_scans_that_were_measured_tell_the_unit():
    plain, drawn, other = Drawn("PT"), Drawn("PT", ["tumour"]), Drawn("CT")
    assert measured_scans([plain, drawn, other]) == [drawn, other]
