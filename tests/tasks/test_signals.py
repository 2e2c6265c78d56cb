"""From recordings to signals and to columns of the study's table."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from scipy.io import wavfile

from data_catalog.errors import BadData
from data_catalog.kinds import SIGNAL, TABLE, signal
from tasks.formats.content import Held
from tasks.methods.signals.amplitude import Amplitude
from tasks.methods.signals.spectrum import Spectrum
from tasks.signals import Recorded, gather_signals, read_sound, read_waveform, signal_features
from tests.tasks.conftest import run, sources_of

TIME = np.arange(0, 2, 1 / 1000)
TONE = (np.sin(2 * np.pi * 50 * TIME) * 16384).astype(np.int16)


def wav(samples=TONE):
    stream = BytesIO()
    wavfile.write(stream, 1000, samples)
    return stream.getvalue()


def recording(values, channels=None):
    names = channels or [str(number + 1) for number in range(len(values))]
    return signal(np.asarray(values, np.float32), 1000.0, names, ["mV"] * len(names), "ECG")


def test_a_recording_becomes_a_signal():
    sound = read_sound.function([Held(wav(np.stack([TONE, -TONE], axis=1)))], modality="heart")
    SIGNAL.check(sound)
    assert sound.shape == (2, 2000)
    assert sound["channel"].values.tolist() == ["1", "2"]
    assert (sound.attrs["sampling_hz"], sound.attrs["unit"], sound.attrs["modality"]) == (1000.0, ["1", "1"], "heart")
    assert np.array_equal(sound.values[0], -sound.values[1])


@pytest.mark.parametrize("group", [0, 1])
def test_an_ecg_becomes_a_signal(group):
    data = Path(get_testdata_file("waveform_ecg.dcm")).read_bytes()
    ecg = read_waveform.function([Held(data)], modality="ECG", group=group)
    SIGNAL.check(ecg)
    assert ecg["channel"].values.tolist()[:4] == ["I", "II", "III", "aVR"]
    assert (ecg.attrs["unit"][0], ecg.attrs["is_original"]) == ("uV", group == 0)


def test_each_channel_is_a_row_of_features():
    table = signal_features.function(
        recording([np.sin(2 * np.pi * 50 * TIME), TIME * 0 + 3]), extractors=(Amplitude(),)
    )
    assert table["channel"].tolist() == ["1", "2"]
    assert table["sig_mean"].tolist() == [pytest.approx(0, abs=1e-4), 3.0]
    both = signal_features.function(recording([np.sin(2 * np.pi * 50 * TIME)]), extractors=(Amplitude(), Spectrum()))
    assert both["spec_dominant_hz"].tolist() == [50.0]


def test_a_channel_without_a_sample_has_no_row_and_a_recording_without_any_is_refused():
    gone = np.full(4, np.nan)
    table = signal_features.function(recording([gone, np.ones(4)], ["I", "II"]), extractors=(Amplitude(),))
    assert table["channel"].tolist() == ["II"]
    with pytest.raises(BadData) as refusal:
        signal_features.function(recording([gone]), extractors=(Amplitude(),))
    assert refusal.value.verdict == "empty_signal"


def features(**channels):
    return pd.DataFrame(
        [{"channel": name, "sig_mean": value, "sig_rms": value * 2} for name, value in channels.items()]
    )


def of(patient, visit=0, modality="ECG"):
    return Recorded(patient=patient, visit=visit, modality=modality)


def gathered(*pairs):
    return gather_signals.function([table for _, table in pairs], recorded=tuple(what for what, _ in pairs))


def test_columns_are_named_by_modality_channel_and_feature():
    table = gathered((of("P-2"), features(I=1.0, II=2.0)), (of("P-1", 1, "sound"), features(**{"1": 7.0})))
    TABLE.check(table)
    assert list(table.columns) == [
        "patient", "visit", "ECG.I.sig_mean", "ECG.I.sig_rms", "ECG.II.sig_mean", "ECG.II.sig_rms",
        "sound.sig_mean", "sound.sig_rms",
    ]  # fmt: skip
    assert table[["patient", "visit"]].to_numpy().tolist() == [["P-1", 1], ["P-2", 0]]
    assert table["sound.sig_mean"].tolist() == [7.0, pytest.approx(float("nan"), nan_ok=True)]
    assert table["ECG.II.sig_rms"].tolist()[1] == 4.0


def test_of_several_recordings_at_a_visit_the_mean_counts():
    table = gathered((of("P-1"), features(I=1.0)), (of("P-1"), features(I=3.0)), (of("P-1", 1), features(I=9.0)))
    assert table["ECG.sig_mean"].tolist() == [2.0, 9.0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["P-1", "P-2"]), st.integers(0, 2), st.integers(-5, 5)), min_size=1),
    st.randoms(),
)
def test_the_table_does_not_depend_on_the_order_of_recordings(rows, random):
    pairs = [(of(patient, visit), features(I=float(value), II=0.0)) for patient, visit, value in rows]
    first = gathered(*pairs)
    random.shuffle(pairs)
    pd.testing.assert_frame_equal(gathered(*pairs), first)
    assert len(first) == len({(patient, visit) for patient, visit, _ in rows})


def test_missing_features_stay_missing_and_no_recording_is_an_empty_table():
    table = gathered((of("P-1"), features(I=float("nan"))))
    assert table["ECG.sig_mean"].isna().tolist() == [True]
    empty = gathered()
    TABLE.check(empty)
    assert (list(empty.columns), len(empty)) == (["patient", "visit"], 0)


def test_a_recording_is_kept_from_file_to_table(tmp_path, store):
    (tmp_path / "7.wav").write_bytes(wav())
    made = run(
        store, read_sound.job("P-1/v0/sound/a", {"files": sources_of(tmp_path / "7.wav")}, {"modality": "sound"})
    )
    measured = run(
        store, signal_features.job("P-1/v0/sound/a", {"recording": made.ref}, {"extractors": (Amplitude(), Spectrum())})
    )
    recorded = (Recorded(patient="P-1", visit=0, modality="sound"),)
    table = store.open(run(store, gather_signals.job("s", {"tables": (measured.ref,)}, {"recorded": recorded})).ref)
    assert table["sound.spec_dominant_hz"].tolist() == [50.0]
    assert table["sound.sig_rms"].tolist() == [pytest.approx(np.sqrt(0.125), rel=1e-3)]
