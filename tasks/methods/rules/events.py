"""Dated events, patient by patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.methods.rules.items import require_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

EVENT_COLUMNS = ("patient", "day", "event")


@dataclass(frozen=True, eq=False)
class History:
    """Be one patient's events in the order of their days; events of one day are concurrent.

    Parameters
    ----------
    patient
        The patient's key.
    days
        (events,): day of each.
    codes
        (events,): position of each in the sorted names of all events.
    """

    patient: str
    days: NDArray[np.float64]
    codes: NDArray[np.intp]

    def in_order(self, gap_days: float) -> NDArray[np.bool_]:
        """Return (events, events): the second is later than the first, by at most the gap."""
        gaps = self.days[None, :] - self.days[:, None]
        return (gaps > 0) & (gaps <= gap_days)

    def happen_once(self, codes: Iterable[int]) -> bool:
        """Return whether each of some events is there exactly once."""
        return all(np.count_nonzero(self.codes == code) == 1 for code in codes)


def histories(events: pd.DataFrame) -> tuple[tuple[str, ...], tuple[History, ...]]:
    """Return the names of events, sorted, and each patient's history, by key.

    `events` has the columns patient, day and event. The same event of a patient on the same day counts once.

    Raises
    ------
    BadData
        If a column is missing, there is no event, or a patient, day or event is not known.
    """
    import pandas as pd

    require_columns(events, EVENT_COLUMNS)
    _require_complete(events)
    table = pd.DataFrame(
        {
            "patient": events["patient"].astype(str).to_numpy(),
            "day": events["day"].to_numpy(dtype=float),
            "event": events["event"].astype(str).to_numpy(),
        }
    )
    table = table.drop_duplicates().sort_values(["patient", "day", "event"])
    names, codes = np.unique(table["event"].to_numpy(dtype=str), return_inverse=True)
    keys, starts = np.unique(table["patient"].to_numpy(dtype=str), return_index=True)
    parts = zip(keys.tolist(), np.split(table["day"].to_numpy(), starts[1:]), np.split(codes, starts[1:]), strict=True)
    return tuple(names.tolist()), tuple(History(key, days, own) for key, days, own in parts)


def frequent_events(
    histories: Sequence[History], number: int, least: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return patient, code and day of each of the events, so many in number, that at least so many patients have."""
    patients = np.repeat(np.arange(len(histories)), [one.codes.size for one in histories])
    codes = np.concatenate([one.codes for one in histories]).astype(np.int64)
    days = np.concatenate([one.days for one in histories])
    pairs = np.unique(np.stack([patients, codes], axis=1), axis=0)
    kept = (np.bincount(pairs[:, 1], minlength=number) >= least)[codes]
    return patients[kept], codes[kept], days[kept]


def _require_complete(events: pd.DataFrame) -> None:
    import pandas as pd

    if not len(events):
        raise BadData("no_events", "There are dated events", "an empty table came", "Give at least one event.")
    if not pd.api.types.is_numeric_dtype(events["day"].dtype):
        raise BadData(
            "days_not_numbers",
            "`day` is a number of days",
            f"a column of type {events['day'].dtype} came",
            "Count the days since a day of the patient's own, such as the first visit.",
        )
    unknown = {
        "patient": int(events["patient"].isna().sum()),
        "day": int((~np.isfinite(events["day"].to_numpy(dtype=float, na_value=np.nan))).sum()),
        "event": int(events["event"].isna().sum()),
    }
    if any(unknown.values()):
        raise BadData(
            "incomplete_event",
            "Every event has a patient, a finite day and a name",
            ", ".join(f"{count} lack the {column}" for column, count in unknown.items() if count),
            "Leave out events without a date, and name the others.",
        )
