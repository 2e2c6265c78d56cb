"""From tables to what the report says of them: columns by outcome, features, scanners, readers, comparisons."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.learning.delong import compare_models
from tasks.methods.reporting.data import Comparison
from tasks.methods.reporting.parts import (
    CategorySummary,
    CohortSummary,
    FeatureAgreement,
    FeatureSummary,
    LevelCount,
    NumberSummary,
    ReaderPair,
    ScannerEffect,
    Spread,
)
from tasks.methods.rules.items import category_texts, is_number, numbers, require_columns, require_same_rows

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.cohort.columns import ColumnMeaning
    from tasks.methods.reporting.data import ModelResult
    from tasks.methods.reporting.parts import ColumnSummary

MOST_LEVELS = 12
"""A column of more categories than this shows the most frequent ones, and the rest together, as it does the rare."""
FEWEST_FOR_SPREAD = 2
ROUNDING = 1e-12
"""Values that differ by less than this share of their size differ by rounding only."""


def cohort_summary(
    table: pd.DataFrame,
    outcome: pd.Series,
    patients: Sequence[str],
    columns: Mapping[str, ColumnMeaning],
    fewest: int = 1,
) -> CohortSummary:
    """Return counts of a cohort, and a summary of some of its columns by outcome.

    Parameters
    ----------
    table : DataFrame
        One row for each row of the cohort.
    outcome : Series
        (rows,) 1 with the event, 0 without, missing where that is not known, in the table's order.
    patients : sequence of str
        (rows,) patient of each row.
    columns : mapping
        Columns to summarise, and what they mean.
    fewest : int
        Rows that a category needs to be named; the rarer ones stand together.

    Raises
    ------
    BadData
        When a column is absent or holds an infinite value, rows do not match, or the outcome has other values.
    """
    require_columns(table, list(columns))
    require_same_rows(len(table), len(patients))
    event, other = _classes(table, outcome)
    return CohortSummary(
        rows=len(table),
        patients=len(set(patients)),
        events=int(event.sum()),
        others=int(other.sum()),
        unknown=int((~event & ~other).sum()),
        columns=tuple(_column(table[name], label, event, other, fewest) for name, label in columns.items()),
    )


def feature_summaries(
    table: pd.DataFrame, outcome: pd.Series, features: Mapping[str, ColumnMeaning]
) -> tuple[FeatureSummary, ...]:
    """Return a summary of each feature by outcome, the largest standardised difference first.

    Features without one come last. Parameters and errors as for `cohort_summary`.
    """
    require_columns(table, list(features))
    event, other = _classes(table, outcome)
    found = [
        FeatureSummary(
            **_number_parts(table[name], event, other),
            label=words.label,
            unit=words.unit,
            ibsi=words.ibsi,
        )
        for name, words in features.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.difference is None, -abs(one.difference or 0.0))))


def standardised_difference(event: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Return the difference of means over the root of the mean variance, event less other.

    None where it does not exist: fewer than two values in a class, or values that do not vary within the classes.

    References
    ----------
    Austin. Balance diagnostics for comparing the distribution of baseline covariates between treatment
    groups in propensity-score matched samples. Statistics in Medicine 28 (2009) 3083-3107.
    """
    if min(len(event), len(other)) < FEWEST_FOR_SPREAD:
        return None
    spread = float(np.sqrt((event.var(ddof=1) + other.var(ddof=1)) / 2))
    if spread <= ROUNDING * float(np.abs(np.concatenate([event, other])).max()):
        return None
    return float(event.mean() - other.mean()) / spread


def spread_of(values: NDArray[np.float64]) -> Spread:
    """Return count, median and quartiles of the values that are not missing."""
    known = values[~np.isnan(values)]
    if not known.size:
        return Spread(n=0)
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75]).tolist()
    return Spread(n=known.size, median=median, low=low, high=high)


def scanner_rows(effects: pd.DataFrame, labels: Mapping[str, str]) -> tuple[ScannerEffect, ...]:
    """Return the rows of `learning.scanner_effects` in its order; a feature without words goes by its name."""
    return tuple(
        ScannerEffect(
            label=labels.get(row["feature"], row["feature"]),
            scanners=int(row["scanners"]),
            rows=int(row["rows"]),
            epsilon_squared=_known(row["epsilon_squared"]),
            p=_known(row["p_value"]),
            adjusted_p=_known(row["adjusted_p_value"]),
        )
        for row in effects.to_dict("records")
    )


def agreement_rows(agreement: pd.DataFrame, labels: Mapping[str, str]) -> tuple[FeatureAgreement, ...]:
    """Return the rows of `learning.reader_agreement`, the worst agreement first, untestable features last.

    Where the table also has the columns modality and region, a feature's words are those of the cohort's
    column `<modality>.<region>.<feature>`.
    """
    rows = [
        FeatureAgreement(
            label=labels.get(_place(row), _place(row)),
            icc=_known(row["icc"]),
            low=_known(row["low"]),
            high=_known(row["high"]),
            subjects=int(row["subjects"]),
            readers=int(row["readers"]),
        )
        for row in agreement.to_dict("records")
    ]
    return _least_first(rows)


def perturbation_rows(stability: pd.DataFrame, labels: Mapping[str, str]) -> tuple[FeatureAgreement, ...]:
    """Return the rows of `learning.feature_stability` that were perturbed, the least stable feature first."""
    rows = [
        FeatureAgreement(
            label=labels.get(str(row["feature"]), str(row["feature"])),
            icc=_known(row["perturbed_icc"]),
            low=_known(row["perturbed_low"]),
            high=_known(row["perturbed_high"]),
            subjects=int(row["perturbed_subjects"]),
            readers=int(row["perturbed_repetitions"]),
        )
        for row in stability.to_dict("records")
        if row["perturbed_subjects"]
    ]
    return _least_first(rows)


def _least_first(rows: list[FeatureAgreement]) -> tuple[FeatureAgreement, ...]:
    return tuple(sorted(rows, key=lambda row: (row.icc is None, row.icc or 0.0)))


def reader_pairs(overlaps: pd.DataFrame) -> tuple[ReaderPair, ...]:
    """Return how each two readers' outlines overlap, for each region and modality.

    `overlaps` has one row for each case both have read: modality, region, first_reader, second_reader, dice.
    """
    pairs = overlaps.groupby(["modality", "region", "first_reader", "second_reader"], sort=True)["dice"]
    return tuple(
        ReaderPair(
            region=str(region),
            modality=str(modality),
            first=str(first),
            second=str(second),
            dice=spread_of(dice.to_numpy(dtype=np.float64)),
            lowest=float(dice.min()),
        )
        for (modality, region, first, second), dice in pairs
    )


def against_controls(models: Sequence[ModelResult]) -> tuple[Comparison, ...]:
    """Return each model against each control by DeLong's test; where it does not apply, the reason."""
    return tuple(
        _comparison(model, control)
        for model in models
        if model.role == "model"
        for control in models
        if control.role == "control"
    )


def _place(row: Mapping[Hashable, Any]) -> str:
    """Return the cohort's column behind a row of a table of features."""
    return ".".join(str(row[part]) for part in ("modality", "region", "feature") if part in row)


def _comparison(model: ModelResult, control: ModelResult) -> Comparison:
    try:
        test = compare_models(model.evaluation, control.evaluation)
    except BadData as refused:
        return Comparison(model=model.name, control=control.name, test=None, reason=f"{refused.expected}.")
    return Comparison(model=model.name, control=control.name, test=test)


def _classes(table: pd.DataFrame, outcome: pd.Series) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows have the event, and which are known not to."""
    require_same_rows(len(table), len(outcome))
    values = numbers(outcome)
    event, other = values == 1, values == 0
    strange = int((~event & ~other & ~np.isnan(values)).sum())
    if strange:
        raise BadData(
            "outcome_not_binary",
            "The outcome is 1, 0 or missing in every row",
            f"{strange} of {len(values)} rows have another value",
            "Name the value that counts as the event.",
        )
    return event, other


def _column(
    series: pd.Series, label: ColumnMeaning, event: NDArray[np.bool_], other: NDArray[np.bool_], fewest: int
) -> ColumnSummary:
    if is_number(series):
        return NumberSummary(**_number_parts(series, event, other), label=label.label, unit=label.unit)
    return _categories(series, label.label, event, other, fewest)


def _number_parts(series: pd.Series, event: NDArray[np.bool_], other: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the counts, spreads and difference of a column of numbers."""
    values = numbers(series)
    if np.isinf(values).any():
        raise BadData(
            "not_a_finite_number",
            "A number is finite",
            f"{int(np.isinf(values).sum())} cells are infinite",
            "Correct it, or leave the cell empty.",
        )
    known = ~np.isnan(values)
    return {
        "n": int((known & (event | other)).sum()),
        "missing": int((~known & (event | other)).sum()),
        "event": spread_of(values[event]),
        "other": spread_of(values[other]),
        "difference": standardised_difference(values[event & known], values[other & known]),
    }


def _categories(
    series: pd.Series, label: str, event: NDArray[np.bool_], other: NDArray[np.bool_], fewest: int
) -> CategorySummary:
    texts = category_texts(series)
    counted = [(text, has) for text, has, counts in zip(texts, event, event | other, strict=True) if counts]
    known = [(text, bool(has)) for text, has in counted if text is not None]
    counts = Counter(known)
    return CategorySummary(
        label=label,
        n=len(known),
        missing=len(counted) - len(known),
        levels=_levels(Counter(text for text, _ in known), counts, fewest),
    )


def _levels(sizes: Counter[str], counts: Counter[tuple[str, bool]], fewest: int) -> tuple[LevelCount, ...]:
    ranked = sorted((text for text in sizes if sizes[text] >= fewest), key=lambda text: (-sizes[text], text))
    shown = ranked if len(ranked) == len(sizes) <= MOST_LEVELS else ranked[: MOST_LEVELS - 1]
    levels = [LevelCount(level=text, event=counts[text, True], other=counts[text, False]) for text in sorted(shown)]
    if rest := sizes.keys() - set(shown):
        event, other = (sum(counts[text, has] for text in rest) for has in (True, False))
        noun = "other value" if len(rest) == 1 else "other values"
        levels.append(LevelCount(level=f"{len(rest)} {noun}", event=event, other=other))
    return tuple(levels)


def _known(value: float) -> float | None:
    """Return a number of a table, None for an empty cell."""
    return None if np.isnan(value) else float(value)
