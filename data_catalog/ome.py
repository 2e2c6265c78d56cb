"""Say in OME-Zarr 0.5 what an array and its coarser copies are, so that viewers open them.

OME-Zarr 0.5 knows no direction of the axes: scale and translation place the voxels along the array's own
axes. The patient frame (direction, origin, spacing) stands with unit and modality in the attributes of
each array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.kinds import SPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

VERSION = "0.5"
TYPES = {"t": "time", "c": "channel"}
"""Type of an axis before space, where OME-Zarr has one; the others are called by their own names."""
MOST_CUSTOM = 1
"""Axes beside time and space that OME-Zarr 0.5 allows."""
STEADY = 1e-3
"""Steps in time are a scale when they do not differ by more than this part."""
WINDOWS = {"HU": (-160.0, 240.0)}
"""Values first shown as black and as white, by unit; the others are shown from the least to the most."""
PRIMARY = {"red": "FF0000", "green": "00FF00", "blue": "0000FF"}
WHITE = "FFFFFF"
COLOURS = ((230, 25, 75), (60, 180, 75), (0, 130, 200), (245, 130, 48), (145, 30, 180), (70, 240, 240), (240, 50, 230))
"""Colours of labels, over and over: far from each other and from grey."""
OPAQUE = 255


class Extremes:
    """The least and the greatest value of each channel, gathered while an array is written."""

    def __init__(self, dims: tuple[Any, ...]) -> None:
        self._channel_axis = dims.index("c") if "c" in dims else None
        self.of: dict[int, tuple[float, float]] = {}

    def see(self, step: tuple[int, ...], planes: NDArray[Any]) -> None:
        """Take in some planes of one step along the leading axes."""
        low, high = float(planes.min()), float(planes.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            finite = planes[np.isfinite(planes)]
            if not finite.size:
                return
            low, high = float(finite.min()), float(finite.max())
        low, high = low + 0.0, high + 0.0  # of 0 and -0 the one that lies first in memory would count
        channel = 0 if self._channel_axis is None else step[self._channel_axis]
        least, most = self.of.get(channel, (low, high))
        self.of[channel] = min(least, low), max(most, high)


def attributes(array: xr.DataArray, copies: Sequence[xr.DataArray], paths: Sequence[str]) -> dict[str, Any]:
    """Return the attributes of the group that holds an array and its coarser copies, under `ome`.

    An array with two axes that OME-Zarr has no place for gets the reason instead, under `ome_left_out`.
    """
    custom = [str(name) for name in array.dims if name not in (*SPACE, "t")]
    if len(custom) > MOST_CUSTOM:
        return {"ome_left_out": f"OME-Zarr {VERSION} has one axis beside time and space, this has {custom}"}
    datasets = [
        {"path": path, "coordinateTransformations": _transformations(copy)}
        for path, copy in zip(paths, copies, strict=True)
    ]
    scales = {"axes": [_axis(array, str(name)) for name in array.dims], "datasets": datasets, "name": str(array.name)}
    return {"ome": {"version": VERSION, "multiscales": [scales]}}


def display(array: xr.DataArray, extremes: Extremes) -> dict[str, Any]:
    """Return how a viewer first shows each channel of an image: name, colour, and range of values."""
    names = [str(name) for name in array["c"].values] if "c" in array.coords else []
    unnamed = "{} {}" if "c" in array.dims else "{}"
    channels = []
    for channel in range(array.sizes.get("c", 1)):
        low, high = extremes.of.get(channel, (0.0, 1.0))
        if high == low:
            high = low + 1  # viewers need a range, also of an image of one value
        start, end = WINDOWS.get(array.attrs["unit"], (low, high))
        name = names[channel] if names else unnamed.format(array.attrs["modality"], channel)
        window = {"min": low, "max": high, "start": start, "end": end}
        channels.append({"label": name, "color": PRIMARY.get(name, WHITE), "active": True, "window": window})
    return {"channels": channels}


def labels(array: xr.DataArray) -> dict[str, Any]:
    """Return the name and the colour of each label of a mask."""
    names = {int(label): name for label, name in array.attrs["names"].items()}
    colours = [
        {"label-value": label, "rgba": [*COLOURS[number % len(COLOURS)], OPAQUE]} for number, label in enumerate(names)
    ]
    return {"colors": colours, "properties": [{"label-value": label, "name": name} for label, name in names.items()]}


def _axis(array: xr.DataArray, name: str) -> dict[str, str]:
    if name in SPACE:
        return {"name": name, "type": "space", "unit": "millimeter"}
    if name == "t" and _start_and_step(array)[1] is not None:
        return {"name": name, "type": "time", "unit": "second"}
    return {"name": name, "type": TYPES.get(name, name)}


def _transformations(array: xr.DataArray) -> list[dict[str, Any]]:
    scale, translation = [], []
    for name in array.dims:
        start, step = 0.0, 1.0
        if name in SPACE:
            start, step = float(array[name][0]), float(array.attrs["spacing_mm"][SPACE.index(str(name))])
        elif name == "t":
            start, known = _start_and_step(array)
            step = known or step
        scale.append(step)
        translation.append(start)
    return [{"type": "scale", "scale": scale}, {"type": "translation", "translation": translation}]


def _start_and_step(array: xr.DataArray) -> tuple[float, float | None]:
    """Return when the first step in time is, and how long each is: None where they are not known to be steady."""
    if "t" not in array.coords or array.sizes["t"] == 1:
        return 0.0, None
    times = np.asarray(array["t"].values, dtype=np.float64)
    steps = np.diff(times)
    if steps.min() <= 0 or np.ptp(steps) > STEADY * steps.max():
        return 0.0, None
    return float(times[0]), float(times[-1] - times[0]) / len(steps)
