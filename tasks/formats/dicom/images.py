"""One DICOM image file: its pixels, its slices, and what their values mean."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.formats.dicom.binary import unpacked
from tasks.formats.dicom.colour import modality_table, palette
from tasks.formats.dicom.layout import PALETTE, RGB_SAMPLES
from tasks.formats.dicom.parse import parse_header
from tasks.formats.dicom.pixels import pixels_of
from tasks.formats.dicom.slices import slices_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.formats.content import Content
    from tasks.formats.dicom.colour import LookUp
    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.dicom.layout import Layout
    from tasks.formats.dicom.pixel_size import Pair
    from tasks.formats.dicom.pixels import Pixels
    from tasks.formats.dicom.slices import Slice

Range = tuple[float, float]


@dataclass(frozen=True)
class Meaning:
    """What all files of a series share.

    Parameters
    ----------
    modality : str
        Modality as DICOM spells it (CT, MR, PT).
    is_negative : bool
        Whether high stored values are dark (MONOCHROME1).
    frame_of_reference : str
        UID of the coordinates; compared, never written.
    shape : tuple of int
        (y, x), and 3 for colour.
    is_float : bool
        Whether real numbers are stored.
    """

    modality: str
    is_negative: bool
    frame_of_reference: str
    shape: tuple[int, ...]
    is_float: bool


@dataclass(frozen=True, eq=False)
class Image:
    """One image file, of which only the header was read.

    Parameters
    ----------
    pixels : Pixels
        Gives its frames.
    meaning : Meaning
        What it shares with the others of its series.
    padding : tuple of float or None
        Lowest and highest stored value that means outside the image.
    table : LookUp or None
        Where stored values are looked up: a palette, or physical values where no line leads to them.
    range : tuple of float or None
        Lowest and highest value before scaling, as far as the header says it.
    """

    pixels: Pixels
    meaning: Meaning
    padding: Range | None = None
    table: LookUp | None = field(default=None, repr=False)
    range: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """One slice of an image file."""

    image: Image
    slice: Slice

    def samples(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Return the values of the slice before scaling, of the decoded frame that holds it."""
        tiled = frame if self.slice.tile is None else frame[self.slice.tile]
        return tiled if self.image.table is None else self.image.table(tiled)

    def read(self, opened: Content | None = None) -> NDArray[Any]:
        """Return the values of the slice before scaling: (y, x), or (y, x, 3) in RGB."""
        return self.samples(self.image.pixels.stored(self.slice.frame, opened))

    def values(self) -> tuple[float, float, Range | None, bytes]:
        """Return what is equal for slices that hold the same physical values: how they are scaled, and a digest."""
        plain = self.read().astype(np.float64) + 0.0  # there is one zero
        plain[np.isnan(plain)] = np.nan
        return (*self.slice.scale[:2], self.image.padding, hashlib.sha256(plain.tobytes()).digest())


def read_layers(content: Content, pixel_size_mm: Pair | None = None) -> list[Layer]:
    """Return the slices of one DICOM file, of which only the header is read.

    `pixel_size_mm` (y, x) is taken where the file states none.

    Raises `BadData`: those of `parse_header`, `pixels_of` and `slices_of`.
    """
    file = parse_header(content)
    header = file.dataset
    slices = slices_of(header)
    pixels = pixels_of(file, content)
    layout = pixels.layout
    table = _table(header, layout)
    shape = (*_tile_shape(slices[0], layout), *_channels(layout, table))
    image = Image(
        pixels=pixels,
        meaning=Meaning(
            modality=header.text("Modality"),
            is_negative=layout.dtype.kind != "f" and layout.photometric == "MONOCHROME1",
            frame_of_reference=header.text("FrameOfReferenceUID"),
            shape=shape,
            is_float=layout.dtype.kind == "f",
        ),
        padding=_padding(header, layout),
        table=table,
        range=_range(layout, table),
    )
    return [Layer(image, _sized(one, pixel_size_mm)) for one in slices]


def _sized(one: Slice, pixel_size_mm: Pair | None) -> Slice:
    if one.plane.spacing_mm is not None or pixel_size_mm is None:
        return one
    return replace(one, plane=replace(one.plane, spacing_mm=pixel_size_mm, basis="given"))


def _tile_shape(one: Slice, layout: Layout) -> tuple[int, int]:
    if one.tile is None:
        return layout.rows, layout.columns
    rows, columns = one.tile
    return rows.stop - rows.start, columns.stop - columns.start


def _channels(layout: Layout, table: LookUp | None) -> tuple[int, ...]:
    has_colour = layout.samples == RGB_SAMPLES or (table is not None and table.entries.ndim > 1)
    return (RGB_SAMPLES,) if has_colour else ()


def _table(header: DataSet, layout: Layout) -> LookUp | None:
    if layout.photometric == PALETTE:
        return palette(header)
    return modality_table(header, signed=layout.signed) if layout.samples == 1 and layout.dtype.kind != "f" else None


def _range(layout: Layout, table: LookUp | None) -> tuple[int, int] | None:
    if layout.dtype.kind == "f":
        return None
    return layout.range if table is None else (int(table.entries.min()), int(table.entries.max()))


def _padding(header: DataSet, layout: Layout) -> Range | None:
    """Return the stored values of padding; images in colour, and looked-up ones, have none."""
    if layout.samples > 1 or layout.photometric == PALETTE:
        return None
    value, limit = (_stored(header, name, layout) for name in ("PaddingValue", "PaddingRangeLimit"))
    if value is None:
        return None
    other = value if limit is None else limit
    return min(value, other), max(value, other)


def _stored(header: DataSet, name: str, layout: Layout) -> float | None:
    if layout.dtype.kind != "f":
        return header.integer(f"Pixel{name}", signed=layout.signed)
    keyword, code = ("FloatPixel", "f") if layout.keyword == "FloatPixelData" else ("DoubleFloatPixel", "d")
    numbers = unpacked(header, header.raw(keyword + name), code)
    return numbers[0] if numbers else None
