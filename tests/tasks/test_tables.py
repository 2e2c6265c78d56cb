"""The tables beside the scans: the named columns only, patients under their pseudonyms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.stage import perform
from tasks.tables import (
    join_clinical,
    patient_ids,
    read_clinical,
    read_event_columns,
    read_event_rows,
    spelled,
)
from tests.tasks.conftest import sources_of

CLINICAL = """id,name,age,sex,progression,size
MRN-1.png,ZEBRAFISH,61,f,1,0.1
MRN-2.png,QUAGGA,,m,0,0.2
,,70,,,
MRN-3.png,OKAPI,unknown,,,
"""


def clinical(who, text=CLINICAL, **changes):
    asked = {"sheet": None, "patient": "id", "pattern": "{patient}.png", "columns": ("age", "sex"), "texts": ()}
    return read_clinical.function([Held(text.encode())], **{**asked, "identities": who, **changes})


def events(who, text, **changes):
    asked = {"sheet": None, "patient": "id", "pattern": "{patient}", "when": "day", "event": "what"}
    return read_event_rows.function([Held(text.encode())], **{**asked, "identities": who, **changes})


def test_a_clinical_table_is_read_as_drawn(who):
    table = clinical(who)
    assert table.columns.tolist() == ["patient", "age", "sex"]
    assert table["patient"].tolist() == [who.pseudonym(f"MRN-{number}") for number in (1, 2, 3)]
    assert table["age"].tolist()[0] == 61.0
    assert table["age"].isna().tolist() == [False, True, True]
    assert table["sex"].isna().tolist() == [False, False, True]


def test_ids_that_a_table_spells_otherwise_join_in_the_case_of_the_scans_or_by_the_table_of_spellings(who):
    text = "id,age\nTcga-a1,1\nTCGA-B2X,2\nTCGA-C3,3\n"
    spellings = [Held(b"written,patient\nTCGA-B2X,TCGA-B2\n")]
    table = clinical(who, text, pattern="{patient}", columns=("age",), case="upper", spellings=spellings)
    assert table["patient"].tolist() == [who.pseudonym(name) for name in ("TCGA-A1", "TCGA-B2", "TCGA-C3")]


@pytest.mark.parametrize(
    ("case", "ids"), [("as_written", ["aB", None]), ("upper", ["AB", None]), ("lower", ["ab", None])]
)
def test_letters_of_ids_are_changed_as_asked(case, ids):
    assert spelled(["aB", None], case, None) == ids


def test_a_table_of_spellings_is_clear():
    twice = pd.DataFrame({"written": ["a", "a"], "patient": ["b", "c"]})
    with pytest.raises(BadData, match="stands twice"):
        spelled(["a"], "as_written", twice)
    with pytest.raises(BadData, match="lacks written"):
        spelled(["a"], "as_written", pd.DataFrame({"patient": ["b"]}))


def test_words_for_what_is_not_known_are_missing_in_columns_of_text_too(who):
    text = "id,age,sex\nA,61,f\nB,NA,NA\nC,?,m\n"
    table = clinical(who, text, pattern="{patient}", missing=("NA", "?"))
    assert table["sex"].isna().tolist() == [False, True, False]
    assert table["age"].isna().tolist() == [False, True, True]
    plain = clinical(who, text, pattern="{patient}")
    assert plain["sex"].tolist() == ["f", "NA", "m"]


def test_codes_of_categories_stay_text(who):
    table = clinical(who, "id,age,sex\nA,61,1\nB,50,2\n", pattern="{patient}", texts=("sex",))
    assert table["sex"].tolist() == ["1", "2"]
    assert table["age"].tolist() == [61.0, 50.0]


def test_further_tables_give_columns_to_the_rows_of_the_first():
    first = pd.DataFrame({"patient": ["P-1", "P-2"], "age": [60.0, 50.0]})
    second = pd.DataFrame({"patient": ["P-2", "P-9"], "grade": ["2", "3"]})
    joined = join_clinical.function([first, second])
    assert joined["patient"].tolist() == ["P-1", "P-2"]
    assert joined["grade"].fillna("-").tolist() == ["-", "2"]
    with pytest.raises(BadData, match="one row a patient"):
        join_clinical.function([first, pd.concat([second, second])])


def test_only_the_columns_that_are_named_leave_the_file(who, store, tmp_path):
    path = tmp_path / "clinical.csv"
    path.write_text(CLINICAL)
    parameters = {"sheet": None, "patient": "id", "pattern": "{patient}.png", "columns": ("age",), "texts": ()}
    job = read_clinical.job("study", {"files": sources_of(path)}, {**parameters, "identities": who})
    ref = perform(store.root, job).ref
    everything = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert not [word for word in (b"ZEBRAFISH", b"QUAGGA", b"MRN-", str(tmp_path).encode()) if word in everything]
    assert store.records(ref)[0].parameters == {}


def test_an_outcome_stays_as_it_is_written(who):
    assert clinical(who, columns=("progression",)).loc[0, "progression"] == 1.0
    table = clinical(who, columns=("progression",), texts=("progression",))
    assert table["progression"].tolist()[:2] == ["1", "0"]
    assert table["progression"].isna().tolist() == [False, False, True]


def test_categories_have_one_text_however_a_program_has_written_them(who):
    text = "id,code,flag,grade\nMRN-1.png,1.0,True,01\nMRN-2.png,0.0,,1\nMRN-3.png,,FALSE,x\n"
    table = clinical(who, text, columns=("code", "flag", "grade"), texts=("code",))
    assert table["code"].tolist()[:2] == ["1", "0"]
    assert table["flag"].dropna().tolist() == ["yes", "no"]
    assert table["grade"].tolist() == ["01", "1", "x"]


def test_rows_whose_patient_does_not_fit_the_pattern_are_left_out(who):
    assert len(clinical(who)) == 3
    assert len(clinical(who, pattern="{patient}.jpg")) == 0


@pytest.mark.parametrize(("cell", "patient"), [("MRN-1.png", "MRN-1"), (" MRN-1.png ", "MRN-1"), ("MRN-1", None)])
def test_the_id_of_a_patient_is_what_the_pattern_finds(cell, patient):
    assert patient_ids(pd.DataFrame({"id": [cell]}), "id", "{patient}.png") == [patient]


def test_columns_that_are_not_there_are_named(who):
    with pytest.raises(BadData, match="it lacks stage, grade") as refusal:
        clinical(who, columns=("age", "stage", "grade"))
    assert refusal.value.verdict == "no_such_column"


def test_events_are_counted_from_the_first_of_the_patient(who):
    table = events(who, "id,day,what\nA,2024-03-01,surgery\nB,12,relapse\nA,2024-02-28,scan\nB,5.5,scan\n")
    a, b = who.pseudonym("A"), who.pseudonym("B")
    expected = [(a, 0.0, "scan"), (a, 2.0, "surgery"), (b, 0.0, "scan"), (b, 6.5, "relapse")]
    assert sorted(table.itertuples(index=False, name=None)) == sorted(expected)
    assert table["patient"].tolist() == sorted(table["patient"])


@pytest.mark.parametrize("spelt", ["2024-03-31", "20240331", "2024-03-31T10:15", "2024-03-31 10:15:00"])
def test_a_date_is_a_day_however_iso_spells_it(who, spelt):
    table = events(who, f"id,day,what\nA,2024-02-29,a\nA,{spelt},b\n")
    assert table["day"].tolist() == [0.0, 31.0]


def test_rows_without_patient_day_or_event_are_no_events(who):
    table = events(who, "id,day,what\nA,1,a\n,2,b\nA,,c\nA,4,\n")
    assert table["event"].tolist() == ["a"]


def test_a_table_of_no_events_has_its_columns(who):
    table = events(who, "id,day,what\nA,,a\n")
    assert table.columns.tolist() == ["patient", "day", "event"]
    assert len(table) == 0


@pytest.mark.parametrize("cell", ["soon", "nan", "inf", "31.12.2024", "2024-02-30"])
def test_what_is_no_day_is_refused_without_the_cell(who, cell):
    with pytest.raises(BadData, match="Write dates as 2024-03-31") as refusal:
        events(who, f"id,day,what\nA,{cell},a\n")
    assert refusal.value.verdict == "not_a_day"
    assert cell not in refusal.value.came


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(-500, 500)), min_size=1, max_size=12), st.integers(0, 99))
def test_moving_a_patients_days_changes_nothing(rows, shift):
    from tasks.formats.identities import Identities

    who = Identities(b"a key for tests only, 32 bytes..")

    def table(by):
        return events(who, "id,day,what\n" + "\n".join(f"{one},{day + by},x" for one, day in rows) + "\n")

    pd.testing.assert_frame_equal(table(0), table(shift))
    assert (table(0).groupby("patient")["day"].min() == 0).all()


def test_events_come_from_columns_of_days():
    table = pd.DataFrame({"patient": ["P-1", "P-2"], "to_surgery": [10.0, np.nan], "to_death": [100, 7], "age": [1, 2]})
    found = read_event_columns.function(table, days={"death": "to_death", "surgery": "to_surgery"})
    assert list(found.itertuples(index=False, name=None)) == [
        ("P-1", 0.0, "surgery"),
        ("P-1", 90.0, "death"),
        ("P-2", 0.0, "death"),
    ]


def test_a_column_without_any_day_gives_no_event():
    table = pd.DataFrame({"patient": ["P-1"], "a": [3.0], "b": pd.Series([None], dtype="object")})
    assert read_event_columns.function(table, days={"a": "a", "b": "b"})["event"].tolist() == ["a"]


@pytest.mark.parametrize("values", [pd.to_datetime(["2024-01-01", "2024-01-02"]), ["ten", "12"]], ids=["dates", "text"])
def test_a_column_of_days_holds_numbers(values):
    table = pd.DataFrame({"patient": ["P-1", "P-2"], "to_surgery": values})
    with pytest.raises(BadData, match="'to_surgery' holds dates or text"):
        read_event_columns.function(table, days={"surgery": "to_surgery"})
