"""Gather the measurements of a study in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from data_catalog.errors import BadData
from data_catalog.frames import COLUMN_FACTS, ColumnFacts
from data_catalog.kinds import FEATURES, TABLE
from tasks.methods.cohort.visits import days_of, scans_in
from tasks.methods.cohort.wide import wide_repeats
from tasks.methods.radiomics.rows import CHANNEL, STEP
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from data_catalog.refs import Study
    from tasks.methods.cohort.deltas import Deltas


class Measured(BaseModel):
    """Which region of which scan a row of features is of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patient: str
    visit: int
    day: int | None
    modality: str
    scanner: str | None
    region: str
    reader: str
    channels: tuple[str | None, ...] = ()
    """What each channel measures, instead of the modality; None for one that is measured elsewhere."""


def joined_digests(digests: Mapping[str, str]) -> str:
    """Return the digest of what made a column in each modality, as one text (`CT=0f3a PT=77b1`)."""
    return " ".join(f"{modality}={digest}" for modality, digest in sorted(digests.items()))


@stage(FEATURES, keeps_parameters=False)
def gather_features(
    tables: list[pd.DataFrame],
    *,
    measured: tuple[Measured, ...],
    facts: Mapping[str, Mapping[str, str]] | None = None,
    may_be_empty: bool = False,
) -> pd.DataFrame:
    """Return one table of all measurements: whose, when, what, who drew it, and the features.

    `facts` says what the columns mean; they are kept in the file beside each column.

    A channel stands under its own name, or under the modality and its number (`US[1]`); an image of a series
    under the modality and where it lies along its axis (`MR[b_value 1000]`).
    """
    import pandas as pd

    if not tables and may_be_empty:
        return pd.DataFrame({name: pd.Series(dtype=str) for name in Measured.model_fields if name != "channels"})
    if not tables:
        raise BadData(
            "nothing_measured",
            "At least one region was measured",
            "no region of any scan gave features",
            "Name the regions (`regions`), or let the plan draw them (`segment`).",
        )
    together = _together(tables, measured)
    table = together.sort_values(["patient", "visit", "modality", "region", "reader"], ignore_index=True)
    table.attrs[COLUMN_FACTS] = ColumnFacts(facts or {})
    return table


@stage(TABLE, keeps_parameters=False)
def gather_repeats(
    study: Study,
    tables: list[pd.DataFrame],
    *,
    measured: tuple[Measured, ...],
    readers: Literal["mean", "first"],
    deltas: Deltas | None = None,
) -> pd.DataFrame:
    """Return what was measured under perturbation, one row a patient, visit and repetition, columns as the cohort's.

    Of several readers of a region the mean counts, or the first by name.
    """
    return wide_repeats(_together(tables, measured), "repetition", readers, deltas, days_of(scans_in(study)))


def _together(tables: list[pd.DataFrame], measured: tuple[Measured, ...]) -> pd.DataFrame:
    """Return the rows of all tables, each with whose, when, what, and who drew it."""
    import pandas as pd

    modalities, keys = [], []
    for table, what in zip(tables, measured, strict=True):
        names = {number: name for number, name in enumerate(what.channels) if name is not None}
        modalities += [
            what.modality if channel < 0 else names.get(channel, f"{what.modality}[{step}]")
            for channel, step in zip(table[CHANNEL].tolist(), table[STEP].tolist(), strict=True)
        ]
        keys += [what.model_dump(exclude={"channels"})] * len(table)
    features = pd.concat(tables, ignore_index=True).drop(columns=[CHANNEL, STEP])
    together = pd.concat([pd.DataFrame(keys).assign(modality=modalities), features], axis=1)
    together["day"] = together["day"].astype("Int64")
    return together
