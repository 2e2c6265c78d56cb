"""From reports to findings and numbers, and to columns of the study's table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from data_catalog.errors import BadData
from data_catalog.kinds import TABLE
from tasks.formats.content import Held
from tasks.methods.text.finding_terms import FindingTerms
from tasks.text import gather_findings, gather_numbers, read_report_numbers, read_report_text, read_structured_report
from tests.tasks.conftest import run, sources_of

TERMS = FindingTerms(terms={"mass": ("mass",), "effusion": ("effusion",)})
SR = Path(get_testdata_file("test-SR.dcm"))


def mentions(*rows):
    return pd.DataFrame(rows, columns=["finding", "status", "sentence"])


def test_a_report_becomes_a_table_of_mentions():
    report = Held(b"Mr. Zebrafish: No mass. A small effusion is seen.")
    table = read_report_text.function([report], findings=TERMS, encoding="utf-8")
    TABLE.check(table)
    assert table.to_numpy().tolist() == [["mass", "absent", 0], ["effusion", "present", 1]]
    assert "Zebra" not in table.to_csv()


def test_a_structured_report_becomes_mentions_and_numbers():
    content = [Held(SR.read_bytes())]
    found = read_structured_report.function(content, findings=TERMS)
    assert found["finding"].tolist() == ["mass", "mass"]
    assert set(found["status"]) == {"present"}
    numbers = read_report_numbers.function(content)
    TABLE.check(numbers)
    assert numbers["value"].tolist() == [3.0, 3.0]
    assert numbers["unit"].tolist() == ["cm", "cm"]


def test_a_report_that_names_nothing_is_an_empty_table():
    table = read_report_text.function([Held(b"")], findings=TERMS, encoding="utf-8")
    TABLE.check(table)
    assert (len(table), list(table.columns)) == (0, ["finding", "status", "sentence"])


def gathered(*pairs, findings=("mass", "effusion")):
    return gather_findings.function(
        [table for _, table in pairs], places=tuple(place for place, _ in pairs), findings=findings
    )


def test_findings_become_columns_and_silence_stays_missing():
    table = gathered(
        (("P-2", 0), mentions(("mass", "absent", 0), ("mass", "uncertain", 1))),
        (("P-1", 1), mentions()),
        (("P-2", 0), mentions(("effusion", "present", 0))),
    )
    TABLE.check(table)
    assert list(table.columns) == ["patient", "visit", "text.mass", "text.effusion"]
    assert table[["patient", "visit"]].to_numpy().tolist() == [["P-1", 1], ["P-2", 0]]
    assert table["text.mass"].tolist() == [None, "uncertain"]
    assert table["text.effusion"].tolist() == [None, "present"]


def test_without_reports_there_are_no_rows():
    assert gathered().shape == (0, 4)
    assert gather_numbers.function([], places=()).shape == (0, 2)


STATUSES = st.sampled_from(["present", "absent", "uncertain"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["P-1", "P-2"]), st.integers(0, 1), STATUSES), min_size=1), st.randoms())
def test_findings_do_not_depend_on_the_order_of_reports(rows, random):
    pairs = [((patient, visit), mentions(("mass", status, 0))) for patient, visit, status in rows]
    first = gathered(*pairs)
    random.shuffle(pairs)
    pd.testing.assert_frame_equal(gathered(*pairs), first)
    for patient, visit, found in zip(first["patient"], first["visit"], first["text.mass"], strict=True):
        own = {status for who, when, status in rows if (who, when) == (patient, visit)}
        assert found == next(status for status in ("present", "uncertain", "absent") if status in own)


def numbers(*rows):
    return pd.DataFrame(rows, columns=["name", "value", "unit", "group"])


def test_numbers_become_columns_with_their_unit():
    table = gather_numbers.function(
        [
            numbers(("Volume", 2.0, "ml", 0), ("Volume", 4.0, "ml", 1), ("Score", 5.0, "", 0)),
            numbers(("Volume", 7.0, "m.l", 0)),
            numbers(),
        ],
        places=(("P-1", 0), ("P-2", 0), ("P-3", 0)),
    )
    TABLE.check(table)
    assert table["patient"].tolist() == ["P-1", "P-2", "P-3"]
    assert table.loc[0, "SR.Volume (ml)"] == 3.0, "of two lesions the mean"
    assert table.loc[0, "SR.Score"] == 5.0
    assert table.loc[1, "SR.Volume (m*l)"] == 7.0
    assert table.loc[2].drop(["patient", "visit"]).isna().all()


def test_a_report_is_kept_without_its_text_and_a_broken_one_refused(tmp_path, store):
    (tmp_path / "7.txt").write_bytes(b"Zebrafish has no mass.")
    (tmp_path / "8.txt").write_bytes(b"\xff\xfe\0Zebrafish")
    parameters = {"findings": TERMS, "encoding": "utf-8"}
    made = run(store, read_report_text.job("P-1/v0/text/a", {"files": sources_of(tmp_path / "7.txt")}, parameters))
    assert store.open(made.ref)["status"].tolist() == ["absent"]
    bad = run(store, read_report_text.job("P-1/v0/text/b", {"files": sources_of(tmp_path / "8.txt")}, parameters))
    assert bad.refusal.verdict == "not_text"
    held = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert b"Zebra" not in held


def test_a_broken_structured_report_is_refused():
    for stage in (lambda files: read_structured_report.function(files, findings=TERMS), read_report_numbers.function):
        with pytest.raises(BadData) as refusal:
            stage([Held(b"no dicom")])
        assert refusal.value.verdict == "not_dicom"
