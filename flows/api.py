"""The Prefect API a flow reports to: the one that is configured, or one of our own for the time of the run."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import queue
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx
from prefect._internal.concurrency import logger as prefects_own_log
from prefect.events.worker import EventsWorker
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)
from pydantic import SecretStr

from data_catalog.errors import PlanError, RunInterrupted
from flows.own_server import end_ahead, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from prefect._internal.concurrency.services import QueueService

    from flows.own_server import OwnServer

START_SECONDS = 180
"""Longest wait for the server: the first start makes the database, on a busy machine in a minute."""
ANSWER_SECONDS = 30
LOOK_SECONDS = 0.05
"""Between two looks whether our own server answers."""
EVENT_SECONDS = 10
"""Longest wait for the events and lines of the log that Prefect still has to send."""
DRAIN_SECONDS = 60
"""Longest wait, at the end, for the records of the last task runs."""
FINISHED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
OWN = "own"
"""Stands for the server that a run brings along: all of them have one database."""


_SENDERS: list[tuple[QueueService[Any], asyncio.Task[None] | None]] = []
"""What sends events and the log, and its task, once it was told to end."""


@contextmanager
def api(wanted: str | None = None, meanwhile: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Give the address of a Prefect API: the one wanted or configured, else a server of our own until the block ends.

    The server listens on the loopback address alone, keeps its records in Prefect's own database
    (`PREFECT_HOME`) and ends with this process, however that ends. It takes some seconds to start: `meanwhile` is
    called in these.

    Raises
    ------
    PlanError
        When nothing answers at the address wanted.
    RunInterrupted
        When the server of our own does not answer in time.
    """
    prefects_own_log.disabled = False
    with _quietly():
        if wanted:
            end_ahead()
            with _set(_require(wanted)):
                yield wanted
            return
        configured = PREFECT_API_URL.value()
        if configured:
            end_ahead()
            yield configured
            return
        server = started()
        try:
            meanwhile()
            _wait_for(server)
            with _set(server.url):
                yield server.url
        finally:
            server.end()
            drop_events()


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep from the terminal what Prefect says of each event that a server which is gone does not take."""
    prefects_own_log.addFilter(_is_news)
    try:
        yield
    finally:
        prefects_own_log.removeFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Say whether a line of Prefect's own log tells more than that the server is gone, which the run tells once.

    Each of them would hold a whole event or the lines of a log; what we keep of a run does not depend on them.
    """
    return not str(record.msg).startswith("Service %r failed to process item")


@contextmanager
def without_heartbeats() -> Iterator[None]:
    """Have Prefect send no heartbeats of the flows in the block, where nobody listens to them.

    At the end of each flow it waits for the thread that sends them, for up to a second. Of a flow inside another the
    outer one's tell enough, and to a server of our own nobody listens.
    """
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


@contextmanager
def _set(url: str) -> Iterator[None]:
    """Have Prefect use an API in the block, and the workers that are started in it: they start no server."""
    before = os.environ.get("PREFECT_API_URL")
    os.environ["PREFECT_API_URL"] = url
    try:
        with temporary_settings({PREFECT_API_URL: url}):
            yield
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        if before is not None:
            os.environ["PREFECT_API_URL"] = before


def _require(url: str) -> str:
    try:
        if httpx.get(f"{url}/health", timeout=ANSWER_SECONDS).is_success:
            return url
        came = "what answers there is no API of Prefect"
    except (httpx.TransportError, httpx.UnsupportedProtocol, httpx.InvalidURL):
        came = "nothing answers there"
    raise PlanError(
        "compute.prefect_api is the address of a Prefect API, such as http://host:4200/api",
        f"{came}",
        "Start `prefect server start`, correct the address, or leave the field empty.",
    )


@contextmanager
def required_throughout(url: str) -> Iterator[None]:
    """Say plainly that an API is gone, where what the block does fails for want of it.

    Raises
    ------
    RunInterrupted
        As said.
    """
    try:
        yield
    except httpx.TransportError as fault:
        if _answers(url):
            raise
        drop_events()
        raise RunInterrupted(
            "Prefect's server answers until the run has ended",
            f"it does no longer ({type(fault).__name__})",
            "Run the same plan again, once it does: what is done is kept and reused.",
        ) from None


def send_events(url: str) -> None:
    """Have Prefect send the events and lines of the log that wait, for a time at most, where its API answers."""
    _SENDERS[:] = [(sender, task) for sender, task in _SENDERS if task is not None and not task.done()]
    _SENDERS.extend((sender, sender._task) for sender in _senders())  # noqa: SLF001 - it has no other way
    if _answers(url):
        EventsWorker.drain_all(timeout=EVENT_SECONDS)


def drop_events() -> None:
    """Have Prefect send no event and no line of the log that still waits.

    At the end of the process it would try to send each of them to a server that is gone, for up to a minute.
    """
    _SENDERS.extend((sender, sender._task) for sender in _senders())  # noqa: SLF001
    while _SENDERS:
        sender, task = _SENDERS.pop()
        with suppress(queue.Empty):
            while True:
                sender._queue.get_nowait()  # noqa: SLF001
        if sender._loop is not None and task is not None and not task.done():  # noqa: SLF001
            prefects_own_log.disabled = True  # nobody needs to know that it was ended
            sender._loop.call_soon_threadsafe(task.cancel)  # noqa: SLF001


def _senders() -> list[QueueService[Any]]:
    return list(EventsWorker._instances.values())  # type: ignore[misc]  # noqa: SLF001 - all kinds of them


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=ANSWER_SECONDS).is_success
    except httpx.TransportError:
        return False


def credentials() -> dict[str, str]:
    """Return the headers that let us into the configured API: its password, or the key of Prefect's cloud."""
    password, key = PREFECT_API_AUTH_STRING.value(), PREFECT_API_KEY.value()
    if password:
        return {"Authorization": f"Basic {base64.b64encode(_text(password)).decode()}"}
    return {"Authorization": f"Bearer {_text(key).decode()}"} if key else {}


def _text(secret: str | SecretStr) -> bytes:
    return (secret if isinstance(secret, str) else secret.get_secret_value()).encode()


def drain(url: str, flow_runs: list[UUID], expected: int, seconds: float) -> bool:
    """Wait until the API has recorded the end of every task run, for a time; return whether it has."""
    wanted = {
        "flow_runs": {"id": {"any_": [str(run) for run in flow_runs]}},
        "task_runs": {"state": {"type": {"any_": list(FINISHED)}}},
    }
    limit = time.monotonic() + seconds
    with httpx.Client(timeout=ANSWER_SECONDS, headers=credentials()) as client:
        while time.monotonic() < limit:
            answer = client.post(f"{url}/task_runs/count", json=wanted)
            if answer.raise_for_status().json() >= expected:
                return True
            time.sleep(LOOK_SECONDS)
    return False


def _wait_for(server: OwnServer) -> None:
    limit = time.monotonic() + START_SECONDS
    with httpx.Client(verify=False) as client:
        while time.monotonic() < limit and server.process.poll() is None:
            try:
                if client.get(f"{server.url}/health", timeout=START_SECONDS).is_success:
                    return
            except httpx.TransportError:
                time.sleep(LOOK_SECONDS)
    raise RunInterrupted(
        f"Prefect's server answers within {START_SECONDS} s",
        "it did not",
        "Run `prefect server start` to see why, or set PREFECT_API_URL to one that runs.",
    )
