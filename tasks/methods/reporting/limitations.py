"""What a reader has to hold against a study, as far as its own numbers tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.reporting.words import fixed, inside, number, percentage, plural

if TYPE_CHECKING:
    from tasks.methods.reporting.data import ModelResult, ReportData
    from tasks.methods.reporting.parts import CategorySummary, NumberSummary
    from tasks.methods.rules.rule import RuleSet

USUAL_EVENTS_PER_COLUMN = 10
"""Rule of thumb for regression (Peduzzi et al., J Clin Epidemiol 1996;49:1373)."""
FEW_IN_CLASS = 100
"""Patients in the smaller class below which calibration and AUC are read with care (Collins et al., Stat Med
2016;35:214)."""
MUCH_MISSING = 0.2


def limitations(data: ReportData) -> list[str]:
    """Return the limitations, the gravest first."""
    said = [*_models(data), *_origin(data), *_rows(data), *_measurement(data), *_rules(data)]
    return said or ["Nothing was analysed, so nothing can be claimed."]


def _models(data: ReportData) -> list[str]:
    judged = data.judged("model")
    if not judged:
        return []
    said = [
        "All numbers come from cross-validation inside one cohort. No model was tried on patients of another hospital "
        "or time.",
        *_size(judged[0]),
    ]
    if len(judged) > 1:
        said.append(
            f"{len(judged)} models were compared and the best is named first: being the best of several makes its AUC "
            "slightly optimistic."
        )
    slope = judged[0].evaluation.calibration.slope
    if slope is None:
        said.append(f"A calibration slope of {inside(judged[0].name)} does not exist for these predictions.")
    return said


def _size(best: ModelResult) -> list[str]:
    found = best.evaluation
    smaller = min(found.n_events, found.n_rows - found.n_events)
    per_column = smaller / len(found.columns)
    said = []
    if smaller < FEW_IN_CLASS:
        said.append(
            f"The smaller class has {plural(smaller, 'row')} (of {found.n_rows:,}): every AUC and every point of the "
            "calibration curve rests on few patients, which the wide intervals show."
        )
    if per_column < USUAL_EVENTS_PER_COLUMN:
        said.append(
            f"The models chose among {plural(len(found.columns), 'column')}: {number(per_column, 2)} rows of the "
            f"smaller class for each, where {USUAL_EVENTS_PER_COLUMN} are often asked for."
        )
    if found.n_patients < found.n_rows:
        said.append(
            f"{plural(found.n_patients, 'patient')} gave {found.n_rows:,} rows: rows of one patient are alike, and say "
            "less than as many patients would."
        )
    return said


def _origin(data: ReportData) -> list[str]:
    if data.centres is None:
        centres = ["The number of centres is not known to the study."]
    else:
        centres = ["All patients come from a single centre."] if data.centres == 1 else []
    return centres if data.cohort or data.models else []


def _rows(data: ReportData) -> list[str]:
    said = []
    refused = sum(len(step.refusals) for step in data.flow)
    if refused:
        said.append(
            f"{plural(refused, 'item was', 'items were')} refused; if that was not by chance, the cohort is biased."
        )
    if data.cohort and data.cohort.unknown:
        said.append(f"{plural(data.cohort.unknown, 'row has', 'rows have')} no known outcome and were left out.")
    much = [column for column in _columns(data) if column.missing > MUCH_MISSING * (column.n + column.missing)]
    if much:
        said.append(
            f"{plural(len(much), 'column lacks', 'columns lack')} more than {percentage(MUCH_MISSING)} of the values."
        )
    return said


def _columns(data: ReportData) -> list[NumberSummary | CategorySummary]:
    return [*(data.cohort.columns if data.cohort else ()), *data.features]


def _measurement(data: ReportData) -> list[str]:
    if not data.features:
        return []
    said = []
    if data.scanners is None:
        said.append("Scanners are not known, so that their effect on the features could not be looked at.")
    elif data.scanners == 1:
        said.append("All images come from one scanner: what another would measure is not known.")
    if not data.reader_pairs:
        said.append("No region was outlined by two readers: how features depend on the outline is not known.")
    worst = min((pair.lowest for pair in data.reader_pairs if pair.lowest is not None), default=None)
    if worst is not None:
        said.append(f"The outlines of two readers overlap with a Dice coefficient as low as {fixed(worst)}.")
    return said


def _rules(data: ReportData) -> list[str]:
    said = []
    if data.rules is not None or data.associations is not None or data.sequences is not None:
        said.append("Rules and patterns say what goes together in this cohort, not what causes what.")
    if data.associations is not None and data.associations.claimed:
        said.append(
            "An association may hold because one item defines or measures the other: whether it is news, no test tells."
        )
    if any(_has_echoes(rules) for rules in (data.rules, data.associations)):
        said.append(
            "A rule that says the same as a better one is not claimed; that the better one is the true one of the two "
            "is not shown."
        )
    return said


def _has_echoes(rules: RuleSet | None) -> bool:
    return rules is not None and len(rules.claimed) < len(rules.significant)
