"""TIFF: stacks of planes and single ones, grey or in colours, with the size of a voxel where the file states it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.verdicts import Correction
from tasks.formats.quiet import unheard
from tasks.formats.tiff_pages import MAGIC, corrupt, page_count
from tasks.formats.tiff_scale import Scale, stated_scale
from tasks.formats.voxels import Samples, opacity_note, ordered, require_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tifffile
    from numpy.typing import NDArray

    from tasks.formats.content import Content

AXES = {"X": "x", "Y": "y", "Z": "z", "I": "z", "Q": "z", "T": "t", "C": "c", "S": "c"}
"""What tifffile calls the axes of a file; pages that are only listed (I), or only counted (Q), are slices."""
OTHERWISE = 0.01
"""Share by which the plan's size of a voxel may differ from the file's."""
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
ALPHA = (1, 2)
JPEG = (6, 7)
_SPACE = 3


@dataclass(frozen=True)
class _Page:
    """Hold what the first page tells about the colours of all."""

    photometric: int
    bits: int
    has_alpha: bool
    is_jpeg: bool


def is_tiff(head: bytes) -> bool:
    """Say whether bytes begin as a TIFF file does."""
    return head[:4] in MAGIC


def samples_in(content: Content, scale: Scale | None = None, *, as_labels: bool = False) -> Samples:
    """Return what a TIFF file stores: pages are slices unless the file says otherwise.

    Parameters
    ----------
    content : Content
        The file.
    scale : Scale or None
        Size of a voxel where the file states none; where it does, both must agree.
    as_labels : bool
        Whether the samples are labels: colours of a palette count as the labels that they stand for, and a
        file without a size takes 1 mm, to be placed on its image's grid.

    Raises `BadData`: `not_tiff`, `corrupt_file`, `unreasonable_header`, `colour_not_supported`, `mixed_pages`,
    `not_three_dimensional`, `no_pixel_size`, `no_slice_distance`, `conflicting_geometry`.
    """
    values, axes, page, stated = _decoded(content)
    _require_colours(page, as_labels=as_labels)
    names = [AXES.get(axis, axis) for axis in axes]
    told: list[Correction] = []
    if page.has_alpha and axes[-1] == "S":
        told = opacity_note(values[..., -1:]) if values.dtype.kind == "u" else []
        values = values[..., :-1]
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    if page.photometric == WHITE_IS_ZERO and not as_labels:
        values = _turned(values, page.bits)
        told.append(Correction(name="negative_turned", text="the image was stored as a negative, and was turned"))
    if "z" not in names:
        values, names = values[None], ["z", *names]
    turned, leading = ordered(values, names)
    counted = Scale(1.0, 1.0, 1.0) if as_labels and scale is None else scale
    geometry = _geometry(stated, counted, turned.shape[-_SPACE:])
    coords, untimed = _times(stated, turned.shape[0]) if "t" in leading else ({}, [])
    return Samples(turned, geometry, leading, coords, (*told, *untimed))


def _decoded(content: Content) -> tuple[NDArray[Any], str, _Page, Scale]:
    """Return the samples, their axes as tifffile calls them, what the first page tells, and the size of a voxel."""
    import tifffile

    if not is_tiff(content.range(0, 4)):
        raise BadData("not_tiff", "A TIFF file begins with its byte order", "this one does not", "Leave it out.")
    try:
        data = content.read()
        count = page_count(data)
        # The stream is closed because the file's pages refer to each other, and would keep the bytes for a while.
        with unheard("tifffile"), BytesIO(data) as stream, tifffile.TiffFile(stream) as file:
            _require_plain(file, count, len(data))
            series = list(file.series)
            axes = _require_alike(series)
            _require_sizes(series, content.size)
            first = file.pages.first
            page = _Page(
                photometric=int(first.photometric),
                bits=int(first.bitspersample),
                has_alpha=bool(first.extrasamples) and int(first.extrasamples[-1]) in ALPHA,
                is_jpeg=int(first.compression) in JPEG,
            )
            values = _values(series)
            if values.ndim != len(axes):
                raise corrupt("its axes are not those that it names")
            return values, axes, page, stated_scale(file)
    except _errors():
        raise BadData(
            "corrupt_file", "A TIFF file can be read", "it is cut or broken", "Copy the file again."
        ) from None


def _require_plain(file: tifffile.TiffFile, count: int, size: int) -> None:
    """Refuse what tifffile would fill with zeros or leave out, and XML that defines entities."""
    if "<!" in (file.pages.first.description or "").replace("<!--", ""):
        raise BadData(
            "unreasonable_header",
            "The description of a TIFF file is plain",
            "it defines entities",
            "Check where the file comes from.",
        )
    if len(file.pages) != count:
        raise corrupt("not all of its pages can be read")
    for page in file.pages:
        parts = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        if not parts or any(start <= 0 or length <= 0 or start + length > size for start, length in parts):
            raise corrupt("it lacks pixels that it announces")


def _require_alike(series: Sequence[Any]) -> str:
    """Return the axes of a file whose images are all alike: one image, or planes of a stack."""
    kinds = {(one.axes, one.shape, str(one.dtype)) for one in series}
    axes = str(series[0].axes)
    if len(kinds) != 1 or (len(series) > 1 and axes not in {"YX", "YXS"}):
        raise BadData(
            "mixed_pages",
            "The pages of a TIFF file are one stack",
            f"{len(series)} images came that do not fit together",
            "Write each image to a file of its own.",
        )
    return axes if len(series) == 1 else f"I{axes}"


def _require_sizes(series: Sequence[Any], encoded: int) -> None:
    first = series[0]
    require_size((len(series), *first.shape), max(1, int(first.dtype.itemsize)), encoded)


def _values(series: Sequence[Any]) -> NDArray[Any]:
    if len(series) == 1:
        return np.asarray(series[0].asarray(maxworkers=1))
    out = np.empty((len(series), *series[0].shape), dtype=series[0].dtype)
    for number, one in enumerate(series):
        out[number] = one.asarray(maxworkers=1)
    return out


def _require_colours(page: _Page, *, as_labels: bool) -> None:
    known = (
        {WHITE_IS_ZERO, BLACK_IS_ZERO, RGB} | ({PALETTE} if as_labels else set()) | ({YCBCR} if page.is_jpeg else set())
    )
    if page.photometric not in known:
        raise BadData(
            "colour_not_supported",
            "Pixels are grey, or red, green and blue",
            "another kind came",
            "Convert it to grey or RGB.",
        )


def _turned(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return a negative's values as they are meant: 0 is the brightest."""
    if values.dtype.kind != "u":
        raise BadData(
            "colour_not_supported", "A negative holds whole numbers from 0", "others came", "Write it as a positive."
        )
    turned: NDArray[Any] = np.subtract(values.dtype.type(2**bits - 1), values)
    return turned


def _geometry(stated: Scale, given: Scale | None, shape: tuple[int, ...]) -> Geometry:
    row = _agreed(stated.row_mm, given.row_mm if given else None)
    column = _agreed(stated.column_mm, given.column_mm if given else None)
    slices = _agreed(stated.slice_mm, given.slice_mm if given else None)
    if row is None or column is None:
        raise BadData(
            "no_pixel_size",
            "The size of a pixel is known",
            "neither the file, nor the plan, nor a row of the clinical table says it",
            "Give `pixel_size_mm`, or `pixel_size_column` and a row for the patient.",
        )
    if slices is None and shape[0] > 1:
        raise BadData(
            "no_slice_distance",
            "The distance between slices is known",
            "neither the file nor the plan says it",
            "Give `slice_distance_mm`.",
        )
    return Geometry(shape=(shape[0], shape[1], shape[2]), spacing_mm=(slices or 1.0, row, column))


def _agreed(stated: float | None, given: float | None) -> float | None:
    if stated is not None and given is not None and abs(stated - given) > OTHERWISE * stated:
        raise BadData(
            "conflicting_geometry",
            "A TIFF file and the plan give a voxel the same size",
            f"{stated:.6g} mm in the file and {given:.6g} mm in the plan, more than {OTHERWISE:.0%} apart",
            "Correct the plan, or the file.",
        )
    return given if stated is None else stated


def _times(stated: Scale, count: int) -> tuple[dict[str, list[float]], list[Correction]]:
    if stated.step_s is None:
        text = "the time between volumes is not stated; they are counted"
        return {}, [Correction(name="time_step_unknown", text=text)]
    return {"t": [stated.step_s * number for number in range(count)]}, []


def _errors() -> tuple[type[Exception], ...]:
    """Return what tifffile and the codecs raise on broken files; errors of XML are syntax errors."""
    import tifffile

    return (
        tifffile.TiffFileError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        OSError,
        EOFError,
        RuntimeError,
        MemoryError,
        SyntaxError,
        AssertionError,
        struct.error,
        zlib.error,
    )
