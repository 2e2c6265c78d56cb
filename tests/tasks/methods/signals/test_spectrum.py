from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.signal import periodogram

from tasks.methods.signals.spectrum import OCTAVES, Spectrum

RATE = 1000.0
TIME = np.arange(0, 20, 1 / RATE)


def tone(frequency, strength=1.0):
    return strength * np.sin(2 * np.pi * frequency * TIME)


def test_a_tone_has_all_its_power_at_its_frequency():
    found = Spectrum()(tone(50) + 7, RATE)
    assert found["spec_dominant_hz"] == 50.0
    assert found["spec_centroid_hz"] == pytest.approx(50, abs=0.01)
    assert found["spec_edge_95_hz"] == pytest.approx(50, abs=0.5)
    assert found["spec_octave_63_hz_share"] == pytest.approx(1, abs=1e-6)
    assert found["spec_octave_250_hz_share"] == pytest.approx(0, abs=1e-6)


def test_two_tones_share_the_power_by_their_squares():
    bands = {"low": (5, 20), "high": (100, 200)}
    found = Spectrum(bands_hz=bands)(tone(10, 1) + tone(150, 3), RATE)
    assert found["spec_dominant_hz"] == 150.0
    assert found["spec_low_share"] == pytest.approx(0.1, abs=1e-3)
    assert found["spec_high_share"] == pytest.approx(0.9, abs=1e-3)


def test_octaves_follow_each_other_without_gaps_around_their_nominal_middles():
    edges = list(OCTAVES.values())
    assert all(high == pytest.approx(low) for (_, high), (low, _) in pairwise(edges))
    for name, (low, high) in OCTAVES.items():
        assert np.sqrt(low * high) == pytest.approx(float(name.split("_")[1]), rel=0.03)


def test_bands_above_half_the_sampling_frequency_have_no_share():
    found = Spectrum()(tone(50), RATE)
    assert np.isnan(found["spec_octave_500_hz_share"])
    assert not np.isnan(found["spec_octave_250_hz_share"])


def test_one_segment_is_the_periodogram():
    samples = np.random.default_rng(5).normal(size=4000)
    found = Spectrum(segment_s=4.0, bands_hz={"low": (1, 100)})(samples, RATE)
    frequencies, power = periodogram(samples, RATE, window="hann", detrend="constant")
    frequencies, power = frequencies[1:], power[1:]
    assert found["spec_dominant_hz"] == frequencies[np.argmax(power)]
    assert found["spec_centroid_hz"] == pytest.approx((frequencies * power).sum() / power.sum())
    inside = (frequencies >= 1) & (frequencies < 100)
    assert found["spec_low_share"] == pytest.approx(power[inside].sum() / power.sum())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_loudness_and_offset_do_not_matter_and_shares_add_up(seed, factor, offset):
    samples = np.random.default_rng(seed).normal(size=600)
    halves = Spectrum(segment_s=0.2, bands_hz={"low": (0, 250), "high": (250, 500)})
    first, second = halves(samples, RATE), halves(samples * factor + offset * factor, RATE)
    for name, value in first.items():
        assert second[name] == pytest.approx(value, rel=1e-6)
    assert first["spec_low_share"] + first["spec_high_share"] == pytest.approx(1)


def test_of_a_signal_with_gaps_the_longest_stretch_counts():
    whole = tone(50)
    cut = whole.copy()
    cut[[100, 5100, 5200]] = np.nan
    alone = Spectrum()(whole[5201:], RATE)
    assert Spectrum()(cut, RATE) == pytest.approx(alone, nan_ok=True)


@pytest.mark.parametrize("samples", [np.zeros(100), np.full(100, 0.1), np.arange(7.0), np.array([1.0, np.nan] * 20)])
def test_without_a_spectrum_every_feature_is_undefined(samples):
    assert np.isnan(list(Spectrum()(samples, RATE).values())).all()


def test_every_column_is_described_in_its_order():
    method = Spectrum(bands_hz={"alpha": (8, 13)})
    assert [definition.column for definition in method.definitions()] == list(method(tone(10), RATE))
    assert "8 to 13 Hz" in method.definitions()[-1].label
    assert all("." not in definition.column for definition in Spectrum().definitions())


@pytest.mark.parametrize("bands", [{"a": (5, 5)}, {"a": (-1, 5)}, {"A.b": (1, 2)}])
def test_bands_that_cannot_be_are_refused(bands):
    with pytest.raises(ValidationError):
        Spectrum(bands_hz=bands)
