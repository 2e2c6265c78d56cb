"""Elements, scales and axes of drawings in SVG; colours and letters are the page's style sheet's."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LETTER = 6.6
"""Mean width of a letter at the drawings' size of 13, in the drawing's units."""
LINE = 17.0
"""Distance of two lines of text."""
TICK = 5.0
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""What two ticks may be apart, times a power of ten."""


def shown(value: float) -> str:
    """Return a coordinate with at most two decimals, so that a drawing is short and always the same."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def element(name: str, *content: str, **attributes: str | float) -> Markup:
    """Return an element; plain text inside it and its attributes is escaped.

    `_` at the end of an attribute's name is left out, elsewhere it is `-`: `class_`, `text_anchor`.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value if isinstance(value, str) else shown(value))}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{said}>{joined(content)}</{name}>")


def joined(parts: Iterable[str]) -> Markup:
    """Return elements one after the other."""
    return Markup("").join(parts)


def drawing(width: float, height: float, description: str, *content: str) -> Markup:
    """Return a whole drawing; `description` is what a reader hears who cannot see it."""
    return element(
        "svg",
        *content,
        viewBox=f"0 0 {shown(width)} {shown(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=description,
    )


def words(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> Markup:
    """Return one line of text; `y` is its base line."""
    return element("text", text, x=x, y=y, class_=style or "words", text_anchor=anchor)


def lines_of(text: str, width: float) -> list[str]:
    """Break a text into lines of at most a width."""
    return textwrap.wrap(text, max(8, int(width / LETTER))) or [""]


def fitted(text: str, width: float) -> str:
    """Return a text of one line, shortened to a width."""
    most = int(width / LETTER)
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    """Return a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=style)


def path(points: Sequence[tuple[float, float]], style: str) -> Markup:
    """Return straight lines from point to point."""
    return element("polyline", points=" ".join(f"{shown(x)},{shown(y)}" for x, y in points), class_=style)


def circle(x: float, y: float, radius: float, style: str, title: str = "") -> Markup:
    """Return a disc, with what a pointer over it says."""
    return element("circle", element("title", title) if title else "", cx=x, cy=y, r=radius, class_=style)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers from low to high, about so many."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in STEPS if s * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


@dataclass(frozen=True)
class Frame:
    """Place numbers on a drawing; y grows upwards.

    Parameters
    ----------
    left, top, width, height : float
        The plotting area, in the drawing's units.
    x_range, y_range : tuple of float
        Smallest and largest number on each axis.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)

    @property
    def bottom(self) -> float:
        """Where the smallest y lies."""
        return self.top + self.height

    @property
    def right(self) -> float:
        """Where the largest x lies."""
        return self.left + self.width

    def x(self, value: float) -> float:
        """Return where a number lies from left to right."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * self.width

    def y(self, value: float) -> float:
        """Return where a number lies from top to bottom."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * self.height

    def place(self, points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return where points lie."""
        return [(self.x(x), self.y(y)) for x, y in points]

    def x_axis(self, label: str, written: Callable[[float], str]) -> Markup:
        """Return the axis below, with its ticks, their numbers and its label."""
        marks = [
            line(self.x(t), self.bottom, self.x(t), self.bottom + TICK, "axis")
            + words(self.x(t), self.bottom + TICK + 15, written(t), "tick", "middle")
            for t in ticks(*self.x_range)
        ]
        base = line(self.left, self.bottom, self.right, self.bottom, "axis")
        return joined([base, *marks, words(self.left + self.width / 2, self.bottom + 42, label, "label", "middle")])

    def y_axis(self, label: str, written: Callable[[float], str]) -> Markup:
        """Return the axis on the left, with its ticks, their numbers, its label and fine lines across."""
        marks = [
            line(self.left, self.y(t), self.right, self.y(t), "grid")
            + words(self.left - TICK - 3, self.y(t) + 4.5, written(t), "tick", "end")
            for t in ticks(*self.y_range)
        ]
        x, y = self.left - 46, self.top + self.height / 2
        turned = element(
            "text",
            label,
            transform=f"translate({shown(x)} {shown(y)}) rotate(-90)",
            class_="label",
            text_anchor="middle",
        )
        return joined([*marks, line(self.left, self.top, self.left, self.bottom, "axis"), turned])
