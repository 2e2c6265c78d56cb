"""Runs whose process or server was killed: Prefect shows them as running, until the next run says that they are not."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
from prefect import tags
from prefect.settings import PREFECT_HOME

from flows.api import credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "voxmine-runs"
"""In Prefect's home: a file for each process that has runs, or each run of a deployment, locked as long as it lives."""
TAG = "process-"
"""Begins the tag that Prefect gives to every run of a process when it makes the run: a moment later may be too late."""
UNFINISHED = ("RUNNING", "PENDING", "CANCELLING")
CRASHED = {"type": "CRASHED", "name": "Crashed", "message": "The process of this run, or its server, was killed."}
SECONDS = 30
RUN_NAME = 36
"""Characters of a run's id."""


@contextmanager
def alive(name: str, server: str) -> Iterator[None]:
    """Show other processes of this machine in the block that a run is alive; the system lets go when it is killed.

    A run that fails may have lost its server: the next run looks what the server knows of it.

    Parameters
    ----------
    name : str
        The run's id in Prefect, or what is behind `TAG` in the tag of the runs of this process.
    server : str
        Which server it reports to.
    """
    path = _folder() / name
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(server)
        file.flush()
        yield
        path.unlink(missing_ok=True)


@contextmanager
def process_alive(server: str) -> Iterator[None]:
    """Show that every run is alive that Prefect makes in the block."""
    name = uuid4().hex[:12]
    with alive(name, server), tags(TAG + name):
        yield


def end_left_runs(url: str, server: str) -> int:
    """Tell an API that the runs of this machine whose process is gone have crashed; return how many there were.

    Parameters
    ----------
    url : str
        Address of the API.
    server : str
        What the runs say of where they report to; those of other servers are left alone.
    """
    return sum(_ended(path, url) for path in sorted(_folder().iterdir()) if _is_left(path, server))


def _folder() -> Path:
    folder = Path(PREFECT_HOME.value()) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_left(path: Path, server: str) -> bool:
    """Say whether nobody holds the file of a run any more, and the run reported to this server."""
    try:
        with path.open("r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file.read() == server
    except OSError:  # it is held, or was removed in the meantime
        return False


def _ended(path: Path, url: str) -> int:
    """Mark what is unfinished of a process, or of a run and the runs inside it; return how many that were."""
    with httpx.Client(base_url=url, timeout=SECONDS, headers=credentials()) as client:
        found = list(_unfinished(path.name, client))
        for run in found:
            _crash(f"/flow_runs/{run}", client)
        for task in _tasks_of(found, client):
            _crash(f"/task_runs/{task}", client)
    path.unlink(missing_ok=True)
    return len(found)


def _crash(run: str, client: httpx.Client) -> None:
    client.post(f"{run}/set_state", json={"state": CRASHED, "force": True}).raise_for_status()


def _tasks_of(flow_runs: list[str], client: httpx.Client) -> Iterator[str]:
    """Yield the unfinished task runs of some flow runs, as many at once as the API gives."""
    wanted = {
        "flow_runs": {"id": {"any_": flow_runs}},
        "task_runs": {"state": {"type": {"any_": UNFINISHED}}},
    }
    told: set[str] = set()
    while flow_runs:
        found = client.post("/task_runs/filter", json=wanted).raise_for_status().json()
        more = {task["id"] for task in found} - told
        if not more:
            return
        yield from more
        told |= more


def _unfinished(name: str, client: httpx.Client) -> Iterator[str]:
    is_process = len(name) != RUN_NAME
    wanted: dict[str, object] = {"tags": {"any_": [TAG + name]}} if is_process else {"id": {"any_": [name]}}
    while wanted:
        answer = client.post("/flow_runs/filter", json={"flow_runs": wanted}).raise_for_status()
        runs = answer.json()
        yield from (run["id"] for run in runs if run["state_type"] in UNFINISHED)
        inside = [] if is_process else [run["id"] for run in runs]
        wanted = {"parent_flow_run_id": {"any_": inside}} if inside else {}
