"""What role an image plays in its series, by the words of its type: images of other roles form no volume with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAPS = frozenset(
    {
        "ADC",
        "EADC",
        "FA",
        "COLFA",
        "TENSOR",
        "TRACE",
        "TRACEW",
        "MPR",
        "MIP",
        "MINIP",
        "PROJECTION IMAGE",
        "SUBTRACTION",
        "CBF",
        "CBV",
        "RCBF",
        "RCBV",
        "MTT",
        "TTP",
        "TMAX",
        "T1 MAP",
        "T2 MAP",
        "T2_STAR MAP",
        "B0 MAP",
        "WATER",
        "FAT",
        "IN_PHASE",
        "OUT_PHASE",
        "OPP_PHASE",
        "W",
        "F",
        "IP",
        "OP",
    }
)
"""Words of images that are computed from others; each is a volume of its own."""
SCOUTS = frozenset({"LOCALIZER", "SCOUT"})
_SPECIFIC = 2


def role_of(image_type: Sequence[str]) -> tuple[str, ...]:
    """Return the words of an image type that set it apart: none for an original, primary image of no map."""
    words = [word.upper() for word in image_type]
    general = [word for word in words[:_SPECIFIC] if word in {"DERIVED", "SECONDARY"}]
    maps = [word for word in words[_SPECIFIC:] if word in MAPS]
    return (*general, *maps[:1], *("LOCALIZER" for word in words[_SPECIFIC:] if word in SCOUTS))
