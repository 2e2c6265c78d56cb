"""The smallest box and the smallest ellipsoid, in any direction, around a convex hull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = 3
GAIN = 1e-9
"""A turn of the box that saves less than this part of its volume is rounding."""
CORE = 64
"""Points that an ellipsoid may rest on while it is sought; nine are enough for the smallest."""
EASE = 0.2
"""How much closer the ellipsoid around a few points is found than others are outside of it."""
PURSUED = 2
"""Starts that are followed to the end: those with the smallest boxes after a turn about each axis."""
STEPS = 2_000
ROUNDS = 1_000
"""Bounds on how long either is sought, which regions do not come near."""


@kernel
def _along(points: NDArray[np.float64], which: int, frame: NDArray[np.float64], axis: int) -> float:
    """Return how far a point is along an axis (a row of `frame`)."""
    far: float = (
        points[which, 0] * frame[axis, 0] + points[which, 1] * frame[axis, 1] + points[which, 2] * frame[axis, 2]
    )
    return far


@kernel
def _width(points: NDArray[np.float64], triangles: NDArray[np.int64], frame: NDArray[np.float64], axis: int) -> float:
    """Return how far a hull reaches along an axis."""
    low, high = np.inf, -np.inf
    for which in range(len(triangles)):
        along = _along(points, triangles[which, 0], frame, axis)
        low = min(low, along)
        high = max(high, along)
    return high - low


@kernel
def _normals(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return vectors (n, 3) that point out of the triangles of a hull."""
    normals = np.empty((len(triangles), 3))
    for which in range(len(triangles)):
        a, b, c = triangles[which, 0], triangles[which, 1], triangles[which, 2]
        bz, by, bx = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        cz, cy, cx = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        normals[which, 0] = by * cx - bx * cy
        normals[which, 1] = bx * cz - bz * cx
        normals[which, 2] = bz * cy - by * cz
    return normals


@kernel
def _shadow(
    points: NDArray[np.float64],
    triangles: NDArray[np.int64],
    lit: NDArray[np.bool_],
    frame: NDArray[np.float64],
    axis: int,
    edges: NDArray[np.float64],
) -> int:
    """Put the edges of a hull's shadow along an axis in `edges`: where each begins, and how far it goes.

    Places are along the two axes after it. The edges run anticlockwise, in any order; returns how many there are.
    """
    one, other = (axis + 1) % DIMENSIONS, (axis + 2) % DIMENSIONS
    size = 0
    for which in range(len(triangles)):
        if lit[which]:
            for side in range(DIMENSIONS):
                if not lit[triangles[which, DIMENSIONS + side]]:
                    a, b = triangles[which, side], triangles[which, (side + 1) % DIMENSIONS]
                    edges[size, 0] = _along(points, a, frame, one)
                    edges[size, 1] = _along(points, a, frame, other)
                    edges[size, 2] = _along(points, b, frame, one) - edges[size, 0]
                    edges[size, 3] = _along(points, b, frame, other) - edges[size, 1]
                    size += 1
    return size


@kernel
def _turn(
    edges: NDArray[np.float64], size: int, frame: NDArray[np.float64], axis: int, sides: NDArray[np.float64]
) -> bool:
    """Turn a box about an axis so that the rectangle around the hull's shadow is the smallest; return if it turned.

    Such a rectangle has a side along an edge of the shadow.
    """
    one, other = (axis + 1) % DIMENSIONS, (axis + 2) % DIMENSIONS
    smallest = sides[one] * sides[other] * (1 - GAIN)
    cosine, sine = 1.0, 0.0
    turned = False
    for which in range(size):
        length = np.sqrt(edges[which, 2] * edges[which, 2] + edges[which, 3] * edges[which, 3])
        if length == 0:
            continue
        p, q = edges[which, 2] / length, edges[which, 3] / length
        # an edge seen end on has no direction worth the name, so that both sides of it are looked at
        low = bottom = np.inf
        high = top = -np.inf
        for corner in range(size):
            along = p * edges[corner, 0] + q * edges[corner, 1]
            across = p * edges[corner, 1] - q * edges[corner, 0]
            low = min(low, along)
            high = max(high, along)
            bottom = min(bottom, across)
            top = max(top, across)
        if (high - low) * (top - bottom) < smallest:
            smallest = (high - low) * (top - bottom)
            sides[one], sides[other] = high - low, top - bottom
            cosine, sine = p, q
            turned = True
    for k in range(DIMENSIONS):
        v, w = frame[one, k], frame[other, k]
        frame[one, k] = cosine * v + sine * w
        frame[other, k] = cosine * w - sine * v
    return turned


@kernel
def _narrowed(
    points: NDArray[np.float64],
    triangles: NDArray[np.int64],
    normals: NDArray[np.float64],
    frame: NDArray[np.float64],
    sides: NDArray[np.float64],
    turns: int,
) -> float:
    """Turn a box about its axes until no turn makes it smaller, so many times at most; return its volume.

    `frame` and `sides` are changed in place.
    """
    count = len(triangles)
    lit = np.empty(count, dtype=np.bool_)
    edges = np.empty((3 * count, 4))
    idle = 0
    for turn in range(turns):
        axis = turn % DIMENSIONS
        for which in range(count):
            lit[which] = _along(normals, which, frame, axis) > 0
        size = _shadow(points, triangles, lit, frame, axis, edges)
        idle = 1 if _turn(edges, size, frame, axis, sides) else idle + 1
        if idle == DIMENSIONS:
            break
    volume: float = sides[0] * sides[1] * sides[2]
    return volume


@kernel
def oriented_box(
    points: NDArray[np.float64], triangles: NDArray[np.int64], frames: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sides (3,) of a box around a convex hull that no turn about one of its own axes makes smaller.

    It is sought by turning to the smallest rectangle around the hull's shadow along each axis in turn (Freeman and
    Shapira, Communications of the ACM 18 (1975) 409-413): a little from each of the `frames` (n, 3 axes, z y x; each
    of them is turned), and to the end from the best of these. `triangles` as `convex_hull` returns them.
    """
    normals = _normals(points, triangles)
    sides = np.empty((len(frames), DIMENSIONS))
    volumes = np.empty(len(frames))
    for start in range(len(frames)):
        for axis in range(DIMENSIONS):
            sides[start, axis] = _width(points, triangles, frames[start], axis)
        volumes[start] = _narrowed(points, triangles, normals, frames[start], sides[start], DIMENSIONS)
    best = 0
    smallest = np.inf
    for _ in range(min(PURSUED, len(frames))):
        start = 0
        for other in range(len(frames)):
            if volumes[other] < volumes[start]:
                start = other
        volumes[start] = np.inf
        volume = _narrowed(points, triangles, normals, frames[start], sides[start], STEPS)
        if volume < smallest * (1 - GAIN):
            smallest, best = volume, start
    found: NDArray[np.float64] = sides[best]
    return found


@kernel
def _fit(points: NDArray[np.float64], weights: NDArray[np.float64], size: int, fit: NDArray[np.float64]) -> None:
    """Put in `fit` (7, 3) the mean of the first points, whose weights sum up to 1, their spread, and its inverse."""
    mz = my = mx = 0.0
    for which in range(size):
        mz += weights[which] * points[which, 0]
        my += weights[which] * points[which, 1]
        mx += weights[which] * points[which, 2]
    a = b = c = d = e = f = 0.0
    for which in range(size):
        z, y, x = points[which, 0] - mz, points[which, 1] - my, points[which, 2] - mx
        a += weights[which] * z * z
        b += weights[which] * z * y
        c += weights[which] * z * x
        d += weights[which] * y * y
        e += weights[which] * y * x
        f += weights[which] * x * x
    fit[0, 0], fit[0, 1], fit[0, 2] = mz, my, mx
    fit[1, 0], fit[1, 1], fit[1, 2] = a, b, c
    fit[2, 0], fit[2, 1], fit[2, 2] = b, d, e
    fit[3, 0], fit[3, 1], fit[3, 2] = c, e, f
    zz, zy, zx = d * f - e * e, c * e - b * f, b * e - c * d
    yy, yx, xx = a * f - c * c, b * c - a * e, a * d - b * b
    whole = a * zz + b * zy + c * zx
    fit[4, 0], fit[4, 1], fit[4, 2] = zz / whole, zy / whole, zx / whole
    fit[5, 0], fit[5, 1], fit[5, 2] = zy / whole, yy / whole, yx / whole
    fit[6, 0], fit[6, 1], fit[6, 2] = zx / whole, yx / whole, xx / whole


@kernel
def _product(points: NDArray[np.float64], one: int, other: int, fit: NDArray[np.float64]) -> float:
    """Return the product of two points, seen from the mean and in units of the spread (Mahalanobis)."""
    z, y, x = points[one, 0] - fit[0, 0], points[one, 1] - fit[0, 1], points[one, 2] - fit[0, 2]
    w, v, u = points[other, 0] - fit[0, 0], points[other, 1] - fit[0, 1], points[other, 2] - fit[0, 2]
    product: float = (
        z * (fit[4, 0] * w + fit[4, 1] * v + fit[4, 2] * u)
        + y * (fit[5, 0] * w + fit[5, 1] * v + fit[5, 2] * u)
        + x * (fit[6, 0] * w + fit[6, 1] * v + fit[6, 2] * u)
    )
    return product


@kernel
def _settle(
    core: NDArray[np.float64], weights: NDArray[np.float64], size: int, fit: NDArray[np.float64], slack: float
) -> None:
    """Shift weight between the first points of `core` until those that have some are about as far out as any.

    `weights` and `fit` are changed in place.
    """
    away = np.empty(CORE)
    for _ in range(STEPS):
        _fit(core, weights, size, fit)
        for which in range(size):
            away[which] = _product(core, which, which, fit)
        far = close = size - 1
        for which in range(size):
            if away[which] > away[far]:
                far = which
            if weights[which] > 0 and (away[which] < away[close] or weights[close] == 0):
                close = which
        if away[far] <= DIMENSIONS * (1 + slack) and away[close] >= DIMENSIONS * (1 - slack):
            break
        # the weight that goes from the nearest to the farthest makes the ellipsoid as large as these two can
        between = 1 + _product(core, far, close, fit)
        bend = 2 * ((1 + away[far]) * (1 + away[close]) - between * between)
        step = weights[close]
        if bend > 0 and away[far] - away[close] < step * bend:
            step = (away[far] - away[close]) / bend
            weights[close] -= step
        else:
            weights[close] = 0.0
        weights[far] += step


@kernel
def _farthest(points: NDArray[np.float64], fit: NDArray[np.float64]) -> tuple[int, float]:
    """Return which point is farthest out, and the square of its distance in units of the spread."""
    farthest, largest = -1, -1.0
    for which in range(len(points)):
        away = _product(points, which, which, fit)
        if away > largest:
            farthest, largest = which, away
    return farthest, largest


@kernel
def _join(
    core: NDArray[np.float64], weights: NDArray[np.float64], size: int, points: NDArray[np.float64], which: int
) -> int:
    """Put a point in the place of one of the core that has no weight, or behind them; return how many there are."""
    place = size
    for other in range(size):
        if weights[other] == 0:
            place = other
    core[place, 0], core[place, 1], core[place, 2] = points[which, 0], points[which, 1], points[which, 2]
    weights[place] = 0.0
    return size + 1 if place == size else size


@kernel
def enclosing_ellipsoid(points: NDArray[np.float64], accuracy: float) -> NDArray[np.float64]:
    """Return a matrix (3, 3) whose eigenvalues are the squares of the half axes of an ellipsoid around all points.

    As a part of it, its volume is at most 1.5 `accuracy` above the least there is. The points (n, 3) that it rests on
    are sought in a few of them, which the one farthest outside joins until all are inside; the weights of Khachiyan's
    dual problem (Mathematics of Operations Research 21 (1996) 307-320) are found by exchange between two points
    (Boehning, Biometrika 73 (1986) 225-229).
    """
    count = len(points)
    core = np.empty((CORE, 3))
    weights = np.zeros(CORE)
    share = 1.0 / (2 * DIMENSIONS)
    for axis in range(DIMENSIONS):
        low = high = count - 1
        for which in range(count):
            low = which if points[which, axis] < points[low, axis] else low
            high = which if points[which, axis] > points[high, axis] else high
        size = _join(core, weights, 2 * axis, points, low)
        weights[size - 1] = share
        size = _join(core, weights, size, points, high)
        weights[size - 1] = share
    # the extremes may all be in one plane; all points are not
    fit = np.empty((7, 3))
    _fit(points, np.full(count, 1.0 / count), count, fit)
    farthest, outermost = _farthest(points, fit)
    slack = 1.0
    for _ in range(ROUNDS):
        # while points are far outside, the ellipsoid around the core need not be found to the last digit
        slack = max(min(slack, (outermost / DIMENSIONS - 1) * EASE), accuracy / 2)
        size = _join(core, weights, size, points, farthest)
        _settle(core, weights, size, fit, slack)
        farthest, outermost = _farthest(points, fit)
        if (slack <= accuracy and outermost <= DIMENSIONS * (1 + accuracy)) or size == CORE:
            break
    matrix = np.empty((3, 3))
    for k in range(DIMENSIONS):
        for m in range(DIMENSIONS):
            matrix[k, m] = fit[1 + k, m] * outermost
    return matrix
