"""Before a study is read: bring what its sources have elsewhere into the workspace."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from prefect import get_run_logger

from data_catalog.errors import PlanError
from data_catalog.refs import Refusal
from flows.compute import Compute
from flows.key import identities
from flows.plan import Plan
from flows.runtime import say, study_flow, work
from tasks.fetch import FETCH, Brought, Fetched, Listed, Remote, Told, fetch_source, listed, opened, source_folder
from tasks.remote.archive import Denied, NoAnswer
from tasks.remote.tray import private_folder, stamp_of
from tasks.sources.dicom import DicomSource
from tasks.sources.drop import DropFolderSource, deliveries
from tasks.stage import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flows.runtime import Work
    from tasks.formats.identities import Identities
    from tasks.sources import LocalSource, Source

T = TypeVar("T")


@study_flow("fetch-study")
def fetch_study(plan: Plan) -> tuple[Refusal, ...]:
    """Fetch from the plan's archives (DICOMweb, PACS) the series that are not in the workspace yet.

    Returns what could not be fetched whole; what is held already is not fetched again.
    """
    with work(plan.model_copy(update={"compute": Compute(workers=0)})) as here:
        for number, source in enumerate(plan.sources):
            if isinstance(source, DropFolderSource) and (waiting := deliveries(source, time.time()).waiting):
                say(f"sources.{number}: {waiting} studies are not complete yet; they are left for later.")
        who = identities(plan)
        fetched = [_fetch(plan, number, source, who, here) for number, source in _asked(plan)]
        return tuple(refusal for done in fetched for refusal in done.refusals)


def is_elsewhere(plan: Plan) -> bool:
    """Return whether a plan has sources that `fetch_study` has something to do for."""
    return any(isinstance(source, Remote | DropFolderSource) for source in plan.sources)


def fetched_folder(plan: Plan) -> Path:
    """Return the folder of all that is fetched; it holds identities, and is the owner's alone."""
    return plan.workspace / "fetched"


def with_fetched(plan: Plan, who: Identities) -> Plan:
    """Return the plan with the folder of what was fetched in place of each archive."""
    root = fetched_folder(plan)
    sources = tuple(
        DicomSource(
            path=private_folder(source_folder(root, source, who)), modalities=source.modalities, kernels=source.kernels
        )
        if isinstance(source, Remote)
        else source
        for source in plan.sources
    )
    return plan.model_copy(update={"sources": sources})


def on_disk(source: Source) -> LocalSource:
    """Return a source that is no archive: `with_fetched` has put folders in the place of these."""
    if isinstance(source, Remote):
        raise TypeError(source.method)
    return source


def ask_archives(plan: Plan, who: Identities) -> tuple[list[str], set[str]]:
    """Return a line about each archive of a plan, and the patients they have; nothing is fetched.

    Raises
    ------
    PlanError
        When one does not answer, or a file of ids cannot be used.
    """
    lines: list[str] = []
    patients: set[str] = set()
    for number, source in _asked(plan):
        found = _plainly(number, source, partial(_list, source, who))
        lines.append(
            f"sources.{number}: the archive answers, with {len(found.series)} series of {len(found.patients)} patients."
        )
        patients |= found.patients
    return lines, patients


def arrived(plan: Plan, who: Identities) -> list[str]:
    """Fetch what is missing, and return opaque stamps of what the archives and drop folders have given so far.

    Of a drop folder each complete study has one, of an archive there is one for all; a study or archive that has
    changed has another.

    Raises
    ------
    PlanError
        When an archive does not answer.
    """
    stamps: list[str] = []
    for number, source in enumerate(plan.sources):
        if isinstance(source, DropFolderSource):
            stamps += [f"{number} {stamp}" for stamp in sorted(deliveries(source, time.time()).stamps)]
        elif isinstance(source, Remote):
            root = fetched_folder(plan)
            if not source.offline:
                bring = partial(fetch_source, source, root, who, Told(), first_patients=plan.first_patients)
                _plainly(number, source, bring)
            stamp = stamp_of(source_folder(root, source, who))
            stamps += [f"{number} {stamp}"] if stamp else []
    return stamps


def _list(source: Remote, who: Identities) -> Listed:
    with opened(source) as archive:
        return listed(source, archive, who)


def _asked(plan: Plan) -> list[tuple[int, Remote]]:
    return [(n, source) for n, source in enumerate(plan.sources) if isinstance(source, Remote) and not source.offline]


def _fetch(plan: Plan, number: int, source: Remote, who: Identities, here: Work) -> Fetched:
    told = Told(expect=partial(here.tally.expect, FETCH), done=lambda brought: here.tally.add(FETCH, _outcome(brought)))
    root = fetched_folder(plan)
    done = _plainly(number, source, partial(fetch_source, source, root, who, told, first_patients=plan.first_patients))
    get_run_logger().info(
        "sources.%d: %d series fetched (%.1f MB), %d held already, %d refused",
        number,
        done.counts["fetched"],
        done.megabytes,
        done.counts["held"],
        len(done.refusals),
    )
    if done.removed:
        say(f"sources.{number}: the archive has {done.removed} series no more, or they are not asked for: removed.")
    if done.counts["waiting"]:
        say(f"sources.{number}: {done.counts['waiting']} series may still grow; they are left for later.")
    return done


def _outcome(brought: Brought) -> Outcome:
    new = brought.how in {"fetched", "refused"}
    return Outcome(brought.item, "computed" if new else "reused", refusal=brought.refusal)


def _plainly(number: int, source: Remote, act: Callable[[], T]) -> T:
    """Return what `act` returns; an archive that does not answer is a fault of the plan that names the source."""
    try:
        return act()
    except (NoAnswer, Denied) as fault:
        raise PlanError(f"sources.{number} ({source.method}): {fault.expected}", fault.came, fault.remedy) from None
