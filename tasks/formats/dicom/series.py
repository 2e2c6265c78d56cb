"""Which DICOM files form a series."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.formats.dicom.roles import role_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.formats.dicom.header import DicomHeader
    from tasks.formats.dicom.planes import Plane

SAME_SIZE = 1e-4
"""Pixel sizes that differ by this share are one size, written with more or fewer digits."""


@dataclass(frozen=True)
class Series:
    """Files that form one volume.

    Parameters
    ----------
    key : str
        Opaque name: equal for the same files in every run, however often each is there.
    members : tuple of int
        Which of the headers given, in the order of their slices; copies are among them, to be confirmed when their
        pixels are read.
    first : DicomHeader
        Header of the first member: patient, study, modality and scanner are the same for all.
    """

    key: str
    members: tuple[int, ...]
    first: DicomHeader


def group_series(headers: Sequence[DicomHeader]) -> list[Series]:
    """Return the image series among headers, by their content; sorted by patient and key.

    The files of a group have the same series, modality, size in pixels and mm, orientation, frame of reference,
    role, and in CT kernel and tube voltage. An image without a position is a series of its own, whatever its number of
    frames.
    """
    groups: dict[tuple[Any, ...], list[list[int]]] = {}
    for index, header in enumerate(headers):
        if header.kind == "image":
            _join(groups.setdefault(_group_key(header), []), index, headers)
    found = [_series(members, headers) for stacks in groups.values() for members in stacks]
    return sorted(found, key=lambda series: (series.first.patient, series.key))


def _group_key(header: DicomHeader) -> tuple[Any, ...]:
    key = (header.patient, header.study, header.series, header.modality, header.frame_of_reference)
    if header.plane is None or header.plane.position_mm is None:
        return (*key, header.fingerprint)
    return (*key, header.rows, header.columns, role_of(header.image_type))


def _join(stacks: list[list[int]], index: int, headers: Sequence[DicomHeader]) -> None:
    """Put an image to those that lie parallel to it, have its pixel size, and were reconstructed as it was."""
    stack = next((one for one in stacks if _is_alike(headers[one[0]], headers[index])), None)
    if stack is None:
        stacks.append([index])
    else:
        stack.append(index)


def _is_alike(first: DicomHeader, other: DicomHeader) -> bool:
    one, two = first.plane, other.plane
    if one is None or two is None or not first.reconstruction.is_like(other.reconstruction):
        return False
    return one.is_parallel(two) and _is_same_size(one, two)


def _is_same_size(plane: Plane, other: Plane) -> bool:
    mine, theirs = plane.spacing_mm, other.spacing_mm
    if mine == theirs or mine is None or theirs is None:
        return mine == theirs
    return bool(np.allclose(mine, theirs, rtol=SAME_SIZE, atol=0))


def _series(members: list[int], headers: Sequence[DicomHeader]) -> Series:
    ordered = sorted(members, key=lambda index: (_height_mm(headers[index]), headers[index].fingerprint))
    digest = hashlib.sha256("".join(sorted({headers[index].fingerprint for index in members})).encode())
    return Series(digest.hexdigest()[:16], tuple(ordered), headers[ordered[0]])


def _height_mm(header: DicomHeader) -> float:
    return 0.0 if header.plane is None else header.plane.height_mm
