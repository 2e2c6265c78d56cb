import re
from xml.etree import ElementTree as ET

import pytest

from tasks.methods.reporting.figures import (
    LEFT,
    SIDE,
    TOP,
    Bar,
    Curve,
    auc_bars,
    auc_plot,
    calibration_curves,
    calibration_plot,
    roc_curves,
    roc_plot,
    styles,
    support_confidence_plot,
)
from tasks.methods.rules.card import cards_of
from tasks.methods.rules.items import Item
from tasks.methods.rules.rule import Rule, RuleSet
from tasks.methods.rules.shown import shown


def parsed(drawn):
    return ET.fromstring(str(drawn))


def points(tree, style):
    line = next(node for node in tree.iter("polyline") if style in node.get("class"))
    return [tuple(float(part) for part in pair.split(",")) for pair in line.get("points").split()]


def rule(a, b, c, d, adjusted_p=None):
    marker = Item(column="marker", label="marker", level="positive")
    outcome = Item(column="outcome", label="progression", level="yes")
    return Rule(antecedent=(marker,), consequent=(outcome,), a=a, b=b, c=c, d=d, adjusted_p=adjusted_p, alpha=0.05)


def cards(*rules, smallest=1):
    found = RuleSet(rules=rules, found=len(rules), searched=10, rows=40)
    return [shown(card, smallest) for card in cards_of("rule", found)]


def test_a_perfect_roc_curve_goes_up_the_left_side_and_along_the_top():
    tree = parsed(roc_plot([Curve("perfect", ((0, 0), (0, 1), (1, 1)))]))
    assert points(tree, "model-0") == [(LEFT, TOP + SIDE), (LEFT, TOP), (LEFT + SIDE, TOP)]


def test_the_middle_of_a_plot_is_one_half():
    tree = parsed(roc_plot([Curve("chance", ((0, 0), (0.5, 0.5), (1, 1)), "control")]))
    assert points(tree, "control-0")[1] == (LEFT + SIDE / 2, TOP + SIDE / 2)


def test_axes_of_a_roc_plot_are_named_and_run_from_nought_to_one():
    texts = [text.text for text in parsed(roc_plot([])).iter("text")]
    assert {"Sensitivity", "1 − specificity", "0.0", "1.0"} <= set(texts)


def test_every_curve_is_in_the_key_with_the_style_it_is_drawn_in():
    curves = [
        Curve("one", ((0, 0), (1, 1))),
        Curve("two", ((0, 0), (1, 1))),
        Curve("three", ((0, 0), (1, 1)), "control"),
    ]
    tree = parsed(roc_plot(curves))
    texts = [text.text for text in tree.iter("text")]
    assert [name for name in texts if name in {"one", "two", "three"}] == ["one", "two", "three"]
    drawn = {node.get("class") for node in tree.iter("polyline")}
    keyed = {node.get("class") for node in tree.iter("line") if "curve" in node.get("class")}
    assert drawn == keyed == {"curve model-0", "curve model-1", "curve control-0"}


def test_the_first_curve_is_drawn_on_top():
    curves = [Curve("first", ((0, 0), (1, 1))), Curve("second", ((0, 0), (1, 1)))]
    assert [line.get("class") for line in parsed(roc_plot(curves)).iter("polyline")] == [
        "curve model-1",
        "curve model-0",
    ]


def test_models_and_controls_are_numbered_apart():
    curves = [Curve(str(n), (), role) for n, role in enumerate(["model", "control", "model", "control"])]
    assert styles(curves) == ["model-0", "control-0", "model-1", "control-1"]


def test_a_calibration_point_lies_at_predicted_and_observed():
    tree = parsed(calibration_plot([Curve("model", ((0.25, 0.5),))]))
    dot = next(tree.iter("circle"))
    assert (float(dot.get("cx")), float(dot.get("cy"))) == (LEFT + SIDE / 4, TOP + SIDE / 2)


def test_an_interval_of_the_auc_spans_its_ends():
    tree = parsed(auc_plot([Bar("model", 0.7, 0.4, 1.0), Bar("control", 0.55, 0.45, 0.65, "control")]))
    ticks = {text.text: float(text.get("x")) for text in tree.iter("text") if text.get("class") == "tick"}
    whisker = next(line for line in tree.iter("line") if line.get("class") == "whisker model")
    dot = next(circle for circle in tree.iter("circle") if circle.get("class") == "estimate model")
    assert float(whisker.get("x1")) == ticks["0.4"]
    assert float(whisker.get("x2")) == ticks["1.0"]
    assert float(dot.get("cx")) == pytest.approx((ticks["0.4"] + ticks["1.0"]) / 2)
    assert "0.70 (0.40 to 1.00)" in [text.text for text in tree.iter("text")]


def test_the_axis_of_aucs_reaches_down_to_the_lowest_interval():
    tree = parsed(auc_plot([Bar("model", 0.3, 0.13, 0.5)]))
    assert float(next(tree.iter("circle")).get("cx")) > 190
    assert "0.2" in [text.text for text in tree.iter("text")]


def test_rules_lie_by_support_and_confidence_and_claimed_ones_are_filled():
    drawn = support_confidence_plot(cards(rule(10, 10, 0, 20, 0.01), rule(4, 0, 0, 36, 0.5)))
    dots = [node for node in parsed(drawn).iter("circle") if node.find("title") is not None]
    assert [node.get("class") for node in dots] == ["rule-dot", "rule-dot claimed"]
    hollow, filled = dots
    assert float(hollow.get("cy")) == TOP  # confidence 1
    assert float(filled.get("cy")) == TOP + 120  # confidence one half of 240 high
    assert float(filled.get("cx")) == pytest.approx(LEFT + 500 * 0.25 / 0.3, abs=0.01)
    assert "confidence 50" in filled.find("title").text


def test_a_rule_that_echoes_a_better_one_is_not_filled():
    echo = rule(10, 10, 0, 20, 0.01).model_copy(update={"explained_by": "a better rule"})
    dots = [
        node for node in parsed(support_confidence_plot(cards(echo))).iter("circle") if node.find("title") is not None
    ]
    assert [node.get("class") for node in dots] == ["rule-dot"]


def test_a_rule_of_few_patients_lies_in_the_middle_of_where_it_may():
    (dot,) = [
        node
        for node in parsed(support_confidence_plot(cards(rule(10, 2, 0, 20), smallest=4))).iter("circle")
        if node.find("title") is not None
    ]
    assert float(dot.get("cy")) == pytest.approx(TOP + 240 * (1 - (10 / 13 + 10 / 11) / 2), abs=0.01)
    assert "confidence 77\u00a0% to 91\u00a0%" in dot.find("title").text


def test_a_plot_without_rules_is_an_empty_frame():
    tree = parsed(support_confidence_plot([]))
    assert not [node for node in tree.iter("circle") if node.find("title") is not None]
    assert "Confidence" in [text.text for text in tree.iter("text")]


def test_curves_and_bars_come_from_evaluations(models):
    first = models[0]
    (curve,) = roc_curves([first])
    assert curve.points == tuple(tuple(point) for point in first.evaluation.roc)
    assert curve.name == f"Logistic regression, AUC {first.evaluation.auc:.2f}"
    (line,) = calibration_curves([first])
    assert line.points[0] == (
        first.evaluation.calibration.curve[0].predicted,
        first.evaluation.calibration.curve[0].observed,
    )
    bars = auc_bars(models[:2])
    assert [bar.name for bar in bars] == ["Logistic regression", "… on shuffled outcomes", "Random forest"]
    assert (bars[1].low, bars[1].high) == (0.41, 0.58)


def test_no_letter_leaves_the_drawing_however_long_a_name_is(models):
    renamed = [models[0].model_copy(update={"name": "A name that never ends " * 5})]
    for drawn in (roc_plot(roc_curves(renamed)), auc_plot(auc_bars(renamed))):
        width = float(re.search(r'viewBox="0 0 ([\d.]+) ', str(drawn)).group(1))
        starts = [t for t in parsed(drawn).iter("text") if t.get("x") and t.get("text-anchor") == "start"]
        assert max(float(t.get("x")) + 6.6 * len(t.text) for t in starts) <= width


def test_a_drawing_says_what_it_shows():
    tree = parsed(auc_plot([Bar("model", 0.7, 0.6, 0.8)]))
    assert tree.get("role") == "img"
    assert tree.get("aria-label") == "AUC with interval: model 0.70 (0.60 to 0.80)"
