"""The columns that tell apart the rows of one region's measurement."""

from __future__ import annotations

CHANNEL = "channel"
STEP = "step"
"""Which channel, or which point in time, a row is of: `1`, `b_value 1000`; empty for an image of one."""
REPETITION = "repetition"
"""The number of a measurement under perturbation."""
