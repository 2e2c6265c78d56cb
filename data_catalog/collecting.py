"""Remove from a store what no kept run needs: looked at first, and never while a run is going."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from data_catalog.errors import StoreError
from data_catalog.lineage import history
from data_catalog.runs import BEAT_SECONDS, SILENT, Run, Runs, moment, now
from data_catalog.store import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data_catalog.refs import Ref
    from data_catalog.store import Store

LOCK = f"{RUNS}/collecting"
"""Tells that artefacts are being removed: when that was last said, and by whom."""
KEPT = 3
"""Completed runs of each study that are kept unless another number is said."""
YOUNG = timedelta(hours=24)
"""What is younger is left: somebody may be about to use it."""
MINUTES = SILENT.total_seconds() / 60
AT_ONCE = 100
"""Artefacts that are removed before it is looked again whether nobody else has begun."""


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
    held = _held(store)
    return held is not None and now() - datetime.fromisoformat(held[0]) < SILENT


def garbage(store: Store, keep: int = KEPT, young: timedelta = YOUNG, also: Iterable[Ref] = ()) -> Garbage:
    """Return what may go: the artefacts that no kept run has made or used, nor anything it was made from.

    Kept are the last completed runs of each study, pinned runs, those that were going lately, and those that are
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
        When a run is going, or another collection, or this one was silent for so long that others may have begun; and
        as `garbage` does.
    """
    with _Lock(store) as lock:
        found = garbage(store, keep, young, also)
        lock.require()
        runs = Runs(store)
        for name in found.runs:
            runs.remove(name)
        for start in range(0, len(found.refs), AT_ONCE):
            lock.require()
            for ref in found.refs[start : start + AT_ONCE]:
                store.discard(ref)
    return found


class _Lock:
    """Shuts out runs and other collections while its block goes on, and goes on saying so.

    Parameters
    ----------
    store : Store
        The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mine = secrets.token_hex(8)
        self._ended = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="voxmine-collecting", daemon=True)

    def __enter__(self) -> Self:
        if is_collecting(self._store):
            raise StoreError(
                "One collection at a time removes artefacts",
                "another is going",
                f"Wait until it is done; if it was killed, {MINUTES:.0f} minutes.",
            )
        self._write()
        try:
            self._require_alone()
        except BaseException:
            self._remove()
            raise
        self._beats.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._beats.join()
        self._remove()

    def require(self) -> None:
        """Raise `StoreError` where others may no longer see that artefacts are being removed."""
        if not (self._is_ours() and is_collecting(self._store)):
            raise StoreError(
                "The store is held for the collection until it has removed what nobody needs",
                "it has been silent for too long, or another has taken its place",
                "Collect again; what has been removed so far, nobody needed.",
            )

    def _require_alone(self) -> None:
        going = Runs(self._store).going()
        if going or not self._is_ours():
            raise StoreError(
                "Nothing is removed while a run is going",
                f"{', '.join(run.name for run in going) or 'another collection'} is",
                f"Wait until it has ended; one that was killed on another machine counts for {MINUTES:.0f} minutes.",
            )

    def _write(self) -> None:
        self._store.shelf.write(LOCK, f"{moment()} {self._mine}".encode())

    def _is_ours(self) -> bool:
        held = _held(self._store)
        return held is not None and held[1] == self._mine

    def _remove(self) -> None:
        if self._is_ours():
            self._store.shelf.remove(LOCK)

    def _beat(self) -> None:
        """Say from time to time that artefacts are being removed; a lock that was taken away is not taken back."""
        while not self._ended.wait(BEAT_SECONDS):
            try:
                if not self._is_ours():
                    return
                self._write()
            except OSError:
                continue


def _held(store: Store) -> tuple[str, str] | None:
    """Return when it was last said that artefacts are being removed, and by whom."""
    try:
        said, _, who = store.shelf.read(LOCK).decode().partition(" ")
    except FileNotFoundError:
        return None
    return said, who


def _is_kept(runs: Runs, run: Run, known: list[Run], keep: int, young: timedelta) -> bool:
    completed = [one for one in known if one.study == run.study and one.state == "completed"]
    is_last = run in completed[-keep:] if keep else False
    is_young = now() - datetime.fromisoformat(run.beat) < young
    return is_last or is_young or run.is_going(now()) or runs.is_pinned(run.name)


def _sizes_and_ages(store: Store) -> dict[Ref, tuple[int, str]]:
    """Return of every artefact its size, and when the newest of its records was begun."""
    return {ref: (size, max((one.started for one in records), default="")) for ref, size, records in store.stock()}
