"""Segmentations of 3D Slicer (.seg.nrrd): named segments that may overlap, in layers of label maps."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from tasks.formats.nrrd import read_nrrd_header, samples_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.formats.voxels import Samples

_NAMED = re.compile(r"Segment(\d{1,6})_(?:Name|ID)", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)


def segment_in(data: bytes, voxels: bytes | None, name: str, space: str | None = None) -> Samples:
    """Return one segment of a NRRD file by its name or its id, as 1 inside and 0 outside.

    `voxels` and `space` are as for a NRRD file of any kind.

    Raises `BadData`: `unknown_region`, `ambiguous_region`, `corrupt_file`, and those of `nrrd.samples_in`.
    """
    pairs = read_nrrd_header(data).pairs
    number = _number(pairs, name)
    samples = samples_in(data, voxels, space)
    label = _whole(pairs, f"Segment{number}_LabelValue", 1)
    if not samples.leading:
        return replace(samples, values=(samples.values == label).view(np.uint8))
    layer = _whole(pairs, f"Segment{number}_Layer", number)  # before layers, each segment had one of its own
    if samples.leading != ("c",) or layer >= len(samples.values):
        raise BadData(
            "corrupt_file", "A segment is in a layer of its file", "its layer is not there", "Write it again."
        )
    inside = (samples.values[layer] == label).view(np.uint8)
    return replace(samples, values=inside, leading=(), coords={})


def _number(pairs: Mapping[str, str], name: str) -> int:
    found = {int(match[1]) for key, value in pairs.items() if value == name and (match := _NAMED.fullmatch(key))}
    if not found:
        raise BadData(
            "unknown_region",
            "A file holds the segment asked for",
            f"none of its {sum(key.endswith('_Name') for key in pairs)} segments has that name",
            "Correct the names under `labels` in the plan.",
        )
    if len(found) > 1:
        raise BadData(
            "ambiguous_region", "One segment has the name asked for", f"{len(found)} have it", "Rename the segments."
        )
    return found.pop()


def _whole(pairs: Mapping[str, str], key: str, default: int) -> int:
    text = pairs.get(key, str(default))
    if not _WHOLE.fullmatch(text):
        raise BadData("corrupt_file", "A segment has a label and a layer", "one is no number", "Write the file again.")
    return int(text)
