"""One column for each group of columns that say the same: rules among copies of one fact are no rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from tasks.methods.method import Method

if TYPE_CHECKING:
    import pandas as pd


class Representatives(Method):
    """Choose, without looking at any outcome, columns that are not copies of each other.

    Columns are taken in their order; one is left out when the absolute rank correlation (Spearman) with
    a column already taken reaches the limit, or when it does not vary.
    """

    method: Literal["representatives"] = "representatives"
    correlation: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Columns whose rank correlation reaches this say the same."""
    at_most: Annotated[int, Field(ge=1)] = 20
    """Columns to take at the most: every further one makes each rule harder to believe."""

    def __call__(self, table: pd.DataFrame) -> list[str]:
        """Return the names of the columns taken, in the order of the table."""
        ranks = table.rank()
        varies = ranks.nunique() > 1
        correlations = ranks.loc[:, varies].corr().abs().to_numpy()
        names = [str(name) for name in ranks.columns[varies]]
        taken: list[int] = []
        for number in range(len(names)):
            if len(taken) == self.at_most:
                break
            if not taken or np.nanmax(np.nan_to_num(correlations[number, taken])) < self.correlation:
                taken.append(number)
        return [names[number] for number in taken]
