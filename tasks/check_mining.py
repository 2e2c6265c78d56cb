"""Look at what a plan mines before any work starts: cut-offs, values of the outcome, and what subgroups differ in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import PlanError
from tasks.check_columns import shown_rows
from tasks.formats.table import infer
from tasks.methods.cell_text import cell_text
from tasks.methods.rules.discretise import FixedBins
from tasks.methods.rules.items import is_number, numbers
from tasks.sources.targets import SurvivalTarget

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from tasks.methods.rules import Discretiser
    from tasks.methods.rules.discretise import ColumnCuts
    from tasks.sources.tables import ClinicalTable, Outcome, PatientTable
    from tasks.sources.targets import NumberTarget, SubgroupTarget

MOST_VALUES = 5
"""Values of a column that a message names at the most."""
SEVERAL = 2


def held_values(cells: Iterable[str], smallest: int) -> str:
    """Return the values that a column holds, the frequent ones by name: none that fewer rows have than `smallest`."""
    sizes: dict[str, int] = {}
    for cell in cells:
        text = cell_text(cell)
        if text is not None:
            sizes[text] = sizes.get(text, 0) + 1
    ranked = sorted((text for text, rows in sizes.items() if rows >= smallest), key=lambda text: (-sizes[text], text))
    named = list(map(repr, ranked[:MOST_VALUES]))
    others = len(sizes) - len(named)
    if others:
        named.append(f"{others} other value{'s' if others > 1 else ''}")
    return ", ".join(named) or "nothing"


def typed_columns(tables: Sequence[PatientTable], read: Sequence[pd.DataFrame]) -> dict[str, pd.Series]:
    """Return the columns known before, of tables that were read as text, as a study reads them."""
    found = {}
    for table, written in zip(tables, read, strict=True):
        typed = infer(written[list(table.known_before)])
        for column in table.known_before:
            found[column] = written[column] if column in table.categories else typed[column]
    return found


def require_cuts(
    discretiser: Discretiser, columns: Mapping[str, pd.Series], units: Mapping[str, str], *, measures: bool
) -> None:
    """Raise `PlanError` unless cut-offs are of columns of numbers, in their units, and among their values.

    Where a study `measures` images, cut-offs may be of features (`CT.tumour.stat_mean`), which are not there yet.
    """
    if not isinstance(discretiser, FixedBins):
        return
    for levels in discretiser.cuts:
        if levels.column in columns:
            _require_cuts_of(levels, columns[levels.column], units.get(levels.column, ""))
        elif not (measures and "." in levels.column):
            there = ", ".join(column for column, series in columns.items() if is_number(series))
            raise PlanError(
                "mine.discretiser cuts columns that are known before the outcome",
                f"{levels.column!r} is none; a column goes by its name in the table, not by its label",
                f"Choose among the columns of numbers: {there}.",
            )


def uncut_columns(discretiser: Discretiser, columns: Mapping[str, pd.Series]) -> list[str]:
    """Return what a reader should know of columns of numbers that become no items because they have no cut-offs."""
    if not isinstance(discretiser, FixedBins) or discretiser.otherwise is not None:
        return []
    cut = {levels.column for levels in discretiser.cuts}
    uncut = [column for column, series in columns.items() if is_number(series) and column not in cut]
    if not uncut:
        return []
    return [
        f"mine.discretiser: {', '.join(map(repr, uncut))} have no cut-offs and give no items. Add `otherwise: {{method:"
        " quantile}` to cut them, too."
    ]


def require_consequents(consequents: Sequence[str] | None, outcome: Outcome | None) -> None:
    """Raise `PlanError` unless rules end in values of the outcome."""
    if outcome is None or consequents is None:
        return
    values = (outcome.positive, outcome.negative or f"not {outcome.positive}")
    if unknown := [one for one in consequents if one not in values]:
        raise PlanError(
            f"mine.rules.consequents names values of the outcome {outcome.column!r}: {', '.join(map(repr, values))}",
            f"{', '.join(map(repr, unknown))} is none of them",
            "Correct it, or leave it empty for both.",
        )


def require_target(target: SubgroupTarget, table: ClinicalTable, written: pd.DataFrame, smallest: int) -> None:
    """Raise `PlanError` unless subgroups can be compared in a target of the clinical table."""
    if not target.clinical_columns:
        return
    if isinstance(target, SurvivalTarget):
        _require_survival(target, table, written, smallest)
    else:
        _require_number(target, table, written)


def other_values(
    outcome: Outcome | None, targets: Sequence[SubgroupTarget], table: ClinicalTable, written: pd.DataFrame, fewest: int
) -> list[str]:
    """Return what a reader should know of several values that count as one: as negative, or as not happened."""
    findings = []
    if outcome is not None and outcome.negative is None:
        others = _others(written[outcome.column], outcome.positive)
        if len(set(others)) >= SEVERAL:
            findings.append(
                f"{table.path.name}: {outcome.column!r} counts as negative where it holds"
                f" {held_values(others, fewest)}. Name `outcome.negative` to leave all but one of them out."
            )
    for target in targets:
        others = _others(written[target.event], target.happened) if isinstance(target, SurvivalTarget) else []
        if isinstance(target, SurvivalTarget) and len(set(others)) >= SEVERAL:
            findings.append(
                f"{table.path.name}: {target.event!r} counts as not happened by then (censored) where it holds"
                f" {held_values(others, fewest)}. Empty the cells of patients who are to take no part."
            )
    return findings


def _others(cells: pd.Series, value: str) -> list[str]:
    texts = [cell_text(cell) for cell in cells]
    return [text for text in texts if text is not None and text != value]


def _require_cuts_of(levels: ColumnCuts, series: pd.Series, unit: str) -> None:
    column = repr(levels.column)
    if not is_number(series):
        raise PlanError(
            "mine.discretiser cuts columns of numbers",
            f"{column} holds text",
            "Take it out of `cuts`: each of its values becomes an item without.",
        )
    if levels.unit is not None and levels.unit != unit:
        raise PlanError(
            f"Cut-offs of {column} are in the column's unit, which is {unit or 'not named'}",
            f"{levels.unit} came",
            "Give the cut-offs in the column's unit, or correct `clinical.units`.",
        )
    values = numbers(series)
    known = values[~np.isnan(values)]
    if np.unique(np.searchsorted(levels.cuts, known, side="left")).size < SEVERAL:
        raise PlanError(
            f"Cut-offs of {column} lie among its values",
            "every value falls into one level" if known.size else "the column holds no number",
            "Correct the cut-offs, or their unit.",
        )


def _require_number(target: NumberTarget, table: ClinicalTable, written: pd.DataFrame) -> None:
    values = _numbers_of(target.column, table, written)
    if np.unique(values[~np.isnan(values)]).size < SEVERAL:
        raise PlanError(
            f"Column {target.column!r} of {table.path.name}, which subgroups are compared in, tells patients apart",
            "fewer than two different numbers stand in it",
            "Choose another column.",
        )


def _require_survival(target: SurvivalTarget, table: ClinicalTable, written: pd.DataFrame, smallest: int) -> None:
    times = _numbers_of(target.time, table, written)
    before = [str(row) for row, time in zip(written.index, times, strict=True) if time < 0]
    if before:
        raise PlanError(
            f"Column {target.time!r} of {table.path.name} holds times of 0 or later",
            f"a time below 0 stands in {shown_rows(before)}",
            "Correct these cells, or empty them.",
        )
    cells = [cell for cell, time in zip(written[target.event], times, strict=True) if not np.isnan(time)]
    if target.happened not in map(cell_text, cells):
        raise PlanError(
            f"Column {target.event!r} of {table.path.name} says of some patients of known time that the event happened",
            f"no row holds {target.happened!r}; it holds {held_values(cells, smallest)}",
            "Write into `happened` of the target the value that says so.",
        )


def _numbers_of(column: str, table: ClinicalTable, written: pd.DataFrame) -> np.ndarray:
    series = infer(written[[column]])[column]
    if not is_number(series):
        raise PlanError(
            f"Column {column!r} of {table.path.name}, which subgroups are compared in, holds numbers",
            "it holds text or dates",
            "Correct its cells, or choose another column.",
        )
    return numbers(series)
