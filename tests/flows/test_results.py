"""What a run gives: the names of what it made, and the report to open."""

import json
import os

import pytest
from pydantic import ValidationError

from data_catalog.errors import StoreError
from data_catalog.kinds import REPORT
from data_catalog.refs import Ref, Refusal
from data_catalog.store import Store
from flows.explain import find_artefact, last_of
from flows.explain_card import explain_card
from flows.plan import Plan
from flows.results import (
    CohortTables,
    Counts,
    Features,
    Learnt,
    Mined,
    Results,
    kept_by,
    last_results,
    newest_results,
    results_file,
    write_results,
)
from tests.tasks.conftest import kept


def ref(kind, digit):
    return Ref(kind=kind, digest=digit * 64)


STUDY, TABLE, COHORT, RULES, PAGE = (
    ref(kind, digit) for kind, digit in zip(("study", "features", "cohort", "rules", "report"), "abcde", strict=True)
)
TABLES = CohortTables(features=Features(study=STUDY, table=TABLE), cohort=COHORT)


def counts(stage, **changes):
    return Counts(**{"stage": stage, "items": 0, "computed": 0, "reused": 0, "refused": 0, "failed": 0, **changes})


RESULTS = Results(
    cohort=TABLES,
    learnt=Learnt(models={"logistic": ref("evaluation", "1")}, controls={"volume only": ref("evaluation", "2")}),
    mined=Mined(rules=RULES),
    report=PAGE,
    counts=(counts("read_dicom", items=5, computed=3, reused=2, refused=1), counts("report", items=1, computed=1)),
)


@pytest.fixture
def plan(tmp_path):
    return Plan(study="lungs", sources=({"method": "dicom", "path": "scans"},), workspace=tmp_path)


def test_every_artefact_is_named_by_what_it_is():
    assert dict(RESULTS.refs()) == {
        "cohort.features.study": STUDY,
        "cohort.features.table": TABLE,
        "cohort.cohort": COHORT,
        "learnt.models.logistic": ref("evaluation", "1"),
        "learnt.controls.volume only": ref("evaluation", "2"),
        "mined.rules": RULES,
        "report": PAGE,
    }


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("report", PAGE),
        ("cohort", COHORT),
        ("study", STUDY),
        ("rules", RULES),
        ("mined.rules", RULES),
        ("logistic", ref("evaluation", "1")),
        ("volume only", ref("evaluation", "2")),
    ],
)
def test_an_artefact_is_found_by_the_end_of_its_name(name, found):
    assert RESULTS.named(name) == found


@pytest.mark.parametrize("name", ["", "port", "sequences", "cohort."])
def test_a_name_of_nothing_is_answered_with_the_names_there_are(name):
    with pytest.raises(StoreError, match=r"Choose among: .*mined\.rules, report"):
        RESULTS.named(name)


def test_items_are_added_up_over_stages():
    assert [RESULTS.total(what) for what in ("items", "computed", "reused", "refused", "failed")] == [6, 4, 2, 1, 0]
    assert RESULTS.lines() == ["4 items computed, 2 reused, 1 refused."]


def test_what_is_in_quarantine_is_told():
    _, line = RESULTS.model_copy(update={"quarantined": 3}).lines()
    assert line.startswith("In quarantine: 3;")


def test_items_that_failed_are_told():
    lines = RESULTS.model_copy(update={"counts": (counts("fit", items=2, failed=2),)}).lines()
    assert lines[0] == "0 items computed, 0 reused, 0 refused."
    assert lines[1].startswith("2 items failed for a reason that is no fault of the data")


def test_results_come_back_from_json_and_take_no_other_field():
    refusal = Refusal(item="i", stage="s", verdict="v", expected="e", came="c", remedy="r")
    results = RESULTS.model_copy(update={"mined": Mined(refusals=(refusal,))})
    assert Results.model_validate_json(results.model_dump_json()) == results
    with pytest.raises(ValidationError):
        Features(study=STUDY, table=TABLE, path="/x")


def test_the_last_run_is_written_with_its_report(plan):
    store = Store(plan.store_folder)
    results = RESULTS.model_copy(update={"report": kept(store, REPORT, "<p>first</p>")})
    write_results(plan, results, store)
    assert last_results(plan) == results
    assert plan.report_file.read_text() == "<p>first</p>"
    later = RESULTS.model_copy(update={"report": kept(store, REPORT, "<p>second</p>")})
    write_results(plan, later, store)
    assert last_results(plan) == later
    assert plan.report_file.read_text() == "<p>second</p>"
    assert sorted(path.name for path in plan.workspace.iterdir()) == [
        "lungs-report.html",
        "lungs-results.json",
        "store",
    ]


def test_results_tell_no_path(plan):
    store = Store(plan.store_folder)
    write_results(plan, RESULTS.model_copy(update={"report": kept(store, REPORT, "<p>page</p>")}), store)
    text = results_file(plan.workspace, plan.study).read_text()
    assert str(plan.workspace) not in text
    assert json.loads(text)["report"]["kind"] == "report"


def test_a_study_that_was_not_run_is_refused_with_the_command(plan):
    with pytest.raises(StoreError, match=r"lungs-results\.json is not there\. Run it with `voxmine run`"):
        last_results(plan)


def test_the_newest_results_come_first(plan):
    for day, study in ((200, "new"), (100, "old")):
        path = results_file(plan.workspace, study)
        path.write_text(RESULTS.model_copy(update={"counts": (counts(study),)}).model_dump_json())
        os.utime(path, (day, day))
    assert [results.counts[0].stage for results in newest_results(plan.workspace)] == ["new", "old"]


@pytest.mark.parametrize("text", ['{"of": "another version"}', '{"cut'])
def test_results_of_another_version_are_refused_by_all_that_read_them(plan, text):
    path = results_file(plan.workspace, plan.study)
    path.write_text(text)
    store = Store(plan.store_folder)
    for read in (
        lambda: last_results(plan),
        lambda: kept_by(plan.workspace),
        lambda: last_of(plan.workspace),
        lambda: find_artefact(plan.workspace, store, "cohort"),
        lambda: explain_card(plan.workspace, store, "rule-1", everything=False),
    ):
        with pytest.raises(StoreError, match="of this version"):
            read()


def test_what_of_the_whole_study_could_not_be_made_is_told_with_its_reason():
    refused = Refusal(
        item="deaths", stage="mine_subgroups", verdict="v", expected="Times are", came="none", remedy="Do."
    )
    of_patient = refused.model_copy(update={"stage": "locate_region"})
    results = RESULTS.model_copy(update={"mined": Mined(refusals=(refused, refused, of_patient))})
    assert results.lines()[1:] == ["mine subgroups refused: Times are: none. Do."]
