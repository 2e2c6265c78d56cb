"""How strong a signal is, and how often it changes its sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tasks.methods.radiomics.definition import FeatureDefinition
from tasks.methods.signals.extractor import SignalFeatures, checked, definition

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES = (
    ("mean", "Mean", "image", "The average sample; far from 0 the signal has an offset."),
    ("sd", "Standard deviation", "image", "How far samples lie from their mean."),
    ("rms", "Root mean square", "image", "The strength of the signal, its offset included."),
    ("minimum", "Minimum", "image", "The lowest sample."),
    ("maximum", "Maximum", "image", "The highest sample."),
    ("crest_factor", "Crest factor", "1", "The largest sample in size as a multiple of the root mean square."),
    ("zero_crossings_hz", "Zero crossings in a second", "Hz", "How often the signal changes its sign."),
    ("duration_s", "Duration", "s", "How long the recording is, missing samples included."),
    ("missing_share", "Share of missing samples", "1", "How much of the recording was lost."),
)


class Amplitude(SignalFeatures):
    """Compute mean, spread, strength and zero crossings of a channel (Kedem 1986, doi:10.1109/PROC.1986.13663).

    A zero crossing is a change between below 0 and 0 or above of two samples that follow each other. Missing
    samples are left out. `sig_crest_factor` is NaN (undefined) where every sample is 0, `sig_zero_crossings_hz`
    where no two samples follow each other.
    """

    method: Literal["amplitude"] = "amplitude"

    def definitions(self) -> tuple[FeatureDefinition, ...]:
        """Return what each column means; `image` stands for the unit of the channel."""
        return tuple(definition(f"sig_{name}", label, unit, meaning) for name, label, unit, meaning in FEATURES)

    def __call__(self, samples: NDArray[np.floating], sampling_hz: float) -> dict[str, float]:
        """Return the features of the samples (time,) of one channel.

        Raises
        ------
        BadData
            `empty_signal`, `infinite_values`, `bad_sampling`.
        """
        values = checked(samples, sampling_hz)
        known = values[np.isfinite(values)]
        rms = float(np.sqrt((known**2).mean()))
        found = {
            "mean": known.mean(),
            "sd": (known - known.min()).std(),  # so that a constant has exactly none
            "rms": rms,
            "minimum": known.min(),
            "maximum": known.max(),
            "crest_factor": np.abs(known).max() / rms if rms > 0 else np.nan,
            "zero_crossings_hz": _crossings_hz(values, sampling_hz),
            "duration_s": values.size / sampling_hz,
            "missing_share": 1 - known.size / values.size,
        }
        return {f"sig_{name}": float(found[name]) for name, *_ in FEATURES}


def _crossings_hz(values: NDArray[np.float64], sampling_hz: float) -> float:
    follow = np.isfinite(values[:-1]) & np.isfinite(values[1:])
    if not follow.any():
        return np.nan
    crossings = (values[:-1] < 0) != (values[1:] < 0)
    return float((crossings & follow).sum() / follow.sum() * sampling_hz)
