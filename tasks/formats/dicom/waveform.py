"""DICOM waveforms (ECG, pressures, EEG, sound) as (channel, time) arrays in the units of their channels."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.dicom.elements import another_count, bad_element, corrupt, missing_element, unreasonable
from tasks.formats.dicom.labels import identity_tokens, is_anonymous, machine_name, safe_label
from tasks.formats.dicom.parse import parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.formats.content import Content
    from tasks.formats.dicom.elements import DataSet

SAMPLE_TYPES = {
    (8, "SB"): "i1",
    (8, "UB"): "u1",
    (16, "SS"): "i2",
    (16, "US"): "u2",
    (32, "SL"): "i4",
    (32, "UL"): "u4",
    (64, "SV"): "i8",
    (64, "UV"): "u8",
}
"""NumPy's types by bits and interpretation (PS3.3, C.10.9.1.5); companded sound (MB, AB) is not read."""
MAX_SAMPLING_HZ = 10_000_000.0
MAX_GROUPS = 64
UNITLESS = "1"
_LEAD = re.compile(r"Lead ([A-Za-z0-9]{1,6})( .*)?")
_UNIT = re.compile(r"[!-~]{1,32}")


@dataclass(frozen=True)
class Waveform:
    """Hold one multiplex group: channels that were sampled together.

    Parameters
    ----------
    values : array
        float32 (channel, time), NaN where padded; each channel in its own unit.
    sampling_hz : float
        Samples of a channel in a second.
    channels, units : tuple of str
        Name and unit (UCUM) of each channel; `1` where it has none.
    skew_s : tuple of float
        By how much each channel was sampled later than the grid of times says.
    is_original : bool
        Whether it was recorded; else it was derived from others.
    """

    values: NDArray[np.float32] = field(repr=False)
    sampling_hz: float
    channels: tuple[str, ...]
    units: tuple[str, ...]
    skew_s: tuple[float, ...]
    is_original: bool


def group_count(dataset: DataSet) -> int:
    """Return how many multiplex groups a file holds: what its header tells at the scan.

    Raises `BadData` `unreasonable_header` beyond 64.
    """
    count = len(dataset.items("WaveformSequence"))
    if count > MAX_GROUPS:
        raise unreasonable(f"A file of waveforms has at most {MAX_GROUPS} multiplex groups", "it has more")
    return count


def read_waveform(content: Content, group: int = 0) -> Waveform:
    """Return one multiplex group of a DICOM file.

    A value is sample * sensitivity * correction factor + baseline (PS3.3, C.10.9.1.4.2); a channel without a
    sensitivity keeps its samples, as unit 1.

    Raises `BadData`: those of `parse`, `no_waveform`, `missing_element`, `bad_element`, `corrupt_file`,
    `encoding_not_supported`, `empty_signal`, `infinite_values`.
    """
    dataset = parse(content.read()).dataset
    groups = dataset.items("WaveformSequence")
    if group >= len(groups):
        raise BadData(
            "no_waveform",
            "A file of waveforms has the multiplex group asked for",
            f"it has {len(groups)}",
            "Export the file again.",
        )
    item = groups[group]
    rate = item.number("SamplingFrequency")
    if rate is None:
        raise missing_element("SamplingFrequency")
    if not 0 < rate <= MAX_SAMPLING_HZ:
        came = "it is more" if rate > 0 else "it is 0 or less"
        raise bad_element("SamplingFrequency", f"is above 0 Hz, and at most {MAX_SAMPLING_HZ:g}", came)
    stored = _stored(item)
    definitions = item.items("ChannelDefinitionSequence")
    if len(definitions) != len(stored):
        raise bad_element(
            "ChannelDefinitionSequence",
            "has an item for each channel",
            another_count(len(definitions), len(stored), "items"),
        )
    scaled = [_scaled(samples, channel) for samples, channel in zip(stored, definitions, strict=True)]
    with np.errstate(over="ignore"):
        values = np.array([samples for samples, _ in scaled], dtype=np.float32)
    if not np.isfinite(values).all():
        raise BadData("infinite_values", "Samples are finite", "some are not", "Correct the channels' sensitivity.")
    padding = _padding(item, stored.dtype)
    if padding is not None:
        values[stored == padding] = np.nan
    return Waveform(
        values=values,
        sampling_hz=rate,
        channels=_names(definitions, identity_tokens(dataset)),
        units=tuple(unit for _, unit in scaled),
        skew_s=tuple(_skew(channel, rate) for channel in definitions),
        is_original=item.text("WaveformOriginality") != "DERIVED",
    )


def _stored(item: DataSet) -> NDArray[Any]:
    """Return the samples (channel, time) as they are stored."""
    channels, count = item.require_integer("NumberOfWaveformChannels"), _long(item, "NumberOfWaveformSamples")
    kind = _sample_type(item)
    data = item.raw("WaveformData")
    if data is None:
        raise missing_element("WaveformData")
    if not channels or not count:
        raise BadData("empty_signal", "A recording has a sample", "it has none", "Leave the file out.")
    size = channels * count * kind.itemsize
    if len(data) < size:
        raise corrupt("its waveform is shorter than it says")
    return np.frombuffer(data[:size], dtype=kind).reshape(count, channels).T


def _sample_type(item: DataSet) -> np.dtype[Any]:
    code = SAMPLE_TYPES.get((item.require_integer("WaveformBitsAllocated"), item.text("WaveformSampleInterpretation")))
    if code is None:
        raise BadData(
            "encoding_not_supported",
            "Samples of a waveform are whole numbers of 8 to 64 bits",
            "they are encoded otherwise",
            "Export the file again, not companded.",
        )
    return np.dtype(("<" if item.little_endian else ">") + code)


def _long(item: DataSet, keyword: str) -> int:
    value = item.raw(keyword)
    if value is None or len(value) < 4:  # noqa: PLR2004 - bytes of a 32-bit number
        raise missing_element(keyword)
    return int(struct.unpack(("<" if item.little_endian else ">") + "I", value[:4])[0])


def _padding(item: DataSet, kind: np.dtype[Any]) -> Any:  # noqa: ANN401 - one sample
    value = item.raw("WaveformPaddingValue")
    if value is None or len(value) < kind.itemsize:
        return None
    return np.frombuffer(value[: kind.itemsize], dtype=kind)[0]


def _scaled(samples: NDArray[Any], channel: DataSet) -> tuple[NDArray[np.float64], str]:
    """Return the samples of a channel in its unit, and the unit."""
    sensitivity = channel.number("ChannelSensitivity")
    if sensitivity is None:
        return samples.astype(np.float64), UNITLESS
    correction = channel.number("ChannelSensitivityCorrectionFactor")
    baseline = channel.number("ChannelBaseline") or 0.0
    factor = sensitivity * (1.0 if correction is None else correction)
    return samples.astype(np.float64) * factor + baseline, _unit(channel)


def _unit(channel: DataSet) -> str:
    codes = [item.text("CodeValue") for item in channel.items("ChannelSensitivityUnitsSequence")]
    if not codes or not _UNIT.fullmatch(codes[0]):
        raise missing_element("ChannelSensitivityUnitsSequence")
    return codes[0]


def _names(channels: Any, tokens: frozenset[str]) -> tuple[str, ...]:  # noqa: ANN401 - a sequence of data sets
    """Return a name for each channel, each once: its lead or source, its label, or its number."""
    names: list[str] = []
    for number, channel in enumerate(channels, start=1):
        name = _name(channel, tokens) or f"channel {number}"
        while name in names:
            name = f"{name} {number}"
        names.append(name)
    return tuple(names)


def _name(channel: DataSet, tokens: frozenset[str]) -> str | None:
    sources = [machine_name(item.text("CodeMeaning")) for item in channel.items("ChannelSourceSequence")]
    if sources and sources[0] and is_anonymous(sources[0], tokens):
        lead = _LEAD.fullmatch(sources[0])
        return sources[0] if lead is None else lead[1]
    return safe_label(channel.text("ChannelLabel"), tokens)


def _skew(channel: DataSet, rate: float) -> float:
    in_samples = channel.number("ChannelSampleSkew")
    if in_samples is not None:
        return in_samples / rate
    return channel.number("ChannelTimeSkew") or 0.0
