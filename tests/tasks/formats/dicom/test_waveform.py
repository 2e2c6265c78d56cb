from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.parse import parse
from tasks.formats.dicom.waveform import group_count, read_waveform

ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
SAMPLES = np.array([[1, 10], [2, 20], [-3, 30]], dtype="<i2")


def coded(value, meaning):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "UCUM", meaning
    return Sequence([code])


def channel(source="Lead I (Einthoven)", unit="uV", **elements):
    one = Dataset()
    if source:
        one.ChannelSourceSequence = coded("5.6.3-9-1", source)
    if unit:
        one.ChannelSensitivity = "2.5"
        one.ChannelSensitivityUnitsSequence = coded(unit, "microvolt")
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    return one


def group(samples=SAMPLES, channels=None, bits=16, kind="SS", **elements):
    one = Dataset()
    one.WaveformOriginality = "ORIGINAL"
    one.NumberOfWaveformSamples, one.NumberOfWaveformChannels = samples.shape
    one.SamplingFrequency = "500"
    one.ChannelDefinitionSequence = Sequence(channels or [channel(), channel("Lead V1")][: samples.shape[1]])
    one.WaveformBitsAllocated, one.WaveformSampleInterpretation = bits, kind
    one.WaveformData = samples.tobytes() + b"\0" * (samples.nbytes % 2)
    one["WaveformData"].VR = "OW" if bits == 16 else "OB"
    for keyword, value in elements.items():
        if value is None:
            delattr(one, keyword)
        else:
            setattr(one, keyword, value)
    return one


@pytest.fixture
def written(make):
    def of(*groups, **options):
        ds = make.dataset(sop_class=ECG, Modality="ECG")
        ds.WaveformSequence = Sequence(groups)
        return make.written(ds, **options)

    return of


def read(data, number=0):
    return read_waveform(Held(data), number)


def refusal_of(data, number=0):
    with pytest.raises(BadData) as refusal:
        read(data, number)
    return refusal.value.verdict


def test_samples_are_scaled_into_the_unit_of_their_channel(written):
    found = read(written(group()))
    assert found.values.tolist() == [[2.5, 5.0, -7.5], [25.0, 50.0, 75.0]]
    assert found.values.dtype == np.float32
    assert (found.channels, found.units, found.sampling_hz) == (("I", "V1"), ("uV", "uV"), 500.0)
    assert (found.skew_s, found.is_original) == ((0.0, 0.0), True)


def test_a_correction_and_a_baseline_count(written):
    first = channel(ChannelSensitivityCorrectionFactor="2", ChannelBaseline="100")
    found = read(written(group(channels=[first, channel(unit="")])))
    assert found.values[0].tolist() == [105.0, 110.0, 85.0]
    assert found.values[1].tolist() == [10.0, 20.0, 30.0], "without a sensitivity the samples stay"
    assert found.units == ("uV", "1")


def test_padding_is_missing(written):
    padded = group(WaveformPaddingValue=np.array([20], "<i2").tobytes())
    padded["WaveformPaddingValue"].VR = "OW"
    found = read(written(padded))
    assert np.isnan(found.values).tolist() == [[False] * 3, [False, True, False]]


def test_skew_is_told_in_seconds(written):
    skewed = [channel(ChannelSampleSkew="5"), channel("Lead V1", ChannelTimeSkew="0.002")]
    assert read(written(group(channels=skewed))).skew_s == (0.01, 0.002)


@pytest.mark.parametrize(
    ("bits", "kind", "numpy_kind"),
    [
        (8, "SB", "i1"), (8, "UB", "u1"), (16, "SS", "i2"), (16, "US", "u2"), (32, "SL", "i4"), (32, "UL", "u4"),
        (64, "SV", "i8"),
    ],
)  # fmt: skip
def test_every_kind_of_sample_is_read(written, bits, kind, numpy_kind):
    samples = np.abs(SAMPLES).astype(numpy_kind)
    found = read(written(group(samples, bits=bits, kind=kind)))
    assert np.array_equal(found.values, samples.T * 2.5)


def test_groups_are_read_one_by_one(written):
    data = written(group(), group(SAMPLES[:1], WaveformOriginality="DERIVED", SamplingFrequency="250"))
    assert group_count(parse(data).dataset) == 2
    second = read(data, 1)
    assert (second.values.shape, second.sampling_hz, second.is_original) == ((2, 1), 250.0, False)
    with pytest.raises(BadData, match="at most 64"):
        group_count(parse(written(*[group()] * 65)).dataset)
    assert refusal_of(data, 2) == "no_waveform"
    assert refusal_of(written()) == "no_waveform"


def test_names_are_each_there_once_and_hold_no_identity(make, written):
    sources = [channel(""), channel("", ChannelLabel="finger"), channel(make.name.replace("^", " ")), channel("Lead I")]
    samples = np.zeros((2, 5), "<i2")
    found = read(written(group(samples, [*sources, channel("Lead I")])))
    assert found.channels == ("channel 1", "finger", "channel 3", "I", "I 5")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"SamplingFrequency": "0"}, "bad_element"),
        ({"SamplingFrequency": None}, "missing_element"),
        ({"SamplingFrequency": "1e9"}, "bad_element"),
        ({"WaveformData": None}, "missing_element"),
        ({"NumberOfWaveformSamples": None}, "missing_element"),
        ({"NumberOfWaveformSamples": 0}, "empty_signal"),
        ({"NumberOfWaveformSamples": 4}, "corrupt_file"),
        ({"NumberOfWaveformSamples": 2**32 - 1}, "corrupt_file"),
        ({"NumberOfWaveformChannels": 1}, "bad_element"),
        ({"WaveformSampleInterpretation": "MB"}, "encoding_not_supported"),
        ({"WaveformBitsAllocated": 12}, "encoding_not_supported"),
        ({"ChannelDefinitionSequence": Sequence([channel(ChannelSensitivityUnitsSequence=[])] * 2)}, "missing_element"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(written, changes, verdict):
    assert refusal_of(written(group(**changes))) == verdict


def test_samples_that_are_no_longer_numbers_are_refused(written):
    steep = channel(ChannelSensitivity="9e14", ChannelSensitivityCorrectionFactor="9e14", ChannelBaseline="9e14")
    steep2 = np.array([[2**62]], "<i8")
    assert refusal_of(written(group(steep2, [steep], bits=64, kind="SV"))) == "infinite_values"


def test_the_header_of_a_real_ecg_tells_its_groups(identities):
    header = read_header(Held(Path(get_testdata_file("waveform_ecg.dcm")).read_bytes()), identities)
    assert (header.kind, header.modality, header.groups) == ("waveform", "ECG", 2)


@pytest.mark.parametrize("number", [0, 1])
def test_a_real_ecg_is_what_pydicom_reads(number):
    path = Path(get_testdata_file("waveform_ecg.dcm"))
    found = read(path.read_bytes(), number)
    theirs = pydicom.dcmread(path).waveform_array(number)
    assert np.array_equal(found.values, theirs.T.astype(np.float32))
    assert found.channels == ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    assert set(found.units) == {"uV"}
    assert found.is_original == (number == 0)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_file_is_read_or_refused(make, seed):
    ds = make.dataset(sop_class=ECG, Modality="ECG")
    ds.WaveformSequence = Sequence([group()])
    data, chance = bytearray(make.written(ds)), random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    try:
        found = read(bytes(data))
    except BadData:
        return
    assert len(found.values) == len(found.channels) == len(found.units)
