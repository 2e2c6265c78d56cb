from __future__ import annotations

import pytest

from tasks.formats.dicom.clock import seconds_of, seconds_of_day


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00", 0),
        ("0130", 5400),
        ("235959", 86399),
        ("235960", 86400),
        ("120000.25", 43200.25),
        ("12:00:01", 43201),
        ("240000", None),
        ("1260", None),
        ("noon", None),
        ("", None),
        ("120000.1234567", None),
    ],
)
def test_a_time_of_day_is_seconds_since_midnight(text, seconds):
    assert seconds_of_day(text) == seconds


def test_a_date_and_time_goes_on_over_midnight_and_over_years():
    assert seconds_of("20250101000001") - seconds_of("20241231235959.5") == 1.5
    assert seconds_of("20240301000000+0100") - seconds_of("20240228000000+0100") == 2 * 86400


@pytest.mark.parametrize("text", ["", "2024", "20241340120000", "20240101", "20240101996060", "x" * 14])
def test_what_is_no_date_and_time_is_none(text):
    assert seconds_of(text) is None
