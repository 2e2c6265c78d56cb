"""Pictures of many rules at once."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tasks.methods.reporting.rule_pictures import MOST_IN_NETWORK, item_map, network_key, rule_network
from tasks.methods.rules.item_pairs import item_pairs
from tasks.methods.rules.items import Item, ItemTable


def parsed(drawn):
    return ET.fromstring(str(drawn))


def texts(tree):
    return [text.text for text in tree.iter("text")]


def test_a_network_draws_each_item_once_and_a_line_for_each_item_of_each_rule(filled):
    cards = filled.cards("rule")
    tree = parsed(rule_network(cards))
    items = {item for card in cards for item in card.antecedent}
    ends = {item for card in cards for item in card.consequent}
    assert len(list(tree.iter("line"))) == sum(len(card.antecedent) + len(card.consequent) for card in cards)
    assert len(list(tree.iter("circle"))) == len(cards)
    assert len([text for text in tree.iter("text") if text.get("class") == "words"]) == len(items) + len(ends)
    (title, *_) = [circle.find("title").text for circle in tree.iter("circle")]
    assert title.startswith("rule-1: If marker is positive")
    assert next(circle.get("class") for circle in tree.iter("circle")) == "node claimed"


def test_a_network_of_many_rules_draws_the_first_and_one_of_none_is_empty(filled):
    tree = parsed(rule_network(filled.cards("rule")[:1] * (MOST_IN_NETWORK + 5)))
    assert len(list(tree.iter("circle"))) == MOST_IN_NETWORK
    assert not list(parsed(rule_network([])).iter("circle"))
    assert texts(parsed(network_key())) == ["claimed", "not claimed"]


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    size = rng.normal(size=60)
    present = np.column_stack([size > 0, size > 0.1, size < 0, np.arange(60) < 2])
    items = tuple(Item(column=name, label=name, level="high") for name in ("one", "two", "less", "rare"))
    return item_pairs(ItemTable(items, present, np.ones_like(present)))


def test_a_map_is_darker_the_more_items_go_together_and_red_where_they_shun_each_other(pairs):
    tree = parsed(item_map(pairs, 0))
    shades = {cell.find("title").text.partition(":")[0]: cell.get("class") for cell in tree.iter("rect")}
    assert len(shades) == 4 * 5 / 2
    assert shades["Two is high, and one is high"] == "cell plus step-4"
    assert shades["Less is high, and one is high"] == "cell minus step-4"
    assert texts(tree)[:2] == ["One is high 1", "Two is high 2"]


def test_pairs_of_few_patients_are_left_empty_and_say_no_number(pairs):
    tree = parsed(item_map(pairs, 5))
    cells = {cell.find("title").text: cell.get("class") for cell in tree.iter("rect")}
    hidden = [title for title, style in cells.items() if style == "cell hidden"]
    assert "Rare is high, and rare is high: few patients, hidden" in hidden
    assert not any(character.isdigit() for title in hidden for character in title)
    assert "cell hidden" not in {cell.get("class") for cell in parsed(item_map(pairs, 0)).iter("rect")}
