"""The mean of a voxel's surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tasks.methods.preprocessing.step import OddSize
from tasks.methods.radiomics.filters.image_filter import Dimension, filter_name
from tasks.methods.radiomics.filters.separable import Part, SeparableFilter, mean_rows

if TYPE_CHECKING:
    from data_catalog.geometry import Triple


class Mean(SeparableFilter):
    """Respond with the mean of a box around each voxel: IBSI-2's mean filter (S60F)."""

    method: Literal["mean"] = "mean"
    # a bound after a validator is checked, but pydantic leaves it out of the form
    support: Annotated[OddSize, Field(le=255, json_schema_extra={"maximum": 255})] = 5
    """Width M of the box along each axis in voxels, odd."""
    dimension: Dimension = "3d"
    """`2d` filters each plane (y, x) by itself, `3d` the volume."""

    @property
    def name(self) -> str:
        """Word for the names of columns: `mean_15`."""
        return filter_name("mean", "2d" if self.in_plane else "", str(self.support), boundary=self.boundary)

    @property
    def in_plane(self) -> bool:
        """Whether each plane (y, x) is filtered by itself."""
        return self.dimension == "2d"

    def parts(self, spacing_mm: Triple) -> tuple[Part, ...]:  # noqa: ARG002 - the support is in voxels
        """Return the box."""
        far = self.support // 2
        return (Part((mean_rows((0 if self.in_plane else far, far, far)),)),)
