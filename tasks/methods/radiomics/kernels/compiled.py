"""How a kernel is compiled, and where what was compiled is kept: one place for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")


def kernel(function: F) -> F:
    """Compile a function when it is first called, and keep the machine code for every process that runs this code.

    It is kept beside the source, or in the folder that `NUMBA_CACHE_DIR` names. The interpreter's lock is let go
    while a kernel runs. Indices are not tested: a kernel is given arrays that it cannot leave. Sums keep their order,
    so that every machine of one kind gives the same digits.
    """
    compiled: F = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled
