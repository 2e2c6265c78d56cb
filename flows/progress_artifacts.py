"""Show in Prefect how far the stages of a run have come, at most every few seconds."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, cast

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectHTTPStatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from uuid import UUID

SECONDS = 5.0
"""Between two looks: an item may take a millisecond, and every update is a request to the server."""
DONE = ("computed", "reused", "failed")
HIDDEN = frozenset({"keep_study"})
"""Stages that only write down what the others have made."""


class ProgressArtifacts:
    """One progress artifact a stage, made when the stage is first seen and brought up to date when it has moved.

    Parameters
    ----------
    study : str
        Name of the study, with which the artifacts' keys begin.
    counts : mapping
        Items of each stage, in all and by what became of them; others change it meanwhile.
    """

    def __init__(self, study: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        self.study, self.counts = study, counts
        self.made: dict[str, UUID] = {}
        self.told: dict[str, float] = {}

    def tell(self) -> None:
        """Bring the artifacts up to date."""
        for stage, counter in list(self.counts.items()):
            if stage in HIDDEN or not counter["items"]:
                continue
            percent = round(100 * sum(counter[word] for word in DONE) / counter["items"], 1)
            if self.told.get(stage) == percent:
                continue
            if stage in self.made:
                update_progress_artifact(self.made[stage], percent)
            else:
                words = stage.replace("_", " ")
                key = f"{self.study}-{stage}".replace("_", "-")
                made = create_progress_artifact(percent, key=key, description=f"Items done: {words}")
                self.made[stage] = cast("UUID", made)
            self.told[stage] = percent


@contextmanager
def progress_artifacts(
    study: str, counts: Mapping[str, Mapping[str, int]], say: Callable[[str], None]
) -> Iterator[None]:
    """Keep the progress of the run that is under way up to date in Prefect while the block runs.

    A server that does not answer ends the showing, and is told; it does not end the run.
    """
    shown, ended = ProgressArtifacts(study, counts), threading.Event()

    def go_on() -> None:
        try:
            while not ended.wait(SECONDS):
                shown.tell()
            shown.tell()
        except (httpx.HTTPError, PrefectHTTPStatusError):
            say("Prefect does not answer: progress is no longer shown there.")

    thread = threading.Thread(target=copy_context().run, args=(go_on,), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
