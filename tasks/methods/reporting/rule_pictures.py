"""Pictures of many rules at once: the network of their items, and which items go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.reporting.canvas import LINE, circle, drawing, element, fitted, joined, line, words
from tasks.methods.reporting.words import fixed, plural, signs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from tasks.methods.rules.item_pairs import ItemPairs
    from tasks.methods.rules.items import Item
    from tasks.methods.rules.shown import ShownCard

MOST_IN_NETWORK = 15
"""Rules drawn in one network; with more it could not be read."""
MOST_IN_MAP = 16
"""Items drawn in one map."""
ITEM_WIDTH, RULE_X, RIGHT_X, WIDTH = 250.0, 330.0, 410.0, 660.0
"""Width of the items on the left, places of the rules and of what they end in, and the whole width."""
ROW = 26.0
CELL = 24.0
NAMES = 300.0
"""Width of the items' names beside their map."""
STEPS = (0.1, 0.3, 0.5, 0.7)
"""Correlations from which a cell is shaded one step darker."""


def rule_network(cards: Sequence[ShownCard]) -> Markup:
    """Draw each rule as a dot between the items it asks for, on the left, and those it ends in, on the right."""
    drawn = [card for card in cards if card.counts is not None][:MOST_IN_NETWORK]
    lefts = _different([item for card in drawn for item in card.antecedent])
    rights = _different([item for card in drawn for item in card.consequent])
    height = ROW * max(len(lefts), len(drawn), len(rights), 1)
    left_y, rule_y, right_y = (_heights(count, height) for count in (len(lefts), len(drawn), len(rights)))
    edges = [
        line(x1, y1, x2, y2, _style("edge", card))
        for card, y in zip(drawn, rule_y, strict=True)
        for x1, y1, x2, y2 in (
            *((ITEM_WIDTH + 6, left_y[lefts.index(item)], RULE_X, y) for item in card.antecedent),
            *((RULE_X, y, RIGHT_X - 6, right_y[rights.index(item)]) for item in card.consequent),
        )
    ]
    dots = [
        circle(RULE_X, y, 6, _style("node", card), f"{card.number}: {signs(card.claim)}")
        for card, y in zip(drawn, rule_y, strict=True)
    ]
    names = [
        words(ITEM_WIDTH, y + 4.5, fitted(signs(item.sentence), ITEM_WIDTH), anchor="end")
        for item, y in zip(lefts, left_y, strict=True)
    ]
    ends = [
        words(RIGHT_X, y + 4.5, fitted(signs(item.sentence), WIDTH - RIGHT_X))
        for item, y in zip(rights, right_y, strict=True)
    ]
    numbers = [
        words(RULE_X + 10, y - 6, card.number.rpartition("-")[2], "tick") for card, y in zip(drawn, rule_y, strict=True)
    ]
    said = f"Network of {plural(len(drawn), 'rule')} between {plural(len(lefts) + len(rights), 'item')}"
    return drawing(WIDTH, height + 8, said, *edges, *dots, *numbers, *names, *ends)


def item_map(pairs: ItemPairs, hide_below: int) -> Markup:
    """Draw for each two items how they go together (phi), darker the more; a pair of few patients is left empty.

    Left empty is every pair that fewer patients than `hide_below`, but more than none, have in common, or of
    which so few have the one without the other, or neither.
    """
    shown = range(min(len(pairs.items), MOST_IN_MAP))
    cells = [_cell(pairs, row, column, hide_below) for row in shown for column in shown if column <= row]
    names = [
        words(NAMES - 10, LINE + CELL * (row + 0.5) + 4.5, _name(pairs.items[row], row), anchor="end") for row in shown
    ]
    heads = [words(NAMES + CELL * (column + 0.5), LINE - 5, str(column + 1), "tick", "middle") for column in shown]
    said = f"How {plural(len(shown), 'item')} go together, two by two"
    return drawing(NAMES + CELL * len(shown) + 4, LINE + CELL * len(shown) + 4, said, *names, *heads, *cells)


def _cell(pairs: ItemPairs, row: int, column: int, hide_below: int) -> Markup:
    both, known, phi = pairs.both[row][column], pairs.known[row][column], pairs.phi[row][column]
    title = f"{signs(pairs.items[row].sentence)}, and {pairs.items[column].sentence}"
    place = {"x": NAMES + CELL * column, "y": LINE + CELL * row, "width": CELL, "height": CELL}
    if any(0 < count < hide_below for count in pairs.table(row, column)):
        return element("rect", element("title", f"{title}: few patients, hidden"), class_="cell hidden", **place)
    said = f"{title}: {both:,} of {known:,} patients, phi {fixed(phi)}"
    return element("rect", element("title", said), class_=_shade(phi), **place)


def _shade(phi: float | None) -> str:
    step = 0 if phi is None else sum(abs(phi) >= least for least in STEPS)
    return "cell none" if phi is None or not step else f"cell {'plus' if phi > 0 else 'minus'} step-{step}"


def _name(item: Item, row: int) -> str:
    return f"{fitted(signs(item.sentence), NAMES - 40)} {row + 1}"


def _style(what: str, card: ShownCard) -> str:
    return f"{what} claimed" if card.claimed else what


def _different(items: Sequence[Item]) -> list[Item]:
    return list(dict.fromkeys(items))


def _heights(count: int, height: float) -> list[float]:
    """Return where so many things lie, evenly apart, over a height."""
    return [height * (place + 0.5) / count + 4 for place in range(count)]


def network_key() -> Markup:
    """Return what the dots of a network mean."""
    filled = circle(6, 8, 6, "node claimed") + words(18, 12.5, "claimed")
    hollow = circle(106, 8, 6, "node") + words(118, 12.5, "not claimed")
    return drawing(220, 18, "A filled dot is a rule that is claimed", joined([filled, hollow]))
