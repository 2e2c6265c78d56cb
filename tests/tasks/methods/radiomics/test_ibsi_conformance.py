"""Every reference value of the Image Biomarker Standardisation Initiative that `make ibsi` prints."""

import pytest

from benchmarks.ibsi import Table, columns_of, ibsi_1, ibsi_2_values, meets
from tasks.methods.radiomics.recipe import Recipe

pytestmark = pytest.mark.shared


def missed(table):
    return [(row.part, row.feature, row.aggregation, row.reference, row.found) for row in table.rows if not row.met]


def test_all_1803_reference_values_of_ibsi_1_are_met(shared_data):
    table = Table(list(ibsi_1(shared_data)))
    assert missed(table) == []
    assert table.total("IBSI-1") == (1803, 1803)


def test_all_323_reference_values_of_ibsi_2_are_met(shared_data):
    table = Table(list(ibsi_2_values(shared_data)))
    assert missed(table) == []
    assert table.total("IBSI-2") == (323, 323)


def test_a_value_meets_its_reference_by_the_rule_of_ibsi():
    assert meets(0.6984, 0.698, 0.0)
    assert not meets(0.6986, 0.698, 0.0)
    assert meets(556.4, 556, 4)
    assert meets(560.4, 556, 4)
    assert not meets(561.4, 556, 4)


def test_every_code_of_ibsi_stands_for_one_column_but_those_of_the_volume_histogram():
    columns = columns_of(Recipe())
    codes = [one.ibsi for one in Recipe().definitions() if one.ibsi]
    assert len(codes) - len(columns) == 2, "two volumes share a code, and two intensities"
