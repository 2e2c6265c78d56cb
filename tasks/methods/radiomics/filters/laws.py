"""Levels, edges, spots, waves and ripples: Laws' small patterns."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tasks.methods.radiomics.filters.image_filter import filter_name
from tasks.methods.radiomics.filters.rotations import Rotations, parts_of
from tasks.methods.radiomics.filters.separable import Part, Row, SeparableFilter

if TYPE_CHECKING:
    from data_catalog.geometry import Triple

PATTERNS: dict[str, tuple[int, ...]] = {
    "L3": (1, 2, 1),
    "L5": (1, 4, 6, 4, 1),
    "E3": (-1, 0, 1),
    "E5": (-1, -2, 0, 2, 1),
    "S3": (-1, 2, -1),
    "S5": (-1, 0, 2, 0, -1),
    "W5": (-1, 2, 0, -2, 1),
    "R5": (1, -4, 6, -4, 1),
}
"""Laws' kernels (Laws 1980; IBSI-2): level, edge, spot, wave and ripple, before they are made of unit norm."""


class Laws(SeparableFilter):
    """Respond to a small pattern: IBSI-2's Laws kernels (JTXT), of unit Euclidean norm."""

    method: Literal["laws"] = "laws"
    plane_form: ClassVar[str] = "a `kernel` of two letters with their sizes, as `L5E5`"
    kernel: str = Field(default="L5E5E5", pattern=r"^([LES][35]|[WR]5){2,3}$")
    """A letter and a size for each of x, y and z, as `L5E5E5`; for x and y alone, as `L5E5`, the filter is 2-D.
    L is level, E edge, S spot, W wave, R ripple."""
    rotations: Rotations = "none"
    """Which response counts of the kernel and its turns by right angles: its own, the greatest (`max`) or the mean."""
    energy_distance: int | None = Field(default=None, ge=1, le=127)
    """Distance in voxels over which absolute responses are averaged to an energy (PQSD); 7 is usual. Not set, the
    responses themselves are returned."""

    @property
    def name(self) -> str:
        """Word for the names of columns: `laws_l5e5e5_max_energy7`."""
        return filter_name(
            "laws",
            self.kernel.lower(),
            "" if self.rotations == "none" else self.rotations,
            "" if self.energy_distance is None else f"energy{self.energy_distance}",
            boundary=self.boundary,
        )

    @property
    def in_plane(self) -> bool:
        """Whether each plane (y, x) is filtered by itself."""
        return len(self._patterns()) == 2  # noqa: PLR2004 - x and y

    def mean_reach(self) -> tuple[int, int, int]:
        """Return how far (z, y, x) the energy is averaged."""
        far = self.energy_distance or 0
        return 0 if self.in_plane else far, far, far

    def parts(self, spacing_mm: Triple) -> tuple[Part, ...]:  # noqa: ARG002 - the kernels are in voxels
        """Return the kernel, turned as asked for."""
        return parts_of(tuple(_of_unit_norm(PATTERNS[pattern]) for pattern in self._patterns()), self.rotations)

    def _patterns(self) -> list[str]:
        return [self.kernel[start : start + 2] for start in range(0, len(self.kernel), 2)]


def _of_unit_norm(pattern: tuple[int, ...]) -> Row:
    norm = sqrt(sum(value**2 for value in pattern))
    return tuple(value / norm for value in pattern)
