"""How alike the columns are that the folds choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def selection_stability(chosen: Sequence[Collection[str]], columns: Sequence[str]) -> float | None:
    """Return Nogueira's stability of sets of columns: 1 if all are equal, about 0 if drawn at random.

    The sets may differ in size; the measure is corrected for chance. None where it does not exist:
    with fewer than two sets, or if each set holds every column or none.

    References
    ----------
    Nogueira, Sechidis, Brown. On the stability of feature selection algorithms. Journal of Machine
    Learning Research 18 (2018) 1-54, definition 4.
    """
    table = np.array([[name in names for name in columns] for names in chosen], dtype=np.float64)
    sets, width = table.shape
    mean_part = table.sum() / (sets * width)
    if sets < 2 or mean_part in (0.0, 1.0):  # noqa: PLR2004 - a variance takes two
        return None
    return float(1 - table.var(axis=0, ddof=1).mean() / (mean_part * (1 - mean_part)))
