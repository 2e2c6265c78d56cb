"""Remove from a store what no kept run needs: looked at first, and never while a run is going."""

from __future__ import annotations

import secrets
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from data_catalog.errors import StoreError
from data_catalog.lineage import history
from data_catalog.runs import SILENT, Run, Runs, moment, now
from data_catalog.store import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from data_catalog.refs import Ref
    from data_catalog.store import Store

LOCK = f"{RUNS}/collecting"
"""Tells that artefacts are being removed: when that was begun, and by whom."""
KEPT = 3
"""Completed runs of each study that are kept unless another number is said."""
YOUNG = timedelta(hours=24)
"""What is younger is left: somebody may be about to use it."""


@dataclass(frozen=True)
class Garbage:
    """What a collection would remove, and what it leaves."""

    refs: tuple[Ref, ...]
    bytes: int
    """Size of the artefacts."""
    runs: tuple[str, ...]
    """Runs that are forgotten."""
    kept_runs: tuple[str, ...]
    kept: int
    """Artefacts that kept runs need."""
    young: int
    """Artefacts that none needs, but that are too young."""


def is_collecting(store: Store) -> bool:
    """Return whether artefacts are being removed from a store."""
    begun = _lock(store)
    return begun is not None and now() - datetime.fromisoformat(begun[0]) < SILENT


def garbage(store: Store, keep: int = KEPT, young: timedelta = YOUNG, also: Iterable[Ref] = ()) -> Garbage:
    """Return what may go: the artefacts that no kept run has made or used, nor anything it was made from.

    Kept are the last completed runs of each study, pinned runs, those that were begun lately, and those that are
    going; and what is named in `also`, with all that it was made from.

    Raises
    ------
    StoreError
        When the store knows no run, and nothing else is named: then all would be garbage.
    """
    runs = Runs(store)
    known = runs.all()
    kept = [run for run in known if _is_kept(runs, run, known, keep, young)]
    roots = {one.ref for run in kept for one in runs.did(run.name)}
    roots |= {ref for run in kept for ref in run.results.values()} | set(also)
    if not roots:
        raise StoreError(
            "A run that is kept says what the store is needed for",
            "the store knows none",
            "Run a plan first, so that what it needs is known; or delete the store's folder if you mean all of it.",
        )
    needed = history(sorted(roots, key=lambda ref: ref.digest), lambda refs: store.each(store.records, refs))
    unneeded = {ref: made for ref, made in _sizes_and_ages(store).items() if ref not in needed}
    limit = (now() - young).isoformat(timespec="milliseconds")
    old = {ref: size for ref, (size, newest) in unneeded.items() if newest < limit}
    forgotten = tuple(run.name for run in known if run not in kept)
    return Garbage(
        refs=tuple(sorted(old, key=lambda ref: ref.digest)),
        bytes=sum(old.values()),
        runs=forgotten,
        kept_runs=tuple(run.name for run in kept),
        kept=len(needed),
        young=len(unneeded) - len(old),
    )


def collect(store: Store, keep: int = KEPT, young: timedelta = YOUNG, also: Iterable[Ref] = ()) -> Garbage:
    """Remove what `garbage` names; return it.

    Runs and collections shut each other out: a run notes that it is going and then looks for a collection, a
    collection notes that it is going and then looks for runs, so that at least one of two sees the other.

    Raises
    ------
    StoreError
        When a run is going, or another collection; and as `garbage` does.
    """
    with _alone(store):
        found = garbage(store, keep, young, also)
        runs = Runs(store)
        for name in found.runs:
            runs.remove(name)
        for ref in found.refs:
            store.discard(ref)
    return found


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Shut out runs and other collections while the block goes on."""
    if is_collecting(store):
        raise StoreError(
            "One collection at a time removes artefacts",
            "another is going",
            f"Wait until it is done; if it was killed, {SILENT.total_seconds() / 60:.0f} minutes.",
        )
    mine = f"{moment()} {secrets.token_hex(8)}"
    store.shelf.write(LOCK, mine.encode())
    try:
        going = Runs(store).going()
        held = _lock(store)
        if going or held is None or " ".join(held) != mine:
            who = ", ".join(run.name for run in going) or "another collection"
            raise StoreError(
                "Nothing is removed while a run is going",
                f"{who} is",
                f"Wait until it has ended; one that was killed counts for {SILENT.total_seconds() / 60:.0f} minutes.",
            )
        yield
    finally:
        held = _lock(store)
        if held is not None and " ".join(held) == mine:
            store.shelf.remove(LOCK)


def _lock(store: Store) -> tuple[str, str] | None:
    try:
        begun, _, who = store.shelf.read(LOCK).decode().partition(" ")
    except FileNotFoundError:
        return None
    return begun, who


def _is_kept(runs: Runs, run: Run, known: list[Run], keep: int, young: timedelta) -> bool:
    completed = [one for one in known if one.study == run.study and one.state == "completed"]
    is_last = run in completed[-keep:] if keep else False
    is_young = now() - datetime.fromisoformat(run.started) < young
    return is_last or is_young or run.is_going(now()) or runs.is_pinned(run.name)


def _sizes_and_ages(store: Store) -> dict[Ref, tuple[int, str]]:
    """Return of every artefact its size, and when the newest of its records was begun."""
    newest: dict[Ref, str] = defaultdict(str)
    for record in store.every_record():
        newest[record.output] = max(newest[record.output], record.started)
    return {ref: (size, newest[ref]) for ref, size in store.sizes()}
