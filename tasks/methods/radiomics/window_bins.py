"""Ways to turn intensities into grey levels that are the same everywhere in an image, as windows need."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.methods.method import Choice, Method
from tasks.methods.radiomics.binning import Scale

MOST_LEVELS = 256
"""As many as a byte tells apart; the pairs of more would hardly ever occur twice in a window."""


class BinsOfSize(Method):
    """Make bins of one width from a given intensity on (IBSI Q3RU), for calibrated units, as in CT and PET.

    What is darker is in the first bin, what is brighter than 256 bins reach is in the last. There are as many grey
    levels as the brightest voxel of a window needs.
    """

    method: Literal["fixed_size"] = "fixed_size"
    size: float = Field(default=25.0, gt=0)
    """Width of a bin, in the image's unit."""
    start: float
    """Lower end of the first bin, in the image's unit."""

    def scale(self) -> Scale:
        """Return which level an intensity has."""
        return Scale(self.start, 1.0, self.size, MOST_LEVELS)

    @property
    def levels(self) -> int:
        """How many levels there are; 0 for as many as a window needs."""
        return 0


class BinsOfRange(Method):
    """Divide a given range into bins of one width (IBSI K15C), for arbitrary units, as in MR.

    What is darker is in the first bin, what is brighter in the last.
    """

    method: Literal["fixed_number"] = "fixed_number"
    number: int = Field(default=32, ge=2, le=MOST_LEVELS)
    """How many grey levels."""
    lowest: float
    """Where the first bin begins, in the image's unit."""
    highest: float
    """Where the last bin ends."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not self.lowest < self.highest:
            raise ValueError("`lowest` is less than `highest`: it is not. Correct them.")
        return self

    def scale(self) -> Scale:
        """Return which level an intensity has."""
        return Scale(self.lowest, float(self.number), self.highest - self.lowest, self.number)

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return self.number


WindowBinning = Annotated[BinsOfSize | BinsOfRange, Choice()]
