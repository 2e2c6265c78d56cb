"""Prefect's server, the deployments and a worker on this machine, for the run button."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import httpx

from data_catalog.errors import PlanError
from flows.api import START_SECONDS
from flows.deploy import of_everyone, register
from flows.own_server import with_defaults
from flows.server import POOL, make_pool, prefect_command
from flows.worker import LOOPBACK, worker_command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

END_SECONDS = 15
"""A worker or a server that has not ended by then is ended."""


def serve(port: int, tell: Callable[[str], None]) -> None:
    """Start the server (unless one listens already), register the deployments, and work until interrupted.

    Raises
    ------
    PlanError
        When the server does not start, or a deployment cannot be registered.
    """
    url = f"http://127.0.0.1:{port}"
    environment = {**LOOPBACK, **with_defaults(os.environ), "PREFECT_API_URL": f"{url}/api"}
    started: list[subprocess.Popen[bytes]] = []
    try:
        if not _answers(url):
            server = ("server", "start", "--host", "127.0.0.1", "--port", str(port))
            started.append(_prefect(server, environment))
            _wait(url, started[0])
        make_pool(POOL, environment)
        register(of_everyone(), environment)
        tell(f"Prefect is at {url}: choose Deployments, full-study, Run. Ctrl-C ends it.")
        started.append(subprocess.Popen(worker_command(), env=environment))
        started[-1].wait()
    except KeyboardInterrupt:
        tell("Ending.")
    finally:
        for process in reversed(started):
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _prefect(words: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(prefect_command(words), env=environment)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/health", timeout=5).is_success
    except httpx.TransportError:
        return False


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + START_SECONDS
    while not _answers(url):
        if server.poll() is not None or time.monotonic() > limit:
            raise PlanError(
                f"Prefect's server starts at {url}", "it did not", "See its messages above, or choose another --port."
            )
        time.sleep(0.3)
