"""MetaImage (.mha, .mhd with a data file): images and label maps, turned from LPS (x, y, z) to LPS (z, y, x)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.verdicts import Correction
from tasks.formats.inflate import ZLIB_OR_GZIP, inflate
from tasks.formats.voxels import (
    MAX_MAGNITUDE,
    Samples,
    grid,
    in_space,
    not_three_dimensional,
    ordered,
    require_size,
    required,
    samples_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry

MAX_HEADER_BYTES = 1 << 20
MAX_CHANNELS = 65_535
LIST = "LIST"
LOCAL = "LOCAL"
"""Stands for the name of the data file where the voxels follow the header."""
KEYS = (b"ObjectType", b"NDims", b"Comment", b"ObjectSubType", b"BinaryData", b"ID", b"Name", b"TransformType")
"""With which of its keys a file may begin."""
TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
"""Types of samples; MetaIO's long has four bytes."""
AXES = ("x", "y", "z", "t")
_FIRST_KEY = re.compile(rb"\s*(" + b"|".join(KEYS) + rb")\s*=")
_LINE = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*")
_SPACE = 3


@dataclass(frozen=True)
class MetaHeader:
    """Hold the header of a MetaImage: its values by key, and where the data begin.

    Parameters
    ----------
    values : mapping
        By key.
    end : int
        Where the header ends in its file.
    """

    values: Mapping[str, str]
    end: int

    @property
    def data_file(self) -> str | None:
        """Name of the file that holds the data, None where they follow the header.

        Raises `BadData` `encoding_not_supported` where they lie in several.
        """
        name = self.values["ElementDataFile"]
        if name.upper() == LIST or "%" in name:
            raise BadData(
                "encoding_not_supported",
                "The data of a MetaImage lie in one file",
                "they lie in several, a plane in each",
                "Write it as one .mha file.",
            )
        return None if name.upper() == LOCAL else name

    def first(self, *keys: str) -> str | None:
        """Return the value of the first key that is there."""
        return next((self.values[key] for key in keys if key in self.values), None)

    def says(self, *keys: str) -> bool:
        """Return whether the first key that is there is true; false where none is."""
        return (self.first(*keys) or "").lower() in {"true", "t", "1"}


def is_metaimage(head: bytes) -> bool:
    """Say whether bytes begin as a MetaImage does."""
    return _FIRST_KEY.match(head) is not None


def read_meta_header(data: bytes) -> MetaHeader:
    """Return the header of a MetaImage; nothing of it is interpreted.

    Raises `BadData`: `not_metaimage`, `unreasonable_header` beyond 1 MiB, `corrupt_file` without an end.
    """
    if not is_metaimage(data):
        raise BadData("not_metaimage", "A MetaImage begins with one of its keys", "this one does not", "Leave it out.")
    last = re.search(rb"^\s*ElementDataFile\s*=[^\n]*(\n|\Z)", data[:MAX_HEADER_BYTES], re.MULTILINE)
    if last is None and len(data) > MAX_HEADER_BYTES:
        raise BadData(
            "unreasonable_header",
            "A MetaImage's header has at most 1 MiB",
            "it has more",
            "Check where the file comes from.",
        )
    if last is None:
        raise _corrupt("its header does not end")
    lines = data[: last.end()].decode("utf-8", errors="replace").splitlines()
    found = [match for line in lines if line.strip() and (match := _LINE.fullmatch(line)) is not None]
    return MetaHeader({match[1]: match[2] for match in found}, last.end())


def samples_in(data: bytes, voxels: bytes | None = None) -> Samples:
    """Return what a MetaImage stores; the anatomical orientation is ignored, as ITK does.

    `voxels` is the content of the data file, where the header names one.

    Raises `BadData`: `not_metaimage`, `corrupt_file`, `unreasonable_header`, `encoding_not_supported`,
    `missing_voxels`, `not_three_dimensional`.
    """
    header = read_meta_header(data)
    sizes = [int(n) for n in _numbers(header, "DimSize", whole=True)]
    if not 2 <= len(sizes) <= len(AXES) or str(len(sizes)) != header.first("NDims"):  # noqa: PLR2004 - a plane
        raise not_three_dimensional(f"{len(sizes)} axes came")
    body = memoryview(data)[header.end :] if header.data_file is None else memoryview(required(voxels))
    stored = _stored(header, body, sizes)
    axes = (*AXES[: len(sizes)][::-1], "c")
    values, names = (stored, axes) if "z" in axes else (stored[None], ("z", *axes))
    turned, leading = ordered(values, names)
    untimed = Correction(name="time_step_unknown", text="the time between volumes is not stated; they are counted")
    return Samples(
        values=turned,
        geometry=_geometry(header, len(sizes), turned.shape[-_SPACE:]),
        leading=leading,
        corrections=(untimed,) if "t" in leading else (),
    )


def _stored(header: MetaHeader, body: memoryview, sizes: list[int]) -> NDArray[Any]:
    """Return the samples as they are stored: the axes from the slowest to the fastest, then the channels."""
    _require_plain(header)
    channels = int(_numbers(header, "ElementNumberOfChannels", whole=True, default=(1.0,))[0])
    if not 1 <= channels <= MAX_CHANNELS:
        raise _corrupt("its number of channels cannot be")
    shape = [*sizes[::-1], channels]
    kind = _sample_type(header)
    expected = require_size(shape, kind.itemsize, len(body))
    skip = int(_numbers(header, "HeaderSize", whole=True, default=(0.0,))[0])
    if header.says("CompressedData"):
        return samples_of(inflate(body[max(skip, 0) :], ZLIB_OR_GZIP, expected), kind, shape)
    return samples_of(body, kind, shape, len(body) - expected if skip < 0 else skip)


def _require_plain(header: MetaHeader) -> None:
    if header.first("BinaryData") is not None and not header.says("BinaryData"):
        raise BadData(
            "encoding_not_supported",
            "The data of a MetaImage are binary",
            "they are written as text",
            "Write the file again.",
        )
    slope = _numbers(header, "ElementToIntensityFunctionSlope", default=(1.0,))
    offset = _numbers(header, "ElementToIntensityFunctionOffset", default=(0.0,))
    if tuple(slope) != (1.0,) or tuple(offset) != (0.0,):
        raise BadData(
            "unknown_scale",
            "A MetaImage stores its voxels as they are",
            "it names a scale, which some programs apply and others do not",
            "Apply the scale, and write the file again without it.",
        )


def _sample_type(header: MetaHeader) -> np.dtype[Any]:
    code = TYPES.get((header.first("ElementType") or "").removesuffix("_ARRAY"))
    if code is None:
        raise _corrupt("the type of its samples is missing or unknown")
    big = header.says("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    return np.dtype((">" if big else "<") + code)


def _geometry(header: MetaHeader, count: int, shape: tuple[int, ...]) -> Geometry:
    spacing = _numbers(header, "ElementSpacing", "ElementSize", length=count)
    origin = _numbers(header, "Offset", "Position", "Origin", length=count, default=(0.0,) * count)
    turn = _numbers(
        header,
        "TransformMatrix",
        "Orientation",
        "Rotation",
        length=count * count,
        default=tuple(np.eye(count).reshape(-1)),
    ).reshape(count, count)
    if count > _SPACE and (turn[_SPACE:, :_SPACE].any() or turn[:_SPACE, _SPACE:].any()):
        raise _corrupt("its axes mix space and time")
    # The file lists the direction of one axis after the other: they are the matrix' columns.
    steps = turn[:_SPACE, :_SPACE].T * spacing[:_SPACE]
    if count < _SPACE:
        steps, origin = in_space(steps), np.append(origin, 0.0)
    return grid(steps, origin[:_SPACE], (shape[0], shape[1], shape[2]))


def _numbers(
    header: MetaHeader, *keys: str, length: int | None = None, default: tuple[float, ...] = (), whole: bool = False
) -> NDArray[np.float64]:
    """Return the numbers of the first key that is there, else the default.

    Raises `BadData` `corrupt_file` where they are none, not finite, or not as many as they should be.
    """
    text = header.first(*keys)
    words = text.split() if text is not None else []
    try:
        numbers = [float(int(word)) if whole else float(word) for word in words] if words else list(default)
    except (ValueError, OverflowError):
        numbers = []
    values = np.array(numbers, dtype=np.float64)
    if not values.size or not (np.abs(values) < MAX_MAGNITUDE).all() or (length is not None and values.size != length):
        raise _corrupt(f"{keys[0]} is missing, or is not the numbers it should be")
    return values


def _corrupt(came: str) -> BadData:
    return BadData("corrupt_file", "The file is a whole MetaImage", came, "Write or copy the file again.")
