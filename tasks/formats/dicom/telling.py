"""What may tell slices at one position apart, the surest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.formats.dicom.moments import DIMENSIONS, GRADIENT, SCANNER_GRADIENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.formats.dicom.slices import Slice

Value = tuple[float, ...]
MISSING = float("-inf")
"""Stands for what a slice does not tell; it comes before all that others do."""


@dataclass(frozen=True)
class Key:
    """One thing that may tell slices apart.

    Parameters
    ----------
    axis : str
        The axis along which it sets them.
    names : tuple of str
        Names in the moment of a slice, or `offset`, `clock`, `number`.
    is_exact : bool
        Whether the same value comes at each position; else the order of values at a position counts.
    may_rank : bool
        Whether the order counts where an exact value differs from position to position after all.
    is_sure : bool
        Whether it counts even so where no order is found: then slices are missing.
    """

    axis: str
    names: tuple[str, ...]
    is_exact: bool = True
    may_rank: bool = False
    is_sure: bool = False

    def values(self, slices: Sequence[Slice]) -> list[Value]:
        """Return what each slice tells."""
        return [tuple(_value(one, name) for name in self.names) for one in slices]


STATED = (
    Key("part", ("part",)),
    Key("echo", ("echo",), may_rank=True, is_sure=True),
    Key("echo", ("echo_number",)),
    Key("inversion_time", ("inversion_time",), may_rank=True, is_sure=True),
    Key("flip_angle", ("flip_angle",), may_rank=True, is_sure=True),
    Key("b_value", ("b_value", *GRADIENT, *SCANNER_GRADIENT)),
    Key("phase", ("phase",)),
    Key("t", ("t",)),
    Key("t", ("t_index",), may_rank=True),
    Key("t", ("acquisition",), may_rank=True),
    Key("t", DIMENSIONS, may_rank=True),
)
"""Differences that are stated: slices that differ so are no copies."""
COUNTED = (
    Key("phase", ("trigger",), is_exact=False),
    Key("t", ("delay",), is_exact=False),
    Key("t", ("offset",), is_exact=False),
    Key("t", ("clock",), is_exact=False),
    Key("t", ("number",), is_exact=False),
)
"""What a copy may have of its own, too: it tells slices apart only if all positions have as many."""


def _value(one: Slice, name: str) -> float:
    value = getattr(one, name) if name in {"offset", "clock", "number"} else one.moment.get(name)
    return MISSING if value is None else float(value)
