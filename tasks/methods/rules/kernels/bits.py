"""Sets of rows as bits of 64-bit words: how many rows are in a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

WORD = 64
"""Rows in a word."""


@intrinsic  # type: ignore[untyped-decorator]
def ones(typing_context: object, word: object) -> tuple[Any, Callable[..., Any]]:  # noqa: ARG001 - numba's form
    """Return how many bits of a word are set, by the processor's own instruction."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401, ARG001
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generated
