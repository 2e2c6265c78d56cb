"""The tables beside the scans, read for a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.check import further_columns
from flows.key import identities
from flows.runtime import run_stage
from tasks.sources.files import walk
from tasks.sources.tables import EventColumns, EventRows
from tasks.stage import Sources
from tasks.tables import read_clinical, read_event_columns, read_event_rows

if TYPE_CHECKING:
    from pathlib import Path

    from data_catalog.refs import Ref
    from flows.plan import Plan
    from tasks.stage import Job


def clinical_table(plan: Plan) -> Ref | None:
    """Return the clinical table under pseudonyms, or None where the plan has none."""
    table = plan.clinical
    if table is None:
        return None
    further = further_columns(plan)
    job = read_clinical.job(
        plan.study,
        {"files": _file(table.path)},
        {
            "sheet": table.sheet,
            "patient": table.patient,
            "pattern": table.patient_pattern,
            "columns": tuple(dict.fromkeys((*table.known_before, *further))),
            "texts": () if plan.outcome is None else (plan.outcome.column,),
            "identities": identities(plan),
        },
    )
    return _made(job)


def event_table(plan: Plan, clinical: Ref | None) -> Ref | None:
    """Return the dated events under pseudonyms, or None where the plan has none."""
    events = plan.events
    if isinstance(events, EventColumns) and clinical is not None:
        return _made(read_event_columns.job(plan.study, {"clinical": clinical}, {"days": events.days}))
    if not isinstance(events, EventRows):
        return None
    job = read_event_rows.job(
        plan.study,
        {"files": _file(events.path)},
        {
            "sheet": events.sheet,
            "patient": events.patient,
            "pattern": events.patient_pattern,
            "when": events.when,
            "event": events.event,
            "identities": identities(plan),
        },
    )
    return _made(job)


def _file(path: Path) -> Sources:
    return Sources.read_whole(walk(path).files)


def _made(job: Job) -> Ref | None:
    (outcome,) = run_stage([job])
    return outcome.ref
