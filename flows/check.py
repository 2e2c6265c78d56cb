"""Whether a plan is fit to run: its files, columns and patients, before any work starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from data_catalog.store import Store
from flows.finding import assemble, scan_jobs
from flows.key import identities
from tasks.check import compare_patients, require_clinical, require_events, require_paths
from tasks.sources.png import PngSource
from tasks.sources.tables import EventColumns, EventRows
from tasks.stage import perform

if TYPE_CHECKING:
    import pandas as pd

    from flows.plan import Plan


def check_tables(plan: Plan) -> pd.DataFrame | None:
    """Return the clinical table as text, or None where the plan has none.

    Raises
    ------
    PlanError
        That names the field, the file and the row, and the remedy.
    """
    paths = {f"sources.{number}.path": source.path for number, source in enumerate(plan.sources)}
    if plan.clinical is not None:
        paths["clinical.path"] = plan.clinical.path
    if isinstance(plan.events, EventRows):
        paths["events.path"] = plan.events.path
    require_paths(paths)
    if isinstance(plan.events, EventRows):
        require_events(plan.events)
    if plan.clinical is None:
        _require_no_columns(plan)
        return None
    return require_clinical(plan.clinical, further_columns(plan), plan.outcome)


def _require_no_columns(plan: Plan) -> None:
    columns = further_columns(plan)
    if columns:
        raise PlanError(
            "The plan has the clinical table whose columns it names",
            f"`clinical` is empty, and {', '.join(map(repr, columns))} would be read from it",
            "Fill in `clinical`, or leave out what names the columns: outcome, events, pixel_size_column.",
        )


def further_columns(plan: Plan) -> tuple[str, ...]:
    """Return the clinical columns that are read beside those known before: outcome, pixel sizes, days."""
    outcome = () if plan.outcome is None else (plan.outcome.column,)
    sizes = tuple(
        source.pixel_size_column
        for source in plan.sources
        if isinstance(source, PngSource) and source.pixel_size_column is not None
    )
    days = tuple(plan.events.days.values()) if isinstance(plan.events, EventColumns) else ()
    return tuple(dict.fromkeys((*outcome, *sizes, *days)))


def check_plan(plan: Plan) -> list[str]:
    """Return what is found: patients, series, and what a reader should know; work is not started.

    The headers that are read are kept in the store, so that the run does not read them again.

    Raises
    ------
    PlanError
        That names the field, the file and the row, and the remedy.
    """
    written = check_tables(plan)
    who = identities(plan)
    store = Store(plan.store_folder)
    listed, refusals = scan_jobs(plan, who)
    found = assemble(plan, listed, [perform(store.root, job) for job in listed], refusals, store)
    patients = {series.patient for series in found.series}
    lines = [f"{len(patients)} patients, {len(found.series)} series, {len(found.regions)} regions found."]
    visits = sorted({(series.visit, series.visit_name) for series in found.series if series.visit_name})
    if visits:
        order = ", ".join(f"{name} is visit {number + 1}" for number, name in visits)
        lines.append(f"Visits are ordered by their names: {order}.")
    if plan.regions and not found.regions:
        lines.append(f"No region in the sources is named {', '.join(plan.regions.values())}: none will be read.")
    verdicts = sorted({refusal.verdict for refusal in found.refusals})
    for verdict in verdicts:
        alike = [refusal for refusal in found.refusals if refusal.verdict == verdict]
        lines.append(f"{len(alike)} files are left out ({verdict}): {alike[0].reason}")
    if plan.clinical is not None and written is not None:
        lines += compare_patients(plan.clinical, written, patients, who)
    return lines
