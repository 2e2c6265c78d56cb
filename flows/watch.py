"""Run a study again each time new complete studies have come."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from contextlib import contextmanager
from time import sleep
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError, VoxmineError
from flows.fetch_study import arrived, is_elsewhere
from flows.key import identities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flows.plan import Plan


def watch(
    plan: Plan, run: Callable[[], None], tell: Callable[[str], None], *, every_s: float = 60, once: bool = False
) -> None:
    """Look for new complete studies again and again, and run when there are; end with `KeyboardInterrupt`.

    What a run was for is noted in the workspace, so that neither a restart nor `once` runs the same again. A study
    to which files are added again, and which so is not complete, is no reason to run: the last one knows it as it
    was. A run that fails is told of, and tried again when something new has come.

    Parameters
    ----------
    plan : Plan
        With a drop folder or an archive among its sources.
    run : callable
        Runs the study.
    tell : callable
        Told what a reader should know.
    every_s : float
        Seconds between two looks.
    once : bool
        Look once, for a schedule of one's own; then a fault is raised.

    Raises
    ------
    PlanError
        When no source can bring anything new.
    """
    if not is_elsewhere(plan):
        raise PlanError(
            "A plan to watch has a drop folder or an archive among its sources",
            "it has neither",
            "Add a source with `method: drop_folder`, `dicomweb` or `pacs`, or run the plan once.",
        )
    note = plan.workspace / f".{plan.study}-watched"
    tried = frozenset(note.read_text(encoding="ascii").split()) if note.is_file() else frozenset()
    if not once:
        tell("Waiting for complete studies; Ctrl-C ends it.")
    with _terminable() as end_if_told:
        while True:
            try:
                state = _state(plan)
                if state - tried:
                    tried = state
                    run()
                    note.parent.mkdir(parents=True, exist_ok=True)
                    note.write_text("\n".join(sorted(state)), encoding="ascii")
            except VoxmineError as fault:
                if once:
                    raise
                tell(str(fault))
            end_if_told()
            if once:
                return
            sleep(every_s)


@contextmanager
def _terminable() -> Iterator[Callable[[], None]]:
    """Give a function that ends this process if it was told to by SIGTERM since the block began.

    While a flow runs, Prefect makes an exception of the signal, and Python drops an exception that arises where none
    can be raised, as in a finaliser: the flow ends well, and nobody knows of the signal. The system notes each.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.settimeout(0)
        writer.settimeout(0)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

        def end_if_told() -> None:
            try:
                came = reader.recv(4096)
            except BlockingIOError:
                return
            if signal.SIGTERM in came:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.kill(os.getpid(), signal.SIGTERM)

        try:
            yield end_if_told
        finally:
            signal.set_wakeup_fd(before)


def _state(plan: Plan) -> frozenset[str]:
    """Return an opaque word for each study that could be studied now, by this plan."""
    who = identities(plan)
    return frozenset(who.opaque(json.dumps([one, plan.model_dump_json()])) for one in arrived(plan, who))
