"""A whole study of a small invented cohort: what it makes, what it reuses, what it keeps to itself."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data_catalog.store import Store
from flows.demo import leaks
from flows.explain import explain
from flows.full_study import full_study
from flows.ingest_study import ingest_study
from flows.key import identities
from flows.mine_cohort import mine_cohort
from flows.report_study import report_study
from flows.results import last_results
from tasks.sources.files import walk
from tasks.synthetic.cohort import add_patient
from tasks.synthetic.truths import Truths

pytestmark = pytest.mark.slow

MATERIALISED = "prefect.asset.materialization.succeeded"


def computed(results):
    return {count.stage: count.computed for count in results.counts if count.computed and count.stage != "keep_study"}


@pytest.fixture(scope="module")
def begun():
    """Return when the runs of this module began, as Prefect's database writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


@pytest.fixture(scope="module")
def ran(begun, small_cohort, small_plan, tmp_path_factory):
    """Run the light plan once on a copy of the small cohort; the tests of this module share it in order."""
    folder = tmp_path_factory.mktemp("study")
    cohort = shutil.copytree(small_cohort, folder / "cohort")
    plan = small_plan(cohort, folder / "results")
    return plan, full_study(plan), Truths.model_validate_json((cohort / "truths.json").read_bytes()), cohort


def test_a_study_gives_features_models_rules_and_a_report(ran):
    plan, results, _, _ = ran
    store = Store(plan.store_folder)
    cohort = store.open(results.cohort.cohort)
    assert len(cohort) == 12
    assert {"CT.tumour.stat_mean", "PT.tumour.morph_volume_mm3", "PT on CT.tumour.stat_mean", "marker"} <= set(cohort)
    assert set(results.learnt.models) == {"logistic"}
    assert 0 <= store.open(results.learnt.models["logistic"]).auc <= 1
    assert store.open(results.mined.rules).searched > 0
    assert [rule.steps for rule in store.open(results.mined.sequences).rules]
    page = plan.report_file.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    lineage = page.partition('class="lineage"')[2].partition("</svg>")[0]
    for step in ("source files", "read dicom", "radiomics", "build cohort", "mine rules", "write report"):
        assert f">{step}</text>" in lineage
    assert results.report.short in [ref.short for _, ref in results.refs()]
    assert last_results(plan) == results


def of_prefect(question, *values):
    """Return what Prefect's own database answers."""
    with closing(sqlite3.connect(Path(os.environ["PREFECT_HOME"]) / "prefect.db")) as database:
        return database.execute(question, values).fetchall()


def test_the_log_in_prefect_has_a_line_for_each_item_that_was_refused(ran, begun):
    _, _, truths, _ = ran
    lines = [line for (line,) in of_prefect("select message from log where timestamp >= ? and level >= 30", begun)]
    refused = [line for line in lines if "event=refused" in line]
    for verdict in ("missing_slice", "corrupt_file"):
        assert [line for line in refused if line.startswith("stage=read_dicom item=") and f"verdict={verdict}" in line]
    assert not [name for name in truths.identities if name in "\n".join(lines)]


def test_the_results_are_assets_in_prefects_events(ran, begun):
    plan, results, _, _ = ran
    asked = "select resource_id, payload, related from events where event = ? and occurred >= ?"
    told = {key: (payload, related) for key, payload, related in of_prefect(asked, MATERIALISED, begun)}
    assert set(told) >= {f"voxmine://{plan.study}/{name}" for name in ("report", "cohort.cohort", "mined.rules")}
    payload, related = told[f"voxmine://{plan.study}/report"]
    assert results.report.digest in payload
    assert f"voxmine://{plan.study}/cohort.cohort" in related


def test_bad_scans_are_refused_with_the_reason_and_the_others_go_on(ran):
    plan, results, truths, _ = ran
    study = Store(plan.store_folder).open(results.cohort.features.study)
    who = identities(plan).pseudonym
    verdicts = {refusal.verdict: refusal.item.partition("/")[0] for refusal in study.refusals}
    assert verdicts["missing_slice"] == who(truths.missing_slice.patient_id)
    assert verdicts["corrupt_file"] == who(truths.corrupt_file.patient_id)
    assert verdicts["duplicate_patient"] in {who(truths.duplicate.patient_id), who(truths.duplicate.copy_id)}
    assert len(study.patients()) == 12
    assert {scan.visit for scan in study.scans} == {0, 1}


def test_no_identity_reaches_the_results_or_prefect(ran, prefect_home):
    plan, _, truths, _ = ran
    assert leaks(truths, plan.workspace) == ()
    assert leaks(truths, prefect_home) == ()
    rows = 0
    with closing(sqlite3.connect(prefect_home / "prefect.db")) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in database.execute(f"select * from {table}"):
                rows += 1
                assert truths.identities_in(repr(row).encode()) == []
    assert rows > 100, "the search must have seen the runs, their logs and their artifacts"


def test_the_search_for_identities_would_find_one(ran, tmp_path):
    _, _, truths, _ = ran
    (tmp_path / "note.txt").write_text(f"seen: {truths.identities[0]}")
    (tmp_path / truths.identities[1].replace("/", " ")).write_bytes(gzip.compress(b"nothing"))
    assert len(leaks(truths, tmp_path)) == 2


def test_prefect_has_recorded_the_end_of_every_run(begun, ran, prefect_home):
    with closing(sqlite3.connect(prefect_home / "prefect.db")) as database:
        # the runs of this module: other tests have some that fail or are killed
        for asked in (
            "select state_type from flow_run where start_time >= ?",
            "select task.state_type from task_run as task join flow_run as flow on task.flow_run_id = flow.id "
            "where flow.start_time >= ?",
        ):
            assert {state for (state,) in database.execute(asked, (begun,))} == {"COMPLETED"}


def test_a_second_run_computes_nothing_and_says_so(ran):
    plan, first, _, _ = ran
    second = full_study(plan)
    assert second.total("computed") == 0
    assert second.lines()[0].startswith("0 items computed")
    assert dict(second.refs()) == dict(first.refs())


def test_one_more_patient_costs_that_patient_and_the_cohort_only(ran):
    plan, _, _, cohort = ran
    add_patient(cohort, 7, 12)
    made = computed(full_study(plan))
    assert made["scan_dicom"] == 1
    assert made["read_dicom"] == 3
    assert made["draw_region"] == 4
    assert made["preprocess"] == 2
    assert made["fuse"] == 1
    assert made["build_cohort"] == 1
    assert made["evaluate"] == 1
    per_image = ("preprocess_mask", "detect", "radiomics", "count_lesions")
    assert all(made[stage] <= 6 for stage in per_image), made


def test_every_number_leads_back_to_source_files(ran):
    plan, results, _, cohort = ran
    told = explain(plan.workspace, "report", everything=True)
    named = set(re.findall(r"source file sha256 ([0-9a-f]{64})", told))
    there = {hashlib.sha256(file.read()).hexdigest() for file in walk(cohort).files}
    assert len(named) > 400
    assert named <= there
    assert results.cohort.cohort.kind == "cohort"


def test_steps_run_alone_and_take_up_what_is_there(ran):
    plan, _, _, _ = ran
    study = ingest_study(plan)
    assert study.kind == "study"
    mined = mine_cohort(plan)
    assert mined.rules is not None
    assert report_study(plan).total("computed") == 0
