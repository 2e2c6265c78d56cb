"""Who was examined when: the visits of a study, and which of them are rows of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

    from data_catalog.refs import Study

KEYS = ("patient", "visit", "day", "scanner")
"""Columns that say what a row is of."""
FACTS = {"patient", "visit", "day", "modality", "scanner"}


def scans_in(study: Study) -> pd.DataFrame:
    """Return one row a scan, recording and report: patient, visit, day, modality, scanner."""
    import pandas as pd

    scans = [scan.model_dump(include=FACTS) for scan in (*study.scans, *study.recordings)]
    reports = [{**report.model_dump(include=FACTS), "modality": "report", "scanner": None} for report in study.reports]
    found = pd.DataFrame([*scans, *reports], columns=["patient", "visit", "day", "modality", "scanner"])
    found["day"] = found["day"].astype("Int64")
    return found


def days_of(scans: pd.DataFrame) -> pd.DataFrame:
    """Return the day of each visit that has a scan: patient, visit, day."""
    return rows_of(scans, "patient_visit", "first")[["patient", "visit", "day"]]


def rows_of(
    scans: pd.DataFrame, rows: Literal["patient", "patient_visit"], visit: Literal["first", "last"]
) -> pd.DataFrame:
    """Return the rows of the cohort: patient, visit, day and scanner.

    Parameters
    ----------
    scans : DataFrame
        One row a scan: patient, visit, day, modality, scanner.
    rows : str
        One row a patient, or one a patient and visit.
    visit : str
        With one row a patient, which visit it is.

    Of several scanners at a visit the one of the first modality by name counts.
    """
    visits = (
        scans.sort_values(["patient", "visit", "modality"])
        .groupby(["patient", "visit"], as_index=False, sort=True)
        .agg(day=("day", "first"), scanner=("scanner", "first"))
    )
    if rows == "patient_visit":
        return visits[list(KEYS)]
    chosen = visits.drop_duplicates("patient", keep=visit)[list(KEYS)].reset_index(drop=True)
    if visit == "first":
        # Where every scan of the first visit was refused, a later one does not stand in for it.
        lost = chosen["visit"] != 0
        chosen.loc[lost, "visit"] = 0
        chosen["day"] = chosen["day"].mask(lost)
        chosen["scanner"] = chosen["scanner"].mask(lost)
    return chosen
