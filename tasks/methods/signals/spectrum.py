"""At which frequencies a signal has its power."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from tasks.methods.radiomics.definition import FeatureDefinition
from tasks.methods.signals.extractor import SignalFeatures, checked, definition, longest_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

OCTAVE_NAMES = (
    "1", "2", "4", "8", "16", "31", "63", "125", "250", "500", "1000", "2000", "4000", "8000", "16000",
)  # fmt: skip
"""Nominal middle frequencies in Hz, without what follows the point."""
FIRST_OCTAVE = -10
"""Of 1 Hz, counted from that of 1 kHz."""
OCTAVE_RATIO = 10**0.3
"""Of two octaves' frequencies (IEC 61260-1:2014, 5.2)."""
FEWEST_SAMPLES = 8
"""Fewer have no spectrum to speak of."""


def _rising(band: tuple[float, float]) -> tuple[float, float]:
    if band[0] >= band[1]:
        message = f"a band begins below its end: {band[0]} to {band[1]} Hz does not"
        raise ValueError(message)
    return band


def _plainly_named(bands: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    wrong = [name for name in bands if not re.fullmatch(r"[a-z0-9_]{1,24}", name)]
    if wrong:
        message = f"a band's name is small letters, digits and _, at most 24: {wrong[0]!r} is not"
        raise ValueError(message)
    return bands


Hertz = Annotated[float, Field(ge=0)]
Band = Annotated[tuple[Hertz, Hertz], AfterValidator(_rising)]
Bands = Annotated[dict[str, Band], AfterValidator(_plainly_named)]
OCTAVES: Mapping[str, tuple[float, float]] = {
    f"octave_{name}_hz": (
        1000 * OCTAVE_RATIO ** (FIRST_OCTAVE + number - 0.5),
        1000 * OCTAVE_RATIO ** (FIRST_OCTAVE + number + 0.5),
    )
    for number, name in enumerate(OCTAVE_NAMES)
}


class Spectrum(SignalFeatures):
    """Compute the dominant frequency, the centroid and the power in bands, by Welch's method.

    Welch PD (1967), IEEE Trans Audio Electroacoust 15:70-73, doi:10.1109/TAU.1967.1161901: segments that overlap by
    half, each less its mean, under a Hann window. Of a channel with missing samples the longest stretch without any
    counts; every feature is NaN (undefined) where that has fewer than 8 samples or no power but its mean. A band holds
    its lower bound and not its upper one, unless that is half the sampling frequency; one that ends above has no share.
    """

    method: Literal["spectrum"] = "spectrum"
    segment_s: Annotated[float, Field(gt=0)] = 4.0
    """Length of a segment; frequencies are told apart by 1 / `segment_s`."""
    bands_hz: Bands = {}
    """Name and bounds of bands (`alpha: [8, 13]`); empty takes the octaves of IEC 61260-1 from 1 Hz to 16 kHz."""

    @property
    def bands(self) -> Mapping[str, tuple[float, float]]:
        """The bands by their names."""
        return self.bands_hz or OCTAVES

    def definitions(self) -> tuple[FeatureDefinition, ...]:
        """Return what each column means."""
        facts = [
            ("dominant_hz", "Dominant frequency", "Hz", "The frequency with the most power."),
            (
                "centroid_hz",
                "Spectral centroid",
                "Hz",
                "The mean frequency, weighted by power: high when it is shrill.",
            ),
            ("edge_95_hz", "Spectral edge", "Hz", "The frequency below which 95 % of the power lies."),
            *(
                (
                    f"{name}_share",
                    f"Share of the power in {low:.3g} to {high:.3g} Hz",
                    "1",
                    "How much of the signal's power lies in this band.",
                )
                for name, (low, high) in self.bands.items()
            ),
        ]
        return tuple(definition(f"spec_{name}", label, unit, meaning) for name, label, unit, meaning in facts)

    def __call__(self, samples: NDArray[np.floating], sampling_hz: float) -> dict[str, float]:
        """Return the features of the samples (time,) of one channel.

        Raises
        ------
        BadData
            `empty_signal`, `infinite_values`, `bad_sampling`.
        """
        from scipy.signal import welch

        run = longest_run(checked(samples, sampling_hz))
        names = [definition.column for definition in self.definitions()]
        spread = run - run.mean()
        if run.size < FEWEST_SAMPLES or not np.abs(spread).max() > np.finfo(np.float64).eps * np.abs(run).max():
            return dict.fromkeys(names, np.nan)
        length = min(run.size, max(FEWEST_SAMPLES, round(self.segment_s * sampling_hz)))
        frequencies, power = welch(spread, sampling_hz, window="hann", nperseg=length, detrend="constant")
        frequencies, power = frequencies[1:], power[1:]  # the mean is no frequency
        total = power.sum()
        if not total > 0:
            return dict.fromkeys(names, np.nan)
        below = np.cumsum(power) / total
        found = [
            frequencies[np.argmax(power)],
            (frequencies * power).sum() / total,
            frequencies[np.searchsorted(below, 0.95)],
            *(self._share(band, frequencies, power / total, sampling_hz) for band in self.bands.values()),
        ]
        return dict(zip(names, map(float, found), strict=True))

    @staticmethod
    def _share(
        band: tuple[float, float], frequencies: NDArray[np.float64], shares: NDArray[np.float64], sampling_hz: float
    ) -> float:
        low, high = band
        if high > sampling_hz / 2:
            return np.nan
        is_last = high == sampling_hz / 2
        return float(shares[(frequencies >= low) & ((frequencies < high) | is_last)].sum())
