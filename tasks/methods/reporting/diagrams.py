"""The diagrams of the report: the flow of the cohort, the patients of a rule, events in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.reporting.canvas import LINE, circle, drawing, element, joined, line, lines_of, words
from tasks.methods.reporting.words import days, listing, plural, span_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from tasks.methods.reporting.data import FlowStep
    from tasks.methods.rules.shown import ShownCounts

BOX, ASIDE, WIDTH = 270.0, 250.0, 620.0
"""Widths of the boxes of what stays, of what is refused, and of the whole diagram."""
PADDING = 12.0
GAP = 34.0
"""Between two boxes, for the arrow."""
HEAD = 5.0
BAR_LEFT, BAR_WIDTH = 90.0, 210.0


def flow_diagram(steps: Sequence[FlowStep]) -> Markup:
    """Draw what was left after each step, one box below the other, and beside it what the step refused."""
    top, drawn = 1.0, []
    for place, step in enumerate(steps):
        if place:
            drawn.append(_arrow_down(BOX / 2, top, top + GAP))
            top += GAP
        kept, refused = _kept(step), _refused(step)
        height = max(len(kept), len(refused)) * LINE + 2 * PADDING
        drawn.append(_box(0, top, BOX, height, text=kept, style="box"))
        if refused:
            drawn.append(_arrow_right(BOX, WIDTH - ASIDE, top + height / 2))
            drawn.append(_box(WIDTH - ASIDE, top, ASIDE, height, text=refused, style="box aside"))
        top += height
    said = "; ".join(f"{step.what}: {' '.join(_counts(step))}" for step in steps)
    return drawing(WIDTH, top + 1, f"Flow of the cohort. {said}", *drawn)


def timeline(steps: Sequence[str], median_days: float | None) -> Markup:
    """Draw events in order on a line, with the median time from the first to the last unless it may not be told."""
    left, right, y = 70.0, 490.0, 40.0
    apart = (right - left) / (len(steps) - 1)
    places = [left + apart * place for place in range(len(steps))]
    dots = [circle(x, y, 6, "event") for x in places]
    names = [
        words(x, y + 26 + LINE * row, text, "words", "middle")
        for x, step in zip(places, steps, strict=True)
        for row, text in enumerate(lines_of(step, min(apart, 2 * left)))
    ]
    lowest = max(len(lines_of(step, min(apart, 2 * left))) for step in steps)
    apart_in_time = "median time hidden" if median_days is None else f"median {days(median_days)}"
    base = line(left, y, right - 12, y, "arrow") + _head(right - 8, y, (-9, -HEAD), (-9, HEAD))
    above = words((left + right) / 2, y - 14, apart_in_time, "label", "middle")
    said = f"{listing(list(steps))}, in this order, {apart_in_time} from first to last"
    return drawing(right + left, y + 30 + LINE * (lowest - 1), said, base, above, *dots, *names)


def share_bars(counts: ShownCounts) -> Markup:
    """Draw how many patients have the consequent: among those the rule applies to, and among the others.

    Where that is told only by a range, a fainter bar goes on from its lower end to its upper.
    """
    rows = (
        ("rule applies", counts.both, counts.applies, counts.confidence, "share"),
        ("otherwise", counts.consequent_only, counts.otherwise, counts.confidence_otherwise, "share rest"),
    )
    drawn = [
        joined(
            [
                words(0, y + 11.5, name),
                _bar(y, 1.0, "track"),
                _bar(y, share.high or 0.0, f"{style} most"),
                _bar(y, share.low or 0.0, style),
                words(BAR_LEFT + BAR_WIDTH + 10, y + 11.5, span_share(part, whole, share), "words number"),
            ]
        )
        for y, (name, part, whole, share, style) in zip((2.0, 26.0), rows, strict=True)
    ]
    said = "; ".join(f"{name}: {span_share(part, whole, share)}" for name, part, whole, share, _ in rows)
    return drawing(520, 44, said, *drawn)


def _bar(y: float, share: float, style: str) -> Markup:
    return element("rect", x=BAR_LEFT, y=y, width=BAR_WIDTH * share, height=15.0, class_=style)


def _counts(step: FlowStep) -> list[str]:
    counts = [plural(step.patients, "patient")]
    return counts if step.series is None else [*counts, plural(step.series, "series", "series")]


def _kept(step: FlowStep) -> list[tuple[str, str]]:
    """Return the lines of a box, each with its style."""
    named = [(text, "strong") for text in lines_of(step.what, BOX - 2 * PADDING)]
    return [*named, (", ".join(_counts(step)), "words")]


def _refused(step: FlowStep) -> list[tuple[str, str]]:
    if not step.refusals:
        return []
    reasons = [f"{len(held)} × {verdict.replace('_', ' ')}" for verdict, held in step.verdicts.items()]
    wrapped = [(text, "words") for reason in reasons for text in lines_of(reason, ASIDE - 2 * PADDING)]
    return [(f"{len(step.refusals):,} refused", "strong"), *wrapped]


def _box(x: float, y: float, width: float, height: float, *, text: Sequence[tuple[str, str]], style: str) -> Markup:
    first = y + height / 2 - LINE * (len(text) - 1) / 2 + 4.5
    lines = [words(x + PADDING, first + LINE * row, said, look) for row, (said, look) in enumerate(text)]
    return joined([element("rect", x=x, y=y, width=width, height=height, rx=3.0, class_=style), *lines])


def _arrow_down(x: float, y1: float, y2: float) -> Markup:
    return line(x, y1, x, y2 - 8, "arrow") + _head(x, y2, (-HEAD, -9), (HEAD, -9))


def _arrow_right(x1: float, x2: float, y: float) -> Markup:
    return line(x1, y, x2 - 8, y, "arrow") + _head(x2, y, (-9, -HEAD), (-9, HEAD))


def _head(x: float, y: float, *back: tuple[float, float]) -> Markup:
    """Return the head of an arrow whose point is at (x, y)."""
    corners = [(x, y), *((x + dx, y + dy) for dx, dy in back)]
    return element("polygon", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners), class_="head")
