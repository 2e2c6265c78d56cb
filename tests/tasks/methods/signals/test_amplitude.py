from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data_catalog.errors import BadData
from tasks.methods.signals.amplitude import Amplitude

MEASURE = Amplitude()


def refusal_of(samples, rate=10.0):
    with pytest.raises(BadData) as refusal:
        MEASURE(np.asarray(samples, dtype=float), rate)
    return refusal.value.verdict


def test_a_signal_drawn_by_hand():
    found = MEASURE(np.array([3.0, -4.0, 3.0, -4.0, 0.0]), 10.0)
    assert found["sig_mean"] == pytest.approx(-0.4)
    assert found["sig_rms"] == pytest.approx(np.sqrt((9 + 16 + 9 + 16) / 5))
    assert (found["sig_minimum"], found["sig_maximum"]) == (-4.0, 3.0)
    assert found["sig_crest_factor"] == pytest.approx(4 / np.sqrt(10))
    assert found["sig_zero_crossings_hz"] == 4 / 4 * 10, "3 to -4 to 3 to -4 to 0: four of four steps"
    assert (found["sig_duration_s"], found["sig_missing_share"]) == (0.5, 0.0)


def test_every_column_is_described_in_its_order():
    found = MEASURE(np.array([1.0, 2.0]), 1.0)
    assert [definition.column for definition in MEASURE.definitions()] == list(found)


SAMPLES = arrays(np.float64, st.integers(2, 40), elements=st.integers(-(10**6), 10**6).map(lambda whole: whole / 8))


@settings(max_examples=25, deadline=None)
@given(SAMPLES, st.floats(1e-2, 1e2))
def test_louder_is_louder_and_crosses_as_often(samples, factor):
    first, second = MEASURE(samples, 100.0), MEASURE(samples * factor, 100.0)
    for name in ("sig_mean", "sig_sd", "sig_rms", "sig_minimum", "sig_maximum"):
        assert second[name] == pytest.approx(first[name] * factor, rel=1e-9, abs=1e-9 * factor * np.abs(samples).max())
    for name in ("sig_zero_crossings_hz", "sig_duration_s"):
        assert second[name] == first[name]


@settings(max_examples=25, deadline=None)
@given(SAMPLES)
def test_mean_spread_and_strength_hang_together(samples):
    found = MEASURE(samples, 100.0)
    assert found["sig_rms"] ** 2 == pytest.approx(found["sig_mean"] ** 2 + found["sig_sd"] ** 2, rel=1e-6, abs=1e-6)
    assert np.isnan(found["sig_crest_factor"]) or found["sig_crest_factor"] >= 1 - 1e-9


def test_a_sine_crosses_zero_twice_a_period():
    time = np.arange(0, 10, 0.001)
    found = MEASURE(np.sin(2 * np.pi * 7 * time + 0.1), 1000.0)
    assert found["sig_zero_crossings_hz"] == pytest.approx(14, abs=0.11)
    assert found["sig_rms"] == pytest.approx(np.sqrt(0.5), rel=1e-3)


def test_missing_samples_are_left_out_and_counted():
    found = MEASURE(np.array([1.0, np.nan, -1.0, 1.0]), 1.0)
    assert (found["sig_mean"], found["sig_missing_share"]) == (pytest.approx(1 / 3), 0.25)
    assert found["sig_zero_crossings_hz"] == 1.0, "over the gap nobody knows"


def test_a_constant_and_a_single_sample():
    assert MEASURE(np.full(7, 0.1), 10.0)["sig_sd"] == 0.0
    flat = MEASURE(np.zeros(5), 10.0)
    assert (flat["sig_sd"], flat["sig_zero_crossings_hz"]) == (0.0, 0.0)
    assert np.isnan(flat["sig_crest_factor"])
    assert np.isnan(MEASURE(np.ones(1), 10.0)["sig_zero_crossings_hz"])


def test_what_is_no_signal_is_refused():
    assert refusal_of([]) == "empty_signal"
    assert refusal_of([np.nan]) == "empty_signal"
    assert refusal_of([np.inf, 1.0]) == "infinite_values"
    assert refusal_of([1.0], 0.0) == "bad_sampling"
    assert refusal_of([1.0], np.nan) == "bad_sampling"


def test_the_samples_stay_what_they_are():
    samples = np.array([1, 2], dtype=np.float32)
    MEASURE(samples, 1.0)
    assert samples.tolist() == [1, 2]
