"""Dates and times of DICOM as seconds: only differences of them are ever told."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet

DAY_SECONDS = 86_400
_TIME = re.compile(r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(\.\d{1,6})?)?)?", re.ASCII)
_DATE_TIME = re.compile(r"(\d{8})(\d{6}(?:\.\d{1,6})?)(?:[+-]\d{4})?", re.ASCII)


def seconds_of_day(text: str) -> float | None:
    """Return the seconds since midnight of a time (HHMMSS.FFFFFF), None where it is none."""
    match = _TIME.fullmatch(text.replace(":", ""))
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups(default="0")
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds) + float(fraction)


def seconds_of(text: str) -> float | None:
    """Return the seconds of a date and time (YYYYMMDDHHMMSS.FFFFFF) since a fixed day, None where it is none."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    seconds, days = seconds_of_day(match.group(2)), _days(match.group(1))
    return None if seconds is None or days is None else seconds + DAY_SECONDS * days


def seconds_named(dataset: DataSet, name: str) -> float | None:
    """Return the seconds of `nameDate` and `nameTime` since a fixed day, None where the time is not there.

    Without a date they are those since midnight.
    """
    seconds = seconds_of_day(dataset.text(f"{name}Time"))
    days = _days(dataset.text(f"{name}Date")) or 0
    return None if seconds is None else seconds + DAY_SECONDS * days


def _days(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() if re.fullmatch(r"\d{8}", text, re.ASCII) else None
    except ValueError:
        return None
