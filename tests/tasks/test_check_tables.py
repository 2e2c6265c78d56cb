"""What a plan names is looked at before any work starts; a message names the file, the row and the remedy."""

from __future__ import annotations

import pytest

from data_catalog.errors import PlanError
from tasks.check import (
    compare_further,
    compare_patients,
    ids_in,
    read_written,
    require_clinical,
    require_events,
    require_paths,
)
from tasks.check_columns import mixed_columns
from tasks.sources.tables import ClinicalTable, EventRows, Outcome, PatientTable

ROWS = ["id,age,seen,progression", "A,61,2024-01-01,yes", "B,55,2024-01-02,no", "C,,2024-01-03,"]


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a clinical table and describes it."""

    def written(*rows, **changes):
        path = tmp_path / "clinical.csv"
        path.write_text("\n".join(rows or ROWS) + "\n")
        return ClinicalTable(**{"path": path, "patient": "id", "known_before": ("age",), **changes})

    return written


def refused(call, *arguments):
    with pytest.raises(PlanError) as refusal:
        call(*arguments)
    return str(refusal.value)


def test_paths_that_are_there_pass_and_one_that_is_not_is_named(tmp_path):
    require_paths({"sources.0.path": tmp_path})
    said = refused(require_paths, {"sources.0.path": tmp_path, "clinical.path": tmp_path / "none.csv"})
    assert said.startswith("clinical.path exists: nothing is at ")
    assert "relative to the plan" in said


def test_a_sound_table_is_given_as_text_with_the_numbers_of_its_rows(table):
    (written,) = require_clinical(
        table(), ("progression",), Outcome(column="progression", positive="yes", negative="no")
    )
    assert written["age"].tolist() == ["61", "55", ""]
    assert written.index.tolist() == [2, 3, 4]
    assert require_clinical(table(), (), None)[0].equals(written)


def further(tmp_path, *rows, **changes):
    path = tmp_path / "further.csv"
    path.write_text("\n".join(rows) + "\n")
    return PatientTable(**{"path": path, "patient": "code", "known_before": ("grade",), **changes})


def test_a_further_table_is_looked_at_as_the_first_is(table, tmp_path):
    sound = further(tmp_path, "code,grade", "a,1", "b,2", patient_case="upper")
    one = table(further=(sound,))
    require_clinical(one, (), None)
    assert one.all_known_before == ("age", "grade")
    assert ids_in(sound, read_written(sound.path, None, (), "further")) == ["A", "B"]
    twice = table(further=(further(tmp_path, "code,grade", "a,1", "A,2", patient_case="upper"),))
    assert "further.csv has one row a patient" in refused(require_clinical, twice, (), None)
    lacking = table(further=(further(tmp_path, "code,stage", "a,1"),))
    assert "clinical.further.0 (further.csv) has the columns" in refused(require_clinical, lacking, (), None)
    same = table(further=(further(tmp_path, "code,age", "a,1", known_before=("age",)),))
    assert "'age' is taken from two" in refused(require_clinical, same, (), None)
    outcome = table(further=(further(tmp_path, "code,progression", "a,1", known_before=("progression",)),))
    assert "'progression' is taken from two" in refused(require_clinical, outcome, ("progression",), None)


def test_how_further_tables_meet_the_first_is_told(table, tmp_path):
    one = table(further=(further(tmp_path, "code,grade", "A,1", "X,2"),))
    written, *others = require_clinical(one, (), None)
    one.further[0].path.unlink()
    strangers, without = compare_further(one, written, others)
    assert strangers.startswith("further.csv: 1 rows are of nobody in clinical.csv; they are left out.")
    assert without == "further.csv: no row for 2 of 3 patients."
    whole = table(further=(further(tmp_path, "code,grade", "a,1", "b,2", "c,1", patient_case="upper"),))
    written, *others = require_clinical(whole, (), None)
    assert compare_further(whole, written, others) == []


def test_a_table_of_spellings_that_cannot_be_read_is_named(tmp_path):
    spellings = tmp_path / "spellings.csv"
    spellings.write_text("written,patient\nax,A\nax,B\n")
    other = further(tmp_path, "code,grade", "ax,1", spellings=spellings)
    written = read_written(other.path, None, (), "further")
    assert "spellings: A spelling stands once" in refused(ids_in, other, written)
    spellings.write_text("from,to\nax,A\n")
    assert "spellings (spellings.csv) has the columns" in refused(ids_in, other, written)
    spellings.write_text("written,patient\nax,A\n")
    assert ids_in(other, written) == ["A"]


def test_a_table_that_cannot_be_read_is_named(table, tmp_path):
    one = table()
    one.path.write_bytes(b"\xff\xfe\x00bad")
    assert "clinical (clinical.csv) can be read" in refused(require_clinical, one, (), None)
    assert "events (clinical.csv)" in refused(read_written, one.path, None, (), "events")


def test_columns_that_are_not_there_are_named_with_those_there_are(table):
    said = refused(require_clinical, table(known_before=("age", "stage")), ("size",), None)
    assert "it lacks 'stage', 'size'" in said
    assert "Choose among: id, age, seen, progression." in said


def test_rows_without_a_patient_are_named(table):
    said = refused(
        require_clinical,
        table(ROWS[0], *(f"x{n}.jpg,1,," for n in range(12)), patient_pattern="{patient}.png"),
        (),
        None,
    )
    assert "in every row, as '{patient}.png'" in said
    assert "row 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more" in said


def test_a_patient_who_stands_twice_is_named_by_both_rows(table):
    said = refused(require_clinical, table(ROWS[0], "A,1,,yes", "B,2,,no", "A,3,,no"), (), None)
    assert "clinical.csv has one row a patient" in said
    assert "row 4 (as row 2)" in said
    assert "A," not in said


def test_columns_of_dates_cannot_predict(table):
    said = refused(require_clinical, table(known_before=("age", "seen")), (), None)
    assert "'seen' holds dates" in said


@pytest.mark.parametrize("spelling", ["{:02d}.07.1965", "Jul {:02d}, 1965", "196507{:02d}"])
def test_columns_of_dates_are_refused_however_they_are_spelt(table, spelling):
    cells = [spelling.format(day) for day in range(1, 21)]
    one = table("id,dob", *(f'P{row},"{cell}"' for row, cell in enumerate(cells)), known_before=("dob",))
    said = refused(require_clinical, one, (), None)
    assert "'dob' holds dates" in said
    assert not any(cell in said for cell in cells)


def test_columns_that_tell_one_patient_from_all_others_are_refused_by_name(table):
    rows = ["id,record,mrn", *(f"P{n},R{n:05d},{70000 + n}" for n in range(20))]
    said = refused(require_clinical, table(*rows, known_before=("record",)), (), None)
    assert "'record' has another text in nearly every row" in said
    assert "Take the column out" in said
    said = refused(require_clinical, table(*rows, known_before=("mrn",)), (), None)
    assert "'mrn' has another whole number in each row" in said
    assert "name its unit in `clinical.units`" in said
    require_clinical(table(*rows, known_before=("mrn",), units={"mrn": "1/ml"}), (), None)


def test_numbers_that_have_become_text_are_told_with_the_row(table):
    rows = ["id,size", *(f"P{n},{n}.5" for n in range(20)), "Q,<5", "R,unknown"]
    said = refused(require_clinical, table(*rows, known_before=("size",)), (), None)
    assert "'size' holds 20 numbers and 1 text (row 22). Correct these cells" in said
    assert "<5" not in said
    commas = ["id,size", *(f'P{n},"{n},5"' for n in range(12))]
    said = refused(require_clinical, table(*commas, known_before=("size",)), (), None)
    assert "'size' holds numbers with a comma (row 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more)" in said


def test_codes_among_which_is_text_are_told_and_read_as_categories(table):
    rows = ["id,grade", *(f"P{n},{n % 3}" for n in range(20)), "Q,x"]
    one = table(*rows, known_before=("grade",))
    (said,) = mixed_columns(one, require_clinical(one, (), None)[0])
    assert said.startswith("clinical.csv: 'grade' holds 20 numbers and 1 text (row 22), and is read as categories.")
    coded = table(*rows, known_before=("grade",), categories=("grade",))
    assert mixed_columns(coded, require_clinical(coded, (), None)[0]) == []


@pytest.mark.parametrize("taken", ["id", "patient", "visit", "day", "scanner", "outcome"])
def test_the_patients_column_and_names_of_the_study_cannot_predict(table, taken):
    columns = ["id", "patient", "visit", "day", "scanner", "outcome", "age"]
    one = table(",".join(columns), "A,1,2,3,4,5,6", known_before=("age", taken))
    said = refused(require_clinical, one, (), None)
    assert f"{taken!r} is the patient's column, or one of patient, visit, day, scanner, outcome" in said
    assert "clinical.csv" in said


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome(column="progression", positive="Yes"), "no row holds 'Yes'"),
        (Outcome(column="progression", positive="yes", negative="never"), "no row holds 'never'"),
        (Outcome(column="progression", positive="1", negative="0"), "no row holds '1', '0'"),
        (Outcome(column="age", positive="61"), "'age' stands in clinical.known_before too"),
    ],
)
def test_an_outcome_that_cannot_be_learnt_is_refused(table, outcome, said):
    assert said in refused(require_clinical, table(), ("progression",), outcome)


@pytest.mark.parametrize(
    ("cells", "outcome"),
    [
        ("1.0,0.0,", Outcome(column="progression", positive="1", negative="0")),
        ("1.0,0.0,", Outcome(column="progression", positive="1.0", negative="0.0")),
        ("True,False,", Outcome(column="progression", positive="True")),
        ("True,False,", Outcome(column="progression", positive="yes", negative="no")),
    ],
)
def test_an_outcome_is_met_however_a_program_has_written_it(table, cells, outcome):
    rows = [f"{key},{age},{cell}" for key, age, cell in zip("abc", (61, 55, 70), cells.split(","), strict=True)]
    require_clinical(table("id,age,progression", *rows), ("progression",), outcome)


def test_the_table_of_events_needs_its_columns(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("id,day,what\nA,1,scan\n")
    rows = {"path": path, "patient": "id", "when": "day"}
    assert len(require_events(EventRows(**rows, event="what"))) == 1
    assert "events (events.csv)" in refused(require_events, EventRows(**rows, event="happened"))


def compared(table, who, scanned, *rows):
    one = table(*rows)
    return compare_patients(one, require_clinical(one, (), None)[0], {who.pseudonym(name) for name in scanned}, who)


def test_tables_and_scans_of_the_same_patients_leave_nothing_to_say(table, who):
    assert compared(table, who, "ABC") == []


def test_rows_without_scans_and_scans_without_rows_are_told(table, who):
    said = compared(table, who, "ADE")
    assert said == [
        "clinical.csv: no scans for row 3, 4; these rows are left out.",
        "clinical.csv: no row for 2 of 3 scanned patients; add one for each.",
    ]


def test_rows_of_patients_left_out_by_request_are_not_said_to_lack_scans(table, who):
    one = table()
    (written,) = require_clinical(one, (), None)
    everyone = [who.pseudonym(name) for name in "ABC"]
    assert compare_patients(one, written, {everyone[0]}, who, frozenset(everyone[1:])) == []
    said = compare_patients(one, written, {everyone[0]}, who, frozenset(everyone[1:2]))
    assert said == ["clinical.csv: no scans for row 4; these rows are left out."]


def test_a_table_of_none_but_patients_left_out_by_request_names_them_as_the_scans_do(table, who):
    one = table()
    others = frozenset(who.pseudonym(name) for name in "ABC")
    said = compare_patients(one, require_clinical(one, (), None)[0], {who.pseudonym("D")}, who, others)
    assert said == ["clinical.csv: no row for 1 of 1 scanned patients; add one for each."]


def test_a_long_list_of_rows_is_cut(table, who):
    rows = [ROWS[0], *(f"N{number},1,," for number in range(30)), "A,1,,"]
    assert "row 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 20 more;" in compared(table, who, "A", *rows)[0]


def test_keys_that_do_not_match_at_all_are_refused_with_the_row_and_the_remedy(table, who):
    one = table()
    (written,) = require_clinical(one, (), None)
    said = refused(compare_patients, one, written, {who.pseudonym("A.png"), who.pseudonym("B.png")}, who)
    assert "Column 'id' of clinical.csv" in said
    assert "none of its 3 rows (the first is row 2) is one of the 2 patients scanned" in said
    assert "clinical.patient_pattern" in said


def test_without_any_scan_there_is_nothing_to_compare(table, who):
    one = table()
    findings = compare_patients(one, require_clinical(one, (), None)[0], set(), who)
    assert len(findings) == 1
