"""Rules in SQL, in Python and applied here say the same of every row, and count as the miner counted."""

import sqlite3
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data_catalog.errors import BadData
from tasks.methods.rules.condition import (
    Condition,
    OutcomeColumn,
    PortableRule,
    PortableRules,
    apply_rules,
    portable,
    truth_of,
)
from tasks.methods.rules.contingency import rule_counts
from tasks.methods.rules.items import Item, item_table
from tasks.methods.rules.predicates import python_module, sql_applies, sql_condition, sql_holds, sql_script

COLUMNS = ("age [years]", 'GLCM "contrast"', "sex's", "marker\nstate")
"""Names with units, both kinds of quotes, and a line break."""
LEVELS = ("F", "M", "o'clock", '"x"', "yes", "1", "2.5", "01")
CELLS = (*LEVELS, "", "   ", " F", "M ", "True", "FALSE", "1.0", "2.50", " 1")
"""What cells hold: levels, spaces, and the same levels in other spellings."""

OLD = Item(column="age", label="age", level="high", low=3)
DEAD = Item(column="dead", label="death", level="yes")

numbers = st.one_of(st.none(), st.integers(-3, 3).map(float), st.sampled_from([0.1, 1e-7, 2.5e9, -0.5]))
texts = st.one_of(st.none(), st.sampled_from(CELLS))
rows = st.lists(st.tuples(numbers, numbers, texts, texts), min_size=1, max_size=12)


@st.composite
def items(draw, places):
    """Return an item of one of the columns: of the first two a range, of the others a value."""
    place = draw(st.sampled_from(places))
    column = COLUMNS[place]
    if place > 1:
        return Item(column=column, label=column, level=draw(st.sampled_from(LEVELS)))
    low = draw(st.one_of(st.none(), st.sampled_from([-2.5, 0.0, 1e-7, 1.0])))
    high = draw(st.sampled_from([2.0, 2.5e9])) if low is None or draw(st.booleans()) else None
    return Item(column=column, label=column, level="high", low=low, high=high, unit="years")


def table_of(cells):
    frame = pd.DataFrame(cells, columns=list(COLUMNS))
    for column in COLUMNS[:2]:
        frame[column] = frame[column].astype(float)
    return frame


def condition(item, known=None):
    asked = (
        {"low": item.low, "high": item.high}
        if item.is_range
        else {"equals": item.level, "known": known and (*known, item.level)}
    )
    return Condition(column=item.column, words=item.sentence, **asked)


def rules_of(left, right, known=None):
    rule = PortableRule(
        number="rule-1",
        sentence='If */ """ \n\'; DROP TABLE cohort; --',
        status="claimed",
        antecedent=tuple(condition(item, known) for item in left),
        consequent=tuple(condition(item, known) for item in right),
    )
    return PortableRules(study="s", version="1", rules=(rule,))


def by_sql(rules, table, query):
    with sqlite3.connect(":memory:") as database:
        table.to_sql("cohort", database, index=False)
        found = pd.read_sql_query(query(rules), database)
    database.close()
    return [None if pd.isna(value) else bool(value) for value in found.iloc[:, -1]]


def by_python(rules, table, what):
    space = {}
    exec(compile(python_module(rules), "rules.py", "exec"), space)
    (rule,) = space["RULES"]
    assert rule["sentence"] == rules.rules[0].sentence
    return [rule[what](row) for row in table.to_dict("records")]


@settings(max_examples=150, deadline=None)
@given(rows, st.lists(items((0, 2)), min_size=1, max_size=3), items((1, 3)))
def test_sql_python_and_apply_agree_with_each_other_and_with_our_own_counts(cells, left, last):
    table, rules = table_of(cells), rules_of(left, [last])
    (states,) = apply_rules(rules.rules, table)
    applies = [{"cannot be told": None, "does not apply": False}.get(state, True) for state in states]
    assert by_sql(rules, table, sql_applies) == by_python(rules, table, "applies") == applies
    both = truth_of([condition(item) for item in (*left, last)], table).tolist()
    expected = [None if truth < 0 else bool(truth) for truth in both]
    assert by_sql(rules, table, sql_holds) == by_python(rules, table, "holds") == expected

    different = list(dict.fromkeys([*left, last]))
    sides = [tuple(different.index(item) for item in side) for side in (left, [last])]
    (a, b, _, _), *_ = rule_counts(item_table(different, table), [sides[0]], [sides[1]])
    counts = Counter(states)
    assert (counts["holds"], counts["fails"]) == (a, b)


@settings(max_examples=60, deadline=None)
@given(rows, st.lists(items((0, 2)), min_size=1, max_size=3), items((1, 3)))
def test_sql_python_and_apply_agree_on_values_that_the_study_never_had(cells, left, last):
    table, rules = table_of(cells), rules_of(left, [last], known=LEVELS[2:6])
    (states,) = apply_rules(rules.rules, table)
    applies = [{"cannot be told": None, "does not apply": False}.get(state, True) for state in states]
    assert by_sql(rules, table, sql_applies) == by_python(rules, table, "applies") == applies


@settings(max_examples=60, deadline=None)
@given(rows, st.lists(items((0, 1, 2, 3)), min_size=1, max_size=4))
def test_the_order_of_conditions_does_not_count(cells, several):
    table, asked = table_of(cells), [condition(item) for item in several]
    np.testing.assert_array_equal(truth_of(asked, table), truth_of(asked[::-1], table))


def test_an_example_small_enough_to_check_by_eye():
    table = pd.DataFrame({"age": [70.0, 60.0, np.nan, 70.0, np.nan], "sex": ["F", "F", "F", None, "M"]})
    asked = (Condition(column="age", words="age high", low=65), Condition(column="sex", words="sex is F", equals="F"))
    rule = PortableRule(
        number="rule-1", sentence="s", status="claimed", antecedent=asked, consequent=(asked[1],)
    ).model_copy(update={"consequent": (Condition(column="dead", words="dead", equals="yes"),)})
    ((states),) = apply_rules([rule], table)
    assert states == ["applies", "does not apply", "cannot be told", "cannot be told", "does not apply"]
    ((states),) = apply_rules([rule], table.assign(dead=["no", "yes", "yes", "yes", "yes"]))
    assert states[0] == "fails"
    ((states),) = apply_rules([rule], table.assign(dead=[True] * 5))
    assert states[0] == "holds", "truth values are yes and no"


def test_a_cut_off_belongs_to_the_level_below_it():
    asked = Condition(column="age", words="w", low=54, high=65)
    np.testing.assert_array_equal(asked.truth(pd.Series([54, 54.5, 65, 66])), [0, 1, 1, 0])
    assert sql_condition(asked) == '"age" > 54 AND "age" <= 65'


def test_every_other_value_than_one_is_asked_for_where_the_outcome_has_no_negative_value():
    other = Condition(column="status", words="w", differs="dead")
    table = pd.DataFrame({"status": ["dead", "alive", "lost", "", None]})
    np.testing.assert_array_equal(other.truth(table["status"]), [0, 1, 1, -1, -1])
    rule = PortableRule(number="rule-1", sentence="s", status="claimed", antecedent=(other,), consequent=(other,))
    rules = PortableRules(study="s", version="1", rules=(rule,))
    assert by_sql(rules, table, sql_applies) == by_python(rules, table, "applies") == [False, True, True, None, None]


def test_whole_numbers_that_are_categories_are_found_however_they_are_stored():
    asked = Condition(column="grade", words="grade is 2", equals="2")
    rule = PortableRule(number="rule-1", sentence="s", status="claimed", antecedent=(asked,), consequent=(asked,))
    rules = PortableRules(study="s", version="1", rules=(rule,))
    for cells in ([1, 2], [1.0, 2.0], ["1", "2"], [np.nan, 2.0]):
        table = pd.DataFrame({"grade": cells})
        expected = [None if pd.isna(table["grade"][0]) else False, True]
        assert by_sql(rules, table, sql_applies) == by_python(rules, table, "applies") == expected


def test_truth_values_are_found_however_they_are_stored():
    asked = Condition(column="flag", words="flag is yes", equals="yes", known=("no", "yes"))
    rule = PortableRule(number="rule-1", sentence="s", status="claimed", antecedent=(asked,), consequent=(asked,))
    rules = PortableRules(study="s", version="1", rules=(rule,))
    for cells in (["True", "False", None], ["true", "FALSE", ""], ["yes", "no", " "], [True, False, None]):
        table = pd.DataFrame({"flag": pd.Series(cells, dtype=object)})
        assert asked.truth(table["flag"]).tolist() == [1, 0, -1]
        assert by_python(rules, table, "applies") == [True, False, None]
        stored = [None] * 3 if cells[0] is True else [True, False, None]
        assert by_sql(rules, table, sql_applies) == stored, "1 and 0 of SQLite are no truth values"
    missing = pd.DataFrame({"flag": pd.array([True, None], dtype="boolean")})
    assert by_python(rules, missing, "applies") == [True, None]


def test_a_missing_column_of_the_antecedent_is_refused_and_one_of_the_consequent_is_not_known():
    rules = rules_of(
        [Item(column="age", label="age", level="high", low=3)], [Item(column="dead", label="d", level="yes")]
    )
    (states,) = apply_rules(rules.rules, pd.DataFrame({"age": [5.0]}))
    assert states == ["applies"]
    with pytest.raises(BadData, match="lacks 'age'"):
        apply_rules(rules.rules, pd.DataFrame({"dead": ["yes"]}))


def test_text_in_a_column_of_numbers_is_refused_with_its_name():
    rules = rules_of(
        [Item(column="age", label="age", level="high", low=3)], [Item(column="dead", label="d", level="yes")]
    )
    with pytest.raises(BadData, match=r"column 'age': 1 row holds no number .*, the first is row 0"):
        apply_rules(rules.rules, pd.DataFrame({"age": ["old"]}))
    with pytest.raises(BadData, match=r"no number .*, the first is row 1"):
        apply_rules(rules.rules, pd.DataFrame({"age": ["1", "old", None]}))


def test_a_decimal_comma_is_named_with_its_first_row_and_without_the_number():
    rules = rules_of(
        [Item(column="age", label="age", level="high", low=3)], [Item(column="dead", label="d", level="yes")]
    )
    index = pd.Index([2, 3, 4, 5], name="row")
    with pytest.raises(BadData, match="2 rows hold a number with a decimal comma, the first is row 4") as refusal:
        apply_rules(rules.rules, pd.DataFrame({"age": ["unknown", "61.5", "61,5", "7,25"]}, index=index))
    assert "61" not in str(refusal.value)
    assert "Write numbers as 12.5" in str(refusal.value)


def test_no_line_of_a_comment_is_left_by_what_a_study_calls_things():
    script = sql_script(
        rules_of([Item(column="a", label="a", level="x")], [Item(column="b\n--", label="b", level="y")])
    )
    head = script.partition("\n\n")[0].splitlines()
    assert all(line.startswith("-- ") for line in head)


def test_a_value_that_is_asked_for_is_known():
    with pytest.raises(ValidationError, match="'x' of 'a' is not"):
        Condition(column="a", words="w", equals="x", known=("y",))
    assert Condition(column="a", words="w", equals="1.0", known=("1",)).equals == "1"


@pytest.mark.parametrize("asked", [{}, {"low": 1.0, "equals": "x"}, {"equals": "x", "differs": "y"}])
def test_a_condition_asks_one_thing(asked):
    with pytest.raises(ValidationError, match="asks otherwise"):
        Condition(column="a", words="w", **asked)


def test_rules_come_back_from_json_and_another_way_of_writing_them_is_refused():
    rules = rules_of([Item(column="a", label="a", level="x")], [Item(column="b", label="b", level="y")])
    text = rules.model_dump_json()
    assert PortableRules.model_validate_json(text) == rules
    with pytest.raises(ValidationError):
        PortableRules.model_validate_json(text.replace('"format":1', '"format":2'))


def test_the_outcome_is_asked_for_in_the_column_and_words_of_the_clinical_table():
    from tasks.methods.rules.card import cards_of
    from tasks.methods.rules.rule import Rule, RuleSet
    from tasks.methods.rules.shown import shown

    def conditions(level, negative):
        rule = Rule(
            antecedent=(Item(column="age", label="age", level="high", low=65),),
            consequent=(Item(column="outcome", label="progression", level=level),),
            a=9, b=1, c=2, d=20, supporting=tuple(f"P-{n}" for n in range(9)),
        )  # fmt: skip
        (card,) = cards_of("rule", RuleSet(rules=(rule,), found=1, searched=1, rows=32))
        outcome = OutcomeColumn(inside="outcome", column="progressed", positive="1", negative=negative)
        (made,) = portable([shown(card, 5)], "s", "1", outcome).rules
        assert "P-0" not in made.model_dump_json()
        return made.antecedent[0], made.consequent[0]

    age, yes = conditions("1", None)
    assert (age.column, age.low) == ("age", 65)
    assert (yes.column, yes.equals) == ("progressed", "1")
    assert conditions("not 1", None)[1].differs == "1"
    assert conditions("0", "0")[1].equals == "0"
