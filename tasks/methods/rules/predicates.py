"""Rules as text for other programs: SQL, and a Python module that needs nothing else."""

from __future__ import annotations

import re
from textwrap import indent
from typing import TYPE_CHECKING

from tasks.methods.cell_text import spellings
from tasks.methods.rules.items import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tasks.methods.rules.condition import Condition, PortableRule, PortableRules

CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
"""Signs that would end a line of comment."""

HEAD = '''\
"""Rules of the study {study}, found by voxmine {version}.

RULES lists number, sentence and two functions of each. They take a row, a mapping of column to value: `applies` tells
whether the rule applies, `holds` whether it applies and what it says is true. They return True, False, or None where
that is not known: a cell that is None, NaN or blank is not, nor one with a value that the study did not have, or had in
too few patients to tell. A column that is not in the row raises KeyError.

Blanks around a text do not count, True and False in any case are yes and no, and 1.0 is 1, but 01 is another code.
Read tables as text, so that no such code is lost: pandas.read_csv(path, dtype=str, keep_default_na=False).
Units are those of the sentences: nothing here sees that a number is in another. `voxmine rules apply` does.
"""

import math
import re


def _is_missing(value):
    is_marker = type(value).__name__ in ("NoneType", "NAType", "NaTType")
    return is_marker or (not isinstance(value, str) and str(value) == "nan")


def _number(value):
    if _is_missing(value) or (isinstance(value, str) and not value.strip()):
        return None
    number = float(value)
    return None if math.isnan(number) else number


def _text(value):
    if _is_missing(value):
        return None
    if not isinstance(value, (str, bool)) and hasattr(value, "is_integer") and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    if re.fullmatch(r"-?[0-9]+[.][0-9]*", text):
        return text.rstrip("0").rstrip(".")
    return {{"true": "yes", "false": "no"}}.get(text.casefold(), text) or None


def _between(value, low, high):
    number = _number(value)
    if number is None:
        return None
    return (low is None or number > low) and (high is None or number <= high)


def _known(value, known):
    text = _text(value)
    return text if known is None or text in known else None


def _is(value, wanted, known=None):
    text = _known(value, known)
    return None if text is None else text == wanted


def _is_not(value, other, known=None):
    text = _known(value, known)
    return None if text is None else text != other


def _all(states):
    states = tuple(states)
    if False in states:
        return False
    return None if None in states else True


'''


SQL_HEAD = """\
-- 1 is yes, 0 no, NULL not known: what is missing (store it as NULL), and a value that the study did not have, or had
-- in too few patients to tell. Spaces around a text do not count, and 1 is found as 1.0 too, with up to 3 zeros.
-- Truth values are 'yes' and 'no', or 'true' and 'false', as a BOOLEAN is as text. Stored as 1 and 0, as in SQLite,
-- they cannot be told from numbers and are NULL: write CASE WHEN x THEN 'yes' WHEN NOT x THEN 'no' END.
-- Units are those of the sentences: nothing here sees that a number is in another.
"""


def sql_condition(condition: Condition) -> str:
    """Return a condition in SQL; it is NULL where the column is NULL, a text of spaces, or none of the values known.

    Names are quoted as the standard says it, in double quotes.
    """
    name = quoted(condition.column)
    if condition.is_range:
        ends = [] if condition.low is None else [f"{name} > {number_text(condition.low)}"]
        ends += [] if condition.high is None else [f"{name} <= {number_text(condition.high)}"]
        return " AND ".join(ends)
    text = f"TRIM(CAST({name} AS VARCHAR))"
    wanted = condition.equals if condition.equals is not None else condition.differs or ""
    if condition.known is None:
        other = f"{text} <> ''"
    else:
        other = f"{text} IN ({_spelled(one for one in condition.known if one != wanted)})"
    is_it, is_other = (1, 0) if condition.equals is not None else (0, 1)
    return f"CASE WHEN {text} IN ({_spelled([wanted])}) THEN {is_it} WHEN {other} THEN {is_other} END = 1"


def sql_predicate(conditions: Sequence[Condition]) -> str:
    """Return all conditions in SQL, to stand after WHERE: NULL, like SQL's AND, where it is not known."""
    return " AND ".join(f"({sql_condition(one)})" for one in conditions)


def sql_script(rules: PortableRules, table: str = "cohort") -> str:
    """Return two queries with a comment on each rule: which rules apply, and which hold."""
    said = "".join(f"-- {rule.number}: {comment(rule.sentence)}\n" for rule in rules.rules)
    return (
        f"-- Rules of the study {comment(rules.study)}, found by voxmine {comment(rules.version)}.\n"
        f"{SQL_HEAD}"
        f"{said}\n-- Which rules apply to whom:\n{sql_applies(rules, table)}\n"
        f"-- Which apply and hold, where what they end in is known too:\n{sql_holds(rules, table)}"
    )


def sql_applies(rules: PortableRules, table: str = "cohort") -> str:
    """Return a SELECT that adds a column for each rule: whether it applies, 1, 0 or NULL where that is not known."""
    return _select([_case(rule.antecedent, f"{rule.number} applies") for rule in rules.rules], table)


def sql_holds(rules: PortableRules, table: str = "cohort") -> str:
    """Return a SELECT that adds a column for each rule: whether it applies and holds, 1, 0 or NULL."""
    columns = [_case((*rule.antecedent, *rule.consequent), f"{rule.number} holds") for rule in rules.rules]
    return _select(columns, table)


def _spelled(values: Iterable[str]) -> str:
    """Return the values in all spellings; of none, what no trimmed text equals."""
    return ", ".join(text_of(one) for value in values for one in spellings(value)) or "' '"


def quoted(name: str) -> str:
    """Return an identifier of SQL, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def text_of(value: str) -> str:
    """Return a text of SQL, whatever is in it."""
    return "'" + value.replace("'", "''") + "'"


def comment(text: str) -> str:
    """Return a text on one line, so that nothing of it leaves its comment."""
    return CONTROL.sub(" ", text)


def python_module(rules: PortableRules) -> str:
    """Return a Python module with a list RULES: number, sentence, and the functions applies and holds."""
    head = HEAD.format(study=rules.study, version=rules.version)
    entries = "".join(indent(_entry(rule), "    ") for rule in rules.rules)
    return f"{head}RULES = (\n{entries})\n"


def _select(columns: Sequence[str], table: str) -> str:
    return "SELECT\n  *" + "".join(f",\n{one}" for one in columns) + f"\nFROM {quoted(table)};\n"


def _entry(rule: PortableRule) -> str:
    return (
        "{\n"
        f"    'number': {rule.number!r},\n"
        f"    'sentence': {rule.sentence!r},\n"
        f"    'applies': lambda row: {_python(rule.antecedent)},\n"
        f"    'holds': lambda row: {_python((*rule.antecedent, *rule.consequent))},\n"
        "},\n"
    )


def _python(conditions: Sequence[Condition]) -> str:
    return f"_all(({' '.join(f'{_python_condition(one)},' for one in conditions)}))"


def _python_condition(condition: Condition) -> str:
    cell = f"row[{condition.column!r}]"
    if condition.is_range:
        return f"_between({cell}, {condition.low!r}, {condition.high!r})"
    asked, wanted = ("_is", condition.equals) if condition.equals is not None else ("_is_not", condition.differs)
    known = "" if condition.known is None else f", {condition.known!r}"
    return f"{asked}({cell}, {wanted!r}{known})"


def _case(conditions: Sequence[Condition], name: str) -> str:
    predicate = sql_predicate(conditions)
    return f"  CASE WHEN {predicate} THEN 1\n    WHEN NOT ({predicate}) THEN 0 END AS {quoted(name)}"
