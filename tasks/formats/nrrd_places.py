"""Where the axes of a NRRD file lead: in space, in time, or among the parts of a voxel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import BadData
from data_catalog.verdicts import Correction
from tasks.formats.voxels import MAX_MAGNITUDE, grid, in_space

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry

SPACES = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}
"""What turns x, y, z of each space into LPS."""
MM_PER_UNIT = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3, "micron": 1e-3, "\u00b5m": 1e-3}
SECONDS_PER_UNIT = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6}
_VECTOR = re.compile(r"none|\(([^()]*)\)")
_SPACE = 3
_PLANE = 2


class Places:
    """Tell what the axes of a NRRD file are, and where its voxels lie.

    Parameters
    ----------
    fields : mapping
        The fields of the header.
    count : int
        Number of axes.
    space : str or None
        Space that the plan gives to a file that names none of the patient's.

    Raises `BadData`: `unknown_position`, `corrupt_file`.
    """

    def __init__(self, fields: Mapping[str, str], count: int, space: str | None) -> None:
        self.fields = fields
        self.count = count
        self.turn = SPACES.get(fields.get("space", "").lower().removesuffix("-time").removesuffix("t"))
        self.is_assumed = self.turn is None and space is not None
        if space is not None and self.turn is None:
            self.turn = SPACES[space.lower()]
        self.kinds = [kind.lower() for kind in self._words("kinds")]
        self.steps: list[NDArray[np.float64] | None] = [None] * count
        self.steps = self._directions() if fields.get("spacedirections") else self._spacings()
        self.of_space = [
            place for place, step in enumerate(self.steps) if step is not None and not self._is_time(place)
        ]
        if not _PLANE <= len(self.of_space) <= _SPACE:
            raise _unplaced("not all axes of a volume, or of a plane, have a step in space")

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the file's axes, the fastest first."""
        names = dict(zip(self.of_space, "xyz", strict=False))
        return tuple(names.get(place) or ("t" if self._is_time(place) else "c") for place in range(self.count))

    def geometry(self, shape: tuple[int, ...]) -> tuple[Geometry, list[Correction]]:
        """Return where the voxels lie, and what was assumed."""
        if self.turn is None:
            raise _unplaced("it names no space of the patient")
        turn = np.array(self.turn)[:, None]
        factor, corrections = self._unit()
        columns = [step[:_SPACE] for place in self.of_space if (step := self.steps[place]) is not None]
        if {len(column) for column in columns} != {_SPACE}:
            raise _unplaced("its steps have no three parts")
        steps = np.column_stack(columns) * factor
        if len(columns) == _PLANE:
            steps = in_space(steps)
        if self.is_assumed:
            text = "the space is not named; that of the plan was taken"
            corrections.append(Correction(name="space_from_plan", text=text))
        origin = turn[:, 0] * self._origin()[:_SPACE] * factor
        return grid(turn * steps, origin, (shape[0], shape[1], shape[2])), corrections

    def times(self, count: int) -> tuple[dict[str, list[float]], list[Correction]]:
        """Return the time of each volume in s, or that the file does not tell it."""
        place = self.axes.index("t")
        vector = self.steps[place]
        if vector is None or len(vector) <= _SPACE:
            step, start = self._of_axis("spacings", place), self._of_axis("axismins", place)
            unit = self._words("units")[place]
        else:
            step, start, unit = vector[_SPACE], self._origin()[_SPACE], ([*self._space_units(), "", "", "", ""])[_SPACE]
        factor = SECONDS_PER_UNIT.get(unit.lower())
        if factor is None or not step > 0:
            text = "the time between volumes is not stated; they are counted"
            return {}, [Correction(name="time_step_unknown", text=text)]
        start = start if np.isfinite(start) else 0.0
        return {"t": [float(start + step * number) * factor for number in range(count)]}, []

    def _directions(self) -> list[NDArray[np.float64] | None]:
        """Return the step of each axis in the file's space, None for one that has none."""
        found = [
            None if match[0] == "none" else _numbers(match[1].split(","))
            for match in _VECTOR.finditer(self.fields["spacedirections"].lower())
        ]
        if len(found) != self.count:
            raise BadData(
                "corrupt_file",
                "A NRRD file has a space direction for each axis",
                f"{len(found)} came",
                "Write it again.",
            )
        return found

    def _spacings(self) -> list[NDArray[np.float64] | None]:
        """Return the step of each axis where only their lengths are stated: along x, y and z in turn."""
        lengths = [self._of_axis("spacings", place) for place in range(self.count)]
        held = [place for place in range(self.count) if np.isfinite(lengths[place]) and not self._is_time(place)]
        along = dict(zip(held[:_SPACE], np.eye(_SPACE), strict=False))
        return [along[place] * lengths[place] if place in along else None for place in range(self.count)]

    def _is_time(self, place: int) -> bool:
        if self.kinds[place] == "time":
            return True
        step = self.steps[place]
        return step is not None and len(step) > _SPACE and not step[:_SPACE].any()

    def _origin(self) -> NDArray[np.float64]:
        """Return the origin in the file's space; of lengths only where the axes begin, 0 where that is not stated."""
        if not self.fields.get("spacedirections") and not self.fields.get("spaceorigin"):
            begins = [self._of_axis("axismins", place) for place in self.of_space[:_SPACE]]
            return np.array([*(begin if np.isfinite(begin) else 0.0 for begin in begins), 0.0, 0.0])[: _SPACE + 1]
        found = _VECTOR.findall(self.fields.get("spaceorigin", ""))
        origin = _numbers(found[0].split(",")) if found else np.zeros(0)
        if len(origin) < _SPACE:
            raise _unplaced("it states no origin")
        return np.append(origin, 0.0)[: _SPACE + 1]

    def _unit(self) -> tuple[float, list[Correction]]:
        words = self._space_units()[:_SPACE] or [self._words("units")[place] for place in self.of_space]
        factors = {MM_PER_UNIT.get(word.strip().lower()) for word in words if word.strip() not in {"", "???"}} or {1.0}
        factor = factors.pop()
        if factors or factor is None:
            raise _unplaced("its unit of length is unknown")
        changed = Correction(name="length_unit_changed", text="lengths in another unit were turned to mm")
        return factor, [] if factor == 1.0 else [changed]

    def _space_units(self) -> list[str]:
        return re.findall(r'"([^"]*)"', self.fields.get("spaceunits", ""))

    def _words(self, field: str) -> list[str]:
        """Return the words of a field that has one for each axis, `???` where it has not."""
        words = re.findall(r'"([^"]*)"|(\S+)', self.fields.get(field, ""))
        found = [quoted or bare for quoted, bare in words]
        return found if len(found) == self.count else ["???"] * self.count

    def _of_axis(self, field: str, place: int) -> float:
        return float(_numbers([self._words(field)[place]])[0])


def _unplaced(came: str) -> BadData:
    return BadData(
        "unknown_position",
        "A NRRD file says where its voxels lie in the patient",
        came,
        "Write it again with `space`, `space directions` and `space origin`, or name the space in the plan.",
    )


def _numbers(texts: list[str]) -> NDArray[np.float64]:
    """Return numbers, NaN where a text is none or beyond reason."""
    values = np.full(len(texts), np.nan)
    for place, text in enumerate(texts):
        try:
            values[place] = float(text)
        except ValueError:
            continue
    return np.where(np.abs(values) < MAX_MAGNITUDE, values, np.nan)
