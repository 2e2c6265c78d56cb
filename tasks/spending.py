"""What one step spends: time, processor, memory."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
"""Where Linux tells of the process, and where it takes the word to forget the highest memory so far."""
FORGET_PEAK = "5"
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class Spending(NamedTuple):
    """What was spent."""

    seconds: float
    cpu_seconds: float
    """Of this process: what its threads did beside each other adds up."""
    peak_bytes: int | None
    """Highest memory of this process meanwhile; None where the system does not tell it."""


@dataclass(frozen=True)
class Meter:
    """Begins when a step does."""

    started: str
    """UTC, ISO 8601."""
    wall: float
    cpu: float
    forgot: bool
    """Whether the highest memory of what the process did before is forgotten."""

    @classmethod
    def begin(cls) -> Meter:
        """Begin to count."""
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        return cls(started, time.perf_counter(), time.process_time(), _forget_peak())

    def spent(self) -> Spending:
        """Return what was spent since."""
        return Spending(
            seconds=round(time.perf_counter() - self.wall, 4),
            cpu_seconds=round(time.process_time() - self.cpu, 4),
            peak_bytes=_peak_bytes() if self.forgot else None,
        )


def _forget_peak() -> bool:
    try:
        FORGET.write_text(FORGET_PEAK, encoding="ascii")
    except OSError:  # another system, or one that does not let us
        return False
    return True


def _peak_bytes() -> int | None:
    told = PEAK.search(STATUS.read_text(encoding="ascii", errors="replace"))
    return None if told is None else int(told[1]) * 1024
