"""Numbers as a reader of a journal expects them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import JsonValue

    from tasks.methods.rules.small_cells import Span

NOTHING = "–"
"""Stands where a number does not exist."""
SPACE = "\u00a0"
"""Keeps a number and its unit on one line."""
SMALLEST_P = 0.001
LARGEST_P = 0.99
PLAIN_BELOW = 1e6
"""From here on, and below `PLAIN_ABOVE`, a number is written with a power of ten."""
PLAIN_ABOVE = 1e-4
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with so many significant digits, and thousands apart: `2,310`, `0.0123`, `−4.50`."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    if PLAIN_ABOVE <= abs(value) < PLAIN_BELOW:
        return fixed(value, _decimals(value, digits))
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    return f"{_minus(mantissa)}×10{str(int(power)).translate(SUPERSCRIPTS)}"


def fixed(value: float | None, decimals: int = 2) -> str:
    """Return a number with so many decimals, so that a column of them stands in line."""
    return NOTHING if value is None else _minus(f"{value:,.{decimals}f}")


def count(value: int, hide_below: int = 0) -> str:
    """Return a whole number; one to `hide_below` less one as `<5`."""
    return f"<{hide_below}" if 0 < value < hide_below else f"{value:,}"


def p_value(value: float | None) -> str:
    """Return a p-value as in a sentence: `p < 0.001`, `p = 0.012`, `p = 0.34`."""
    shown = p_number(value)
    if value is None:
        return "no p-value"
    return f"p {shown[0]} {shown[1:]}" if shown[0] in "<>" else f"p = {shown}"


def p_number(value: float | None) -> str:
    """Return a p-value as in a table: `<0.001`, `0.012`, `0.34`."""
    if value is None:
        return NOTHING
    if value < SMALLEST_P:
        return f"<{SMALLEST_P}"
    if value > LARGEST_P:
        return f">{LARGEST_P}"
    return f"{value:.2f}" if round(value, 3) >= 0.1 else f"{value:.3f}"  # noqa: PLR2004 - two digits count


def interval(value: float | None, low: float | None, high: float | None, decimals: int = 2) -> str:
    """Return a number and its interval: `0.81 (0.70 to 0.90)`."""
    if value is None or low is None or high is None:
        return fixed(value, decimals)
    return f"{fixed(value, decimals)} ({fixed(low, decimals)} to {fixed(high, decimals)})"


def spread(median: float | None, low: float | None, high: float | None) -> str:
    """Return a median and its quartiles, with as many decimals as the largest needs: `12.3 (10.1 to 14.0)`.

    A median much smaller than its quartiles keeps two digits, up to three decimals more than they need.
    """
    if median is None or low is None or high is None:
        return NOTHING
    largest = max(abs(median), abs(low), abs(high))
    if largest == 0 or PLAIN_ABOVE <= largest < PLAIN_BELOW:
        decimals = max(_decimals(largest, 3), min(_decimals(median, 2), _decimals(largest, 6)))
        return interval(median, low, high, decimals)
    power = _exponent(largest)
    middle, first, third = (fixed(value / 10.0**power) for value in (median, low, high))
    return f"{middle} ({first} to {third})×10{str(power).translate(SUPERSCRIPTS)}"


def span(shown: Span, written: Callable[[float | None], str] = number) -> str:
    """Return a number that is told exactly, `12`, or by where it lies, `1 to 4`, written in a way of one's own.

    Ends that are written alike are one number.
    """
    low = written(shown.low)
    if shown.low is None or shown.exact:
        return low
    if shown.high is None:
        return f"{low} or more"
    high = written(shown.high)
    return low if low == high else f"{low} to {high}"


def span_count(shown: Span) -> str:
    """Return a count of patients, as far as it may be told: `2,310`, `1 to 4`."""
    return span(shown, lambda value: NOTHING if value is None else f"{value:,.0f}")


def span_share(part_shown: Span, whole: Span, share_shown: Span) -> str:
    """Return a part of a whole, as far as it may be told: `10 of 14 (71 %)`, `10 of 11 to 14 (71 % to 91 %)`."""
    said = f"{span_count(part_shown)} of {span_count(whole)}"
    return said if share_shown.low is None else f"{said} ({span(share_shown, percentage)})"


def span_p(shown: Span) -> str:
    """Return a p-value as in a table, as far as it may be told: `0.012`, `<0.001`, `0.05 to 1`."""
    if shown.low == 0 and shown.high == SMALLEST_P:
        return f"<{SMALLEST_P}"
    return p_number(shown.low) if shown.low is None or shown.exact else f"{shown.low:g} to {shown.high:g}"


def percentage(share: float | None, decimals: int = 0) -> str:
    """Return a share as per cent: `62 %`."""
    return NOTHING if share is None else f"{_minus(f'{100 * share:.{decimals}f}')}{SPACE}%"


def share(part: int, whole: int) -> str:
    """Return a part of a whole: `10 of 14 (71 %)`."""
    return f"{part:,} of {whole:,}" + (f" ({percentage(part / whole)})" if whole else "")


def part(value: int, whole: int, hide_below: int = 0) -> str:
    """Return a count and its share: `10 (71 %)`; a count to hide as `<5`, without its share."""
    shown = count(value, hide_below)
    return shown if not whole or 0 < value < hide_below else f"{shown} ({percentage(value / whole)})"


def plural(value: int, one: str, many: str = "") -> str:
    """Return a count with its noun: `1 rule`, `2,310 rules`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def days(value: float) -> str:
    """Return a number of days: `36 days`, `12.5 days`."""
    return f"{value:,.1f}".removesuffix(".0") + (" day" if value == 1 else " days")


def listing(parts: Sequence[str]) -> str:
    """Return words in a row: `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def unit_words(unit: str) -> str:
    """Return a unit as a reader says it; a pure number has none, the image's own goes by that name."""
    return "" if unit == "1" else unit.replace("image", "image unit").replace("^2", "²").replace("^3", "³")


def signs(text: str) -> str:
    """Return a sentence with the signs of print in place of those of a keyboard, and a capital letter."""
    printed = text.replace("<=", "≤").replace(">=", "≥").replace("^2", "²").replace("^3", "³")
    printed = re.sub(r"(?<![\w.-])-(?=\d)", "−", printed)
    return printed[:1].upper() + printed[1:]


def compact(parameters: dict[str, JsonValue]) -> str:
    """Return parameters as JSON on one line, sorted by name."""
    return json.dumps(parameters, sort_keys=True, ensure_ascii=False, separators=(", ", ": "))


def inside(name: str) -> str:
    """Return a name as it stands inside a sentence: `logistic regression`, but `SVM`."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def _exponent(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _decimals(value: float, digits: int) -> int:
    """Return how many decimals a number of so many significant digits has."""
    return max(0, digits - 1 - _exponent(float(f"{value:.{digits - 1}e}")))


def _minus(text: str) -> str:
    unsigned = text.removeprefix("-")
    if unsigned == text:
        return text
    return f"−{unsigned}" if any(digit in unsigned for digit in "123456789") else unsigned
