"""A full disk or a lost server ends a run with what to do; nothing is half-written, and the next goes on from there."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from data_catalog.disk import Disk
from data_catalog.errors import RunInterrupted
from data_catalog.store import Store
from flows.api import api, required_throughout
from flows.ingest_study import ingest_study
from tests.data_catalog.conftest import leftovers
from tests.flows.conftest import light_plan


def running():
    """Return the task runs of Prefect's own database that have not ended."""
    with closing(sqlite3.connect(Path(os.environ["PREFECT_HOME"]) / "prefect.db")) as database:
        return set(database.execute("select id from task_run where state_type in ('PENDING', 'RUNNING')"))


def test_a_full_disk_ends_the_run_with_what_to_do_and_the_next_goes_on_from_there(small_cohort, tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.stage.WAIT_SECONDS", 0.0)
    plan = light_plan(small_cohort, tmp_path / "results", compute={"workers": 0})
    publish, published = Disk.publish, []
    with api():  # makes the database
        before = running()

    def until_full(shelf, folder, name, is_intact):
        if len(published) > 20:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder))
        published.append(name)
        publish(shelf, folder, name, is_intact)

    with monkeypatch.context() as full:
        full.setattr(Disk, "publish", until_full)
        with pytest.raises(RunInterrupted, match=r"No space left on device\. Mend that.*what is done is kept") as told:
            ingest_study(plan)
    assert str(tmp_path) not in str(told.value)
    store = Store(plan.store_folder)
    held = list(store.artefacts())
    assert len(held) > 10
    for ref in held:
        store.verify(ref)
    assert store.without_manifest() == []
    assert leftovers(store) == []
    assert running() <= before, "no task shows as running for ever"

    ingest_study(plan)
    undisturbed = light_plan(small_cohort, tmp_path / "undisturbed", compute={"workers": 0})
    ingest_study(undisturbed)
    assert set(store.artefacts()) == set(Store(undisturbed.store_folder).artefacts())


def test_a_server_that_is_gone_is_told_of_with_what_to_do():
    gone = "http://127.0.0.1:1/api"
    with (
        pytest.raises(RunInterrupted, match=r"it does no longer \(ConnectError\)\. Run the same plan again"),
        required_throughout(gone),
    ):
        httpx.get(gone)


def test_a_process_whose_server_is_gone_ends_soon_though_prefect_has_events_to_send(tmp_path):
    code = """
import httpx
from prefect.events import emit_event
from flows.api import required_throughout, send_events
gone = "http://127.0.0.1:1/api"
for number in range(40):
    emit_event("tried", resource={"prefect.resource.id": f"one.{number}"})
with required_throughout(gone):
    try:
        httpx.get(gone)
    finally:
        send_events(gone)
"""
    settings = {"PREFECT_API_URL": "http://127.0.0.1:1/api", "PREFECT_HOME": str(tmp_path)}
    environment = {**os.environ, **settings}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert "RunInterrupted" in done.stderr
    assert "pending items" not in done.stdout + done.stderr


def test_a_connection_that_fails_while_the_server_answers_is_a_fault_of_its_own(monkeypatch):
    monkeypatch.setattr("flows.api.httpx.get", lambda *_, **__: httpx.Response(200))
    with pytest.raises(httpx.ConnectError), required_throughout("http://127.0.0.1:1/api"):
        raise httpx.ConnectError("of another place")
