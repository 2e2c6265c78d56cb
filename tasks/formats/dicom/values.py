"""From stored values to physical ones: which number type holds them all, and how each slice is turned into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.verdicts import Correction
from tasks.formats.dicom.scales import ARBITRARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.formats.dicom.images import Layer

INT16 = np.iinfo(np.int16)
EXACT_SINGLE = 1 << 24
"""Whole numbers up to this are exact as float32."""
GREY_AXES = 2
"""Axes (y, x) of a slice without colours."""


@dataclass(frozen=True)
class Survey:
    """What a look at the values of a slice tells: its range before scaling, and what float32 cannot hold.

    Parameters
    ----------
    low, high : float
        Lowest and highest value that is no padding; 0 where there is none.
    padded : int
        Voxels of padding.
    is_single : bool
        Whether float32 holds all values exactly; asked of real numbers only.
    """

    low: float
    high: float
    padded: int
    is_single: bool = True


class Values:
    """Turn the slices of a series into physical values of one number type.

    Parameters
    ----------
    layers : sequence of Layer
        The slices.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers
        self.surveys: Sequence[Survey] | None = None

    @cached_property
    def units(self) -> list[str]:
        """The units of the slices, each once, in the order of the slices."""
        return list(dict.fromkeys(layer.slice.scale.unit for layer in self.layers))

    @cached_property
    def is_turned(self) -> bool:
        """Whether the image is a negative, of values that mean nothing but bright and dark."""
        meaning = self.layers[0].image.meaning
        return meaning.is_negative and self.units == [ARBITRARY]

    @property
    def needs_survey(self) -> bool:
        """Whether the headers leave open which number type holds all values, so that a look at them has to tell."""
        if any(layer.image.padding is not None for layer in self.layers):
            return True
        if self.layers[0].image.meaning.is_float:
            return any(layer.image.pixels.layout.dtype.itemsize > 4 for layer in self.layers)  # noqa: PLR2004 - bytes
        return self._is_whole and not self._fits_int16

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest of int16, float32 and float64 that holds all values exactly; float32 where they are scaled.

        Scaled values are rounded to float32, as real numbers of 32 bits are stored.
        """
        if any(survey.padded for survey in self.surveys or ()):
            return np.dtype(np.float32 if self._is_single else np.float64)
        if self._is_whole and self._fits_int16:
            return np.dtype(np.int16)
        return np.dtype(np.float32 if self._is_single else np.float64)

    @cached_property
    def _is_whole(self) -> bool:
        scales = {layer.slice.scale[:2] for layer in self.layers}
        whole = all(float(number).is_integer() for scale in scales for number in scale)
        return whole and not self.layers[0].image.meaning.is_float

    @property
    def _fits_int16(self) -> bool:
        low, high = self._extremes
        return bool(INT16.min <= low and high <= INT16.max)

    @property
    def _is_single(self) -> bool:
        if not self._is_whole:
            return all(survey.is_single for survey in self.surveys or ())
        low, high = self._extremes
        return max(abs(low), abs(high)) <= EXACT_SINGLE

    @property
    def _extremes(self) -> tuple[float, float]:
        """Return the lowest and the highest physical value there is, or can be."""
        if self.surveys is not None:
            ranges = [(survey.low, survey.high) for survey in self.surveys]
        else:
            ranges = [layer.image.range or (0, 0) for layer in self.layers]
        scaled = zip(self.layers, ranges, strict=True)
        alike = {(layer.image.range, *layer.slice.scale[:2], held): layer for layer, held in scaled}
        ends = [
            self._turned(layer, end) * slope + intercept
            for (_, slope, intercept, held), layer in alike.items()
            for end in held
        ]
        return min(ends), max(ends)

    def _turned(self, layer: Layer, value: Any) -> Any:  # noqa: ANN401 - a number or an array of them
        return sum(layer.image.range or (0, 0)) - value if self.is_turned else value

    def survey(self, layer: Layer, samples: NDArray[Any]) -> Survey:
        """Return what the values of a slice tell."""
        outside = _outside(layer, samples)
        inside = samples if outside is None else samples[~outside]
        inside = inside[np.isfinite(inside)] if inside.dtype.kind == "f" else inside
        low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
        is_double = samples.dtype.kind == "f" and samples.dtype.itemsize > 4  # noqa: PLR2004 - bytes
        with np.errstate(over="ignore"):
            is_single = not is_double or bool((inside == inside.astype(np.float32)).all())
        return Survey(low, high, 0 if outside is None else int(outside.sum()), is_single)

    def notes(self) -> list[Correction]:
        """Return what was changed."""
        scales = dict.fromkeys(layer.slice.scale.how for layer in self.layers)
        found = [how for how in scales if how is not None]
        if self.is_turned:
            text = "the image was stored as a negative and was turned"
            found.append(Correction(name="negative_turned", text=text))
        padded = sum(survey.padded for survey in self.surveys or ())
        if padded:
            text = f"{padded} voxels of padding were made missing"
            found.append(Correction(name="padding_made_missing", text=text))
        return found

    def put(self, layer: Layer, samples: NDArray[Any], out: NDArray[Any]) -> None:
        """Write the physical values of a slice: (y, x), or (y, x, 3) into (3, y, x).

        Raises `BadData` `infinite_values`.
        """
        target = out if samples.ndim == GREY_AXES else np.moveaxis(out, 0, -1)
        if out.dtype.kind == "i":
            self._put_whole(layer, samples, target)
        else:
            self._put_real(layer, samples, target)

    def _put_whole(self, layer: Layer, samples: NDArray[Any], out: NDArray[Any]) -> None:
        slope, intercept = int(layer.slice.scale.slope), int(layer.slice.scale.intercept)
        # Sums modulo 2^16 are right, since the result fits.
        offset = np.uint16(intercept % (1 << 16)).view(np.int16)
        is_plain = slope == 1 and not self.is_turned
        if is_plain and samples.dtype in {np.dtype(np.int16), np.dtype(np.uint16)}:
            np.add(samples.view(np.int16), offset, out=out)
        elif is_plain and samples.dtype == np.uint8:
            np.add(samples, offset, out=out)
        else:
            out[...] = self._turned(layer, samples.astype(np.int64)) * slope + intercept

    def _put_real(self, layer: Layer, samples: NDArray[Any], out: NDArray[Any]) -> None:
        slope, intercept = layer.slice.scale[:2]
        with np.errstate(over="ignore", invalid="ignore"):
            real = self._turned(layer, samples.astype(np.float64))
            real *= slope
            real += intercept
            out[...] = real
        if np.isinf(out).any():
            raise BadData(
                "infinite_values",
                "Voxels are finite numbers, or missing",
                f"{int(np.isinf(out).sum())} of a slice are infinite",
                "Export the series again.",
            )
        outside = _outside(layer, samples)
        if outside is not None:
            out[outside] = np.nan


def _outside(layer: Layer, samples: NDArray[Any]) -> NDArray[np.bool_] | None:
    if layer.image.padding is None or layer.image.table is not None:
        return None
    low, high = layer.image.padding
    if low == high:
        return np.asarray(samples == low)
    return np.asarray((samples >= low) & (samples <= high))
