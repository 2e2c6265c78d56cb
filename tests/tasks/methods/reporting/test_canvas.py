from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.reporting.canvas import Frame, drawing, element, fitted, lines_of, path, shown, ticks, words

FRAME = Frame(left=10, top=20, width=100, height=50, x_range=(0, 2), y_range=(-1, 1))


def test_the_corners_of_a_frame_are_the_ends_of_its_ranges():
    assert FRAME.place([(0, -1), (2, 1), (1, 0)]) == [(10, 70), (110, 20), (60, 45)]


@given(st.floats(0, 2), st.floats(0, 2))
@settings(max_examples=25, deadline=None)
def test_larger_numbers_lie_further_right(first, second):
    assert (FRAME.x(first) < FRAME.x(second)) <= (first < second)


def test_coordinates_are_short_and_zero_has_no_sign():
    assert [shown(value) for value in (1, 1.5, 1 / 3, -0.001, 100)] == ["1", "1.5", "0.33", "0", "100"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.3, 1, [0.4, 0.6, 0.8, 1]),
        (0, 0.1, [0, 0.02, 0.04, 0.06, 0.08, 0.1]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (0, 3000, [0, 1000, 2000, 3000]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert ticks(low, high) == expected


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
@settings(max_examples=50, deadline=None)
def test_ticks_lie_inside_and_are_few(low, length):
    found = ticks(low, low + length)
    assert all(low - 1e-6 * length <= tick <= low + length * (1 + 1e-6) for tick in found)
    assert len(found) <= 7


def test_text_of_others_cannot_become_an_element():
    hostile = '"><script>alert(1)</script>'
    drawn = drawing(10, 10, hostile, words(0, 0, hostile), element("g", hostile, id=hostile))
    tree = ET.fromstring(str(drawn))
    assert [node.tag for node in tree.iter()] == ["svg", "text", "g"]
    assert tree.get("aria-label") == tree.find("text").text == tree.find("g").get("id") == hostile


def test_elements_inside_elements_stay_elements():
    assert str(element("g", element("a"), "<")) == "<g><a></a>&lt;</g>"


def test_a_path_lists_its_points():
    assert 'points="0,1 2.5,3"' in path([(0, 1), (2.5, 3)], "curve")


def test_a_long_name_is_shortened_to_the_width_and_a_short_one_is_not():
    assert fitted("Tumour volume alone", 66) == "Tumour vo…"
    assert fitted("Tumour", 66) == "Tumour"


def test_lines_are_broken_between_words():
    assert lines_of("one two three", 60) == ["one two", "three"]
    assert lines_of("", 60) == [""]


def test_an_axis_has_a_number_at_each_tick():
    axis = ET.fromstring(f"<g>{FRAME.x_axis('Time (days)', lambda value: f'{value:g}')}</g>")
    at = {text.text: float(text.get("x")) for text in axis.findall("text")}
    assert at == {"0": 10, "0.5": 35, "1": 60, "1.5": 85, "2": 110, "Time (days)": 60}
