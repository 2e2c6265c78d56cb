"""The plots of the report: ROC and calibration curves, AUCs with their intervals, rules by support and confidence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tasks.methods.reporting.canvas import LINE, Frame, circle, drawing, element, fitted, joined, line, path, words
from tasks.methods.reporting.words import interval, percentage, signs, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from tasks.methods.reporting.data import ModelResult, Role
    from tasks.methods.rules.shown import ShownCard
    from tasks.methods.rules.small_cells import Span

SIDE = 320.0
LEFT, TOP, BELOW = 62.0, 12.0, 54.0
KEY_WIDTH = 34.0
STYLES = 4
"""Kinds of line for models, and for controls, in the style sheet."""
NAMES, VALUES = 190.0, 150.0
"""Width for names on the left and for numbers on the right of the plot of AUCs."""
ROW = 30.0
CHANCE = 0.5


class Curve(NamedTuple):
    """A line of a plot: its name in the key, its points, and whether it is a model's or a control's."""

    name: str
    points: tuple[tuple[float, float], ...]
    role: Role = "model"


class Bar(NamedTuple):
    """A number with its interval."""

    name: str
    value: float
    low: float
    high: float
    role: Role = "model"


def roc_curves(results: Sequence[ModelResult]) -> list[Curve]:
    """Return the ROC curve of each result."""
    return [
        Curve(
            f"{fitted(result.name, SIDE - KEY_WIDTH - 70)}, AUC {result.evaluation.auc:.2f}",
            tuple((point.false_positive_rate, point.sensitivity) for point in result.evaluation.roc),
            result.role,
        )
        for result in results
    ]


def calibration_curves(results: Sequence[ModelResult]) -> list[Curve]:
    """Return the calibration curve of each result."""
    return [
        Curve(
            result.name,
            tuple((bin_.predicted, bin_.observed) for bin_ in result.evaluation.calibration.curve),
            result.role,
        )
        for result in results
    ]


def auc_bars(results: Sequence[ModelResult]) -> list[Bar]:
    """Return the AUC of each result with its interval, and below it what shuffled outcomes gave."""
    bars = []
    for result in results:
        found = result.evaluation
        bars.append(Bar(result.name, found.auc, *found.auc_interval, result.role))
        if result.permutations:
            shuffled = result.permutations
            bars.append(Bar("… on shuffled outcomes", shuffled.mean, *shuffled.range, "control"))
    return bars


def styles(curves: Sequence[Curve]) -> list[str]:
    """Return a style for each curve: models and controls are numbered apart."""
    seen = {"model": 0, "control": 0}
    given = []
    for curve in curves:
        given.append(f"{curve.role}-{seen[curve.role] % STYLES}")
        seen[curve.role] += 1
    return given


def roc_plot(curves: Sequence[Curve]) -> Markup:
    """Draw ROC curves above the diagonal of chance."""
    frame = Frame(LEFT, TOP, SIDE, SIDE)
    lines = [path(frame.place(curve.points), f"curve {style}") for curve, style in _styled(curves)]
    axes = frame.y_axis("Sensitivity", _tenths) + frame.x_axis("1 − specificity", _tenths)
    return _square("ROC curves", frame, curves, [axes, _diagonal(frame), *lines])


def calibration_plot(curves: Sequence[Curve]) -> Markup:
    """Draw observed over predicted risk, with the diagonal of perfect calibration."""
    frame = Frame(LEFT, TOP, SIDE, SIDE)
    drawn: list[str] = []
    for curve, style in _styled(curves):
        places = frame.place(curve.points)
        drawn += [path(places, f"curve {style}"), *(circle(x, y, 3.5, f"dot {style}") for x, y in places)]
    axes = frame.y_axis("Observed share with the event", _percent) + frame.x_axis("Predicted risk", _percent)
    return _square("Calibration curves", frame, curves, [axes, _diagonal(frame), *drawn])


def auc_plot(bars: Sequence[Bar]) -> Markup:
    """Draw AUCs as dots with their intervals, over a line at chance."""
    low = min([0.4, *(bar.low for bar in bars)])
    frame = Frame(NAMES, TOP, 620 - NAMES - VALUES, ROW * len(bars), (math.floor(10 * low + 1e-9) / 10, 1.0))
    chance = line(frame.x(CHANCE), frame.top, frame.x(CHANCE), frame.bottom, "diagonal")
    rows = [_bar(frame, bar, frame.top + ROW * (place + 0.5)) for place, bar in enumerate(bars)]
    said = "; ".join(f"{bar.name} {interval(bar.value, bar.low, bar.high)}" for bar in bars)
    axis = frame.x_axis("AUC in patients not seen (0.5 is chance)", _tenths)
    return drawing(620, frame.bottom + BELOW, f"AUC with interval: {said}", chance, axis, *rows)


def support_confidence_plot(cards: Sequence[ShownCard]) -> Markup:
    """Draw each rule by support and confidence; claimed ones are filled. A number told by a range is its middle."""
    drawn = [(card, card.counts) for card in cards if card.counts is not None]
    most = max((_middle(counts.support) for _, counts in drawn), default=0.0)
    frame = Frame(LEFT, TOP, 500, 240, (0.0, min(1.0, max(0.1, math.ceil(10 * most + 1e-9) / 10))))
    ordered = sorted(drawn, key=lambda pair: pair[0].claimed)
    dots = [
        circle(
            frame.x(_middle(counts.support)),
            frame.y(_middle(counts.confidence)),
            5,
            "rule-dot claimed" if card.claimed else "rule-dot",
            f"{signs(card.claim)}: support {span(counts.support, percentage)}, "
            f"confidence {span(counts.confidence, percentage)}",
        )
        for card, counts in ordered
    ]
    axes = frame.y_axis("Confidence", _percent) + frame.x_axis("Support (share of patients)", _percent)
    filled = sum(card.claimed for card, _ in drawn)
    said = f"Support and confidence of {len(drawn)} rules, {filled} of them claimed"
    key = _rule_key(frame)
    return drawing(frame.right + 20, frame.bottom + BELOW + LINE, said, axes, *dots, key)


def _styled(curves: Sequence[Curve]) -> list[tuple[Curve, str]]:
    """Return curves and styles, the first curve last, so that it is drawn on top."""
    return list(reversed(list(zip(curves, styles(curves), strict=True))))


def _square(what: str, frame: Frame, curves: Sequence[Curve], content: list[str]) -> Markup:
    """Return a square plot with its key below."""
    below = frame.bottom + BELOW + 10
    key = [
        line(frame.left, y - 4.5, frame.left + KEY_WIDTH - 8, y - 4.5, f"curve {style}")
        + words(frame.left + KEY_WIDTH, y, fitted(curve.name, SIDE - KEY_WIDTH))
        for place, (curve, style) in enumerate(zip(curves, styles(curves), strict=True))
        for y in [below + LINE * (place + 0.5)]
    ]
    said = f"{what} of {', '.join(curve.name for curve in curves)}"
    return drawing(frame.right + 18, below + LINE * len(curves) + 4, said, *content, *key)


def _diagonal(frame: Frame) -> Markup:
    return line(frame.left, frame.bottom, frame.right, frame.top, "diagonal")


def _bar(frame: Frame, bar: Bar, y: float) -> Markup:
    whisker = line(frame.x(bar.low), y, frame.x(bar.high), y, f"whisker {bar.role}")
    dot = circle(frame.x(bar.value), y, 5, f"estimate {bar.role}")
    name = words(0, y + 4.5, fitted(bar.name, NAMES - 8))
    value = words(frame.right + 16, y + 4.5, interval(bar.value, bar.low, bar.high), "words number")
    return joined([whisker, dot, name, value])


def _rule_key(frame: Frame) -> Markup:
    y = frame.bottom + BELOW + LINE / 2
    filled = circle(frame.left + 6, y - 4.5, 5, "rule-dot claimed") + words(frame.left + 18, y, "claimed")
    hollow = circle(frame.left + 126, y - 4.5, 5, "rule-dot") + words(frame.left + 138, y, "not claimed")
    return element("g", filled, hollow)


def _middle(shown: Span) -> float:
    """Return the middle of where a share lies; 0 where there is none."""
    return 0.0 if shown.low is None or shown.high is None else (shown.low + shown.high) / 2


def _tenths(value: float) -> str:
    return f"{value:.1f}"


def _percent(value: float) -> str:
    return percentage(value)
