"""Prefect's server that is configured, and the commands of Prefect that are run against it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from data_catalog.errors import PlanError
from flows.own_server import with_defaults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prefect.client.orchestration import SyncPrefectClient

POOL = "voxmine"
"""Work pool of the deployments: of the type `process`, whose workers run a study on their own machine."""
EXISTS = "already exists"
REASON = re.compile(r"Validation failed[^\"]*")
"""What Prefect says of a field that it does not take; behind it comes the whole of the request."""
MOST_SAID = 2000
"""Characters of the end of what Prefect says, where no reason is found in it."""


def client() -> SyncPrefectClient:
    """Return a client of the configured server; `PREFECT_API_AUTH_STRING` is its password.

    Raises
    ------
    PlanError
        When no server is configured, it does not answer, or it does not let us in.
    """
    url = PREFECT_API_URL.value()
    if not url:
        raise PlanError(
            "PREFECT_API_URL names a Prefect server",
            "it names none",
            "Set it to http://HOST:4200/api, or use `voxmine ui`, which brings a server along.",
        )
    opened = get_client(sync_client=True)
    try:
        answer = opened.request("GET", "/admin/version")
    except httpx.HTTPStatusError as refused:
        raise PlanError(
            f"The Prefect server at {url} lets us in",
            f"it answers {refused.response.status_code}",
            "Set PREFECT_API_AUTH_STRING as the server has it (NAME:PASSWORD), and check the address.",
        ) from None
    except httpx.TransportError as fault:
        raise PlanError(
            f"A Prefect server answers at {url}",
            f"none does ({type(fault).__name__})",
            "Start one (`voxmine ui`, `prefect server start`), or correct PREFECT_API_URL.",
        ) from None
    answer.raise_for_status()
    return opened


def environment() -> dict[str, str]:
    """Return the environment for Prefect's commands: this one, with our settings where it has none."""
    return with_defaults(os.environ)


def prefect_command(words: Sequence[str]) -> list[str]:
    """Return the command line of one of Prefect's commands."""
    return [sys.executable, "-m", "prefect", *words]


def run_prefect(words: Sequence[str], environment: Mapping[str, str], *, unless: str = "") -> None:
    """Run one of Prefect's commands to its end.

    Parameters
    ----------
    words : sequence of str
        The command, without `prefect`.
    environment : mapping
        Its environment.
    unless : str
        Words of a failure that is none.

    Raises
    ------
    PlanError
        When it fails, with the end of what it said.
    """
    command = prefect_command(words)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip()
    if done.returncode and not (unless and unless in said):
        reasons = REASON.findall(said)
        came = " ".join(" ".join(reasons).split()) if reasons else said[-MOST_SAID:]
        raise PlanError(f"`prefect {' '.join(words[:3])}` succeeds", came, "Mend what it names.")


def make_pool(pool: str, environment: Mapping[str, str]) -> None:
    """Make a work pool for process workers, unless there is one of the name: its settings are its owner's."""
    run_prefect(("work-pool", "create", pool, "--type", "process"), environment, unless=EXISTS)
