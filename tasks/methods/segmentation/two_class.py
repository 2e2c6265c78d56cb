"""What every segmenter into object and background shares: smoothing before, choosing pieces after."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.preprocessing.smoothing import GaussianFilter
from tasks.methods.preprocessing.step import as_voxels, require_complete

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple


class TwoClass(Method):
    """Separate objects that are brighter or darker than their background.

    Pieces are connected when voxels share a face (an edge in an image of one plane).
    """

    target: Literal["bright", "dark"] = "bright"
    """Whether the objects are brighter or darker than their background."""
    smoothing_mm: float = Field(default=1.0, ge=0)
    """Standard deviation in mm of the Gaussian that quiets noise first; 0 leaves the image as it is."""
    keep: Literal["largest", "all"] = "largest"
    """Keep the `largest` connected piece only, or `all` of them."""
    min_volume_mm3: float = Field(default=0.0, ge=0)
    """Smaller connected pieces are dropped; in an image of one plane the z spacing counts as its thickness."""

    def __call__(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.int32]:
        """Return (z, y, x) int32 labels: 1 inside, 0 outside; all 0 when no piece is large enough.

        Raises
        ------
        BadData
            `constant_image` when no voxel differs, `missing_voxels` when one is NaN.
        """
        scaled = self._scaled(image, spacing_mm)
        planar = scaled.shape[0] == 1
        inside = self._inside(scaled[0], spacing_mm[1:]) if planar else self._inside(scaled, spacing_mm)
        return self._pieces(inside.reshape(scaled.shape), spacing_mm)

    @abstractmethod
    def _inside(self, scaled: NDArray[np.float64], spacing_mm: tuple[float, ...]) -> NDArray[np.bool_]:
        """Return which voxels are inside; `scaled` is (z, y, x), or (y, x) if planar, 0 to 1, objects bright."""

    def _scaled(self, image: NDArray[Any], spacing_mm: Triple) -> NDArray[np.float64]:
        voxels = as_voxels(image)
        require_complete(voxels)
        if self.smoothing_mm > 0:
            voxels = GaussianFilter(sigma_mm=self.smoothing_mm)(voxels, spacing_mm)
        low, high = float(voxels.min()), float(voxels.max())
        if low == high:
            raise BadData(
                "constant_image",
                "An image that is segmented has at least two different intensities",
                f"all {voxels.size} voxels have one value",
                "Check the series, and that smoothing_mm is small beside the object.",
            )
        scaled: NDArray[np.float64] = (voxels.astype(np.float64) - low) / (high - low)
        return scaled if self.target == "bright" else 1.0 - scaled

    def _pieces(self, inside: NDArray[np.bool_], spacing_mm: Triple) -> NDArray[np.int32]:
        from scipy import ndimage

        pieces, _ = ndimage.label(inside)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        kept = (sizes > 0) & (sizes * float(np.prod(spacing_mm)) >= self.min_volume_mm3)
        if self.keep == "largest":
            kept &= np.arange(sizes.size) == sizes.argmax()
        labels: NDArray[np.int32] = kept[pieces].astype(np.int32)
        return labels
