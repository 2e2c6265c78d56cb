"""Bring the series of archives into a folder: only what is missing, and none before it is whole."""

from __future__ import annotations

import fcntl
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from data_catalog.errors import BadData, PlanError
from data_catalog.refs import Refusal
from tasks.remote.archive import ATTEMPTS, Denied, NoAnswer, instances_of, patiently, series_of, wait
from tasks.remote.dicomweb import dicomweb
from tasks.remote.tray import Tray, file_name, named, private_folder, remove_others
from tasks.sources.dicomweb import DicomWebSource
from tasks.sources.dimse import PacsSource
from tasks.sources.query import wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tasks.formats.identities import Identities
    from tasks.remote.archive import Archive, RemoteSeries

How = Literal["fetched", "held", "waiting", "refused"]
Remote = DicomWebSource | PacsSource
FETCH = "fetch_series"
"""Name of the step in refusals and progress."""
FEW = 20
"""One in so many instances missing: they are asked for one by one, else the whole series is sent again."""
LOCK = ".lock"
PATIENCE = 3
"""So many series one after the other without an answer, and the archive counts as down."""


@dataclass(frozen=True)
class Listed:
    """What an archive has of a source: the series, and whose they are under pseudonyms."""

    series: tuple[RemoteSeries, ...] = field(repr=False)
    patients: frozenset[str]


@dataclass
class Fetched:
    """What became of the series of a source."""

    counts: Counter[How] = field(default_factory=Counter)
    """How many were fetched, were held already, may still grow, and were refused."""
    removed: int = 0
    """How many the archive has no more, or that are no longer asked for."""
    megabytes: float = 0.0
    refusals: list[Refusal] = field(default_factory=list)


def opened(source: Remote) -> AbstractContextManager[Archive]:
    """Give the archive of a source."""
    from tasks.remote.dimse import pacs  # brings pynetdicom

    return dicomweb(source) if isinstance(source, DicomWebSource) else pacs(source)


def source_folder(root: Path, source: Remote, who: Identities) -> Path:
    """Return the folder of a source: an opaque name of the archive, and one of what is asked for."""
    asked = source.model_dump_json(include={"patients", "studies", "since", "until", "modalities", "description"})
    return root / f"{who.opaque(source.address)[:8]}-{who.opaque(asked)[:8]}"


def listed(source: Remote, archive: Archive, who: Identities) -> Listed:
    """Return the series that an archive has of a source.

    Raises
    ------
    NoAnswer, Denied
        As the archive does.
    PlanError
        When a file of ids cannot be used.
    """
    found = tuple(series_of(archive, wanted(source)))
    return Listed(found, frozenset(who.pseudonym(one.patient) for one in found))


@dataclass(frozen=True)
class Brought:
    """Say what became of one series, under an opaque name."""

    item: str
    how: How
    refusal: Refusal | None = None


@dataclass
class Told:
    """Who is told how far fetching has come."""

    expect: Callable[[int], None] = lambda _: None
    """Told how many series there are."""
    done: Callable[[Brought], None] = lambda _: None
    """Told what became of each."""


def fetch_source(
    source: Remote, root: Path, who: Identities, told: Told, *, first_patients: int | None = None
) -> Fetched:
    """Bring a source's folder in step with its archive; return what became of each series.

    A series is fetched when it is not there, has other instances than before, or was changed on disk; of one
    that broke off, what is missing is. A series that the archive has no more is deleted. What cannot be
    fetched whole is refused, and not left where a source would find it.

    Parameters
    ----------
    source : DicomWebSource or PacsSource
    root : Path
        Folder of all that is fetched; made for the owner alone.
    who : Identities
        Gives the opaque names that series have on disk and in messages.
    told : Told
    first_patients : int or None
        Fetch only these patients' series, the first by pseudonym.

    Raises
    ------
    NoAnswer, Denied
        When the archive does not say what it has, or has ceased to answer.
    PlanError
        When the plan does not fit, the disk takes no files, or another run fetches the same.
    """
    folder = private_folder(source_folder(root, source, who))
    with ExitStack() as stack:
        stack.enter_context(_alone(folder))
        archive = stack.enter_context(opened(source))
        found = listed(source, archive, who)
        keys = {who.opaque(f"{one.study} {one.series}"): one for one in found.series}
        run = _Run(archive, source.quiet_s)
        run.done.removed = remove_others(folder, keys)
        first = sorted(found.patients)[:first_patients]
        asked = {key: one for key, one in keys.items() if who.pseudonym(one.patient) in first}
        told.expect(len(asked))
        for key, one in asked.items():
            item = f"{who.pseudonym(one.patient)}/{one.modality}/{who.opaque(one.series)[:6]}"
            told.done(run.add(one, Tray(folder, key), item))
    return run.done


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep another run from fetching into the folder; the system lets go of the lock when this process ends."""
    with (folder / LOCK).open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PlanError(
                "One run at a time fetches a source", "another one does", "Wait until it has ended."
            ) from None
        yield


@dataclass
class _Run:
    """One source being fetched."""

    archive: Archive
    quiet_s: float
    done: Fetched = field(default_factory=Fetched)
    unanswered: int = 0

    def add(self, series: RemoteSeries, tray: Tray, item: str) -> Brought:
        """Fetch a series, or refuse it; return what became of it."""
        try:
            how = self._fetch(series, tray)
            self.unanswered = 0
        except NoAnswer as fault:
            self.unanswered += 1
            if self.unanswered == PATIENCE:
                raise
            return self._refuse(item, BadData("not_fetched", fault.expected, fault.came, fault.remedy))
        except Denied as fault:
            return self._refuse(item, BadData("not_fetched", fault.expected, fault.came, fault.remedy))
        except BadData as bad:
            return self._refuse(item, bad)
        except OSError as fault:
            raise PlanError(
                "What is fetched can be written to the workspace",
                f"it cannot ({fault.strerror or type(fault).__name__})",
                "Make room, or name another workspace; the run goes on where it broke off.",
            ) from None
        self.done.counts[how] += 1
        return Brought(item, how)

    def _refuse(self, item: str, why: BadData) -> Brought:
        refusal = Refusal(
            item=item, stage=FETCH, verdict=why.verdict, expected=why.expected, came=why.came, remedy=why.remedy
        )
        self.done.refusals.append(refusal)
        self.done.counts["refused"] += 1
        return Brought(item, "refused", refusal)

    def _fetch(self, series: RemoteSeries, tray: Tray) -> How:
        held = tray.manifest()
        if held is not None and len(held) == series.instances:
            return "held"
        asked = patiently(lambda: instances_of(self.archive, series))
        names = {file_name(uid) for uid in asked}
        if held is not None and held.keys() == names:
            return "held"
        tray.begin(names, _kindred(tray))
        missing = self._bring(series, tray, asked)
        if missing or not asked:
            raise BadData(
                "series_incomplete",
                "The archive sends all instances that it says a series has",
                f"{len(missing)} of {len(asked)} did not come",
                "Look the series up in the archive; the next run asks for what is missing.",
            )
        if self.quiet_s and tray.quiet_for(len(asked)) < self.quiet_s:
            return "waiting"
        self.done.megabytes += tray.finish() / 1e6
        return "fetched"

    def _bring(self, series: RemoteSeries, tray: Tray, asked: Mapping[str, str]) -> list[str]:
        """Have what is missing sent, again and again while more comes; return the UIDs that did not come."""
        missing = _missing(tray, asked)
        in_vain = 0
        while missing and in_vain < ATTEMPTS:
            before = missing
            whole = len(missing) * FEW > len(asked)
            try:
                self.archive.fetch(series, {uid: asked[uid] for uid in missing}, _keeper(tray, missing), whole=whole)
            except NoAnswer:
                if in_vain == ATTEMPTS - 1 and _missing(tray, asked) == before:
                    raise
            missing = _missing(tray, asked)
            in_vain = in_vain + 1 if missing == before else 0
            if missing and in_vain < ATTEMPTS:
                wait(in_vain + 1)
        return missing


def _kindred(tray: Tray) -> Tray | None:
    """Return the same series as another question to the same archive has brought it, if one has."""
    archive = tray.root.name.split("-")[0]
    paths = sorted(tray.root.parent.glob(f"{archive}-*/{tray.key}"))
    others = (Tray(path.parent, tray.key) for path in paths)
    return next((other for other in others if other.manifest() is not None), None)


def _missing(tray: Tray, asked: Iterable[str]) -> list[str]:
    held = tray.held()
    return [uid for uid in asked if file_name(uid) not in held]


def _keeper(tray: Tray, missing: Sequence[str]) -> Callable[[Iterable[bytes]], None]:
    """Return what writes each instance that is missing, and passes over the others."""
    waited_for = set(missing)

    def keep(chunks: Iterable[bytes]) -> None:
        uid, content = named(chunks)
        if uid in waited_for:
            tray.keep(uid, content)
            waited_for.discard(uid)
        else:
            for _ in content:
                pass

    return keep
