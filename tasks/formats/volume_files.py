"""Images and label maps in any of the formats that are no DICOM, told apart by their first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.formats import metaimage, nifti, nrrd, png, tiff
from tasks.formats.voxels import as_image, as_labels

if TYPE_CHECKING:
    from data_catalog.geometry import Geometry
    from tasks.formats.content import Content
    from tasks.formats.tiff_scale import Scale
    from tasks.formats.voxels import Read, Samples

HEAD_BYTES = 4096
"""So many bytes tell every format."""


def read_image(
    content: Content, voxels: Content | None = None, *, scale: Scale | None = None, space: str | None = None
) -> Read:
    """Return an image as voxels (..., z, y, x), its grid, and attributes `dims`, `coords` and `corrections`.

    Parameters
    ----------
    content : Content
        A NIfTI, NRRD, MetaImage, TIFF, PNG or JPEG file.
    voxels : Content or None
        The file that a detached header names (`.nhdr`, `.mhd`, `.hdr`).
    scale : Scale or None
        Size of a voxel, for files that do not state it.
    space : str or None
        Space (`LPS`, `RAS`, `LAS`) of NRRD files that name none.

    Raises `BadData`: `unknown_format`, and those of the format's own reader.
    """
    if _is_picture(content):
        return png.read_image(content.read(), _pixel_mm(scale))
    return as_image(_samples(content, voxels, scale, space))


def read_labels(
    content: Content, voxels: Content | None = None, *, like: Geometry, coded: bool, space: str | None = None
) -> Read:
    """Return a label map as (z, y, x) int32, 0 outside every region, its grid, and attributes.

    Parameters
    ----------
    content, voxels, space
        As for `read_image`.
    like : Geometry
        The grid of the image. A file that does not say where it lies (TIFF, PNG, JPEG) lies there, and must have its
        shape; whether the others do is for the caller to see.
    coded : bool
        Whether the values of a PNG or JPEG are labels; else what is brighter than half is inside, as label 1.

    Raises `BadData`: `unknown_format`, `not_labels`, `empty_mask`, `other_grid`, and those of the format's reader.
    """
    if not _is_picture(content) and not tiff.is_tiff(content.range(0, HEAD_BYTES)):
        return as_labels(_samples(content, voxels, None, space))
    labels, _, attributes = _placeless(content, coded=coded)
    if labels.shape != like.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {like.shape} and {labels.shape} differ",
            "Export the mask again from the image it was drawn on.",
        )
    return labels, like, attributes


def _placeless(content: Content, *, coded: bool) -> Read:
    if not _is_picture(content):
        return as_labels(tiff.samples_in(content, as_labels=True))
    if coded:
        return png.read_labels(content.read(), (1.0, 1.0))
    inside, geometry, attributes = png.read_mask(content.read(), (1.0, 1.0))
    return inside.astype(np.int32), geometry, attributes


def _is_picture(content: Content) -> bool:
    head = content.range(0, HEAD_BYTES)
    return head.startswith((png.PNG_MAGIC, png.JPEG_MAGIC))


def _samples(content: Content, voxels: Content | None, scale: Scale | None, space: str | None) -> Samples:
    head = content.range(0, HEAD_BYTES)
    beside = None if voxels is None else voxels.read()
    if tiff.is_tiff(head):
        return tiff.samples_in(content, scale)
    if nrrd.is_nrrd(head):
        return nrrd.samples_in(content.read(), beside, space)
    if nifti.is_nifti(head):
        return nifti.samples_in(content.read(), beside)
    if metaimage.is_metaimage(head):
        return metaimage.samples_in(content.read(), beside)
    raise BadData(
        "unknown_format",
        "An image file is NIfTI, NRRD, MetaImage, TIFF, PNG or JPEG",
        "its first bytes say otherwise",
        "Convert it, or leave it out.",
    )


def _pixel_mm(scale: Scale | None) -> tuple[float, float]:
    if scale is None or scale.row_mm is None or scale.column_mm is None:
        raise BadData(
            "no_pixel_size",
            "The size of a pixel is known",
            "neither the plan nor a row of the clinical table says it",
            "Give `pixel_size_mm`, or `pixel_size_column` and a row for the patient.",
        )
    return scale.row_mm, scale.column_mm
