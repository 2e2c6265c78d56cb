"""Prefect's server, the deployments and a worker on this machine, for the run button."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import httpx

from data_catalog.errors import PlanError
from flows.api import START_SECONDS, with_defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POOL = "voxmine"
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
    environment = {**with_defaults(os.environ), "PREFECT_API_URL": f"{url}/api"}
    started: list[subprocess.Popen[bytes]] = []
    try:
        if not _answers(url):
            server = ("server", "start", "--host", "127.0.0.1", "--port", str(port))
            started.append(_prefect(server, environment))
            _wait(url, started[0])
        register(environment)
        tell(f"Prefect is at {url}: choose Deployments, full-study, Run. Ctrl-C ends it.")
        started.append(_prefect(("worker", "start", "--pool", POOL), environment))
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


def register(environment: dict[str, str]) -> None:
    """Make the work pool and the deployments of `deployments/prefect.yaml` known to the server."""
    _run(("work-pool", "create", POOL, "--type", "process", "--overwrite"), environment)
    with as_file(files("deployments") / "prefect.yaml") as path:
        _run(("--no-prompt", "deploy", "--all", "--prefect-file", str(path)), environment)


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "prefect", *words]


def _prefect(words: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(_command(words), env=environment)


def _run(words: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(_command(words), env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PlanError(
            f"`prefect {' '.join(words[:3])}` succeeds",
            (done.stdout + done.stderr).strip()[-2000:],
            "Mend what it names.",
        )


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
