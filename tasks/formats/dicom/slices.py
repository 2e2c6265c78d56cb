"""The slices that one DICOM file holds: which frame, where it lies, and what tells it from others at its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks.formats.dicom.cine import frame_seconds
from tasks.formats.dicom.elements import another_count, bad_element
from tasks.formats.dicom.moments import clock, first_moment, image_number, moment, time_offset
from tasks.formats.dicom.mosaic import is_mosaic, tiles
from tasks.formats.dicom.nuclear import nuclear_frames
from tasks.formats.dicom.planes import TOMOGRAPHIC, first_plane, frame_count, not_supported, plane_elsewhere, plane_of
from tasks.formats.dicom.reconstruction import NOT_STATED, Reconstruction, first_reconstruction, reconstruction
from tasks.formats.dicom.scales import scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.dicom.mosaic import Tile
    from tasks.formats.dicom.planes import Plane
    from tasks.formats.dicom.scales import Scale


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice of a file.

    Parameters
    ----------
    frame : int
        Which frame of the file holds it.
    plane : Plane
        Where it lies.
    scale : Scale
        What its stored values mean.
    moment : dict of str to float
        What tells it from others at its position, by name.
    clock, offset : float or None
        When it was taken, in seconds from a fixed day, and from the beginning of its series.
    number : float or None
        Number of the image in its series.
    tile : Tile or None
        The part of the frame it fills, of a mosaic.
    reconstruction : Reconstruction
        Of CT, how it was reconstructed.
    """

    frame: int
    plane: Plane
    scale: Scale
    moment: dict[str, float]
    clock: float | None = None
    offset: float | None = None
    number: float | None = None
    tile: Tile | None = None
    reconstruction: Reconstruction = NOT_STATED


def slices_of(dataset: DataSet) -> list[Slice]:
    """Return the slices of a file, in the order of its frames.

    Raises `BadData`: `multiframe_not_supported` for frames that do not say where they lie, `bad_element`.
    """
    frames = frame_count(dataset)
    groups = dataset.items("PerFrameFunctionalGroupsSequence")
    if dataset.remembered(is_mosaic):
        return [_slice(dataset, None, 0, plane, tile) for plane, tile in tiles(dataset, first_plane(dataset))]
    if groups:
        return _enhanced(dataset, groups, frames)
    if frames == 1:
        return [_single(dataset)]
    if dataset.text("Modality") == "NM":
        placed = nuclear_frames(dataset, frames)
        scale = scale_of(dataset, None, placed[0][0])
        return [Slice(k, plane, scale, named) for k, (plane, named) in enumerate(placed)]
    return _cine(dataset, frames)


def _slice(dataset: DataSet, group: DataSet | None, frame: int, plane: Plane, tile: Tile | None = None) -> Slice:
    return Slice(
        frame,
        plane,
        scale_of(dataset, group, plane),
        dict(moment(dataset, group)),
        clock(dataset, group),
        time_offset(dataset, group),
        image_number(dataset),
        tile,
        reconstruction(dataset, group),
    )


def _single(dataset: DataSet) -> Slice:
    """Return the only slice of a file; what it shares with those of other files is made once for them."""
    return Slice(
        0,
        first_plane(dataset),
        dataset.remembered(_only_scale),
        dict(dataset.remembered(first_moment)),
        clock(dataset, None),
        time_offset(dataset, None),
        image_number(dataset),
        reconstruction=dataset.remembered(first_reconstruction),
    )


def _only_scale(dataset: DataSet) -> Scale:
    return scale_of(dataset, None, plane_elsewhere(dataset))


def _enhanced(dataset: DataSet, groups: Sequence[DataSet], frames: int) -> list[Slice]:
    if groups[0].items("PlanePositionSlideSequence"):
        raise not_supported("its frames are tiles of a slide")
    if len(groups) != frames:
        came = another_count(len(groups), frames, "items")
        raise bad_element("PerFrameFunctionalGroupsSequence", "has an item for each frame", came)
    found = [_slice(dataset, group, k, plane_of(dataset, group)) for k, group in enumerate(groups)]
    if len(found) > 1 and all(one.plane.position_mm is None for one in found):
        if dataset.text("Modality") in TOMOGRAPHIC or groups[0].items("PlanePositionVolumeSequence"):
            raise not_supported("its frames do not say where in the patient")
        return _in_time(dataset, found)
    return found


def _cine(dataset: DataSet, frames: int) -> list[Slice]:
    plane = first_plane(dataset)
    if dataset.text("Modality") in TOMOGRAPHIC or plane.position_mm is not None:
        raise not_supported("its frames do not say")
    scale = scale_of(dataset, None, plane)
    return _in_time(dataset, [Slice(k, plane, scale, {}) for k in range(frames)])


def _in_time(dataset: DataSet, slices: Sequence[Slice]) -> list[Slice]:
    """Return frames of one plane as steps in time: by seconds where the file states them, else counted."""
    seconds = frame_seconds(dataset, len(slices))
    name = "t_index" if seconds is None else "t"
    times = seconds or range(len(slices))
    return [replace(one, moment={name: float(time)}) for one, time in zip(slices, times, strict=True)]
