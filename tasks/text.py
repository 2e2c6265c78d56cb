"""From reports to findings and numbers, and from these to columns of the study's table; no text is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from data_catalog.kinds import TABLE
from tasks.formats.dicom.report import read_measurements, read_text_items
from tasks.formats.text import read_report
from tasks.methods.text.finding_terms import strongest
from tasks.methods.text.item import FINDING
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from tasks.formats.content import Content
    from tasks.methods.text.finding_terms import FindingTerms
    from tasks.methods.text.item import Mention

KEYS = ["patient", "visit"]
NUMBER = "SR."
"""With what the column of a report's number begins."""
Places = tuple[tuple[str, int], ...]
"""Patient and visit of each report."""


@stage(TABLE)
def read_report_text(
    files: list[Content], *, findings: FindingTerms, encoding: Literal["utf-8", "latin-1"]
) -> pd.DataFrame:
    """Return one row a mention of a finding in a report of plain text: finding, status, sentence."""
    return _mentions(findings(read_report(files[0], encoding)))


@stage(TABLE)
def read_structured_report(files: list[Content], *, findings: FindingTerms) -> pd.DataFrame:
    """Return one row a mention of a finding in a DICOM structured report: finding, status, sentence."""
    return _mentions(findings(read_text_items(files[0])))


@stage(TABLE)
def read_report_numbers(files: list[Content]) -> pd.DataFrame:
    """Return one row a number of a DICOM structured report: name, value, unit, group."""
    import pandas as pd

    found = read_measurements(files[0])
    return pd.DataFrame(
        {
            "name": pd.Series([one.name for one in found], dtype=str),
            "value": pd.Series([one.value for one in found], dtype="float64"),
            "unit": pd.Series([one.unit for one in found], dtype=str),
            "group": pd.Series([one.group for one in found], dtype="int64"),
        }
    )


@stage(TABLE, keeps_parameters=False)
def gather_findings(tables: list[pd.DataFrame], *, places: Places, findings: tuple[str, ...]) -> pd.DataFrame:
    """Return one row a patient and visit with a column `text.<finding>` for each finding.

    It is `present`, `uncertain` or `absent`, the first of these that any mention at the visit says; missing where no
    report names the finding.
    """
    import pandas as pd

    told: dict[tuple[str, int], list[tuple[str, str]]] = {place: [] for place in sorted(set(places))}
    for place, table in zip(places, tables, strict=True):
        told[place] += zip(table["finding"], table["status"], strict=True)
    said = {place: strongest(pairs) for place, pairs in told.items()}
    columns = {
        f"{FINDING}{finding}": pd.Series([of.get(finding) for of in said.values()], dtype=object)
        for finding in findings
    }
    return pd.DataFrame({**_keys(said), **columns})


@stage(TABLE, keeps_parameters=False)
def gather_numbers(tables: list[pd.DataFrame], *, places: Places) -> pd.DataFrame:
    """Return one row a patient and visit with a column `SR.<name> (<unit>)` for each number of the reports.

    Of several numbers of one name at a visit (of several lesions) the mean counts.
    """
    import pandas as pd

    parts = [table.assign(patient=patient, visit=visit) for (patient, visit), table in zip(places, tables, strict=True)]
    rows = pd.DataFrame(_keys(sorted(set(places))))
    together = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if together.empty:
        return rows
    unit = together["unit"].str.replace(".", "*", regex=False)
    together["column"] = NUMBER + together["name"] + (" (" + unit + ")").where(unit != "", "")
    wide = together.pivot_table(index=KEYS, columns="column", values="value", aggfunc="mean").reset_index()
    return rows.merge(wide.rename_axis(columns=None), on=KEYS, how="left", validate="one_to_one")


def _keys(places: Iterable[tuple[str, int]]) -> dict[str, Any]:
    import pandas as pd

    held = list(places)
    return {
        "patient": pd.Series([patient for patient, _ in held], dtype=str),
        "visit": pd.Series([visit for _, visit in held], dtype="int64"),
    }


def _mentions(found: Sequence[Mention]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "finding": pd.Series([one.finding for one in found], dtype=str),
            "status": pd.Series([one.status for one in found], dtype=str),
            "sentence": pd.Series([one.sentence for one in found], dtype="int64"),
        }
    )
