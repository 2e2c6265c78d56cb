from datetime import date

from tasks.synthetic.design import added_case, cases
from tasks.synthetic.tables import append_rows, clinical_row, event_rows, timelines, write_rows


def test_rows_are_written_with_a_header_once(tmp_path):
    path = tmp_path / "table.csv"
    write_rows(path, ("a", "b"), [{"a": 1, "b": "x"}])
    append_rows(path, ("a", "b"), [{"a": 2, "b": ""}])
    assert path.read_bytes() == b"a,b\n1,x\n2,\n"


def test_events_are_listed_by_date():
    rows = event_rows({"surgery": date(2020, 2, 1), "biopsy": date(2020, 1, 1)}, "someone")
    assert [(row["date"], row["event"]) for row in rows] == [("2020-01-01", "biopsy"), ("2020-02-01", "surgery")]


def test_a_missing_value_is_an_empty_cell():
    case = cases(7, 8)[3]
    assert case.haemoglobin_g_dl > 0
    assert clinical_row(case, "someone")["haemoglobin_g_dl"] == ""


def test_each_pattern_has_its_events_in_its_order():
    cohort = cases(7, 40)
    for case, timeline in zip(cohort, timelines(cohort, 7), strict=True):
        steroids, infection = timeline.get("steroids"), timeline.get("infection")
        found = {
            (True, True): "steroids_first" if (steroids or date.max) < (infection or date.min) else "infection_first",
            (True, False): "steroids_only",
            (False, True): "infection_only",
            (False, False): "neither",
        }[steroids is not None, infection is not None]
        assert found == case.order


def test_one_patient_alone_has_events():
    timeline = timelines([added_case(7, 40)], 7)[0]
    assert "CT" in timeline
    assert not {"steroids", "infection"} & set(timeline)
