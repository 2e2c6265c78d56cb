"""Whether a plan is fit to run: its files, columns and patients, before any work starts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from flows.fetch_study import ask_archives, with_fetched
from flows.finding import assemble, scan_jobs
from flows.key import identities
from flows.models import with_models
from flows.readings import check_readings
from flows.stores import open_store
from flows.words import smallest_shown
from tasks.check import compare_further, compare_patients, require_clinical, require_events, require_paths
from tasks.check_columns import mixed_columns
from tasks.check_mining import (
    other_values,
    require_consequents,
    require_cuts,
    require_target,
    typed_columns,
    uncut_columns,
)
from tasks.fetch import Remote
from tasks.sources.drop import Dicom
from tasks.sources.files import walk
from tasks.sources.named import ImageFiles, UnplacedImageFiles
from tasks.sources.pattern import NamePattern
from tasks.sources.tables import EventColumns, EventRows
from tasks.stage import perform

if TYPE_CHECKING:
    import pandas as pd

    from flows.plan import Plan
    from tasks.sources.found import Found
    from tasks.sources.tables import ClinicalTable, PatientTable

KERNELS = ", then the first by the name of its kernel"
SHOWN = 12
"""Names that a line lists at the most."""


def check_tables(plan: Plan) -> list[pd.DataFrame]:
    """Return the clinical table and those beside it as text; none where the plan has none.

    Raises
    ------
    PlanError
        That names the field, the file and the row, and the remedy.
    """
    paths = {
        f"sources.{number}.{name}": value
        for number, source in enumerate(plan.sources)
        for name, value in source
        if isinstance(value, Path)
    }
    if plan.clinical is not None:
        paths |= _paths_of(plan.clinical, "clinical")
        for number, table in enumerate(plan.clinical.further):
            paths |= _paths_of(table, f"clinical.further.{number}")
    if isinstance(plan.events, EventRows):
        paths["events.path"] = plan.events.path
    require_paths(paths)
    if isinstance(plan.events, EventRows):
        require_events(plan.events)
    check_readings(plan)
    if plan.clinical is None:
        _require_no_columns(plan)
        return []
    tables = require_clinical(plan.clinical, further_columns(plan), plan.outcome, smallest_shown(plan))
    _require_minable(plan, plan.clinical, tables)
    return tables


def _require_minable(plan: Plan, table: ClinicalTable, tables: list[pd.DataFrame]) -> None:
    """Raise `PlanError` where what is to be mined does not fit the tables."""
    if plan.mine is None:
        return
    require_consequents(plan.mine.rules.consequents, plan.outcome)
    columns = typed_columns(table.tables, tables)
    require_cuts(plan.mine.discretiser, columns, table.units, measures=bool(plan.sources))
    for search in plan.mine.subgroups:
        require_target(search.target, table, tables[0], smallest_shown(plan))


def _paths_of(table: PatientTable, field: str) -> dict[str, Path]:
    paths = {f"{field}.path": table.path}
    return paths if table.spellings is None else {**paths, f"{field}.spellings": table.spellings}


def _require_no_columns(plan: Plan) -> None:
    columns = further_columns(plan)
    if columns:
        raise PlanError(
            "The plan has the clinical table whose columns it names",
            f"`clinical` is empty, and {', '.join(map(repr, columns))} would be read from it",
            "Fill in `clinical`, or leave out what names the columns: outcome, events, subgroups, pixel_size_column.",
        )


def further_columns(plan: Plan) -> tuple[str, ...]:
    """Return the clinical columns that are read beside those known before: outcome, pixel sizes, days, targets."""
    outcome = () if plan.outcome is None else (plan.outcome.column,)
    sizes = tuple(
        source.pixel_size_column
        for source in plan.sources
        if isinstance(source, UnplacedImageFiles) and source.pixel_size_column is not None
    )
    days = tuple(plan.events.days.values()) if isinstance(plan.events, EventColumns) else ()
    searches = () if plan.mine is None else plan.mine.subgroups
    targets = tuple(column for search in searches for column in search.target.clinical_columns)
    return tuple(dict.fromkeys((*outcome, *sizes, *days, *targets)))


def check_plan(plan: Plan) -> list[str]:
    """Return what is found: patients, series, and what a reader should know; work is not started.

    The headers that are read are kept in the store, so that the run does not read them again.

    Raises
    ------
    PlanError
        That names the field, the file and the row, and the remedy.
    """
    tables = check_tables(plan)
    if not plan.sources:
        return [
            f"{sum(map(len, tables[:1]))} patients in the clinical table; no scans.",
            *_beside(plan, tables),
        ]
    with_models(plan)
    who = identities(plan)
    lines, patients = ask_archives(plan, who)
    left_out: frozenset[str] = frozenset()
    local = with_fetched(plan, who)
    _require_names(local)
    store = open_store(plan)
    listed, problems = scan_jobs(local, who)
    if listed or not any(isinstance(source, Remote) for source in plan.sources):  # of an archive nothing may be here
        found = assemble(local, listed, [perform(store.root, job) for job in listed], problems, store)
        patients |= set(found.patients())
        left_out = found.left_out
        lines += [*_of_files(local, found), *_of_modalities(local, found)]
    if plan.clinical is not None:
        lines += compare_patients(plan.clinical, tables[0], patients, who, left_out)
    return lines + _beside(plan, tables)


def _beside(plan: Plan, tables: list[pd.DataFrame]) -> list[str]:
    """Return what a reader should know of the tables."""
    table = plan.clinical
    if table is None:
        return []
    lines = compare_further(table, tables[0], tables[1:])
    for one, read in zip(table.tables, tables, strict=True):
        lines += mixed_columns(one, read)
    targets = [] if plan.mine is None else [search.target for search in plan.mine.subgroups]
    lines += other_values(plan.outcome, targets, table, tables[0], smallest_shown(plan))
    uncut = [] if plan.mine is None else uncut_columns(plan.mine.discretiser, typed_columns(table.tables, tables))
    return lines + uncut


def _require_names(plan: Plan) -> None:
    """Raise `PlanError` where every file that could be an image is taken as a mask, which comes first."""
    for number, source in enumerate(plan.sources):
        if not isinstance(source, ImageFiles) or source.masks is None:
            continue
        images, masks = NamePattern(source.images), NamePattern(source.masks)
        fitting = [file.name for file in walk(source.path).files if images.match(file.name)]
        if fitting and all(masks.match(name) for name in fitting):
            raise PlanError(
                f"sources.{number}: a name that follows `images` follows `masks` only where it is that of a mask",
                f"all {len(fitting)} that follow `images` follow `masks` too, and are taken as masks",
                "Let `masks` ask for more of a name.",
            )


def _of_files(plan: Plan, found: Found) -> list[str]:
    """Return what the files of a plan's sources hold, and what a reader should know of them."""
    patients = found.patients()
    lines = [f"{len(patients)} patients, {len(found.series)} series, {len(found.regions)} regions found."]
    by_modality = Counter(one.modality for one in found.series)
    if by_modality:
        counts = sorted(by_modality.items())
        more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
        listed = ", ".join(f"{count} {name}" for name, count in counts[:SHOWN])
        lines.append(f"Series by modality: {listed}{more}.")
    beside = [(len(found.recordings), "recordings"), (len(found.reports), "reports")]
    lines += [f"{count} {what} found." for count, what in beside if count]
    named = [one for one in (*found.series, *found.recordings, *found.reports) if one.visit_name]
    visits = sorted({(one.visit, one.visit_name) for one in named})
    if visits:
        order = ", ".join(f"{name} is visit {number + 1}" for number, name in visits)
        lines.append(f"Visits are ordered so: {order}.")
    if found.region_names:
        names = sorted(found.region_names)
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        lines.append(f"Regions in the sources: {', '.join(names[:SHOWN])}{more}.")
    if plan.regions and not found.regions:
        lines.append(f"No region in the sources is named {', '.join(plan.regions.values())}: none will be read.")
    for verdict, expected in sorted({(refusal.verdict, refusal.expected) for refusal in found.refusals}):
        alike = [one for one in found.refusals if (one.verdict, one.expected) == (verdict, expected)]
        count = sum(max(1, len(refusal.files)) for refusal in alike)
        first = "" if len({refusal.reason for refusal in alike}) == 1 else "among them: "
        lines.append(f"{count} files are left out ({verdict}): {first}{alike[0].reason}")
    return lines


def _of_modalities(plan: Plan, found: Found) -> list[str]:
    """Return which modalities are not there or not taken, and where several series could be the visit's."""
    there = {one.modality for one in (*found.series, *found.recordings, *found.reports)}
    asked = {name for source in plan.sources if isinstance(source, Dicom) for name in source.modalities}
    lines = [f"Nothing is of modality {', '.join(sorted(asked - there))}."] if asked - there else []
    if found.other_modalities:
        lines.append(f"Not taken, by `modalities` of the sources: {', '.join(sorted(found.other_modalities))}.")
    if found.other_kernels:
        names = ", ".join(sorted(name or "none stated" for name in found.other_kernels))
        lines.append(f"Not taken, by `kernels` of the sources: {names}.")
    held = Counter((one.patient, one.visit, one.modality) for one in found.series)
    several = Counter(modality for (_, _, modality), count in held.items() if count > 1)
    lines += [
        f"{count} visits have several series of {modality}: of each the one with the most regions counts, then the one"
        f" with the most voxels{KERNELS if modality == 'CT' else ''}; the others will be left out (second_series)."
        for modality, count in sorted(several.items())
    ]
    kernels = sorted({one.kernel for one in found.series if held[one.patient, one.visit, "CT"] > 1 and one.kernel})
    if len(kernels) > 1:
        lines.append(f"Their kernels are {', '.join(kernels)}: name those that count in `kernels` of the source.")
    return lines
