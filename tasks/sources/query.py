"""What is asked of an archive elsewhere: whose studies, of which days, which series."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from data_catalog.errors import BadData, PlanError
from tasks.formats.table import read_table
from tasks.methods.method import Method

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Seconds = Annotated[float, Field(ge=0, le=86_400)]
Title = Annotated[str, Field(pattern=r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$")]
"""An AE title: up to 16 printable ASCII characters."""
DRAWN = frozenset({"RTSTRUCT", "SEG"})
"""Modalities that are taken along with the images they are drawn on."""
WILD = frozenset("*?\\")
"""An archive would take these for patterns or lists: an id that holds one could ask for other patients."""


class RemoteSource(Method):
    """Hold what every archive is asked for; without any filter it is asked for everything it holds."""

    patients: Path | None = None
    """File with the ids of the patients to take: one a line, or a table; relative to the plan's folder. Ids stand
    there and never in a plan, which Prefect shows."""
    patient_column: str = ""
    """Column of that table (CSV, TSV, Excel) with the ids; empty for a file with one a line."""
    studies: Path | None = None
    """File with the study instance UIDs to take, one a line; with `patients`, both must hold."""
    since: date | None = None
    """First day of the studies."""
    until: date | None = None
    """Last day of the studies."""
    modalities: tuple[str, ...] = ()
    """Modalities to take (`CT`, `PT`); empty takes all. RTSTRUCT and SEG come along."""
    kernels: tuple[str, ...] = ()
    """Patterns of the reconstruction kernels of CT to take (`B30*`) of what was fetched; empty takes all."""
    description: str = ""
    """Pattern of the series' descriptions (`*T1*`); capitals do not count, empty takes all."""
    quiet_s: Seconds = 0
    """A series counts as complete when its number of instances has not changed for so long; 0 takes it as it is."""
    offline: bool = False
    """Whether to work on what was fetched before, and not to ask the archive."""


@dataclass(frozen=True)
class Wanted:
    """Say which studies and series of an archive are wanted; its representation tells no id.

    Parameters
    ----------
    patients, studies : tuple of str
        Ids and study instance UIDs; empty wants all.
    since, until : date or None
        First and last day.
    modalities : tuple of str
        Empty wants all.
    description : str
        Pattern of the series' descriptions; empty wants all.
    """

    patients: tuple[str, ...] = field(default=(), repr=False)
    studies: tuple[str, ...] = field(default=(), repr=False)
    since: date | None = None
    until: date | None = None
    modalities: tuple[str, ...] = ()
    description: str = ""

    def study_filters(self) -> Iterator[dict[str, str]]:
        """Yield what to ask for at the level of studies: one question a patient, a study, or one in all."""
        common = {"StudyDate": self._days()} if self.since or self.until else {}
        if len(self.modalities) == 1:
            common["ModalitiesInStudy"] = self.modalities[0]
        if self.patients:
            yield from ({"PatientID": one, **common} for one in self.patients)
        elif self.studies:
            yield from ({"StudyInstanceUID": one, **common} for one in self.studies)
        else:
            yield common

    def takes_study(self, study: Mapping[str, str]) -> bool:
        """Return whether a study is wanted: an archive may answer more than it was asked."""
        patient = study.get("PatientID", "").casefold()
        return (
            (not self.patients or patient in {one.casefold() for one in self.patients})
            and (not self.studies or study.get("StudyInstanceUID", "") in self.studies)
            and self._takes_day(study.get("StudyDate", ""))
        )

    def takes_series(self, modality: str, description: str) -> bool:
        """Return whether a series is wanted; what is drawn on images comes along with them."""
        if modality in DRAWN:
            return True
        return (not self.modalities or modality in self.modalities) and (
            not self.description or fnmatchcase(description.casefold(), self.description.casefold())
        )

    def _days(self) -> str:
        first, last = (f"{day:%Y%m%d}" if day else "" for day in (self.since, self.until))
        return f"{first}-{last}"

    def _takes_day(self, written: str) -> bool:
        if not (self.since or self.until):
            return True
        try:
            day = datetime.strptime(written, "%Y%m%d").date()  # noqa: DTZ007 - a calendar day has no time zone
        except ValueError:
            return False
        return (self.since or date.min) <= day <= (self.until or date.max)


def wanted(source: RemoteSource) -> Wanted:
    """Return what a source asks for, with the ids of its files.

    Raises
    ------
    PlanError
        When a file is missing, cannot be read, is empty, or holds an id that an archive would take for a pattern.
    """
    return Wanted(
        patients=_listed(source.patients, source.patient_column, "patients"),
        studies=_listed(source.studies, "", "studies"),
        since=source.since,
        until=source.until,
        modalities=source.modalities,
        description=source.description,
    )


def _listed(path: Path | None, column: str, name: str) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        content = path.read_bytes()
        ids = _of_column(content, column, name) if column else content.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError, BadData):
        raise PlanError(
            f"`{name}` of the source is a file of ids", "it cannot be read", "Correct the path, or the file."
        ) from None
    rows = [(row, one.strip()) for row, one in enumerate(ids, 1) if one.strip()]
    wild = [str(row) for row, one in rows if WILD & set(one)]
    if wild or not rows:
        raise PlanError(
            f"`{name}` of the source lists ids, one a row, without {' '.join(sorted(WILD))}",
            f"row {', '.join(wild[:10])} holds such a sign" if wild else "it is empty",
            "Correct the file.",
        )
    return tuple(dict.fromkeys(one for _, one in rows))


def _of_column(content: bytes, column: str, name: str) -> list[str]:
    table = read_table(content, None)
    if column not in table.columns:
        raise PlanError(
            f"`{name}` of the source has the column {column!r}",
            "it has not",
            f"Choose among: {', '.join(table.columns)}.",
        )
    return [str(one) for one in table[column]]
