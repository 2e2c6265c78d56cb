"""PNG and JPEG: 2-D images as luminance, and masks; the size of a pixel comes from elsewhere."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.verdicts import Correction
from tasks.formats.quiet import unheard

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 100_000_000
"""More than the largest mammogram; a larger image is taken for a decompression bomb."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luminance (ITU-R BT.601-7, 2.5.1)."""
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"
DEPTH_AT, COLOUR_AT = 24, 25
"""Where the first chunk of a PNG file holds the bits of a sample and the kind of colour."""
PNG_END, ENDED = b"IEND", 1 << 16
"""How a PNG file ends, and in how many of its last bytes that is looked for: some programs write behind it."""
ORIENTATION, UPRIGHT = 0x0112, 1
"""Where Exif says how a camera was held, and what it says of most."""
DEEP = 16
SHALLOW = {2: 85, 4: 17}
"""Bits of a grey sample that Pillow stretches to 8, and the factor."""
OPAQUE = 255
_TURNED = Correction(name="turned_upright", text="the picture was turned as its camera says it was held")
_TO_LUMINANCE = Correction(name="colours_to_luminance", text="colours were turned to luminance")
_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What Pillow raises on broken files."""


def read_image(data: bytes, pixel_mm: tuple[float, float]) -> tuple[NDArray[np.float32], Geometry, dict[str, Any]]:
    """Return luminance (1, y, x) as float32, NaN where fully transparent, its grid, and attributes.

    Grey values stay what they are, 16-bit ones too. `pixel_mm` is the step between rows and between
    columns. Attributes: `dims`, `coords`, `unit` 1, and `corrections`.

    Raises `BadData`: `not_an_image`, `corrupt_file`, `image_too_large`, `colour_not_supported`,
    `several_frames`.
    """
    samples, opaque, corrections = _samples(data)
    image = _luminance(samples)
    corrections += [] if _is_grey(samples) else [_TO_LUMINANCE]
    clear = int((~opaque).sum())
    if clear:
        image[~opaque] = np.nan
        text = f"{clear} transparent pixels were made missing"
        corrections.append(Correction(name="transparent_made_missing", text=text))
    return image[None], _geometry(image.shape, pixel_mm), {**_attributes(corrections), "unit": "1"}


def read_mask(data: bytes, pixel_mm: tuple[float, float]) -> tuple[NDArray[np.bool_], Geometry, dict[str, Any]]:
    """Return which pixels (1, y, x) are inside: opaque and brighter than half the brightest.

    Raises `BadData` as `read_image` does, and `empty_mask`.
    """
    samples, opaque, corrections = _samples(data)
    image = np.where(opaque, _luminance(samples), 0)
    brightest = float(image.max())
    if brightest == 0:
        raise _empty()
    between = int(((image > 0) & (image < brightest)).sum())
    text = f"{between} pixels between outside and inside were decided at half"
    corrections += [Correction(name="decided_at_half", text=text)] if between else []
    inside = image > brightest / 2
    return inside[None], _geometry(image.shape, pixel_mm), _attributes(corrections)


def read_labels(data: bytes, pixel_mm: tuple[float, float]) -> tuple[NDArray[np.int32], Geometry, dict[str, Any]]:
    """Return labels (1, y, x) as int32: the grey values, or the numbers of a palette's colours.

    Raises `BadData` as `read_image` does, `not_labels` for colours, and `empty_mask`.
    """
    picture, corrections = _opened(data)
    if picture.mode not in {"1", "L", "P", "I", "I;16"}:
        raise BadData(
            "not_labels",
            "A picture of labels is grey, or has a palette",
            "it has colours, or an opacity",
            "Write the labels as grey values.",
        )
    try:
        with unheard("PIL"):
            labels = np.asarray(picture).astype(np.int32) // _stretched(data)
    except _ERRORS:
        raise _corrupt() from None
    if not labels.any():
        raise _empty()
    return labels[None], _geometry(labels.shape, pixel_mm), _attributes(corrections)


def _attributes(corrections: list[Correction]) -> dict[str, Any]:
    told = [correction.model_dump() for correction in corrections]
    return {"dims": ["z", "y", "x"], "coords": {}, "corrections": told}


def _empty() -> BadData:
    return BadData("empty_mask", "A mask has a pixel inside", "it has none", "Draw it again, or leave it out.")


def _samples(data: bytes) -> tuple[NDArray[Any], NDArray[np.bool_], list[Correction]]:
    """Return the samples, (y, x) grey or (y, x, 3), which pixels are not fully transparent, and what was corrected."""
    picture, corrections = _opened(data)
    try:
        with unheard("PIL"):
            has_alpha = picture.mode in {"LA", "PA", "RGBA"} or "transparency" in picture.info
            if picture.mode.startswith("I"):
                grey = np.asarray(picture)
                return grey, np.ones(grey.shape, dtype=np.bool_), corrections
            colours = np.asarray(picture.convert("RGBA" if has_alpha else "RGB"))
    except _ERRORS:
        raise _corrupt() from None
    opaque = colours[..., 3] > 0 if has_alpha else np.ones(colours.shape[:2], dtype=np.bool_)
    stretched = _stretched(data)
    return colours[..., :3] if stretched == 1 else colours[..., :3] // stretched, opaque, corrections


def _stretched(data: bytes) -> int:
    """Return by what Pillow multiplies grey values of 2 or 4 bits to fill 8."""
    is_shallow = data.startswith(PNG_MAGIC) and data[COLOUR_AT] == 0 and data[DEPTH_AT] in SHALLOW
    return SHALLOW[data[DEPTH_AT]] if is_shallow else 1


def _opened(data: bytes) -> tuple[Any, list[Correction]]:
    """Return a picture of Pillow's, upright, and whether it was turned."""
    from PIL import ImageOps
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    if data.startswith(PNG_MAGIC):
        kind: Any = PngImageFile
    elif data.startswith(JPEG_MAGIC):
        kind = JpegImageFile
    else:
        raise BadData("not_an_image", "The file is PNG or JPEG", "its first bytes say otherwise", "Leave it out.")
    try:
        with unheard("PIL"):
            picture = kind(BytesIO(data))
    except _ERRORS:
        raise _corrupt() from None
    _check(picture, data)
    if data.startswith(PNG_MAGIC) and PNG_END not in data[-ENDED:]:
        raise _corrupt()
    try:
        with unheard("PIL"):
            is_turned = picture.getexif().get(ORIENTATION, UPRIGHT) != UPRIGHT
            return (ImageOps.exif_transpose(picture), [_TURNED]) if is_turned else (picture, [])
    except _ERRORS:
        raise _corrupt() from None


def _check(picture: Any, data: bytes) -> None:  # noqa: ANN401
    if picture.size[0] * picture.size[1] > MAX_PIXELS:
        raise BadData("image_too_large", f"An image has at most {MAX_PIXELS} pixels", "it has more", "Tile it.")
    if getattr(picture, "n_frames", 1) != 1:
        raise BadData("several_frames", "An image has one frame", "it has several", "Split it.")
    # Pillow would cut 16-bit colours to 8 bits without a word.
    is_deep_colour = data.startswith(PNG_MAGIC) and data[DEPTH_AT] == DEEP and data[COLOUR_AT] != 0
    if is_deep_colour or picture.mode not in {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "I", "I;16"}:
        raise BadData(
            "colour_not_supported",
            "An image is grey, or has three colours of 8 bits",
            "another kind came",
            "Convert it to 8-bit RGB or 16-bit grey.",
        )


def _corrupt() -> BadData:
    return BadData("corrupt_file", "An image file can be read", "it is cut or broken", "Copy the file again.")


def _is_grey(samples: NDArray[Any]) -> bool:
    return samples.ndim == 2 or bool((samples == samples[..., :1]).all())  # noqa: PLR2004 - (y, x)


def _luminance(samples: NDArray[Any]) -> NDArray[np.float32]:
    grey = samples[..., 0] if samples.ndim > 2 and _is_grey(samples) else samples  # noqa: PLR2004 - (y, x, 3)
    return (grey if grey.ndim == 2 else grey @ np.array(LUMA)).astype(np.float32)  # noqa: PLR2004


def _geometry(shape: tuple[int, ...], pixel_mm: tuple[float, float]) -> Geometry:
    return Geometry(shape=(1, shape[0], shape[1]), spacing_mm=(1.0, pixel_mm[0], pixel_mm[1]))
