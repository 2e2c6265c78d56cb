"""A folder into which others drop studies, as a source: taken once they are complete."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from data_catalog.errors import PlanError
from tasks.methods.method import Method
from tasks.sources.dicom import DicomSource
from tasks.sources.query import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE = ".done"
"""Marks a study as complete: a file of this name in its folder, or one named like it with this ending beside it."""
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
"""Files that may each hold a study of their own."""


class DropFolderSource(Method):
    """Take every DICOM series of the studies in a folder into which others write, once they are complete."""

    method: Literal["drop_folder"] = "drop_folder"
    path: Path
    """Folder with one subfolder, zip or tar file a study; relative to the plan's folder. Files that lie in it
    directly count as one study."""
    modalities: tuple[str, ...] = ()
    """Modalities to take (`CT`, `PT`); empty takes all."""
    kernels: tuple[str, ...] = ()
    """Patterns of the reconstruction kernels of CT to take (`B30*`); empty takes all."""
    quiet_s: Seconds = 60
    """A study is complete when none of its files has changed for so long, or when a file `.done` in its folder,
    or `NAME.done` beside it, is newer than all of them."""


Dicom = DicomSource | DropFolderSource
"""Sources whose files are DICOM and lie on disk."""


@dataclass(frozen=True)
class Deliveries:
    """Hold what lies in a drop folder; its representation tells no name.

    Parameters
    ----------
    complete : frozenset of str
        Names of what the complete studies are made of, in the folder itself.
    waiting : int
        How many studies are left for later.
    stamps : frozenset of str
        SHA-256 of the name, size and time of each complete study: another when it is changed.
    """

    complete: frozenset[str] = field(repr=False)
    waiting: int
    stamps: frozenset[str]


class _Study(NamedTuple):
    paths: tuple[Path, ...]
    files: int
    size: int
    changed: float
    done: float


def deliveries(source: DropFolderSource, now: float) -> Deliveries:
    """Return what lies in a drop folder at a time, in seconds since 1970; a folder that is not there is empty.

    What counts is when a file was last written, renamed or copied, not the time that a copy keeps of its
    original.
    """
    found = [study for study in _studies(source.path) if study.files]
    complete = [study for study in found if study.done >= study.changed or now - study.changed >= source.quiet_s]
    told = [(str(study.paths[0]), study.files, study.size, study.changed) for study in complete]
    return Deliveries(
        complete=frozenset(path.name for study in complete for path in study.paths),
        waiting=len(found) - len(complete),
        stamps=frozenset(hashlib.sha256(repr(one).encode()).hexdigest() for one in told),
    )


def _studies(root: Path) -> Iterator[_Study]:
    try:
        entries = sorted(root.iterdir())
    except FileNotFoundError:
        return
    except OSError as fault:
        raise PlanError(
            "The drop folder can be listed", f"it cannot ({fault.strerror})", "Get the right to read it."
        ) from None
    marks = {entry.name for entry in entries if entry.name.endswith(DONE)}
    loose = []
    for entry in entries:
        if entry.name.startswith(".") or entry.name in marks:
            continue
        beside = _changed(root / f"{entry.name}{DONE}")
        if entry.is_dir():
            yield _study((entry,), max(beside, _changed(entry / DONE)))
        elif entry.name.lower().endswith(ARCHIVES):
            yield _study((entry,), beside)
        else:
            loose.append(entry)
    yield _study(tuple(loose), _changed(root / DONE))


def _study(paths: tuple[Path, ...], done: float) -> _Study:
    facts = [fact for path in paths for fact in _facts(path)]
    changed = max((fact.st_ctime for fact in facts), default=0.0)
    return _Study(paths, len(facts), sum(fact.st_size for fact in facts), changed, done)


def _facts(path: Path) -> Iterator[os.stat_result]:
    """Yield what the system knows of each file below a path; one that goes in the meantime is passed over."""
    folders = os.walk(path) if path.is_dir() else [(str(path.parent), [], [path.name])]
    for folder, _, names in folders:
        for name in names:
            if not name.startswith("."):
                try:
                    fact = (Path(folder) / name).lstat()
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(fact.st_mode):
                    yield fact


def _changed(mark: Path) -> float:
    """Return when a mark was last written, 0 where there is none."""
    try:
        return mark.stat().st_ctime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0
