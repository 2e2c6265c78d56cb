"""Build the table of the study: one row a patient (or patient and visit), features beside clinical columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from data_catalog.frames import COLUMN_FACTS, ColumnFacts
from data_catalog.kinds import COHORT, TABLE
from tasks.methods.cohort.visits import days_of, rows_of, scans_in
from tasks.methods.cohort.wide import (
    MEASURED,
    OUTCOME,
    join,
    outcome_of,
    read_by_several,
    wide_facts,
    wide_features,
    wide_repeats,
    with_deltas,
)
from tasks.methods.learning.feature_stability import feature_stability
from tasks.methods.learning.reader_agreement import dice, reader_agreement
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import xarray as xr

    from data_catalog.refs import Study
    from tasks.methods.cohort.deltas import Deltas
    from tasks.sources.tables import Outcome

TWO_READERS = 2


@stage(COHORT)
def build_cohort(
    study: Study,
    features: pd.DataFrame,
    clinical: pd.DataFrame | None = None,
    further: Sequence[pd.DataFrame] = (),
    *,
    rows: Literal["patient", "patient_visit"],
    visit: Literal["first", "last"],
    readers: Literal["mean", "first"],
    known_before: tuple[str, ...],
    outcome: Outcome | None,
    deltas: Deltas | None = None,
    first_patients: int | None = None,
) -> pd.DataFrame:
    """Return the cohort: who and when, the outcome, the features, the clinical columns known before it.

    `further` tables have one row a patient and visit: features of recordings, findings and numbers of reports.
    Where nothing was ever scanned, the rows are the patients of the clinical table, the first so many by pseudonym.
    """
    found = scans_in(study)
    if clinical is not None and not study.found and found.empty:
        found = _patients(clinical, first_patients)
    facts = clinical
    if clinical is not None:
        facts = clinical[["patient", *known_before]].copy()
        if outcome is not None:
            facts.insert(1, OUTCOME, outcome_of(clinical[outcome.column], outcome.positive, outcome.negative))
    wide = with_deltas(wide_features(features, readers), deltas, days_of(found))
    table = join(rows_of(found, rows, visit), wide, facts, further)
    if OUTCOME not in table:
        table[OUTCOME] = float("nan")
    first = [*table.columns[:4], OUTCOME]
    ordered = table[[*first, *(column for column in table.columns if column not in first)]]
    ordered.attrs = {COLUMN_FACTS: ColumnFacts(wide_facts(features.attrs.get(COLUMN_FACTS, {}), ordered.columns))}
    return ordered


@stage(TABLE)
def repeat_readings(study: Study, features: pd.DataFrame, *, deltas: Deltas | None = None) -> pd.DataFrame:
    """Return what several readers' regions gave, one row a patient, visit and reader, columns as the cohort's."""
    return wide_repeats(read_by_several(features), "reader", "first", deltas, days_of(scans_in(study)))


@stage(TABLE)
def stability(perturbed: pd.DataFrame | None = None, readings: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return how far each feature stays the same when it is measured again, over perturbations and over readers."""
    return feature_stability(perturbed, readings)


def _patients(clinical: pd.DataFrame, first: int | None) -> pd.DataFrame:
    """Return the patients of a table as if each had come once, by pseudonym."""
    import pandas as pd

    everyone = pd.DataFrame({"patient": sorted(clinical["patient"].dropna())})[:first]
    return everyone.assign(visit=0, day=pd.array([None] * len(everyone), dtype="Int64"), modality="", scanner=None)


@stage(TABLE)
def overlap(first: xr.DataArray, second: xr.DataArray, *, label_first: int, label_second: int) -> pd.DataFrame:
    """Return how far two readers' regions of one scan overlap (Dice)."""
    import pandas as pd

    return pd.DataFrame({"dice": [dice(first.values == label_first, second.values == label_second)]})


@stage(TABLE, keeps_parameters=False)
def gather_overlaps(tables: list[pd.DataFrame], *, places: tuple[tuple[str, ...], ...]) -> pd.DataFrame:
    """Return one row for each pair of readers of a region: patient, modality, region, both readers, Dice."""
    import pandas as pd

    names = ["patient", "visit", "modality", "region", "first_reader", "second_reader"]
    return pd.concat([pd.DataFrame(list(places), columns=names), pd.concat(tables, ignore_index=True)], axis=1)


@stage(TABLE)
def agreement(features: pd.DataFrame) -> pd.DataFrame:
    """Return how far readers agree on each feature: ICC(A,1) for each modality and region that several have drawn."""
    import pandas as pd

    subject = ["patient", "visit"]
    parts = []
    places = features[["modality", "region"]].drop_duplicates().sort_values(["modality", "region"])
    for modality, region in places.itertuples(index=False):
        held = features[(features["modality"] == modality) & (features["region"] == region)]
        readers = held["reader"].nunique()
        complete = held.groupby(subject)["reader"].transform("nunique") == readers
        read = held[complete]
        if readers < TWO_READERS or read[subject].drop_duplicates().shape[0] < TWO_READERS:
            continue
        names = [name for name in held.columns if name not in {*subject, *MEASURED, "day", "scanner"}]
        subjects = (read["patient"] + "/" + read["visit"].astype(str)).to_numpy()
        measured = read[names].dropna(axis=1, how="all")
        parts.append(
            reader_agreement(measured, subjects, read["reader"].to_numpy()).assign(modality=modality, region=region)
        )
    columns = ["modality", "region", "feature", "icc", "low", "high", "subjects", "readers"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
