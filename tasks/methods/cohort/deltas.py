"""What has changed between two visits of a patient, as further columns of the later one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from tasks.methods.method import Method

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Form = Literal["difference", "percent", "per_day"]
PREFIXES: dict[Form, str] = {"difference": "delta_", "percent": "delta_percent_", "per_day": "delta_per_day_"}
"""What a feature's name begins with when it is a change: `CT.tumour.delta_percent_stat_mean`."""
WORDS: dict[Form, str] = {"difference": "change", "percent": "relative change", "per_day": "change per day"}
ROW = ["patient", "visit"]


class Deltas(Method):
    """Say for each visit what has changed since an earlier one (delta radiomics).

    A visit is compared with visits before it alone. What is missing at one of the two is missing: no other visit
    stands in for one without the scan.

    References
    ----------
    Nardone et al. Delta radiomics: a systematic review. La radiologia medica 126 (2021) 1571-1583.
    """

    method: Literal["deltas"] = "deltas"
    since: Literal["previous", "first"] = "previous"
    """The visit to compare with: the one before, or the patient's first (baseline)."""
    forms: Annotated[tuple[Form, ...], Field(min_length=1)] = ("difference", "percent")
    """`difference`: later minus earlier, `delta_<feature>`. `percent`: the difference as a part of the earlier value's
    size, `delta_percent_<feature>`; missing where that is 0. `per_day`: the difference over the days between the
    visits, `delta_per_day_<feature>`; missing where these are not known, or none."""

    def __call__(self, features: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
        """Return one row a visit that has one before: patient, visit, and the changes of every feature.

        Parameters
        ----------
        features : DataFrame
            One row a patient and visit (numbered from 0), and the features, `<modality>.<region>.<feature>`.
        days : DataFrame
            Patient, visit and the `day` of the visit, counted from any day of the patient.
        """
        import pandas as pd

        later = features[features["visit"] > 0].reset_index(drop=True)
        before = later[ROW].assign(visit=later["visit"] - 1 if self.since == "previous" else 0)
        names = [str(name) for name in features.columns if name not in ROW]
        new = later[names].to_numpy(dtype=np.float64, na_value=np.nan)
        old = _at(features, before, names)
        dated = [_at(days, rows, ["day"]) for rows in (later, before)]
        parts = [later[ROW]]
        for form in self.forms:
            changes = _change(form, new, old, dated[0] - dated[1])
            parts.append(pd.DataFrame(changes, columns=[delta_name(name, form) for name in names]))
        return pd.concat(parts, axis=1)


def delta_name(column: str, form: Form) -> str:
    """Return the name of a feature's change."""
    place, point, feature = column.rpartition(".")
    return f"{place}{point}{PREFIXES[form]}{feature}"


def changed_feature(feature: str) -> tuple[str, Form | None]:
    """Return the feature that a name is the change of, and the form of the change; None for a plain feature."""
    found = [form for form, prefix in PREFIXES.items() if feature.startswith(prefix)]
    if not found:
        return feature, None
    form = max(found, key=lambda each: len(PREFIXES[each]))
    return feature.removeprefix(PREFIXES[form]), form


def is_change(column: str) -> bool:
    """Return whether a column `<modality>.<region>.<feature>` is the change of a feature."""
    place, _, feature = column.rpartition(".")
    return bool(place) and changed_feature(feature)[1] is not None


def unit_of_change(unit: str, form: Form) -> str:
    """Return the unit of a feature's change; empty for a pure number."""
    if form == "percent":
        return "%"
    return unit if form == "difference" else f"{unit or 1}/day"


def _change(
    form: Form, new: NDArray[np.float64], old: NDArray[np.float64], days: NDArray[np.float64]
) -> NDArray[np.float64]:
    if form == "difference":
        return new - old
    over = np.abs(old) / 100 if form == "percent" else np.broadcast_to(days, old.shape)
    changes: NDArray[np.float64] = (new - old) / np.where(over > 0, over, np.nan)
    return changes


def _at(table: pd.DataFrame, rows: pd.DataFrame, names: list[str]) -> NDArray[np.float64]:
    """Return columns of a table at the patient and visit of each row, NaN where it has no such row."""
    import pandas as pd

    place = pd.MultiIndex.from_frame(table[ROW]).get_indexer(pd.MultiIndex.from_frame(rows[ROW]))
    values: NDArray[np.float64] = table[names].to_numpy(dtype=np.float64, na_value=np.nan)
    padded = np.vstack([values, np.full((1, len(names)), np.nan)])
    return padded[place]
