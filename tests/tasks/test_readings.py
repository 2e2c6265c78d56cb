"""The table of readings: pseudonyms and numbers in place of names, and rules over the cohort's patients."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from data_catalog.errors import BadData
from data_catalog.kinds import RULES, TABLE
from tasks.formats.identities import Identities
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.readings import ReadingMiner
from tasks.readings import mine_readings, read_readings
from tasks.sources.readings import ReadingTable
from tests.tasks.conftest import NAME, PATIENT, sources_of

PARAMETERS = {
    "sheet": None,
    "patient": "id",
    "pattern": "{patient}",
    "case": "lesion",
    "reader": "reader",
    "ratings": ("margin", "size"),
}


@pytest.fixture
def table(tmp_path):
    """Return a function that reads a table of the given lines."""
    who = Identities(b"a key for tests only, 32 bytes..")

    def read(*lines, **changes):
        path = tmp_path / "readings.csv"
        path.write_text("id,lesion,reader,margin,size,secret\n" + "\n".join(lines), encoding="utf-8")
        return read_readings.function(list(sources_of(path).files), **{**PARAMETERS, **changes}, identities=who)

    return read


def test_patients_have_pseudonyms_and_cases_numbers(table):
    read = table(
        f"{PATIENT},{NAME}-b,R2,sharp,4,x",
        f"{PATIENT},{NAME}-a,R1,blurred,2.5,x",
        f"{PATIENT},{NAME}-a,R2,sharp,,x",
        "other,c,R1,,9,x",
    )
    TABLE.check(read)
    assert list(read.columns) == ["patient", "case", "reader", "margin", "size"]
    own = read[read["patient"] == read["patient"].mode()[0]]
    assert own["case"].tolist() == [1, 1, 2]
    assert own["reader"].tolist() == ["R1", "R2", "R2"]
    assert own["size"].dtype.kind == "f"
    assert own["size"].isna().tolist() == [False, True, False]
    text = read.to_csv()
    assert PATIENT not in text
    assert NAME not in text


def test_a_reading_without_a_case_is_not_counted_as_one(table):
    read = table("p1,,R1,sharp,1,x", "p1,a,R1,sharp,1,x")
    assert read["case"].isna().tolist() in ([True, False], [False, True])
    with pytest.raises(BadData, match="1 lack one"):
        mine_readings.function(
            read,
            read[["patient"]],
            columns={"margin": ColumnLabel(label="margin")},
            discretiser=QuantileBins(),
            miner=ReadingMiner(ends_in="margin"),
        )


@pytest.mark.parametrize("name", ["patient", "case", "reader"])
def test_a_rating_is_not_called_like_what_tells_readings_apart(name):
    with pytest.raises(ValidationError, match="Rename the column"):
        ReadingTable(path="r.csv", patient="id", case="lesion", reader="who", ratings=("margin", name))


def test_a_table_without_a_column_is_refused(table):
    with pytest.raises(BadData, match="lacks shape"):
        table("p1,a,R1,sharp,1,x", ratings=("shape",))


def test_only_the_cohorts_patients_are_mined(table):
    lines = [
        f"p{number},a,{reader},{'blurred' if number % 2 else 'sharp'},{number % 2},x"
        for number in range(40)
        for reader in ("R1", "R2")
    ]
    read = table(*lines)
    cohort = pd.DataFrame({"patient": read["patient"].unique()[:30]})
    columns = {"margin": ColumnLabel(label="margin"), "size": ColumnLabel(label="size", unit="mm")}
    found = mine_readings.function(
        read,
        cohort,
        columns=columns,
        discretiser=QuantileBins(min_distinct=2),
        miner=ReadingMiner(ends_in="margin", min_patients=10),
    )
    RULES.check(found)
    assert (found.patients, found.readings) == (30, 60)
    assert found.rules[0].holds_for_all
