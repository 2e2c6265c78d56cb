"""The recipe: all that decides the numbers of a region, from the resampling to the features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from data_catalog.errors import BadData
from tasks.methods.radiomics.binning import Binning, FixedNumber, FixedSize
from tasks.methods.radiomics.columns import (
    FAMILIES,
    FILTERED_FAMILIES,
    TEXTURES,
    Aggregation,
    Family,
    aggregations_of,
    definitions_of,
)
from tasks.methods.radiomics.definition import BETWEEN
from tasks.methods.radiomics.extractor import RegionFeatures
from tasks.methods.radiomics.filters import Filter
from tasks.methods.radiomics.filters.responses import responses_in_box
from tasks.methods.radiomics.grey import grey_volume
from tasks.methods.radiomics.intensity_histogram import intensity_histogram
from tasks.methods.radiomics.intensity_statistics import intensity_statistics
from tasks.methods.radiomics.kept import kept_voxels
from tasks.methods.radiomics.local_intensity import RADIUS_MM, local_intensity
from tasks.methods.radiomics.morphology import morphology
from tasks.methods.radiomics.morphology_2d import morphology_2d
from tasks.methods.radiomics.preparation import Resampling, Resegmentation, grid_of, region_of
from tasks.methods.radiomics.region import Region
from tasks.methods.radiomics.spatial import spatial
from tasks.methods.radiomics.texture import texture
from tasks.methods.radiomics.volume_histogram import volume_histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data_catalog.geometry import Triple
    from tasks.methods.radiomics.crop import Crop
    from tasks.methods.radiomics.definition import FeatureDefinition
    from tasks.methods.radiomics.kept import KeptVoxels

Bounds = tuple[float | None, float | None]


class Recipe(RegionFeatures):
    """Measure a region by the Image Biomarker Standardisation Initiative (IBSI): which features, and how.

    The region is read off on another grid, rounded, re-segmented and turned into grey levels as
    IBSI-1 says (Zwanenburg et al., Radiology 295 (2020) 328-338); features of filtered images follow IBSI-2
    (Whybra et al., Radiology 310 (2024) e231319). Published recipes have names.
    """

    method: Literal["recipe"] = "recipe"
    resampling: Resampling | None = None
    """Grid on which the region is measured; empty measures it on the image's own."""
    resegmentation: Resegmentation = Resegmentation()
    """Voxels left out by their intensity."""
    binning: Binning = FixedNumber()
    """Grey levels for histogram and texture: `fixed_size` for calibrated units (CT, PET), `fixed_number` for arbitrary
    ones (MR, ultrasound). Bins of a fixed size begin at the lowest intensity that `resegmentation` keeps, where it
    names one."""
    volume_histogram_binning: Binning = FixedNumber(number=1000)
    """Grey levels for the intensity-volume histogram; `as_is` counts in whole units, as IBSI does for CT."""
    families: tuple[Family, ...] = FAMILIES
    """Families of features to measure."""
    aggregations: tuple[Aggregation, ...] = ("3d_mrg",)
    """How directions and slices are put together in texture: within slices (2d), within slices but counted together
    (2.5d), in the volume (3d); each direction's features averaged (avg), or directions counted together (mrg). Images
    of one plane are measured in 2d."""
    distance: Annotated[int, Field(ge=1, le=16)] = 1
    """Distance in voxels (Chebyshev) of neighbours in co-occurrence, tone difference and dependence."""
    dependence_alpha: Annotated[int, Field(ge=0)] = 0
    """Grey levels by which neighbours may differ and still depend on each other."""
    filters: tuple[Filter, ...] = ()
    """Filters of IBSI-2, for images to measure beside the image itself."""
    filtered_families: tuple[Family, ...] = FILTERED_FAMILIES
    """Families of features to measure in filtered images."""
    filtered_binning: Binning = FixedNumber()
    """Grey levels in filtered images, whose values have no unit of their own."""
    minimum_voxels: Annotated[int, Field(ge=1)] = 8
    """Regions of fewer voxels are refused: numbers from a handful of voxels say little of the tissue."""

    @model_validator(mode="after")
    def _asks_for_what_can_be_had(self) -> Self:
        if not self.families and not (self.filters and self.filtered_families):
            raise ValueError("A recipe measures at least one family: `families` is empty. Name one.")
        wrong = [name for name in self.filtered_families if name not in FILTERED_FAMILIES]
        if wrong:
            raise ValueError(
                f"Filtered images have the families {', '.join(FILTERED_FAMILIES)}: {', '.join(wrong)} is none of "
                "these. Measure it in the image itself (`families`)."
            )
        if not self.aggregations and any(name in TEXTURES for name in (*self.families, *self.filtered_families)):
            raise ValueError("Texture is put together in some way: `aggregations` is empty. Name one, as 3d_mrg.")
        names = [one.name for one in self.filters]
        if len(set(names)) < len(names):
            raise ValueError("Each filter of a recipe is another one: two are the same. Leave one out.")
        return self

    def definitions(self, *, planar: bool = False) -> tuple[FeatureDefinition, ...]:
        """Return what each column means, in the columns' order; `planar` for images of one plane."""
        usual = self.distance == 1 and self.dependence_alpha == 0
        found = [*definitions_of(self.families, self.aggregations, planar=planar, usual=usual)]
        for one in self.filters:
            found += definitions_of(
                self.filtered_families, self.aggregations, planar=planar, usual=usual, filtered=one.name
            )
        return tuple(found)

    def margin(self, spacing_mm: Triple, whole: tuple[int, int, int]) -> tuple[int, int, int] | None:
        """Return how many voxels (z, y, x) around a region its features can see, or None for the whole image."""
        if self.resampling is None:
            return self._seen(spacing_mm, planar=whole[0] == 1)
        axes = self.resampling.axes(whole, spacing_mm)
        z_mm, y_mm, x_mm = (mm * axis.step for mm, axis in zip(spacing_mm, axes, strict=True))
        seen = self._seen((z_mm, y_mm, x_mm), planar=whole[0] == 1)
        return None if seen is None else self.resampling.margin(seen, whole, spacing_mm)

    def measure(self, crop: Crop) -> dict[str, float]:
        """Return the value of each column for the region in a part of an image that holds `margin` around it.

        Raises
        ------
        BadData
            `empty_region`, `region_too_small`, `infinite_voxels`; `below_first_bin`, `too_many_bins` and
            `not_grey_levels` from binning; `missing_voxels` and `one_plane` from filters.
        """
        grid = grid_of(crop, self.resampling)
        seen = self._seen(grid.spacing_mm, planar=crop.planar)
        region = region_of(crop, grid, grid.shape if seen is None else seen, self.resampling, self.resegmentation)
        kept = kept_voxels(region)
        self._require_size(kept)
        bounds = self.resegmentation.lowest, self.resegmentation.highest
        binning = _from(self.binning, bounds[0])
        found = intensity_statistics(kept) if "statistics" in self.families else {}
        found.update(self._of_form(region, kept))
        found.update(self._of_levels(region, kept, self.families, (binning, self.volume_histogram_binning), bounds))
        for name, response in self._responses(region):
            found.update((f"{name}{BETWEEN}{column}", value) for column, value in self._of_response(response).items())
        return found

    def _seen(self, spacing_mm: Triple, *, planar: bool) -> tuple[int, int, int] | None:
        """Return the margin in voxels of the grid that is measured on, or None for the whole image."""
        reaches = [one.reach(spacing_mm) for one in self.filters]
        far = int("local_intensity" in self.families) * RADIUS_MM
        local = [int(far // mm) for mm in spacing_mm]
        known = [reach for reach in reaches if reach is not None]
        if len(known) < len(reaches):
            return None
        z, y, x = (max(more) for more in zip(local, *known, strict=True))
        return (0 if planar else z, y, x)

    def _require_size(self, kept: KeptVoxels) -> None:
        if kept.values.size < self.minimum_voxels:
            raise BadData(
                "region_too_small",
                f"A region has at least {self.minimum_voxels} voxels that are not missing or left out",
                f"it has {kept.values.size}",
                "Leave the region out, or lower `minimum_voxels`.",
            )

    def _of_form(self, region: Region, kept: KeptVoxels) -> dict[str, float]:
        """Return the features that depend on where the voxels lie."""
        found = {}
        if "morphology" in self.families:
            found.update(morphology_2d(region) if region.planar else morphology(region, kept))
        if "spatial" in self.families:
            found.update(spatial(region, kept))
        if "local_intensity" in self.families:
            found.update(local_intensity(region, kept))
        return found

    def _of_response(self, response: Region) -> dict[str, float]:
        """Return the features of a region in the response to a filter."""
        kept = kept_voxels(response)
        families = self.filtered_families
        found = intensity_statistics(kept) if "statistics" in families else {}
        binning = self.filtered_binning
        found.update(self._of_levels(response, kept, families, (binning, binning), (None, None)))
        return found

    def _of_levels(
        self,
        region: Region,
        kept: KeptVoxels,
        families: tuple[Family, ...],
        binnings: tuple[Binning, Binning],
        bounds: Bounds,
    ) -> dict[str, float]:
        """Return the features of grey levels, of the image or of a response to a filter."""
        found = {}
        textures = [name for name in TEXTURES if name in families]
        grey = grey_volume(region.values, region.kept, binnings[0]) if textures or "histogram" in families else None
        if grey is not None and "histogram" in families:
            found.update(intensity_histogram(grey.histogram))
        if "volume_histogram" in families:
            found.update(volume_histogram(kept, binnings[1], *bounds))
        if grey is not None and textures:
            wanted = aggregations_of(self.aggregations, planar=region.planar)
            found.update(
                texture(grey, region.mask, textures, wanted, alpha=self.dependence_alpha, distance=self.distance)
            )
        return found

    def _responses(self, region: Region) -> Iterator[tuple[str, Region]]:
        """Yield each filter's name and the region in its response."""
        z, y, x = region.place
        dz, dy, dx = region.mask.shape
        box = (slice(z, z + dz), slice(y, y + dy), slice(x, x + dx))
        for name, response in responses_in_box(self.filters, region.around, box, region.spacing_mm):
            values = response.astype(np.float64)
            yield (
                name,
                Region(
                    values, region.mask, region.kept, region.spacing_mm, region.planar, around=values, place=(0, 0, 0)
                ),
            )


def _from(binning: Binning, lowest: float | None) -> Binning:
    """Return the binning; bins of a fixed size begin at the lowest intensity kept, unless they say where."""
    if isinstance(binning, FixedSize) and binning.start is None and lowest is not None:
        return binning.model_copy(update={"start": lowest})
    return binning
