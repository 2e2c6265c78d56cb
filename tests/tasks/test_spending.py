"""What a step spends: counted from its beginning, and told where the system tells it."""

from __future__ import annotations

import sys
import time

import pytest

from tasks import spending
from tasks.spending import Meter


def test_time_is_counted_from_the_beginning():
    meter = Meter.begin()
    time.sleep(0.05)
    spent = meter.spent()
    assert 0.05 <= spent.seconds < 5
    assert 0 <= spent.cpu_seconds < spent.seconds + 5


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it")
def test_the_highest_memory_is_of_the_step_and_not_of_what_was_before():
    meter = Meter.begin()
    if not meter.forgot:
        pytest.skip("this system does not forget")
    held = bytearray(256 * 2**20)
    del held
    high = meter.spent().peak_bytes
    low = Meter.begin().spent().peak_bytes
    assert high - low > 200 * 2**20
    assert low > 2**20


@pytest.mark.parametrize("there", ["nothing", "a status without a peak"])
def test_memory_that_the_system_does_not_tell_is_unknown(tmp_path, monkeypatch, there):
    monkeypatch.setattr(spending, "STATUS", tmp_path / "status")
    forget = tmp_path / "nowhere" / "refs" if there == "nothing" else tmp_path / "refs"
    monkeypatch.setattr(spending, "FORGET", forget)
    (tmp_path / "status").write_text("Name: python\nVmRSS: 5 kB\n")
    assert Meter.begin().spent().peak_bytes is None


def test_the_peak_is_told_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(spending, "STATUS", tmp_path / "status")
    monkeypatch.setattr(spending, "FORGET", tmp_path / "refs")
    (tmp_path / "status").write_text("Name: python\nVmHWM:\t    512 kB\nVmRSS: 5 kB\n")
    assert Meter.begin().spent().peak_bytes == 512 * 1024
    assert (tmp_path / "refs").read_text() == "5"
