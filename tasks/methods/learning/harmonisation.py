"""How features measured on different scanners are brought together, inside a training fold."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import PositiveInt

from tasks.methods.method import Method

if TYPE_CHECKING:
    from tasks.methods.learning.cohort import Columns
    from tasks.methods.learning.estimators.location_scale import LocationScale

Unseen = Literal["pooled", "refuse"]


class FoldHarmoniser(Method):
    """Make the pipeline step that learns the scanners of a training fold."""

    needs_scanner: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, columns: Columns) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """Return the unfitted step: a table of features and scanner in, a table of features out."""


class NoHarmonisation(FoldHarmoniser):
    """Leave the features as they were measured."""

    needs_scanner: ClassVar[bool] = False
    method: Literal["no_harmonisation"] = "no_harmonisation"

    def __call__(self, columns: Columns) -> Any:  # noqa: ANN401, ARG002 - scikit-learn has no types
        """Return the step that changes nothing."""
        return "passthrough"


class ScannerLocationScale(FoldHarmoniser):
    """Give every scanner the location and scale of all, as learnt from training rows.

    A value x of scanner s becomes (x - mean_s) / sd_s * sd + mean, where mean is that of all training
    rows and sd the pooled deviation within scanners: ComBat's model without covariates and without
    empirical Bayes. The outcome is never used. Where scanners and outcome go together, what tells the
    scanners apart is taken away with what tells the outcomes apart.

    References
    ----------
    Johnson, Li, Rabinovic. Adjusting batch effects in microarray expression data using empirical Bayes
    methods. Biostatistics 8 (2007) 118-127. Fortin et al. Harmonization of cortical thickness
    measurements across scanners and sites. NeuroImage 167 (2018) 104-120.
    """

    method: Literal["scanner_location_scale"] = "scanner_location_scale"
    unseen: Unseen = "pooled"
    """What to do with a scanner that the training rows do not tell about: leave its values as they are
    (`pooled`), or stop (`refuse`)."""
    fewest_rows: PositiveInt = 3
    """A scanner with fewer training rows counts as unseen; so does one feature with fewer values."""

    def __call__(self, columns: Columns) -> LocationScale:
        """Return the unfitted step."""
        from tasks.methods.learning.estimators.location_scale import LocationScale

        return LocationScale(columns=columns, unseen=self.unseen, fewest_rows=self.fewest_rows)
