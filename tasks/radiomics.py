"""Measure features in a region, and gather the measurements of a study in one table."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import BaseModel, ConfigDict

from data_catalog.errors import BadData
from data_catalog.kinds import FEATURES, SPACE, geometry_of
from tasks.stage import stage

if TYPE_CHECKING:
    import xarray as xr

    from tasks.methods.radiomics import Extractor

CHANNEL = "channel"
STEP = "step"
"""Which channel, or which point in time, a row is of: `1`, `b_value 1000`; empty for an image of one."""
MOST_STEPS = 16
"""Images of one series that are measured one by one; a longer series is one to be summed up first."""
DETECTED = "lesions"
"""Name of the region that stands for all lesions detected in an image."""


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


@stage(FEATURES)
def radiomics(
    image: xr.DataArray,
    labels: xr.DataArray,
    *,
    label: int,
    extractors: tuple[Extractor, ...],
    left_out: tuple[int, ...] = (),
) -> pd.DataFrame:
    """Return one row a channel with the features of one region; some channels may be left out."""
    geometry = geometry_of(image)
    geometry.require_same_grid(geometry_of(labels))
    inside = labels.values == label
    channels = image.values.reshape(-1, *geometry.shape)
    steps = _steps(image)
    if len(steps) - len(left_out) > MOST_STEPS:
        raise BadData(
            "too_many_steps",
            f"A region is measured in at most {MOST_STEPS} images of a series",
            f"the series has {len(steps)}",
            "Put `project` into the plan's `preprocess`: the mean over time, the first echo.",
        )
    rows = []
    for number, channel in enumerate(channels):
        if number in left_out:
            continue
        features = {}
        for extractor in extractors:
            features.update(extractor(channel, inside, geometry.spacing_mm))
        rows.append({CHANNEL: number if steps[number] else -1, STEP: steps[number], **features})
    return pd.DataFrame(rows)


def _steps(image: xr.DataArray) -> list[str]:
    """Return what tells apart the images of a series, in their order: the values of its axes, or numbers."""
    axes = [str(name) for name in image.dims[: -len(SPACE)]]
    values = [image.coords[name].values if name in image.coords else range(image.sizes[name]) for name in axes]
    return [", ".join(map(_step, axes, values_of)) for values_of in product(*values)]


def _step(axis: str, value: object) -> str:
    # A point would part the name of a column, so that decimals stand behind a comma.
    said = (f"{value:g}" if isinstance(value, int | float) else str(value)).replace(".", ",")
    return said if axis == "c" else f"{axis} {said}"


@stage(FEATURES)
def count_lesions(detections: pd.DataFrame) -> pd.DataFrame:
    """Return one row with the number of lesions found and the size and strength of the largest."""
    largest = detections["radius_mm"].max() if len(detections) else 0.0
    strongest = detections["strength"].max() if len(detections) else 0.0
    return pd.DataFrame(
        [
            {
                CHANNEL: -1,
                STEP: "",
                "det_count": float(len(detections)),
                "det_largest_radius_mm": float(largest),
                "det_strongest": float(strongest),
            }
        ]
    )


@stage(FEATURES, keeps_parameters=False)
def gather_features(
    tables: list[pd.DataFrame], *, measured: tuple[Measured, ...], may_be_empty: bool = False
) -> pd.DataFrame:
    """Return one table of all measurements: whose, when, what, who drew it, and the features.

    A channel stands under its own name, or under the modality and its number (`US[1]`); an image of a series
    under the modality and where it lies along its axis (`MR[b_value 1000]`).
    """
    if not tables and may_be_empty:
        return pd.DataFrame({name: pd.Series(dtype=str) for name in Measured.model_fields if name != "channels"})
    if not tables:
        raise BadData(
            "nothing_measured",
            "At least one region was measured",
            "no region of any scan gave features",
            "Name the regions (`regions`), or let the plan draw them (`segment`).",
        )
    parts = []
    for table, what in zip(tables, measured, strict=True):
        names = {number: name for number, name in enumerate(what.channels) if name is not None}
        modality = [
            what.modality if channel < 0 else names.get(channel, f"{what.modality}[{step}]")
            for channel, step in zip(table[CHANNEL].tolist(), table[STEP].tolist(), strict=True)
        ]
        keys = pd.DataFrame([what.model_dump(exclude={"channels"})] * len(table)).assign(modality=modality)
        parts.append(pd.concat([keys, table.drop(columns=[CHANNEL, STEP])], axis=1))
    together = pd.concat(parts, ignore_index=True)
    together["day"] = together["day"].astype("Int64")
    return together.sort_values(["patient", "visit", "modality", "region", "reader"], ignore_index=True)
