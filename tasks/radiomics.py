"""Measure features in a region."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from data_catalog.frames import COLUMN_FACTS, ColumnFacts
from data_catalog.kinds import MEASUREMENT, SPACE, geometry_of, slabs
from tasks.methods.radiomics.crop import Crop, box_of, widened
from tasks.methods.radiomics.rows import CHANNEL, REPETITION, STEP
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd
    import xarray as xr

    from data_catalog.geometry import Geometry
    from tasks.formats.content import Content
    from tasks.methods.radiomics.crop import Box
    from tasks.methods.radiomics.measure import Measure
    from tasks.methods.radiomics.perturbation.chain import PerturbationChain

MOST_STEPS = 16
"""Images of one series that are measured one by one; a longer series is one to be summed up first."""
DETECTED = "lesions"
"""Name of the region that stands for all lesions detected in an image."""
ON = " on "
"""Stands in the name of a channel of a fused image between what is measured and what it is seen with."""


@stage(MEASUREMENT)
def radiomics(
    image: xr.DataArray,
    labels: xr.DataArray,
    *,
    label: int,
    measures: tuple[Measure, ...],
    left_out: tuple[int, ...] = (),
    models: Sequence[Content] = (),
) -> pd.DataFrame:
    """Return one row a channel with the features of one region; some channels may be left out.

    Only the region and what its features can see around it is read. `models` are the files that measures need, in
    their order.
    """
    import pandas as pd

    measures = _reading(measures, models)
    geometry = geometry_of(image)
    geometry.require_same_grid(geometry_of(labels))
    box = region_box(labels, label)
    boxes = {one: _seen(one, box, geometry) for one in measures}
    rows = []
    for place, channel in _channels(image, left_out):
        features = {}
        for one, seen in boxes.items():
            inside = labels[seen].values == label
            features.update(one(Crop(channel[seen].values, inside, geometry.spacing_mm, _start(seen), geometry.shape)))
        rows.append({**place, **features})
    table = pd.DataFrame(rows)
    table.attrs[COLUMN_FACTS] = ColumnFacts(
        (column, facts) for one in measures for column, facts in one.facts(planar=geometry.is_planar).items()
    )
    return table


@stage(MEASUREMENT)
def radiomics_perturbed(
    image: xr.DataArray,
    labels: xr.DataArray,
    *,
    label: int,
    measures: tuple[Measure, ...],
    chain: PerturbationChain,
    left_out: tuple[int, ...] = (),
    models: Sequence[Content] = (),
) -> pd.DataFrame:
    """Return one row a channel and repetition with the features of one region, image and region a little changed."""
    import pandas as pd

    measures = _reading(measures, models)
    geometry = geometry_of(image)
    geometry.require_same_grid(geometry_of(labels))
    box = region_box(labels, label)
    read = reduce(_joined, (_seen(one, box, geometry) for one in measures))
    size = (read[0].stop - read[0].start, read[1].stop - read[1].start, read[2].stop - read[2].start)
    part = widened(read, chain.margin(geometry.spacing_mm, size, planar=geometry.is_planar), geometry.shape)
    inside = labels[part].values == label
    rows = []
    for place, channel in _channels(image, left_out):
        voxels = channel[part].values
        for repetition in range(chain.repetitions):
            changed, drawn = chain(voxels, inside, geometry.spacing_mm, repetition)
            crop = Crop(changed, drawn, geometry.spacing_mm, _start(part), geometry.shape)
            features = {name: value for one in measures for name, value in one(crop).items()}
            rows.append({**place, REPETITION: repetition, **features})
    return pd.DataFrame(rows)


def _reading(measures: tuple[Measure, ...], models: Sequence[Content]) -> tuple[Measure, ...]:
    """Return the measures, those that need a file with a way to read it."""
    waiting = iter(models)
    return tuple(one if one.extractor.file is None else one.reading(next(waiting).read) for one in measures)


def _channels(image: xr.DataArray, left_out: tuple[int, ...]) -> Iterator[tuple[dict[str, int | str], xr.DataArray]]:
    """Yield the channels that are measured, each with the cells that tell it apart from the others."""
    steps = _steps(image)
    if len(steps) - len(left_out) > MOST_STEPS:
        raise BadData(
            "too_many_steps",
            f"A region is measured in at most {MOST_STEPS} images of a series",
            f"the series has {len(steps)}",
            "Put `project` into the plan's `preprocess`: the mean over time, the first echo.",
        )
    for number, step in enumerate(np.ndindex(image.shape[: -len(SPACE)])):
        if number not in left_out:
            yield {CHANNEL: number if steps[number] else -1, STEP: steps[number]}, image[step]


def _start(box: Box) -> tuple[int, int, int]:
    return box[0].start, box[1].start, box[2].start


def measured_modality(name: str) -> str:
    """Return the modality that a channel or an image of a series measures: `PT` of `PT on CT`, `MR` of `MR[echo 2]`."""
    return name.partition(ON)[0].partition("[")[0]


def region_box(labels: xr.DataArray, label: int) -> Box:
    """Return where a region lies, reading the mask some slices at a time."""
    found: Box | None = None
    low = 0
    for _, planes in slabs(labels):
        inside = planes == label
        if inside.any():
            z, y, x = box_of(inside)
            here = (slice(z.start + low, z.stop + low), y, x)
            found = here if found is None else _joined(found, here)
        low += len(planes)
    if found is None:
        raise BadData("empty_region", "A region has voxels", "the mask is empty", "Check the segmentation.")
    return found


def _joined(first: Box, second: Box) -> Box:
    z, y, x = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(first, second, strict=True))
    return z, y, x


def _seen(measure: Measure, box: Box, geometry: Geometry) -> Box:
    """Return the part of the image that features of a region can see."""
    margin = measure.extractor.margin(geometry.spacing_mm, geometry.shape)
    return widened(box, geometry.shape if margin is None else margin, geometry.shape)


def _steps(image: xr.DataArray) -> list[str]:
    """Return what tells apart the images of a series, in their order: the values of its axes, or numbers.

    Steps of an axis with the same value, as those of several directions of diffusion, are numbered from the second on.
    """
    axes = [str(name) for name in image.dims[: -len(SPACE)]]
    values = [image.coords[name].values if name in image.coords else range(image.sizes[name]) for name in axes]
    return [", ".join(words) for words in product(*map(_words_along, axes, values))]


def _words_along(axis: str, values: Iterable[object]) -> list[str]:
    found: list[str] = []
    seen: Counter[str] = Counter()
    for value in values:
        word = _step(axis, value)
        seen[word] += 1
        found.append(word if seen[word] == 1 else f"{word} no {seen[word]}")
    return found


def _step(axis: str, value: object) -> str:
    # A point would part the name of a column, so that decimals stand behind a comma.
    said = (f"{value:g}" if isinstance(value, int | float) else str(value)).replace(".", ",")
    said = "unknown" if said == "nan" else said
    return said if axis == "c" else f"{axis} {said}"


@stage(MEASUREMENT)
def count_lesions(detections: pd.DataFrame) -> pd.DataFrame:
    """Return one row with the number of lesions found and the size and strength of the largest."""
    import pandas as pd

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
