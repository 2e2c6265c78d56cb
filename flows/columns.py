"""What the columns of a study's cohort mean, in words and units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.cohort_study import known_before
from flows.plan import measures_of
from flows.radiomics_study import modalities_in
from tasks.methods.cohort.columns import ColumnMeaning, feature_columns, finding_columns, meanings
from tasks.methods.text.item import FINDING
from tasks.units import units_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from data_catalog.refs import Recording, Scan, Study
    from data_catalog.store import Store
    from flows.plan import Plan


def column_meanings(plan: Plan, study: Study, cohort: pd.DataFrame, store: Store) -> dict[str, ColumnMeaning]:
    """Return what each feature and clinical column of a study's cohort means, in words and units."""
    units: dict[str, str] = {}
    for scan in {(scan.modality, scan.channels): scan for scan in _measured(study.scans)}.values():
        units |= units_of(scan, store)  # measured are those of one unit alone
    units |= {one.modality: unit for one in study.recordings if (unit := _signal_unit(one, store)) is not None}
    definitions = [
        definition
        for modality in modalities_in(study.scans)
        for measure in measures_of(plan, modality)
        for planar in (False, True)
        for definition in measure.definitions(planar=planar)
    ]
    definitions += [definition for extractor in plan.signals for definition in extractor.definitions()]
    return meanings(
        feature_columns(cohort.columns, known_before(plan)),
        definitions,
        units,
        [*clinical_meanings(plan), *map(_finding_meaning, finding_columns(cohort.columns))],
    )


def _measured(scans: Sequence[Scan]) -> list[Scan]:
    """Return the scans of each modality that have regions, or all of a modality in which none has."""
    drawn = {scan.modality for scan in scans if scan.regions}
    return [scan for scan in scans if scan.regions or scan.modality not in drawn]


def _finding_meaning(column: str) -> ColumnMeaning:
    return ColumnMeaning(column=column, label=f"{column.removeprefix(FINDING)} in the report")


def _signal_unit(recording: Recording, store: Store) -> str | None:
    """Return the unit of a recording's channels, None where they have several."""
    units = set(store.attrs(recording.signal)["unit"])
    return str(units.pop()) if len(units) == 1 else None


def clinical_meanings(plan: Plan) -> list[ColumnMeaning]:
    """Return what the clinical columns known before the outcome mean."""
    table = plan.clinical
    if table is None:
        return []
    return [
        ColumnMeaning(
            column=column, label=table.labels.get(column, column.replace("_", " ")), unit=table.units.get(column, "")
        )
        for column in table.all_known_before
    ]
