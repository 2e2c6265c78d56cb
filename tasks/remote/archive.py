"""What every archive can do, what goes wrong with it, and how its studies are walked through."""

from __future__ import annotations

import logging
import random
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from data_catalog.errors import VoxmineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tasks.sources.query import Wanted

T = TypeVar("T")
Level = Literal["STUDY", "SERIES", "IMAGE"]
Answer = dict[str, str]
"""What an archive says of one study, series or instance: keyword and text."""

ATTEMPTS = 4
"""Tries of one question that gets no answer."""
WAIT_SECONDS = 0.5
"""Wait before the second try; doubled before each further one, with jitter."""
KEYS: dict[Level, tuple[str, ...]] = {
    "STUDY": ("PatientID", "StudyInstanceUID", "StudyDate", "ModalitiesInStudy"),
    "SERIES": ("SeriesInstanceUID", "Modality", "SeriesDescription", "NumberOfSeriesRelatedInstances"),
    "IMAGE": ("SOPInstanceUID", "SOPClassUID"),
}
"""What is asked to be told at each level."""
NAMED: dict[Level, str] = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
"""What tells one answer of a level from the others."""
UID = re.compile(r"[0-9.]{1,64}")
"""What may stand in an address or in a question; anything else an archive calls a UID is left out."""


class NoAnswer(VoxmineError):
    """Say that an archive did not answer, or broke off: it may on a second try."""


class Denied(VoxmineError):
    """Say that an archive answered that it will not: a second try would be answered alike."""


@dataclass(frozen=True)
class RemoteSeries:
    """Point to one series of an archive; its representation tells no identity.

    Parameters
    ----------
    patient : str
        PatientID as the archive has it.
    study, series : str
        Instance UIDs.
    modality : str
    instances : int or None
        How many the archive says there are; None where it does not say.
    """

    patient: str = field(repr=False)
    study: str = field(repr=False)
    series: str = field(repr=False)
    modality: str
    instances: int | None


class Archive(Protocol):
    """Ask an archive, and have it send instances."""

    def find(self, level: Level, asked: Mapping[str, str]) -> Iterable[Answer]:
        """Return the studies, series or instances that match; `asked` names the UIDs of the levels above."""

    def fetch(
        self, series: RemoteSeries, missing: Mapping[str, str], keep: Callable[[Iterable[bytes]], None], *, whole: bool
    ) -> None:
        """Have instances of a series sent, each given to `keep` as the bytes of a DICOM file.

        `missing` maps the UIDs of instances to their classes; with `whole` all of the series may be sent.
        """


def patiently(act: Callable[[], T]) -> T:
    """Return what `act` returns; while it raises `NoAnswer`, try again, each time after a longer wait."""
    for attempt in range(1, ATTEMPTS):
        try:
            return act()
        except NoAnswer:
            wait(attempt)
    return act()


def wait(attempt: int) -> None:
    """Wait before the try that follows the given one."""
    sleep(WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))


def series_of(archive: Archive, wanted: Wanted) -> Iterator[RemoteSeries]:
    """Yield each wanted series of an archive once."""
    seen: set[tuple[str, str]] = set()
    for study in _studies(archive, wanted):
        above = {"StudyInstanceUID": study["StudyInstanceUID"]}
        for one in archive.find("SERIES", above):
            series = one.get("SeriesInstanceUID", "")
            place = (above["StudyInstanceUID"], series)
            modality = one.get("Modality", "")
            if place in seen or not UID.fullmatch(series):
                continue
            seen.add(place)
            if wanted.takes_series(modality, one.get("SeriesDescription", "")):
                said = one.get("NumberOfSeriesRelatedInstances", "")
                yield RemoteSeries(study.get("PatientID", ""), *place, modality, int(said) if said.isdigit() else None)


def _studies(archive: Archive, wanted: Wanted) -> Iterator[Answer]:
    for asked in wanted.study_filters():
        for study in archive.find("STUDY", asked):
            if UID.fullmatch(study.get("StudyInstanceUID", "")) and wanted.takes_study(study):
                yield study


def instances_of(archive: Archive, series: RemoteSeries) -> dict[str, str]:
    """Return the class of each instance of a series, by its UID."""
    above = {"StudyInstanceUID": series.study, "SeriesInstanceUID": series.series}
    found = {one.get("SOPInstanceUID", ""): one.get("SOPClassUID", "") for one in archive.find("IMAGE", above)}
    return {uid: kind for uid, kind in found.items() if UID.fullmatch(uid)}


def pieces(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Yield a sequence in pieces of at most `size`."""
    return (texts[start : start + size] for start in range(0, len(texts), size))


@contextmanager
def unlogged(*libraries: str) -> Iterator[None]:
    """Keep libraries that log addresses or datasets, and with them patients' ids, from doing so inside the block."""
    loggers = [logging.getLogger(name) for name in libraries]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
