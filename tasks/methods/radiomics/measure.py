"""One way of measuring regions: an extractor, and the name its columns begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.method import Parameters
from tasks.methods.radiomics import Extractor
from tasks.methods.radiomics.definition import BETWEEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.methods.radiomics.crop import Crop
    from tasks.methods.radiomics.definition import FeatureDefinition


class Measure(Parameters):
    """Measure regions by an extractor."""

    extractor: Extractor
    """The method that measures."""
    name: str = ""
    """Name that its columns begin with, where an image is measured in several ways."""

    def __call__(self, crop: Crop) -> dict[str, float]:
        """Return the value of each column for the region in a part of an image."""
        return {self._named(column): value for column, value in self.extractor.measure(crop).items()}

    def reading(self, read: Callable[[], bytes]) -> Measure:
        """Return the measure whose extractor has a way to read its file."""
        return Measure(name=self.name, extractor=self.extractor.reading(read))

    def definitions(self, *, planar: bool = False) -> tuple[FeatureDefinition, ...]:
        """Return what each column means; `planar` for images of one plane."""
        return tuple(
            one.model_copy(update={"column": self._named(one.column)})
            for one in self.extractor.definitions(planar=planar)
        )

    def facts(self, *, planar: bool) -> dict[str, dict[str, str]]:
        """Return what stands beside each column in a file: what it means, and the digest of what made it."""
        return {one.column: {**one.facts(), "recipe": self.extractor.digest} for one in self.definitions(planar=planar)}

    def _named(self, column: str) -> str:
        return f"{self.name}{BETWEEN}{column}" if self.name else column
