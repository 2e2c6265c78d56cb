"""From recordings to signals, and from these to columns of the study's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from data_catalog.errors import BadData
from data_catalog.kinds import MEASUREMENT, SIGNAL, TABLE, signal
from tasks.formats.dicom.waveform import read_waveform as read_group
from tasks.formats.wav import read_sound as read_wav
from tasks.stage import stage

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from tasks.formats.content import Content
    from tasks.methods.signals import SignalExtractor

CHANNEL = "channel"
FULL_SCALE = "1"
"""Unit of sound: shares of the largest number that can be stored."""
KEYS = ["patient", "visit"]


class Recorded(BaseModel):
    """Which recording the features of a table are of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patient: str
    visit: int
    modality: str
    """With what its columns begin (`sound`, `ECG`, `ECG[2]` for a file's second group)."""


@stage(SIGNAL)
def read_sound(files: list[Content], *, modality: str) -> xr.DataArray:
    """Return a WAV file as a signal."""
    values, sampling_hz = read_wav(files[0])
    channels = [str(number) for number in range(1, len(values) + 1)]
    return signal(values, sampling_hz, channels, [FULL_SCALE] * len(channels), modality)


@stage(SIGNAL)
def read_waveform(files: list[Content], *, modality: str, group: int) -> xr.DataArray:
    """Return one multiplex group of a DICOM waveform file as a signal, padding as missing samples."""
    read = read_group(files[0], group)
    return signal(
        read.values,
        read.sampling_hz,
        read.channels,
        read.units,
        modality,
        skew_s=list(read.skew_s),
        is_original=read.is_original,
    )


@stage(MEASUREMENT)
def signal_features(recording: xr.DataArray, *, extractors: tuple[SignalExtractor, ...]) -> pd.DataFrame:
    """Return one row a channel with the features of its samples; a channel without a sample has none.

    Raises `BadData` `empty_signal` where no channel has a sample.
    """
    import pandas as pd

    rows = []
    for name, samples in zip(recording[CHANNEL].values.tolist(), recording.values, strict=True):
        if not pd.notna(samples).any():
            continue
        features: dict[str, float] = {}
        for extractor in extractors:
            features.update(extractor(samples, float(recording.attrs["sampling_hz"])))
        rows.append({CHANNEL: name, **features})
    if not rows:
        raise BadData("empty_signal", "A recording has a sample", "all are missing", "Leave it out.")
    return pd.DataFrame(rows)


@stage(TABLE, keeps_parameters=False)
def gather_signals(tables: list[pd.DataFrame], *, recorded: tuple[Recorded, ...]) -> pd.DataFrame:
    """Return one row a patient and visit; a column is `<modality>.<channel>.<feature>`.

    A recording of one channel has columns without it. Of several recordings of one modality at a visit the mean counts.
    """
    import pandas as pd

    pairs = sorted(zip(recorded, tables, strict=True), key=lambda pair: (pair[0].modality, *_place(pair[0])))
    long = [row for what, table in pairs for row in _rows(what, table)]
    if not long:
        return pd.DataFrame({"patient": pd.Series(dtype=str), "visit": pd.Series(dtype="int64")})
    frame = pd.DataFrame(long, columns=[*KEYS, "column", "value"])
    wide = frame.pivot_table(index=KEYS, columns="column", values="value", aggfunc="mean", dropna=False)
    names = list(dict.fromkeys(frame["column"]))
    held = frame[KEYS].drop_duplicates().sort_values(KEYS)
    return wide.reindex(pd.MultiIndex.from_frame(held))[names].reset_index().rename_axis(columns=None)


def _place(what: Recorded) -> tuple[str, int]:
    return what.patient, what.visit


def _rows(what: Recorded, table: pd.DataFrame) -> list[tuple[str, int, str, float]]:
    rows = []
    for values in table.to_dict("records"):
        channel = values.pop(CHANNEL)
        place = what.modality if len(table) == 1 else f"{what.modality}.{channel}"
        rows += [(*_place(what), f"{place}.{name}", float(value)) for name, value in values.items()]
    return rows
