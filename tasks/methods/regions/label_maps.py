"""Label maps onto the voxels of their image: re-ordered or placed exactly, never resampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from data_catalog.verdicts import Correction
from tasks.methods.regions.lattice import lattice_of, rounding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry, Triple
    from tasks.methods.regions.lattice import Lattice

AXES = ("z", "y", "x")
TURNED_DEGREES = 0.1
"""A smaller angle between two axes is rounding."""
OTHER_WAY_DEGREES = 179.0


def onto_image(
    labels: NDArray[np.integer], own: Geometry, image: Geometry
) -> tuple[NDArray[np.integer], list[Correction]]:
    """Return labels (z, y, x) on the grid of their image, 0 where they hold nothing, and what was done to them.

    Axes may run in another order or the other way, and the map may hold a box of the image's voxels only, or reach
    beyond it without a label there: as long as its voxels are the image's.

    Raises `BadData` `other_grid`, with how the two grids differ.
    """
    lattice = lattice_of(own.origin_mm, _steps_mm(own), own.shape, image)
    if lattice is None or lattice.is_shifted:
        raise _other_grid(own, image, "")
    turned = _turned(labels, lattice)
    start = lattice.first + np.minimum(lattice.steps * (np.array(own.shape) - 1)[:, None], 0).sum(axis=0)
    stop = start + np.array(turned.shape)
    low, high = np.maximum(start, 0), np.minimum(stop, image.shape)
    # A box that lies wholly beyond the image has no common part.
    common = turned[tuple(slice(a, max(a, b)) for a, b in zip(low - start, high - start, strict=True))]
    beyond = int(np.count_nonzero(labels)) - int(np.count_nonzero(common))
    if beyond:
        raise _other_grid(own, image, f"{beyond} of {np.count_nonzero(labels)} labelled voxels lie beyond the image; ")
    placed = np.zeros(image.shape, dtype=labels.dtype)
    placed[tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))] = common
    is_box = not (start == 0).all() or turned.shape != image.shape
    return placed, [*_order(lattice), *([_box(turned, image)] if is_box else []), *rounding(lattice.off_mm)]


def _steps_mm(geometry: Geometry) -> list[Triple]:
    """Return the steps (z, y, x) in the patient along each axis of a grid."""
    z, y, x = (geometry.affine()[:3, axis].tolist() for axis in range(3))
    return [z, y, x]


def _turned(labels: NDArray[np.integer], lattice: Lattice) -> NDArray[np.integer]:
    """Return the labels with their axes in the order and direction of the image's."""
    of = np.abs(lattice.steps).argmax(axis=0)
    forth = lattice.steps.sum(axis=0) > 0
    return labels.transpose(tuple(int(axis) for axis in of))[tuple(slice(None, None, 1 if f else -1) for f in forth)]


def _order(lattice: Lattice) -> list[Correction]:
    if np.array_equal(lattice.steps, np.eye(len(AXES))):
        return []
    of, forth = np.abs(lattice.steps).argmax(axis=0), lattice.steps.sum(axis=0) > 0
    words = ", ".join(("" if ahead else "-") + AXES[axis] for axis, ahead in zip(of, forth, strict=True))
    return [Correction(name="axes_reordered", text=f"its axes were put into the order of the image's: ({words})")]


def _box(box: NDArray[np.integer], image: Geometry) -> Correction:
    shape, whole = (" x ".join(map(str, shape)) for shape in (box.shape, image.shape))
    text = f"it holds {shape} voxels where its image has {whole}: those it does not hold are outside"
    return Correction(name="box_placed", text=text)


def _other_grid(own: Geometry, image: Geometry, first: str) -> BadData:
    return BadData(
        "other_grid",
        "Image and mask must share a grid",
        first + "; ".join(_differences(own, image)),
        "Export the mask from the image it was drawn on, or resample it on purpose.",
    )


def _differences(own: Geometry, image: Geometry) -> list[str]:
    """Return in what two grids differ: shape, voxel size, the way of their axes, and place."""
    found = []
    if own.shape != image.shape:
        found.append(f"shapes {own.shape} and {image.shape} differ")
    if not np.allclose(own.spacing_mm, image.spacing_mm, rtol=1e-3, atol=0):
        sizes = (" x ".join(f"{step:.3f}" for step in of.spacing_mm) for of in (own, image))
        found.append("voxels of {} and {} mm differ".format(*sizes))
    cosines = (np.array(own.direction) * np.array(image.direction)).sum(axis=0)
    for axis, angle in zip(AXES, np.degrees(np.arccos(np.clip(cosines, -1, 1))), strict=True):
        if angle > OTHER_WAY_DEGREES:
            found.append(f"its {axis} axis runs the other way")
        elif angle > TURNED_DEGREES:
            found.append(f"its {axis} axis is turned by {angle:.1f} degrees")
    # Rounded first, and 0 added, so that none is -0.000.
    shift_mm = np.round(np.array(own.origin_mm) - np.array(image.origin_mm), 3) + 0.0
    shift = ", ".join(f"{part:.3f}" for part in shift_mm)
    return [*found, f"it begins ({shift}) mm from the image's first voxel"]


def merged(labels: NDArray[np.integer], region: str) -> tuple[NDArray[np.integer], dict[int, str], list[Correction]]:
    """Return which voxels of a label map are inside at all, as one region under label 1, and what should be known."""
    values = len(np.unique(labels[labels > 0]))
    text = f"{values} values were taken for one region"
    return (
        (labels > 0).astype(labels.dtype),
        {1: region},
        [Correction(name="labels_merged", text=text)] if values > 1 else [],
    )


def named_only(
    labels: NDArray[np.integer], names: Mapping[int, str]
) -> tuple[NDArray[np.integer], dict[int, str], list[Correction]]:
    """Return the labels that have a name, 0 elsewhere, the names of those that are there, and what should be known.

    Values of one name become one region, under the lowest of them.

    Raises `BadData` `unknown_region` where no voxel has a named value.
    """
    present = [int(value) for value in np.unique(labels) if value != 0]
    first: dict[str, int] = {}
    for value in sorted(names):
        if value in present:
            first.setdefault(names[value], value)
    if not first:
        raise BadData(
            "unknown_region",
            "A label map holds a value that has a name",
            f"none of its {len(present)} values has one",
            "Correct `labels` in the plan.",
        )
    kept = np.zeros_like(labels)
    for value in present:
        if value in names:
            kept[labels == value] = first[names[value]]
    others = len(present) - sum(value in names for value in present)
    text = f"{others} values without a name were left out"
    notes = [Correction(name="labels_left_out", text=text)] if others else []
    return kept, {value: name for name, value in first.items()}, notes
