"""The table of readings of a study, read and mined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from flows.key import identities
from flows.runtime import run_stage
from tasks.check import read_written, require_reading_ends
from tasks.methods.rules.items import ColumnLabel
from tasks.readings import mine_readings, read_readings
from tasks.sources.files import walk
from tasks.stage import Sources

if TYPE_CHECKING:
    from data_catalog.refs import Ref, Refusal
    from flows.plan import Plan
    from tasks.sources.readings import ReadingTable


def check_readings(plan: Plan) -> None:
    """Raise `PlanError` where rules over readings are asked for and the plan, or its table, has not what they need."""
    table, wanted = plan.readings, None if plan.mine is None else plan.mine.readings
    if wanted is not None and (table is None or wanted.miner.ends_in not in table.ratings):
        raise PlanError(
            "mine.readings ends in one of the ratings that `readings` names",
            "`readings` is empty" if table is None else f"{wanted.miner.ends_in!r} is not among them",
            "Name the table, and the rating in its `ratings`.",
        )
    if table is not None:
        if not table.path.exists():
            raise PlanError("readings.path exists", f"nothing is at {table.path}", "Correct the path.")
        columns = (table.patient, table.case, table.reader, *table.ratings)
        written = read_written(table.path, table.sheet, columns, "readings")
        if wanted is not None:
            require_reading_ends(written[list(table.ratings)], _labels(table), wanted.discretiser, wanted.miner)


def mined_readings(plan: Plan, cohort: Ref) -> tuple[Ref | None, list[Refusal]]:
    """Return the rules over the plan's readings, and what was refused; None where none are looked for."""
    table, wanted = plan.readings, None if plan.mine is None else plan.mine.readings
    if table is None or wanted is None:
        return None, []
    (read,) = run_stage(
        [
            read_readings.job(
                plan.study,
                {"files": Sources.read_whole(walk(table.path).files)},
                {
                    "sheet": table.sheet,
                    "patient": table.patient,
                    "pattern": table.patient_pattern,
                    "case": table.case,
                    "reader": table.reader,
                    "ratings": table.ratings,
                    "identities": identities(plan),
                },
            )
        ]
    )
    if read.ref is None:
        return None, [] if read.refusal is None else [read.refusal]
    (mined,) = run_stage(
        [
            mine_readings.job(
                plan.study,
                {"readings": read.ref, "cohort": cohort},
                {"columns": _labels(table), "discretiser": wanted.discretiser, "miner": wanted.miner},
            )
        ]
    )
    return mined.ref, [] if mined.refusal is None else [mined.refusal]


def _labels(table: ReadingTable) -> dict[str, ColumnLabel]:
    return {
        name: ColumnLabel(label=table.labels.get(name, name.replace("_", " ")), unit=table.units.get(name, ""))
        for name in table.ratings
    }
