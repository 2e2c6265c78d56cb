"""How stable each feature is when it is measured again: under perturbation, and by several readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.learning.intraclass import agreements
from tasks.methods.learning.repeated import ROW, Repeated

if TYPE_CHECKING:
    import pandas as pd

    from tasks.methods.learning.intraclass import Agreements

AT_ONCE = 256
"""Features that are worked on at once: what has thousands is not held in memory a second and a third time."""


def feature_stability(
    perturbed: pd.DataFrame | None, readings: pd.DataFrame | None, confidence: float = 0.95
) -> pd.DataFrame:
    """Return one row a feature: its correlation over perturbations, ICC(1,1), and over readers, ICC(A,1).

    Columns: feature; `perturbed_` and `readers_` with icc, low, high, subjects (patients and visits) and repetitions
    (or readers). It is of all rows: a model that selects on it measures anew inside each fold.

    Parameters
    ----------
    perturbed, readings : DataFrame, optional
        One row a patient, visit and `repetition` or `reader`, and the features.
    confidence : float
        Confidence of the intervals.
    """
    import pandas as pd

    tables = [table for table in (perturbed, readings) if table is not None and not table.empty]
    beside = {*ROW, "repetition", "reader"}
    names = list(dict.fromkeys(str(name) for table in tables for name in table.columns if name not in beside))
    rows = pd.concat([pd.DataFrame(columns=ROW), *(table[ROW] for table in tables)]).drop_duplicates()
    some = [names[first : first + AT_ONCE] for first in range(0, len(names), AT_ONCE)] or [[]]
    return pd.concat([_agree(rows, few, perturbed, readings, confidence) for few in some], ignore_index=True)


def _agree(
    rows: pd.DataFrame,
    names: list[str],
    perturbed: pd.DataFrame | None,
    readings: pd.DataFrame | None,
    confidence: float,
) -> pd.DataFrame:
    """Return the rows of some features."""
    import pandas as pd

    repeated = Repeated.of(rows, names, perturbed=perturbed, readings=readings)
    over_perturbations = agreements(repeated.perturbed, "icc_11", confidence)
    over_readers = agreements(repeated.readings, "icc_a1", confidence)
    return pd.DataFrame(
        {"feature": names, **_columns("perturbed", over_perturbations), **_columns("readers", over_readers)}
    )


def _columns(prefix: str, found: Agreements) -> dict[str, object]:
    parts = {"icc": found.icc, "low": found.low, "high": found.high}
    counts = {"subjects": found.subjects, "repetitions": found.repetitions}
    return {f"{prefix}_{name}": values for name, values in {**parts, **counts}.items()}
