"""How large a pixel is, where the files do not say so: by the plan, a table of its own, or the clinical table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from flows.key import identities
from flows.runtime import one
from flows.tables import clinical_table
from tasks.pixel_sizes import MM_PER_UNIT, read_pixel_sizes, size_of
from tasks.sources.files import walk
from tasks.sources.named import UnplacedImageFiles
from tasks.sources.tiff import TiffSource
from tasks.stage import Sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from data_catalog.store import Store
    from flows.plan import Plan
    from tasks.sources import Source
    from tasks.sources.found import FoundSeries
    from tasks.sources.named import PixelSizeTable

Lengths = tuple[float | None, float | None]
"""Edge of a pixel and distance between slices, in mm; None where nothing says it."""


@dataclass(frozen=True)
class Scales:
    """What a plan and its tables say of the size of pixels.

    Parameters
    ----------
    sources : tuple of Source
        The plan's sources.
    clinical : mapping
        By source: edge of a pixel in mm, by pseudonym.
    tables : mapping
        By source: its own table of pixel sizes.
    """

    sources: tuple[Source, ...]
    clinical: Mapping[int, Mapping[str, float]]
    tables: Mapping[int, pd.DataFrame]

    def of(self, series: FoundSeries) -> Lengths:
        """Return what is said of a series: in the source's own table, else in the plan, else in the clinical table."""
        source = self.sources[series.source]
        if not isinstance(source, UnplacedImageFiles):
            return None, None
        pixel, distance = None, source.slice_distance_mm if isinstance(source, TiffSource) else None
        if series.source in self.tables:
            pixel, between = size_of(self.tables[series.source], series.patient, series.visit_name)
            distance = between if between is not None else distance
        known = self.clinical.get(series.source, {}).get(series.patient)
        return next((size for size in (pixel, source.pixel_size_mm, known) if size is not None), None), distance


def image_scales(plan: Plan, store: Store) -> Scales:
    """Return what a plan and its tables say of the size of pixels."""
    unplaced = {number: one for number, one in enumerate(plan.sources) if isinstance(one, UnplacedImageFiles)}
    return Scales(
        sources=plan.sources,
        clinical={
            number: _of_clinical(plan, store, source.pixel_size_column, MM_PER_UNIT[source.pixel_size_unit])
            for number, source in unplaced.items()
            if source.pixel_size_column is not None
        },
        tables={
            number: _of_table(plan, store, number, source.pixel_sizes)
            for number, source in unplaced.items()
            if source.pixel_sizes is not None
        },
    )


def _of_clinical(plan: Plan, store: Store, column: str, factor: float) -> dict[str, float]:
    clinical = clinical_table(plan)
    if clinical is None:
        raise PlanError(
            "pixel_size_column is a column of the clinical table", "the plan has no clinical table", "Give one."
        )
    table: pd.DataFrame = store.open(clinical)
    known = table[table[column].notna()]
    return {str(who): float(size) * factor for who, size in zip(known["patient"], known[column], strict=True)}


def _of_table(plan: Plan, store: Store, number: int, table: PixelSizeTable) -> pd.DataFrame:
    job = read_pixel_sizes.job(
        f"{plan.study}/{number}",
        {"files": Sources.read_whole(walk(table.path).files)},
        {
            "sheet": table.sheet,
            "patient": table.patient,
            "pattern": table.patient_pattern,
            "visit": table.visit,
            "pixel_size": table.pixel_size,
            "slice_distance": table.slice_distance,
            "unit": table.unit,
            "identities": identities(plan),
        },
    )
    sizes: pd.DataFrame = store.open(one(job))
    return sizes
