"""Regions for tests, cut out of small images."""

import numpy as np

from tasks.methods.radiomics.region import Region

CUBIC = (1.0, 1.0, 1.0)


def boxed(image, mask, spacing_mm=CUBIC, kept=None):
    """Return the region of a mask in an image; voxels that are not `kept` or not numbers are left out."""
    image, mask = np.asarray(image, dtype=np.float64), np.asarray(mask, dtype=bool)
    places = np.argwhere(mask)
    box = tuple(slice(low, high) for low, high in zip(places.min(axis=0), places.max(axis=0) + 1, strict=True))
    inside = mask & ~np.isnan(image) if kept is None else np.asarray(kept, dtype=bool)
    return Region(
        values=np.ascontiguousarray(image[box]),
        mask=np.ascontiguousarray(mask[box]),
        kept=np.ascontiguousarray(inside[box]),
        spacing_mm=spacing_mm,
        planar=image.shape[0] == 1,
        around=image,
        place=tuple(part.start for part in box),
    )


def row(values):
    """Return a region of one row of voxels."""
    image = np.reshape(np.asarray(values, dtype=np.float64), (1, 1, -1))
    return boxed(image, np.ones(image.shape))


def of_form(mask, spacing_mm=CUBIC):
    """Return a region of which only the form is asked for."""
    return boxed(np.ones(np.shape(mask)), mask, spacing_mm)


def ball(radius, shape, spacing_mm=CUBIC):
    """Return the mask of a ball in the middle of a box; `radius` in mm."""
    steps = (np.indices(shape) - np.reshape(shape, (-1, 1, 1, 1)) // 2) * np.reshape(spacing_mm, (3, 1, 1, 1))
    return (steps**2).sum(axis=0) <= radius**2


def speckled(seed, shape=(5, 6, 7), share=0.5):
    """Return a mask of voxels that chance has picked, at least one."""
    generator = np.random.default_rng(seed)
    mask = generator.random(shape) < share
    mask[tuple(generator.integers(shape))] = True
    return mask
