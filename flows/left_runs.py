"""Runs whose process or server was killed: Prefect shows them as running, until the next run says that they are not."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from prefect.settings import PREFECT_HOME

from flows.api import credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

FOLDER = "voxmine-runs"
"""In Prefect's home: one file a run of this machine, locked as long as its process lives."""
UNFINISHED = {"RUNNING", "PENDING", "CANCELLING"}
CRASHED = {"type": "CRASHED", "name": "Crashed", "message": "The process of this run, or its server, was killed."}
SECONDS = 30


@contextmanager
def alive(run: UUID | None, server: str) -> Iterator[None]:
    """Show other processes of this machine in the block that a run is alive; the system lets go when it is killed.

    A run that fails may have lost its server: the next run looks what the server knows of it.
    """
    if run is None:
        yield
        return
    path = _folder() / str(run)
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(server)
        file.flush()
        yield
        path.unlink(missing_ok=True)


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


def _ended(path: Path, url: str) -> bool:
    run = httpx.get(f"{url}/flow_runs/{path.name}", timeout=SECONDS, headers=credentials())
    is_unfinished = run.is_success and run.json().get("state_type") in UNFINISHED
    if is_unfinished:
        body = {"state": CRASHED, "force": True}
        address = f"{url}/flow_runs/{path.name}/set_state"
        httpx.post(address, json=body, timeout=SECONDS, headers=credentials()).raise_for_status()
    path.unlink(missing_ok=True)
    return is_unfinished
