"""Look at what a plan names before any work starts: files, columns, rows, patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData, PlanError
from tasks.check_columns import require_fit_columns
from tasks.check_mining import held_values
from tasks.formats.table import infer, read_table
from tasks.methods.cell_text import cell_text
from tasks.methods.cohort.visits import KEYS
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.rules.shown import SMALLEST
from tasks.tables import patient_ids, spelled, without

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from tasks.formats.identities import Identities
    from tasks.methods.rules import Discretiser
    from tasks.methods.rules.items import ColumnLabel
    from tasks.methods.rules.readings import ReadingMiner
    from tasks.sources.tables import ClinicalTable, EventRows, Outcome, PatientTable

SHOWN = 10
"""Rows that a message names at the most."""


def require_paths(paths: Mapping[str, Path]) -> None:
    """Raise `PlanError` that names the field unless everything is there that a plan points to."""
    for name, path in paths.items():
        if not path.exists():
            raise PlanError(f"{name} exists", f"nothing is at {path}", "Correct the path; it is relative to the plan.")


def read_written(
    path: Path, sheet: str | None, columns: Iterable[str], field: str, *, numbered: bool = False
) -> pd.DataFrame:
    """Return a table as text; raise `PlanError` when it cannot be read or lacks a column."""
    try:
        table = read_table(path.read_bytes(), sheet, numbered=numbered)
    except BadData as bad:
        raise PlanError(f"{field} ({path.name}) can be read. {bad.expected}", bad.came, bad.remedy) from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise PlanError(
            f"{field} ({path.name}) has the columns that the plan names",
            f"it lacks {', '.join(map(repr, missing))}",
            f"Choose among: {', '.join(table.columns)}.",
        )
    return table


def require_reading_ends(
    ratings: pd.DataFrame, columns: dict[str, ColumnLabel], discretiser: Discretiser, miner: ReadingMiner
) -> None:
    """Raise `PlanError` where ratings, as text, are not cut as asked, or have no level that rules may end in."""
    try:
        table = infer(ratings)
        miner.require_ends(discretiser.fit(table, columns).items(table))
    except BadData as bad:
        raise PlanError(f"mine.readings fits the table. {bad.expected}", bad.came, bad.remedy) from None


def require_clinical(
    table: ClinicalTable, further: tuple[str, ...], outcome: Outcome | None, smallest: int = SMALLEST
) -> list[pd.DataFrame]:
    """Return the clinical table and those beside it as text; raise `PlanError` that names file, row and remedy.

    Values of the outcome that fewer rows have than `smallest` are not named.
    """
    written = _require_table(table, further, "clinical", table.units)
    if outcome is not None:
        _require_outcome(table, written, outcome, smallest)
    others = [
        _require_table(other, (), f"clinical.further.{number}", table.units)
        for number, other in enumerate(table.further)
    ]
    names = [*dict.fromkeys((*table.known_before, *further)), *(c for one in table.further for c in one.known_before)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PlanError(
            "The tables name each column once",
            f"{', '.join(map(repr, twice))} is taken from two",
            "Take it out of `known_before` of one of them.",
        )
    return [written, *others]


def _require_table(
    table: PatientTable, further: tuple[str, ...], field: str, measured: Collection[str]
) -> pd.DataFrame:
    wanted = (table.patient, *table.known_before, *further)
    written = read_written(table.path, table.sheet, wanted, field, numbered=table.numbered)
    written = without(written, table.missing)
    _require_free_names(table)
    _require_patients(table, written)
    require_fit_columns(table, written, measured)
    return written


def ids_in(table: PatientTable, written: pd.DataFrame) -> list[str | None]:
    """Return the patient's id of each row as the scans spell it, or None where the cell does not fit.

    Raises
    ------
    PlanError
        If the table of spellings cannot be read.
    """
    others = None
    if table.spellings is not None:
        others = read_written(table.spellings, None, ("written", "patient"), "spellings")
    try:
        return spelled(patient_ids(written, table.patient, table.patient_pattern), table.patient_case, others)
    except BadData as bad:
        raise PlanError(f"spellings: {bad.expected}", bad.came, bad.remedy) from None


def _require_free_names(table: PatientTable) -> None:
    taken = [column for column in table.known_before if column in {table.patient, *KEYS, OUTCOME}]
    if taken:
        raise PlanError(
            "clinical.known_before names facts, under names that the study does not use itself",
            f"{', '.join(map(repr, taken))} is the patient's column, or one of {', '.join((*KEYS, OUTCOME))}",
            f"Take it out, or rename it in {table.path.name}.",
        )


def _require_patients(table: PatientTable, written: pd.DataFrame) -> None:
    ids = ids_in(table, written)
    bad = [str(row) for row, one in zip(written.index, ids, strict=True) if one is None]
    if bad:
        raise PlanError(
            f"Column {table.patient!r} of {table.path.name} names a patient in every row, as {table.patient_pattern!r}",
            f"it does not in row {_some(bad)}",
            "Correct these rows, or clinical.patient_pattern.",
        )
    seen: dict[str | None, int] = {}
    twice = [
        f"{row} (as row {seen[one]})"
        for row, one in zip(written.index, ids, strict=True)
        if seen.setdefault(one, int(row)) != int(row)
    ]
    if twice:
        raise PlanError(
            f"{table.path.name} has one row a patient",
            f"the patient stands again in row {_some(twice)}",
            "Keep one row for each patient; dated rows belong into `events`.",
        )


def _require_outcome(table: ClinicalTable, written: pd.DataFrame, outcome: Outcome, smallest: int) -> None:
    if outcome.column in table.known_before:
        raise PlanError(
            "The outcome is not known before itself",
            f"{outcome.column!r} stands in clinical.known_before too",
            "Take it out there.",
        )
    cells = {cell_text(cell) for cell in written[outcome.column]} - {None}
    if outcome.negative is None and cells == {outcome.positive}:
        raise PlanError(
            f"Column {outcome.column!r} of {table.path.name} tells patients apart",
            "every row that is filled in holds the positive value",
            "Choose another outcome, or another positive value.",
        )
    wanted = [outcome.positive] if outcome.negative is None else [outcome.positive, outcome.negative]
    missing = [value for value in wanted if value not in cells]
    if missing:
        raise PlanError(
            f"Column {outcome.column!r} of {table.path.name} holds the outcome's values",
            f"no row holds {', '.join(map(repr, missing))}; it holds {held_values(written[outcome.column], smallest)}",
            "Correct outcome.positive or outcome.negative; small and capital letters are told apart.",
        )


def require_events(table: EventRows) -> pd.DataFrame:
    """Return the table of events as text; raise `PlanError` where it is not fit."""
    return read_written(table.path, table.sheet, (table.patient, table.when, table.event), "events")


def compare_patients(
    table: ClinicalTable,
    written: pd.DataFrame,
    scanned: set[str],
    identities: Identities,
    left_out: frozenset[str] = frozenset(),
) -> list[str]:
    """Return what a reader should know of rows without scans and scans without rows.

    Nothing is said of the rows of patients that were `left_out` by request: they have scans.

    Raises
    ------
    PlanError
        When no row is of a patient with scans.
    """
    ids = ids_in(table, written)
    names = [identities.pseudonym(one) for one in ids if one is not None]
    there = scanned | left_out
    if scanned and not there & set(names):
        raise PlanError(
            f"Column {table.patient!r} of {table.path.name} names the patients as the scans do",
            f"none of its {len(names)} rows (the first is row {written.index[0]}) is one of the {len(there)} patients"
            " scanned",
            "Correct clinical.patient, clinical.patient_pattern or the sources' patterns, so that both give the same"
            " id.",
        )
    without = [str(row) for row, name in zip(written.index, names, strict=True) if name not in there]
    findings = []
    if without:
        findings.append(f"{table.path.name}: no scans for row {_some(without)}; these rows are left out.")
    if left := len(scanned - set(names)):
        findings.append(f"{table.path.name}: no row for {left} of {len(scanned)} scanned patients; add one for each.")
    return findings


def compare_further(table: ClinicalTable, written: pd.DataFrame, others: Sequence[pd.DataFrame]) -> list[str]:
    """Return what a reader should know of how further tables, as they were read, meet the clinical one."""
    own = set(ids_in(table, written))
    findings = []
    for other, read in zip(table.further, others, strict=True):
        theirs = set(ids_in(other, read))
        if strangers := len(theirs - own):
            findings.append(
                f"{other.path.name}: {strangers} rows are of nobody in {table.path.name}; they are left out. Where that"
                " is a matter of spelling, see patient_pattern, patient_case and spellings."
            )
        if lacking := len(own - theirs):
            findings.append(f"{other.path.name}: no row for {lacking} of {len(own)} patients.")
    return findings


def _some(rows: list[str]) -> str:
    return ", ".join(rows[:SHOWN]) + (f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")
