"""Show on the terminal how far the stages of a run have come."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows import runtime
from flows.progress_artifacts import DONE, HIDDEN

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from rich.progress import TaskID


@contextmanager
def shown(console: Console | None = None) -> Iterator[None]:
    """Show a bar for each stage while the block runs; without a terminal, a line for each stage that is done."""
    console = console or Console(stderr=True)
    listener = _Bars(console) if console.is_terminal else _Lines(console)
    with listener:
        runtime.LISTENERS.append(listener)
        runtime.SAID.append(console.print)
        try:
            yield
        finally:
            runtime.LISTENERS.remove(listener)
            runtime.SAID.remove(console.print)


class _Bars:
    """One bar a stage."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self.bars: dict[str, TaskID] = {}

    def __enter__(self) -> None:
        self.progress.start()

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def __call__(self, stage: str, counter: Counter[str]) -> None:
        if stage in HIDDEN:
            return
        if stage not in self.bars:
            self.bars[stage] = self.progress.add_task(words(stage), note="")
        done = sum(counter[word] for word in DONE)
        self.progress.update(self.bars[stage], completed=done, total=counter["items"], note=_note(counter))


class _Lines:
    """One line a stage, when it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, stage: str, counter: Counter[str]) -> None:
        done = sum(counter[word] for word in DONE)
        if done and done == counter["items"] and stage not in HIDDEN:
            self.console.print(f"{words(stage):<18} {done} items {_note(counter)}", highlight=False)


def words(stage: str) -> str:
    """Return a stage's name as words."""
    return stage.replace("_", " ")


def _note(counter: Counter[str]) -> str:
    parts = [f"{counter[word]} {word}" for word in ("computed", "reused", "refused", "failed") if counter[word]]
    return ", ".join(parts)
