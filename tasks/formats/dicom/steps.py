"""Where the steps along the axes before z lie: in s, ms, degrees, s/mm2, or by name."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.verdicts import Correction
from tasks.formats.dicom.moments import GRADIENT, PARTS
from tasks.formats.dicom.telling import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.formats.dicom.arrange import Arrangement
    from tasks.formats.dicom.slices import Slice

COUNTED = Correction(
    name="time_counted", text="the file does not state the times of its steps: they are counted from 0"
)
_DIGITS = 6
_MS = 1000.0
_BY_SLICE = frozenset({"echo", "inversion_time", "flip_angle"})
"""These may be set slice by slice, and are ranked then: steps are told their means."""
_BESIDE = frozenset({"echo", "inversion_time", "flip_angle", "b_value"})
"""What is told of steps along another axis, too."""
_RANKS = frozenset({"clock", "offset", "number", "delay", "trigger"})
"""These were ranked: the steps hold the ranks."""


def coordinates(found: Arrangement, slices: Sequence[Slice]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return the coordinate of each step by axis, and what else is stated of the steps.

    The coordinates: `t` in s after the first step, or counted where no time is stated (then `time_counted` is among
    the arrangement's corrections); `echo` and `inversion_time` in ms; `flip_angle` in degrees; `b_value` in s/mm2;
    `phase` in percent of the cycle, ms after the trigger, or counted; `part` by name. Beside them
    `gradient_direction`, for each b-value a unit vector (z, y, x) in the patient or None, and `stated_of_steps`, all
    that is stated of the steps of an axis along which several things change. What a step does not state is NaN.
    """
    coords: dict[str, list[Any]] = {}
    attrs: dict[str, Any] = {}
    for axis in found.leading:
        stated = found.steps[axis]
        coords[axis] = _ALONG[axis](found, slices, stated)
        names = [name for name in stated[0] if len({step[name] for step in stated}) > 1]
        if axis == "b_value" or set(names) & set(GRADIENT):
            attrs["gradient_direction"] = [_direction(step) for step in stated]
        beside = _stated_of_steps(found, slices, axis)
        if len(set(names) - _RANKS - set(GRADIENT)) > 1 or beside:
            ranked = {name: _means(found, slices, axis, name) for name in stated[0] if name in _BY_SLICE}
            of_axis = [
                {**_known(step), **{name: means[k] for name, means in ranked.items() if not np.isnan(means[k])}, **more}
                for k, (step, more) in enumerate(zip(stated, beside or [{}] * len(stated), strict=True))
            ]
            attrs.setdefault("stated_of_steps", {})[axis] = of_axis
    return coords, attrs


def _part(found: Arrangement, slices: Sequence[Slice], stated: Sequence[dict[str, float]]) -> list[str]:  # noqa: ARG001
    return ["unknown" if step["part"] == MISSING else PARTS[int(step["part"])] for step in stated]


def _echo(found: Arrangement, slices: Sequence[Slice], stated: Sequence[dict[str, float]]) -> list[float]:
    if "echo" in stated[0]:
        return _means(found, slices, "echo")
    return [_number(step["echo_number"]) for step in stated]


def _means(found: Arrangement, slices: Sequence[Slice], axis: str, name: str = "") -> list[float]:
    """Return where the steps of an axis lie that may be set slice by slice: the means of what the slices state."""
    name = name or axis
    groups = _slices_of_steps(found, slices, axis)
    values = [[one.moment[name] for one in group if name in one.moment] for group in groups]
    return [round(float(np.mean(known)), _DIGITS) if known else np.nan for known in values]


def _b_value(found: Arrangement, slices: Sequence[Slice], stated: Sequence[dict[str, float]]) -> list[float]:  # noqa: ARG001
    return [_number(step["b_value"]) for step in stated]


def _phase(found: Arrangement, slices: Sequence[Slice], stated: Sequence[dict[str, float]]) -> list[float]:
    if "trigger" in stated[0]:
        groups = _slices_of_steps(found, slices, "phase")
        return [round(float(np.mean([one.moment["trigger"] for one in group])), _DIGITS) for group in groups]
    return [_number(step["phase"]) for step in stated]


def _time(found: Arrangement, slices: Sequence[Slice], stated: Sequence[dict[str, float]]) -> list[float]:
    if "t" in stated[0]:
        first = stated[0]["t"]
        return [round(step["t"] - first, _DIGITS) for step in stated]
    groups = _slices_of_steps(found, slices, "t")
    for times, unit in (
        ([[one.offset for one in group] for group in groups], 1.0),
        ([[one.clock for one in group] for group in groups], 1.0),
        ([[one.moment.get("delay") for one in group] for group in groups], _MS),
    ):
        begins = [min((time for time in step if time is not None), default=np.nan) for step in times]
        if all(a < b for a, b in pairwise(begins)):
            return [round((begin - begins[0]) / unit, _DIGITS) for begin in begins]
    found.corrections.append(COUNTED)
    return [float(k) for k in range(len(stated))]


_ALONG: dict[str, Callable[..., list[Any]]] = {
    "part": _part,
    "echo": _echo,
    "inversion_time": lambda found, slices, _: _means(found, slices, "inversion_time"),
    "flip_angle": lambda found, slices, _: _means(found, slices, "flip_angle"),
    "b_value": _b_value,
    "phase": _phase,
    "t": _time,
}


def _slices_of_steps(found: Arrangement, slices: Sequence[Slice], axis: str) -> list[list[Slice]]:
    along = np.moveaxis(found.order, found.leading.index(axis), 0)
    return [[slices[int(index)] for index in step.ravel()] for step in along]


def _number(value: float) -> float:
    return np.nan if value == MISSING else value


def _direction(step: dict[str, float]) -> list[float] | None:
    found = [step.get(name, MISSING) for name in GRADIENT]
    return None if MISSING in found else found


def _stated_of_steps(found: Arrangement, slices: Sequence[Slice], axis: str) -> list[dict[str, float]]:
    """Return what else differs from step to step and is the same for all slices of one: the flip angle of MP2RAGE."""
    told = set(found.steps[axis][0])
    groups = _slices_of_steps(found, slices, axis)
    kept = {}
    for name in sorted(_BESIDE - told):
        values = [{one.moment[name] for one in group if name in one.moment} for group in groups]
        if all(len(step) == 1 for step in values) and len(set[float]().union(*values)) > 1:
            kept[name] = [step.pop() for step in values]
    return [{name: steps[k] for name, steps in kept.items()} for k in range(len(groups))] if kept else []


def _known(step: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in step.items() if value != MISSING and name not in _RANKS}
