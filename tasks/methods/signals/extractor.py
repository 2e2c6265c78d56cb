"""What the features of signals share: their input, and what their columns mean."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.radiomics.definition import FeatureDefinition

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SignalFeatures(Method):
    """Describe one channel of a signal in numbers."""

    @abstractmethod
    def definitions(self) -> tuple[FeatureDefinition, ...]:
        """Return what each column means; `image` stands for the unit of the channel."""

    @abstractmethod
    def __call__(self, samples: NDArray[np.floating], sampling_hz: float) -> dict[str, float]:
        """Return the features of the samples (time,) of one channel; missing ones are NaN."""


def definition(column: str, label: str, unit: str, meaning: str) -> FeatureDefinition:
    """Return what a column means; IBSI names no features of signals."""
    return FeatureDefinition(
        column=column, label=label, ibsi=None, aggregation=None, unit=unit, conformant=False, meaning=meaning
    )


def checked(samples: NDArray[np.floating], sampling_hz: float) -> NDArray[np.float64]:
    """Return the samples (time,) as float64.

    Raises
    ------
    BadData
        `empty_signal` without a sample that is not missing, `infinite_values`, `bad_sampling`.
    """
    values = np.asarray(samples, dtype=np.float64)
    if not (np.isfinite(sampling_hz) and sampling_hz > 0):
        raise BadData("bad_sampling", "A sampling frequency above 0 Hz", f"{sampling_hz}", "Correct the header.")
    if np.isinf(values).any():
        raise BadData("infinite_values", "Samples are finite, or missing", "some are infinite", "Write them again.")
    if not np.isfinite(values).any():
        raise BadData("empty_signal", "A channel has a sample", "all are missing", "Leave the channel out.")
    return values


def longest_run(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the longest stretch without a missing sample, the first of several."""
    known = np.concatenate([[False], np.isfinite(samples), [False]])
    starts, ends = (
        np.flatnonzero(np.diff(known.astype(np.int8)) == 1),
        np.flatnonzero(np.diff(known.astype(np.int8)) == -1),
    )
    longest = int(np.argmax(ends - starts))
    return samples[starts[longest] : ends[longest]]
