import itertools
from xml.etree import ElementTree as ET

import pytest

from data_catalog.refs import Refusal
from tasks.methods.reporting.data import FlowStep
from tasks.methods.reporting.diagrams import BAR_LEFT, BAR_WIDTH, flow_diagram, share_bars, timeline
from tasks.methods.rules.rule import Counts
from tasks.methods.rules.shown import shown_counts


def parsed(drawn):
    return ET.fromstring(str(drawn))


def texts(tree):
    return [text.text for text in tree.iter("text")]


def refusals(count, verdict="missing_slice"):
    return tuple(
        Refusal(item=f"P{n}", stage="read", verdict=verdict, expected="e", came="c", remedy="r") for n in range(count)
    )


def test_each_step_has_a_box_with_its_counts_and_what_it_refused_stands_beside_it():
    steps = [
        FlowStep(what="Found", patients=41, series=164, refusals=refusals(2)),
        FlowStep(what="Analysed", patients=1),
    ]
    tree = parsed(flow_diagram(steps))
    assert len(list(tree.iter("rect"))) == 3
    assert texts(tree) == [
        "Found",
        "41 patients, 164 series",
        "2 refused",
        "2 × missing slice",
        "Analysed",
        "1 patient",
    ]


def test_boxes_do_not_overlap():
    steps = [FlowStep(what="A step with a long name " * 4, patients=n, refusals=refusals(n)) for n in range(4)]
    boxes = [
        (float(rect.get("y")), float(rect.get("height")))
        for rect in parsed(flow_diagram(steps)).iter("rect")
        if rect.get("class") == "box"
    ]
    assert all(y + height < following for (y, height), (following, _) in itertools.pairwise(boxes))


def test_a_flow_without_steps_is_drawn_empty():
    assert texts(parsed(flow_diagram([]))) == []


def is_share(rect):
    return rect.get("class") in {"share", "share rest"}


def test_a_share_of_few_patients_is_a_bar_from_its_lowest_to_its_highest_value():
    tree = parsed(share_bars(shown_counts(Counts(a=12, b=2, c=0, d=20), 5)))
    lengths = {rect.get("class"): float(rect.get("width")) for rect in tree.iter("rect")}
    assert lengths["share"] == pytest.approx(12 / 16 * BAR_WIDTH, abs=0.01)
    assert lengths["share most"] == pytest.approx(12 / 13 * BAR_WIDTH, abs=0.01)
    assert "12 of 13 to 16 (75\u00a0% to 92\u00a0%)" in texts(tree)


def test_bars_are_as_long_as_the_shares():
    tree = parsed(share_bars(shown_counts(Counts(a=3, b=1, c=5, d=5), 1)))
    shares = {rect.get("class"): float(rect.get("width")) for rect in tree.iter("rect") if is_share(rect)}
    assert shares == {"share": 0.75 * BAR_WIDTH, "share rest": 0.5 * BAR_WIDTH}
    assert all(float(rect.get("x")) == BAR_LEFT for rect in tree.iter("rect"))
    assert "3 of 4 (75\u00a0%)" in texts(tree)


def test_a_bar_of_no_patients_has_no_length():
    tree = parsed(share_bars(shown_counts(Counts(a=3, b=1, c=0, d=0), 1)))
    assert [float(rect.get("width")) for rect in tree.iter("rect") if rect.get("class") == "share rest"] == [0]


@pytest.mark.parametrize("steps", [("steroids", "infection"), ("a", "b", "c", "d")])
def test_events_stand_evenly_in_their_order(steps):
    tree = parsed(timeline(steps, 36.0))
    places = [float(dot.get("cx")) for dot in tree.iter("circle")]
    apart = {round(right - left, 1) for left, right in itertools.pairwise(places)}
    assert len(places) == len(steps)
    assert len(apart) == 1
    assert places == sorted(places)
    assert texts(tree) == ["median 36 days", *steps]


def test_a_long_name_of_an_event_is_broken_into_lines_inside_the_drawing():
    tree = parsed(timeline(("start of treatment with steroids", "infection"), 1.0))
    assert len(texts(tree)) > 3
    lowest = max(float(text.get("y")) for text in tree.iter("text"))
    assert lowest < float(tree.get("height"))
