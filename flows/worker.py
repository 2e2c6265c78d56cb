"""`voxmine worker`: work on the runs that a Prefect server has for this machine."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from flows.server import POOL, client, environment, prefect_command

LOOPBACK = {"PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1"}
"""Where a worker tells that it is alive; Prefect would open that port on every address of the machine."""


def worker_command(pool: str = POOL, *, name: str = "", limit: int | None = None, health: bool = False) -> list[str]:
    """Return the command line of a process worker.

    Parameters
    ----------
    pool : str
        Work pool to take runs from.
    name : str
        Name that the server shows; empty takes one of Prefect's.
    limit : int, optional
        Runs at a time; None takes all that are due.
    health : bool
        Whether to tell at http://127.0.0.1:8080/health that it is alive (`PREFECT_WORKER_WEBSERVER_PORT`).
    """
    words = ["worker", "start", "--pool", pool, "--type", "process"]
    words += ["--name", name] if name else []
    words += ["--limit", str(limit)] if limit is not None else []
    words += ["--with-healthcheck"] if health else []
    return prefect_command(words)


def work(pool: str = POOL, *, name: str = "", limit: int | None = None, health: bool = False) -> NoReturn:
    """Become a process worker of the configured server: this process ends when the worker does.

    Raises
    ------
    PlanError
        When no server is configured, it does not answer, or it does not let us in.
    """
    client()
    command = worker_command(pool, name=name, limit=limit, health=health)
    sys.stdout.flush()
    os.execve(command[0], command, {**LOOPBACK, **environment()})
