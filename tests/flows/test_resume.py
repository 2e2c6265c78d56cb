"""A run that is killed is taken up where it stood, and changed code makes stale only what depends on it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import psutil
import pytest
import yaml

from data_catalog.store import Store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 900
"""Long enough for a machine that is busy with other things."""


@pytest.fixture(scope="module")
def plan_file(small_cohort, tmp_path_factory):
    """Write the light plan, images and features without models, beside a copy of the code that a test may edit."""
    folder = tmp_path_factory.mktemp("resume")
    for package in ("data_catalog", "tasks", "flows", "deployments"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    held = yaml.safe_load((files("deployments") / "plans" / "demo.yaml").read_text(encoding="utf-8"))
    held["sources"] = [{"method": "dicom", "path": str(small_cohort / "scans")}]
    held["clinical"]["path"] = str(small_cohort / "clinical.csv")
    held["events"]["path"] = str(small_cohort / "events.csv")
    held |= {"learn": None, "mine": None, "events": None}
    for measured in held["radiomics"]:  # the copied code would compile its kernels anew
        measured["extractor"]["families"] = ["statistics"]
    held["compute"] = {"workers": 2, "batch": 5}
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(held), encoding="utf-8")
    return path


def command(plan_file, workspace):
    return [sys.executable, "-m", "flows.cli", "run", str(plan_file), "--set", f"workspace={workspace}"]


def run(plan_file, workspace):
    done = subprocess.run(
        command(plan_file, workspace),
        cwd=plan_file.parent,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def digests(workspace):
    return {ref.digest: ref.kind for ref in Store(workspace / "store").artefacts()}


def counts(told):
    """Return how many items of each stage were computed, from the lines of a run."""
    found = re.findall(r"^(\w[\w ]*?)\s+\d+ items (?:(\d+) computed)?", told, re.MULTILINE)
    return {stage: int(number or 0) for stage, number in found}


@pytest.fixture(scope="module")
def undisturbed(plan_file, tmp_path_factory):
    workspace = tmp_path_factory.mktemp("undisturbed")
    run(plan_file, workspace)
    return workspace


def states_of_runs():
    """Return the states of all flow runs in Prefect's own database."""
    with closing(sqlite3.connect(Path(os.environ["PREFECT_HOME"]) / "prefect.db")) as database:
        return {state for (state,) in database.execute("select state_type from flow_run")}


def wait_until(holds, process):
    limit = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < limit, "the run made nothing"
        time.sleep(0.02)


def test_a_run_whose_worker_and_then_whose_process_is_killed_ends_as_an_undisturbed_one(
    plan_file, undisturbed, tmp_path
):
    process = subprocess.Popen(
        command(plan_file, tmp_path),
        cwd=plan_file.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    objects = tmp_path / "store" / "objects"

    def made():
        return len(list(objects.glob("*/*"))) if objects.exists() else 0

    wait_until(lambda: made() > 30, process)
    family = psutil.Process(process.pid).children(recursive=True)
    workers = [one for one in family if "multiprocessing" in " ".join(one.cmdline())]
    assert workers, "the workers run in processes of their own"
    workers[0].send_signal(signal.SIGKILL)
    wait_until(lambda: made() > 80, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = digests(tmp_path)
    assert set(before) < set(digests(undisturbed))
    told = run(plan_file, tmp_path)
    assert "RUNNING" not in states_of_runs(), "what was killed does not show as running for ever"
    assert "CRASHED" in states_of_runs()
    assert int(re.search(r"(\d+) reused, \d+ refused", told).group(1)) >= len(before) // 2
    assert digests(tmp_path) == digests(undisturbed)
    store = Store(tmp_path / "store")
    for ref in store.artefacts():
        store.verify(ref)
    _gone, alive = psutil.wait_procs(family, timeout=60)
    assert not alive, "a killed run leaves no process behind"


def test_an_edit_of_one_method_computes_only_what_depends_on_it(plan_file, undisturbed, tmp_path):
    workspace = shutil.copytree(undisturbed, tmp_path / "results")
    log_blobs = plan_file.parent / "tasks" / "methods" / "detection" / "blobs.py"
    log_blobs.write_text(log_blobs.read_text() + "\n\n# a remark changes nothing\n")
    assert "0 items computed" in run(plan_file, workspace)
    log_blobs.write_text(log_blobs.read_text() + "\n\nANOTHER_LIMIT = 3\n")
    made = {stage: number for stage, number in counts(run(plan_file, workspace)).items() if number}
    assert made["detect"] == 12
    assert set(made) <= {"detect", "write report"}, "the same detections need nothing new"


def test_without_the_plan_file_the_remedy_is_named(tmp_path):
    done = subprocess.run(command(tmp_path / "none.yaml", tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "voxmine init" in done.stderr
    assert "Traceback" not in done.stderr
