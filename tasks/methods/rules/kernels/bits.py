"""Sets of rows as bits of 64-bit words: how many rows are in a set, and which an itemset has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WORD = 64
"""Rows in a word."""


@intrinsic  # type: ignore[untyped-decorator]
def ones(typing_context: object, word: object) -> tuple[Any, Callable[..., Any]]:  # noqa: ARG001 - numba's form
    """Return how many bits of a word are set, by the processor's own instruction."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401, ARG001
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generated


@kernel
def rows_of(parents: NDArray[np.int32], lasts: NDArray[np.int32], items: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return (nodes, words) bits of the rows of every itemset of a tree, from the (items, words) bits of its items."""
    rows = np.empty((parents.size, items.shape[1]), np.uint64)
    for node in range(parents.size):
        parent, item = parents[node], lasts[node]
        for word in range(items.shape[1]):
            rows[node, word] = items[item, word] if parent < 0 else rows[parent, word] & items[item, word]
    return rows
