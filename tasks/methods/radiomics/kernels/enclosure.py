"""The smallest box and the smallest ellipsoid, in any direction, around a convex hull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.kernels.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = 3
GAIN = 1e-9
"""A turn of the box that saves less than this part of its volume is rounding."""
CORE = 64
"""Points that an ellipsoid may rest on while it is sought; nine are enough for the smallest."""
EASE = 0.2
"""How much closer the ellipsoid around a few points is found than others are outside of it."""
STEPS = 2_000
ROUNDS = 1_000
"""Bounds on how long it is sought, which regions do not come near."""


@kernel
def oriented_box(  # noqa: C901, PLR0912, PLR0915 - steps that share all of their arrays
    points: NDArray[np.float64], triangles: NDArray[np.int64], frames: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sides (3,) of a box around a convex hull that no turn about one of its own axes makes smaller.

    It is the smallest of those found from each of the `frames` (n, 3 axes, z y x), by turning to the smallest
    rectangle around the hull's shadow along each axis in turn; such a rectangle has a side along an edge of the shadow
    (Freeman and Shapira, Communications of the ACM 18 (1975) 409-413). `triangles` as `convex_hull` returns them.
    """
    count = len(triangles)
    normal = np.empty((count, 3))
    for which in range(count):
        a, b, c = points[triangles[which, 0]], points[triangles[which, 1]], points[triangles[which, 2]]
        bz, by, bx = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        cz, cy, cx = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        normal[which, 0], normal[which, 1], normal[which, 2] = by * cx - bx * cy, bx * cz - bz * cx, bz * cy - by * cz
    lit = np.empty(count, dtype=np.bool_)
    shadow = np.empty((3 * count, 4))
    sides = np.empty(3)
    best = np.full(3, np.inf)
    for start in range(len(frames)):
        frame = frames[start].copy()
        for axis in range(3):
            low, high = np.inf, -np.inf
            for which in range(count):
                point = points[triangles[which, 0]]
                along = frame[axis, 0] * point[0] + frame[axis, 1] * point[1] + frame[axis, 2] * point[2]
                low, high = min(low, along), max(high, along)
            sides[axis] = high - low
        idle = axis = 0
        while idle < DIMENSIONS:
            u, v, w = frame[axis].copy(), frame[(axis + 1) % 3].copy(), frame[(axis + 2) % 3].copy()
            for which in range(count):
                lit[which] = normal[which, 0] * u[0] + normal[which, 1] * u[1] + normal[which, 2] * u[2] > 0
            size = 0
            for which in range(count):
                if lit[which]:
                    for side in range(3):
                        if not lit[triangles[which, 3 + side]]:
                            a = points[triangles[which, side]]
                            b = points[triangles[which, (side + 1) % 3]]
                            shadow[size, 0] = v[0] * a[0] + v[1] * a[1] + v[2] * a[2]
                            shadow[size, 1] = w[0] * a[0] + w[1] * a[1] + w[2] * a[2]
                            shadow[size, 2] = v[0] * b[0] + v[1] * b[1] + v[2] * b[2] - shadow[size, 0]
                            shadow[size, 3] = w[0] * b[0] + w[1] * b[1] + w[2] * b[2] - shadow[size, 1]
                            size += 1
            smallest = sides[(axis + 1) % 3] * sides[(axis + 2) % 3] * (1 - GAIN)
            idle += 1
            for which in range(size):
                length = np.sqrt(shadow[which, 2] * shadow[which, 2] + shadow[which, 3] * shadow[which, 3])
                if length > 0:
                    p, q = shadow[which, 2] / length, shadow[which, 3] / length
                    low = low_q = np.inf
                    high = high_q = -np.inf
                    for other in range(size):
                        along = p * shadow[other, 0] + q * shadow[other, 1]
                        across = p * shadow[other, 1] - q * shadow[other, 0]
                        low, high = min(low, along), max(high, along)
                        low_q, high_q = min(low_q, across), max(high_q, across)
                    if (high - low) * (high_q - low_q) < smallest:
                        smallest = (high - low) * (high_q - low_q)
                        sides[(axis + 1) % 3], sides[(axis + 2) % 3] = high - low, high_q - low_q
                        for k in range(3):
                            frame[(axis + 1) % 3, k] = p * v[k] + q * w[k]
                            frame[(axis + 2) % 3, k] = p * w[k] - q * v[k]
                        idle = 1
            axis = (axis + 1) % 3
        if sides[0] * sides[1] * sides[2] < best[0] * best[1] * best[2] * (1 - GAIN):
            best[:] = sides
    return best


@kernel
def _fit(points: NDArray[np.float64], weights: NDArray[np.float64], fit: NDArray[np.float64]) -> None:
    """Put in `fit` (7, 3) the mean of points (n, 3) whose weights sum up to 1, their spread, and its inverse."""
    fit[:] = 0.0
    mean, spread, inverse = fit[0], fit[1:4], fit[4:]
    for which in range(len(weights)):
        for k in range(DIMENSIONS):
            mean[k] += weights[which] * points[which, k]
    for which in range(len(weights)):
        for k in range(DIMENSIONS):
            away = weights[which] * (points[which, k] - mean[k])
            for m in range(k, DIMENSIONS):
                spread[k, m] += away * (points[which, m] - mean[m])
    a, b, c = spread[0, 0], spread[0, 1], spread[0, 2]
    d, e, f = spread[1, 1], spread[1, 2], spread[2, 2]
    spread[1, 0], spread[2, 0], spread[2, 1] = b, c, e
    inverse[0, 0], inverse[1, 1], inverse[2, 2] = d * f - e * e, a * f - c * c, a * d - b * b
    inverse[0, 1], inverse[0, 2], inverse[1, 2] = c * e - b * f, b * e - c * d, b * c - a * e
    inverse /= a * inverse[0, 0] + b * inverse[0, 1] + c * inverse[0, 2]
    inverse[1, 0], inverse[2, 0], inverse[2, 1] = inverse[0, 1], inverse[0, 2], inverse[1, 2]


@kernel
def _product(one: NDArray[np.float64], other: NDArray[np.float64], fit: NDArray[np.float64]) -> float:
    """Return the product of two places (3,), seen from the mean and in units of the spread (Mahalanobis)."""
    mean, inverse = fit[0], fit[4:]
    total = 0.0
    for k in range(DIMENSIONS):
        away = one[k] - mean[k]
        for m in range(DIMENSIONS):
            total += away * inverse[k, m] * (other[m] - mean[m])
    return total


@kernel
def _settle(core: NDArray[np.float64], weights: NDArray[np.float64], fit: NDArray[np.float64], slack: float) -> None:
    """Shift weight between the first points of `core` until those that have some are about as far out as any.

    `weights` and `fit` are changed in place.
    """
    away = np.empty(weights.size)
    for _ in range(STEPS):
        _fit(core, weights, fit)
        far = close = 0
        for which in range(weights.size):
            away[which] = _product(core[which], core[which], fit)
            if away[which] > away[far]:
                far = which
            if weights[which] > 0 and (away[which] < away[close] or weights[close] == 0):
                close = which
        if away[far] <= DIMENSIONS * (1 + slack) and away[close] >= DIMENSIONS * (1 - slack):
            break
        # the weight that goes from the nearest to the farthest makes the ellipsoid as large as these two can
        between = 1 + _product(core[far], core[close], fit)
        bend = 2 * ((1 + away[far]) * (1 + away[close]) - between * between)
        step = weights[close]
        if bend > 0:
            step = min(step, (away[far] - away[close]) / bend)
        weights[far] += step
        weights[close] = weights[close] - step if step < weights[close] else 0.0


@kernel
def enclosing_ellipsoid(points: NDArray[np.float64], accuracy: float) -> NDArray[np.float64]:
    """Return a matrix (3, 3) whose eigenvalues are the squares of the half axes of an ellipsoid around all points.

    As a part of it, its volume is at most 1.5 `accuracy` above the least there is. The points (n, 3) that it rests on
    are sought in a few of them, which the one farthest outside joins until all are inside; the weights of Khachiyan's
    dual problem (Mathematics of Operations Research 21 (1996) 307-320) are found by exchange between two points
    (Boehning, Biometrika 73 (1986) 225-229).
    """
    core = np.empty((CORE, 3))
    weights = np.zeros(CORE)
    size = 0
    for axis in range(DIMENSIONS):
        core[size] = points[np.argmin(points[:, axis])]
        core[size + 1] = points[np.argmax(points[:, axis])]
        size += 2
    weights[:size] = 1.0 / size
    # the extremes may all be in one plane; all points are not
    fit = np.empty((7, 3))
    _fit(points, np.full(len(points), 1.0 / len(points)), fit)
    outermost, slack = 0.0, 1.0
    for round_ in range(ROUNDS):
        if round_ > 0:
            _settle(core, weights[:size], fit, slack)
        outermost = 0.0
        farthest = 0
        for which in range(len(points)):
            away = _product(points[which], points[which], fit)
            if away > outermost:
                outermost, farthest = away, which
        settled = round_ > 0 and slack <= accuracy and outermost <= DIMENSIONS * (1 + accuracy)
        # it takes the place of one that the ellipsoid does not rest on, or a new one
        place = size
        for which in range(size):
            if weights[which] == 0:
                place = which
        if settled or place == CORE:
            break
        # while points are far outside, the ellipsoid around the core need not be found to the last digit
        slack = max(min(slack, (outermost / DIMENSIONS - 1) * EASE), accuracy / 2)
        size = max(size, place + 1)
        core[place] = points[farthest]
        weights[place] = 0.0
    matrix: NDArray[np.float64] = fit[1:4] * outermost
    return matrix
