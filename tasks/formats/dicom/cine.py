"""When the frames of a film were taken: ultrasound, angiography, and other frames of one plane."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from tasks.formats.dicom.elements import another_count, bad_element

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet

_MS = 1000.0
_RATES = ("CineRate", "RecommendedDisplayFrameRate")


def frame_seconds(dataset: DataSet, frames: int) -> list[float] | None:
    """Return the seconds of each frame after the first, None where the file does not state them.

    They come from Frame Time Vector, Frame Time, or the rate at which the frames are to be shown.

    Raises `BadData` `bad_element` where the vector has another length, or times do not ascend.
    """
    steps = dataset.numbers("FrameTimeVector")
    if steps:
        if len(steps) != frames:
            raise bad_element(
                "FrameTimeVector", "has a step for each frame", another_count(len(steps), frames, "steps")
            )
        if min(steps[1:], default=1.0) <= 0:
            raise bad_element("FrameTimeVector", "has steps above 0", "one of 0 or less")
        return [total / _MS for total in accumulate((0.0, *steps[1:]))]
    step = dataset.number("FrameTime")
    if step is not None and step > 0:
        return [k * step / _MS for k in range(frames)]
    for keyword in _RATES:
        rate = dataset.number(keyword)
        if rate is not None and rate > 0:
            return [k / rate for k in range(frames)]
    return None
