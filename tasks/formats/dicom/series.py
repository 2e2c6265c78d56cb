"""Which DICOM files form a series."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.formats.dicom.header import DicomHeader
    from tasks.formats.dicom.planes import Plane


@dataclass(frozen=True)
class Series:
    """Files that form one volume.

    Parameters
    ----------
    key : str
        Opaque name: equal for the same files in every run.
    members : tuple of int
        Which of the headers given, in the order of their slices.
    copies : tuple of int
        Which were left out because another file has the same bytes.
    first : DicomHeader
        Header of the first member: patient, study, modality and scanner are the same for all.
    """

    key: str
    members: tuple[int, ...]
    copies: tuple[int, ...]
    first: DicomHeader


def group_series(headers: Sequence[DicomHeader]) -> list[Series]:
    """Return the image series among headers: same series, orientation and size; sorted by patient and key.

    A multi-frame file, and an image without a position, is a series of its own.
    """
    copies: dict[int, list[int]] = {}
    groups: dict[tuple[Any, ...], list[list[int]]] = {}
    seen: dict[str, int] = {}
    for index, header in enumerate(headers):
        if header.kind != "image":
            continue
        if header.content in seen:
            copies.setdefault(seen[header.content], []).append(index)
            continue
        seen[header.content] = index
        _join(groups.setdefault(_group_key(header), []), index, headers)
    found = [_series(members, copies, headers) for stacks in groups.values() for members in stacks]
    return sorted(found, key=lambda series: (series.first.patient, series.key))


def _group_key(header: DicomHeader) -> tuple[Any, ...]:
    key = (header.patient, header.study, header.series, header.rows, header.columns)
    is_alone = header.frames > 1 or header.plane is None or header.plane.position_mm is None
    return (*key, header.content) if is_alone else key


def _join(stacks: list[list[int]], index: int, headers: Sequence[DicomHeader]) -> None:
    """Put an image to those that lie parallel to it."""
    plane = headers[index].plane
    for stack in stacks:
        other = headers[stack[0]].plane
        if plane is not None and other is not None and plane.is_parallel(other):
            stack.append(index)
            return
    stacks.append([index])


def _series(members: list[int], copies: dict[int, list[int]], headers: Sequence[DicomHeader]) -> Series:
    ordered = sorted(members, key=lambda index: (_along(headers[index].plane), headers[index].content))
    digest = hashlib.sha256("".join(sorted(headers[index].content for index in members)).encode())
    left_out = tuple(copy for index in members for copy in copies.get(index, ()))
    return Series(digest.hexdigest()[:16], tuple(ordered), left_out, headers[ordered[0]])


def _along(plane: Plane | None) -> float:
    if plane is None or plane.position_mm is None:
        return 0.0
    return float(np.dot(plane.position_mm, plane.normal))
