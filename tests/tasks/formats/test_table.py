from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats import table
from tasks.formats.table import infer, read_table

TEXT = 'patient,age,seen,note\nP1,60,2024-01-31,well\nP2,,,\n\nP3,7.5,2024-02-01,"a, b"\n'


def refusal_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value


def excel(rows, **sheets):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name, others in sheets.items():
        sheet = book.create_sheet(name)
        for row in others:
            sheet.append(row)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_cells_come_as_text_with_the_row_they_stand_in():
    frame = read_table(TEXT.encode())
    assert frame.index.tolist() == [2, 3, 5]
    assert frame.index.name == "row"
    assert frame.loc[5].tolist() == ["P3", "7.5", "2024-02-01", "a, b"]
    assert frame.loc[3].tolist() == ["P2", "", "", ""]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_that_of_the_header(separator):
    data = separator.join(["a", "b", "c"]) + "\n" + separator.join(["1", "2", "3"])
    assert read_table(b"\xef\xbb\xbf" + data.encode()).to_dict("records") == [{"a": "1", "b": "2", "c": "3"}]


def test_a_separator_within_quotes_does_not_count():
    assert read_table(b'"a,b,c";d\n1;2').columns.tolist() == ["a,b,c", "d"]


def test_a_table_may_have_one_column():
    assert read_table(b"\na\n1\n2").index.tolist() == [3, 4]


def test_empty_columns_at_the_end_are_none():
    assert read_table(b"a,b,,\n1,2,,\n3,4\n").shape == (2, 2)


def test_columns_without_a_name_of_their_own_go_by_their_number_where_that_is_asked_for():
    read = read_table(b",grade,,grade,age\nA,1,,2,60\n", numbered=True)
    assert read.columns.tolist() == ["column 1", "grade", "column 3", "grade 4", "age"]
    assert read.loc[2].tolist() == ["A", "1", "", "2", "60"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(), st.floats(-1e6, 1e6), st.text("ab ,;\"'", max_size=5)), min_size=1))
def test_what_pandas_writes_is_read_back(rows):
    frame = pd.DataFrame(rows, columns=["k", "x", "t"])
    read = infer(read_table(frame.to_csv(index=False).encode()), {"k": "text", "t": "text"})
    assert read["k"].tolist() == [str(k) for k, _, _ in rows]
    assert read["x"].tolist() == [x for _, x, _ in rows]
    assert read["t"].fillna("").tolist() == [t.strip() for _, _, t in rows]


def test_columns_are_typed_and_empty_cells_are_missing():
    frame = infer(read_table(TEXT.encode()))
    assert frame["age"].dtype == "float64"
    assert frame["seen"].dtype == "datetime64[us]"
    assert frame.isna().sum().tolist() == [0, 1, 1, 1]
    assert frame.loc[2, "seen"] == pd.Timestamp(2024, 1, 31)


def test_a_key_that_looks_like_a_number_stays_text_when_declared():
    data = b"patient,age\n001,5\n002,6\n"
    assert infer(read_table(data))["patient"].tolist() == [1.0, 2.0]
    assert infer(read_table(data), {"patient": "text"})["patient"].tolist() == ["001", "002"]


def test_words_for_no_value_are_missing_numbers_but_real_words():
    frame = infer(read_table(b"age,halo\n57,not available\nNot Available,yes\n"))
    assert frame["age"].isna().tolist() == [False, True]
    assert frame["halo"].tolist() == ["not available", "yes"]
    strict = infer(read_table(b"age\n57\nunknown\n"), missing_words=())
    assert strict["age"].tolist() == ["57", "unknown"]


@pytest.mark.parametrize("cell", ["1,5", "nan", "1e999", "12 mm", "inf", "0x1", "1_0"])
def test_what_is_no_number_stays_text_or_is_refused_by_column_and_row(cell):
    frame = read_table(f'age\n1\n"{cell}"\n2\n'.encode())
    assert infer(frame, missing_words=())["age"].tolist() == ["1", cell, "2"]
    refusal = refusal_of(infer, frame, {"age": "number"}, ())
    assert refusal.verdict == "not_a_number"
    assert "'age'" in str(refusal)
    assert "row 3" in str(refusal)
    assert cell not in str(refusal).replace("2024-12-31", "")


@pytest.mark.parametrize("cell", ["31.01.2024", "2024-02-30", "2024"])
def test_what_is_no_date_stays_text_or_is_refused(cell):
    frame = read_table(f"d\n2024-01-31\n{cell}\n".encode())
    assert infer(frame)["d"].tolist() == ["2024-01-31", cell]
    assert refusal_of(infer, frame, {"d": "date"}).verdict == "not_a_date"


def test_times_of_day_are_kept():
    assert infer(read_table(b"d\n2024-01-31T10:30\n"))["d"].tolist() == [pd.Timestamp(2024, 1, 31, 10, 30)]


def test_a_column_without_values_stays_empty_text():
    assert infer(read_table(b"a,b\n1,\n2,\n"))["b"].isna().all()


def test_a_declared_column_must_be_there():
    refusal = refusal_of(infer, read_table(b"a,b\n1,2\n"), {"c": "text"})
    assert refusal.verdict == "unknown_column"
    assert "a, b" in str(refusal)


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", "empty_table"),
        (b"a,b\n", "empty_table"),
        (b"a,b\n1\n", "ragged_table"),
        (b"a,b\n1,2,3\n", "ragged_table"),
        (b"a,a\n1,2\n", "bad_columns"),
        (b"a,,b\n1,2,3\n", "bad_columns"),
        (b"a,,,b\n1,2,3,4\n", "bad_columns"),
        (b'a,b\n"1,2\n', "corrupt_file"),
        (b"\xd0\xcf\x11\xe0 old", "old_excel"),
        (b"PK\x03\x04 broken", "corrupt_file"),
    ],
)
def test_tables_that_cannot_be_trusted_are_refused_by_name(data, verdict):
    assert refusal_of(read_table, data).verdict == verdict


def test_another_encoding_is_refused_with_its_line():
    refusal = refusal_of(read_table, "a,b\n1,2\nä,3\n".encode("latin-1"))
    assert refusal.verdict == "not_utf8"
    assert "line 3" in str(refusal)


def test_a_row_of_other_length_is_named():
    assert "row 3 has 1" in str(refusal_of(read_table, b"a,b\n1,2\nZebrafish\n"))
    assert "Zebra" not in str(refusal_of(read_table, b"a,b\n1,2\nZebrafish\n"))


def test_excel_says_the_same_as_csv():
    seen = datetime(2024, 1, 31, tzinfo=UTC).replace(tzinfo=None)
    later = datetime(2024, 2, 1, tzinfo=UTC).replace(tzinfo=None)
    rows = [
        ["patient", "age", "seen", "note"],
        ["P1", 60, seen, "well"],
        ["P2", None, None, None],
        [],
        ["P3", 7.5, later.date(), "a, b"],
    ]
    assert read_table(excel(rows)).equals(read_table(TEXT.encode()))


def test_cells_of_excel_are_written_as_in_csv():
    timed = datetime(2024, 1, 31, 10, 30, tzinfo=UTC).replace(tzinfo=None)
    frame = read_table(excel([["a", "b", "c", "d", "e"], [3.0, None, timed, True, " x "]]))
    assert frame.iloc[0].tolist() == ["3", "", "2024-01-31T10:30:00", "True", "x"]
    assert table._cell_text(3.0) == "3"  # as other programs store it


def test_a_sheet_is_chosen_by_name():
    data = excel([["a"], [1]], other=[["b"], [2]])
    assert read_table(data).columns.tolist() == ["a"]
    assert read_table(data, sheet="other").columns.tolist() == ["b"]
    assert refusal_of(read_table, data, "third").verdict == "unknown_sheet"


def test_an_excel_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(table, "MAX_SHEET_BYTES", 100)
    assert refusal_of(read_table, excel([["a"], [1]])).verdict == "file_too_large"


@pytest.mark.shared
def test_real_tables_are_typed(shared):
    frame = infer(read_table((shared / "breast_usg" / "clinical.csv").read_bytes()), {"CaseID": "text"})
    assert frame.shape == (154, 21)
    assert frame["Age"].dtype == frame["Pixel_size"].dtype == "float64"
    sarcoma = infer(read_table((shared / "sts" / "clinical.csv").read_bytes()))
    assert sarcoma["lung_metastasis"].isin([0, 1]).all()
