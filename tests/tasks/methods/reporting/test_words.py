import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.reporting import words
from tasks.methods.rules.small_cells import NOTHING, Span

PLAIN = st.floats(min_value=-1e5, max_value=1e5, allow_nan=False).filter(lambda x: x == 0 or abs(x) >= 1e-3)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (2310, "2,310"),
        (0.0123, "0.0123"),
        (-4.5, "−4.50"),
        (9.999, "10.0"),
        (123456, "123,456"),
        (3.456e9, "3.46×10⁹"),
        (-2.5e-7, "−2.50×10⁻⁷"),
        (9.999e12, "1.00×10¹³"),
        (None, "–"),
    ],
)
def test_a_number_has_three_significant_digits(value, said):
    assert words.number(value) == said


@given(PLAIN)
@settings(max_examples=25, deadline=None)
def test_a_number_reads_back_to_within_its_digits(value):
    read = float(words.number(value, 4).replace(",", "").replace("−", "-"))
    assert math.isclose(read, value, rel_tol=5e-4)


def test_a_number_that_rounds_to_nothing_has_no_minus():
    assert words.fixed(-0.001) == "0.00"


def test_decimals_are_fixed_so_that_columns_stand_in_line():
    assert [words.fixed(value) for value in (0.5, -0.25, 1234.567, None)] == ["0.50", "−0.25", "1,234.57", "–"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0004, "p < 0.001"),
        (0.001, "p = 0.001"),
        (0.012, "p = 0.012"),
        (0.0999, "p = 0.10"),
        (0.34, "p = 0.34"),
        (1.0, "p > 0.99"),
        (None, "no p-value"),
    ],
)
def test_a_p_value_is_written_as_journals_do(value, said):
    assert words.p_value(value) == said


def test_a_missing_p_value_is_a_dash_in_a_table():
    assert [words.p_number(value) for value in (None, 0.0, 0.05)] == ["–", "<0.001", "0.050"]


def test_an_interval_follows_its_number():
    assert words.interval(0.81, 0.7, 0.9) == "0.81 (0.70 to 0.90)"


def test_a_number_without_an_interval_stands_alone():
    assert words.interval(0.81, None, None) == "0.81"
    assert words.interval(None, None, None) == "–"


@pytest.mark.parametrize(
    ("three", "said"),
    [
        ((12.3, 10.1, 14), "12.3 (10.1 to 14.0)"),
        ((2237, 1936, 2442), "2,237 (1,936 to 2,442)"),
        ((0, 0, 0), "0.00 (0.00 to 0.00)"),
        ((1.91e6, -2.74e6, 5.68e6), "1.91 (−2.74 to 5.68)×10⁶"),
        ((0.05, 0.01, 150), "0.050 (0.010 to 150.000)"),
        ((2.8e-5, -0.01, 0.01), "0.000028 (−0.010000 to 0.010000)"),
        ((1e-5, 0, 2e-5), "1.00 (0.00 to 2.00)×10⁻⁵"),
        ((None, None, None), "–"),
    ],
)
def test_a_spread_is_written_with_one_number_of_decimals(three, said):
    assert words.spread(*three) == said


def test_small_counts_are_hidden_on_request_but_none_stays_none():
    assert [words.count(value, 5) for value in (0, 1, 4, 5, 1200)] == ["0", "<5", "<5", "5", "1,200"]
    assert words.count(3) == "3"


def test_the_share_of_a_hidden_count_is_hidden_too():
    assert words.part(4, 10, 5) == "<5"
    assert words.part(5, 10, 5) == "5 (50\u00a0%)"
    assert words.part(0, 0) == "0"


def test_a_part_of_a_whole_has_its_share():
    assert words.share(10, 14) == "10 of 14 (71\u00a0%)"
    assert words.share(0, 0) == "0 of 0"


def test_one_thing_is_not_plural():
    assert [words.plural(1, "rule"), words.plural(2310, "rule"), words.plural(2, "series", "series")] == [
        "1 rule",
        "2,310 rules",
        "2 series",
    ]


@pytest.mark.parametrize(
    ("parts", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_listing_has_one_and(parts, said):
    assert words.listing(parts) == said


def test_days_have_a_decimal_only_where_it_says_something():
    assert [words.days(value) for value in (1, 36.0, 12.5, 1200)] == ["1 day", "36 days", "12.5 days", "1,200 days"]


def test_units_are_written_as_printed():
    assert [words.unit_words(unit) for unit in ("1", "mm^3", "image^2", "HU")] == ["", "mm³", "image unit²", "HU"]


def test_signs_of_the_keyboard_become_those_of_print():
    assert words.signs("if age <= 54 and volume >= 2 mm^3") == "If age ≤ 54 and volume ≥ 2 mm³"
    assert words.signs("kurtosis > -1.01 of P-844d on 2019-01-07") == "Kurtosis > −1.01 of P-844d on 2019-01-07"
    assert words.signs("") == ""


def test_a_name_is_lower_case_inside_a_sentence_unless_it_is_an_abbreviation():
    assert [words.inside(name) for name in ("Random forest", "SVM", "A")] == ["random forest", "SVM", "A"]


def test_parameters_are_sorted_by_name():
    assert words.compact({"b": [1, 2], "a": "é"}) == '{"a": "é", "b": [1, 2]}'


def test_a_missing_share_is_a_dash():
    assert words.percentage(None) == "–"
    assert words.percentage(0.125, 1) == "12.5\u00a0%"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.118, 0.122, "12\u00a0%"),
        (0.118, 0.132, "12\u00a0% to 13\u00a0%"),
        (0.12, 0.12, "12\u00a0%"),
        (0.1, None, "10\u00a0% or more"),
    ],
)
def test_a_range_whose_ends_are_written_alike_is_one_number(low, high, said):
    assert words.span(Span(low=low, high=high), words.percentage) == said


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (Span(low=0.05, high=1), "0.05 to 1"),
        (Span(low=0.001, high=0.01), "0.001 to 0.01"),
        (Span(low=0, high=0.001), "<0.001"),
        (Span(low=0.0124, high=0.0124), "0.012"),
        (NOTHING, "–"),
    ],
)
def test_a_p_value_is_told_as_far_as_it_may_be(span, said):
    assert words.span_p(span) == said
