"""How far features tell scanners apart, before anyone asks whether they tell patients apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.methods.learning.cohort import Cohort, numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FEWEST_VALUES = 2
"""A scanner with fewer values of a feature has no spread to compare, and is left out for that feature."""
FEWEST_SCANNERS = 2


def scanner_effects(table: pd.DataFrame, scanner: NDArray[Any], groups: NDArray[Any]) -> pd.DataFrame:
    """Return a Kruskal-Wallis test over scanners of each numeric feature, the largest effect first.

    Each patient counts once, by the first row. Columns: feature; rows and scanners compared; h, the
    statistic; p_value; adjusted_p_value (Benjamini-Hochberg over the features that could be tested);
    epsilon_squared, the part of the ranks' variance that lies between scanners, in [0, 1]. A feature
    without two scanners of two values each, or of one value only, has empty cells and stands last.

    References
    ----------
    Kruskal, Wallis. Use of ranks in one-criterion variance analysis. JASA 47 (1952) 583-621. Tomczak,
    Tomczak. The need to report effect size estimates revisited. Trends in Sport Sciences 21 (2014) 19-25.
    Benjamini, Hochberg. Controlling the false discovery rate. JRSS B 57 (1995) 289-300.
    """
    import pandas as pd
    from scipy import stats

    cohort = Cohort.of(table, np.zeros(len(table), dtype=np.int64), groups, scanner)
    first = np.unique(cohort.patients, return_index=True)[1]
    values = numbers(cohort.table, cohort.columns.numeric)[first]
    scanners = np.unique(np.asarray(scanner).astype(str), return_inverse=True)[1][first]
    effects = pd.DataFrame(
        [_effect(values[:, i], scanners) for i in range(values.shape[1])],
        columns=["rows", "scanners", "h", "p_value", "epsilon_squared"],
    )
    effects.insert(0, "feature", list(cohort.columns.numeric))
    tested = effects["p_value"].notna()
    adjusted = np.full(len(effects), np.nan)
    if tested.any():
        adjusted[tested] = stats.false_discovery_control(effects.loc[tested, "p_value"].to_numpy(), method="bh")
    effects.insert(5, "adjusted_p_value", adjusted)
    return effects.sort_values("epsilon_squared", ascending=False, kind="stable", ignore_index=True)


def _effect(values: NDArray[np.float64], scanners: NDArray[np.int64]) -> tuple[int, int, float, float, float]:
    """Return rows, scanners, H, p and epsilon squared of one feature; the last three NaN if untestable."""
    from scipy import stats

    there = ~np.isnan(values)
    enough = np.flatnonzero(np.bincount(scanners[there]) >= FEWEST_VALUES)
    samples = [values[there & (scanners == number)] for number in enough]
    rows = sum(len(sample) for sample in samples)
    if len(samples) < FEWEST_SCANNERS or np.ptp(np.concatenate(samples)) == 0:
        return rows, len(samples), np.nan, np.nan, np.nan
    h, p_value = stats.kruskal(*samples)
    return rows, len(samples), float(h), float(p_value), float(h) / (rows - 1)
