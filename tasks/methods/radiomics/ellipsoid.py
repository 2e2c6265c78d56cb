"""The surface of an ellipsoid, as IBSI computes it."""

from __future__ import annotations

from math import pi

TERMS = 20
"""How many terms of the series follow the first, as in IBSI's reference values."""


def ellipsoid_area(a: float, b: float, c: float) -> float:
    """Return the surface of the ellipsoid with half axes a >= b >= c by the series of IBSI's manual; a is above 0.

    The series, of products of Legendre polynomials, takes its two eccentricities against the longest axis. This is not
    the surface itself: with b = c it falls short by 1/6 of the squared eccentricity. The reference values follow it.
    """
    with_b, with_c = 1 - (b / a) ** 2, 1 - (c / a) ** 2
    mean, product = (with_b + with_c) / 2, with_b * with_c
    # the product of both eccentricities to a power, times the polynomial of that degree at (their mean) / product
    before, term, total = 0.0, 1.0, 1.0
    for degree in range(TERMS):
        before, term = term, ((2 * degree + 1) * mean * term - degree * product * before) / (degree + 1)
        total += term / (1 - 4 * (degree + 1) ** 2)
    return 4 * pi * a * b * total
