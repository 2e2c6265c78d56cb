"""The tables beside the scans, read for a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.check import further_columns
from flows.key import identities
from flows.runtime import one, run_stage
from tasks.sources.files import walk
from tasks.sources.tables import EventColumns, EventRows
from tasks.stage import Sources
from tasks.tables import join_clinical, read_clinical, read_event_columns, read_event_rows

if TYPE_CHECKING:
    from pathlib import Path

    from data_catalog.refs import Ref
    from flows.plan import Plan
    from tasks.sources.tables import PatientTable
    from tasks.stage import Input, Job


def clinical_table(plan: Plan) -> Ref | None:
    """Return the clinical table under pseudonyms, or None where the plan has none."""
    table = plan.clinical
    if table is None:
        return None
    outcome = () if plan.outcome is None else (plan.outcome.column,)
    read = [one(_reading(plan, table, further_columns(plan), outcome))]
    read += [one(_reading(plan, other)) for other in table.further]
    return read[0] if len(read) == 1 else one(join_clinical.job(plan.study, {"tables": tuple(read)}))


def _reading(plan: Plan, table: PatientTable, further: tuple[str, ...] = (), texts: tuple[str, ...] = ()) -> Job:
    inputs: dict[str, Input] = {"files": _file(table.path)}
    if table.spellings is not None:
        inputs["spellings"] = _file(table.spellings)
    return read_clinical.job(
        plan.study,
        inputs,
        {
            "sheet": table.sheet,
            "numbered": table.numbered,
            "patient": table.patient,
            "pattern": table.patient_pattern,
            "case": table.patient_case,
            "missing": table.missing,
            "columns": tuple(dict.fromkeys((*table.known_before, *further))),
            "texts": (*texts, *table.categories),
            "identities": identities(plan),
        },
    )


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
