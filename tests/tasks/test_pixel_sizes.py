from __future__ import annotations

import pytest

from data_catalog.errors import BadData
from data_catalog.kinds import TABLE
from tasks.formats.content import Held
from tasks.pixel_sizes import read_pixel_sizes, size_of

WRITTEN = b"id,when,edge,slices\ncase7,first,0.02,0.3\ncase7,second,0.03,\ncase8,first,,0.4\nother,first,1,1\n"


def read(who, data=WRITTEN, **changes):
    told = {
        "sheet": None, "patient": "id", "pattern": "case{patient}", "visit": "when", "pixel_size": "edge",
        "slice_distance": "slices", "unit": "cm", "identities": who,
    }  # fmt: skip
    return read_pixel_sizes.function([Held(data)], **{**told, **changes})


def refusal_of(who, data=WRITTEN, **changes):
    with pytest.raises(BadData) as refusal:
        read(who, data, **changes)
    return refusal.value.verdict


def test_each_visit_has_its_own_size(who):
    sizes = read(who)
    TABLE.check(sizes)
    assert sizes["patient"].tolist() == [who.pseudonym("7")] * 2, "rows without a size or of nobody are left out"
    assert size_of(sizes, who.pseudonym("7"), "first") == (pytest.approx(0.2), pytest.approx(3.0))
    assert size_of(sizes, who.pseudonym("7"), "second") == (pytest.approx(0.3), None)
    assert size_of(sizes, who.pseudonym("7"), "third") == (None, None)
    assert size_of(sizes, who.pseudonym("8"), "first") == (None, None)


def test_without_a_column_of_visits_a_row_holds_for_all(who):
    sizes = read(who, b"id,edge\ncase7,0.5\n", visit=None, slice_distance=None, unit="mm")
    for visit in ("", "first", "second"):
        assert size_of(sizes, who.pseudonym("7"), visit) == (0.5, None)


@pytest.mark.parametrize(
    ("data", "changes", "verdict"),
    [
        (WRITTEN, {"pixel_size": "size"}, "no_such_column"),
        (WRITTEN, {"visit": None}, "pixel_size_twice"),
        (b"id,when,edge,slices\ncase7,1,wide,1\n", {}, "not_a_number"),
        (b"id,when,edge,slices\ncase7,1,0,1\n", {}, "bad_pixel_size"),
        (b"id,when,edge,slices\ncase7,1,1,-1\n", {}, "bad_pixel_size"),
        (b"", {}, "empty_table"),
    ],
)
def test_a_table_that_cannot_be_is_refused(who, data, changes, verdict):
    assert refusal_of(who, data, **changes) == verdict
