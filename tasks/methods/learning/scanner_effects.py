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
    effects = pd.DataFrame({"feature": list(cohort.columns.numeric), **_effects(values, scanners)})
    tested = effects["p_value"].notna()
    adjusted = np.full(len(effects), np.nan)
    if tested.any():
        adjusted[tested] = stats.false_discovery_control(effects.loc[tested, "p_value"].to_numpy(), method="bh")
    effects.insert(5, "adjusted_p_value", adjusted)
    return effects.sort_values("epsilon_squared", ascending=False, kind="stable", ignore_index=True)


def _effects(values: NDArray[np.float64], scanners: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return rows, scanners, H, p and epsilon squared of each feature; the last three NaN if untestable.

    Features that the same rows have are tested together.
    """
    from scipy import stats

    features = values.shape[1]
    found = {name: np.zeros(features, dtype=np.int64) for name in ("rows", "scanners")}
    found |= {name: np.full(features, np.nan) for name in ("h", "p_value", "epsilon_squared")}
    patterns, of_feature = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for number, there in enumerate(patterns.T):
        alike = np.flatnonzero(of_feature.ravel() == number)
        enough = np.flatnonzero(np.bincount(scanners[there]) >= FEWEST_VALUES)
        compared = there & np.isin(scanners, enough)
        rows = np.count_nonzero(compared)
        found["rows"][alike], found["scanners"][alike] = rows, len(enough)
        if len(enough) < FEWEST_SCANNERS:
            continue
        varied = alike[np.ptp(values[np.ix_(compared, alike)], axis=0) > 0]
        samples = [values[np.ix_(there & (scanners == scanner), varied)] for scanner in enough]
        h, p_value = stats.kruskal(*samples, axis=0)
        found["h"][varied], found["p_value"][varied], found["epsilon_squared"][varied] = h, p_value, h / (rows - 1)
    return found
