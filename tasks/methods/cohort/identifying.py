"""Columns that would tell who a patient is: dates in their usual spellings, and numbers or names of one patient."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Tells = Literal["dates", "decimal commas", "numbers with text", "record numbers", "texts of one patient"]
FEW_DATES = 0.1
"""Share of a column's cells that are spelt-out dates from which on it holds dates: nothing else is spelt so."""
NEARLY_ALL = 0.9
"""Share of cells from which on a column is what they are, where a single one may be so by chance."""
FEWEST_ROWS = 10
"""Fewest filled cells of which it says something that no two are alike."""
FEWEST_NUMBERS = 12
"""Different numbers beside text from which on a column holds measurements, and not codes of categories."""
LONG_NUMBER = 7
"""Digits from which on numbers of one length that are all different are those of records."""
FIRST_YEAR, LAST_YEAR = 1900, 2100
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    *("december", "januar", "februar", "marz", "maerz", "mai", "juni", "juli", "oktober", "dezember"),
    *("janvier", "fevrier", "mars", "avril", "juin", "juillet", "aout", "septembre", "octobre", "novembre"),
    *("decembre", "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre"),
    *("noviembre", "diciembre", "gennaio", "febbraio", "aprile", "maggio", "giugno", "luglio", "settembre", "ottobre"),
    *("dicembre", "janeiro", "fevereiro", "marco", "maio", "junho", "julho", "setembro", "outubro", "novembro"),
    "dezembro",
)
"""In English, German, French, Spanish, Italian and Portuguese, without accents."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BESIDE = frozenset({"st", "nd", "rd", "th", "of", "de", "the", "le", "t", "z"})
"""Words that stand beside day, month and year."""
KEY_WORDS = frozenset(
    {"id", "ids", "pid", "mrn", "record", "records", "number", "numbers", "nr", "no", "num", "ssn", "nhs", "case"}
    | {"accession", "identifier", "identifiers", "key"}
)
"""Parts of the names that columns of record numbers have."""
_TIME = re.compile(r"[T ,]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?\s*(Z|[+-]\d{2}:?\d{2})?$", re.IGNORECASE)
_PARTS = re.compile(r"(\d{1,4})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{1,4})\.?")
_MONTH_OF_YEAR = re.compile(r"(?:(\d{1,2})[/-](\d{4})|(\d{4})[/-](\d{1,2}))")
_WHOLE = re.compile(r"(\d+)(?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
NUMBER_WITH_COMMA = re.compile(r"[+-]?\d+(,\d+)+(\.\d+)?", re.ASCII)
"""A number with decimals behind a comma, or with commas between thousands."""
_WORD = re.compile(r"[^\W\d_]+")
_PART_OF_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def what_it_tells(name: str, cells: Sequence[str], *, is_code: bool = False, has_unit: bool = False) -> Tells | None:
    """Return what makes a column unfit to predict or to be shown, None where nothing does.

    Parameters
    ----------
    name : str
        Name of the column.
    cells : sequence of str
        The cells that are filled in, as they are written.
    is_code : bool
        Whether its numbers are declared to be codes of categories.
    has_unit : bool
        Whether it is declared to be measured: numbers with a unit are no record numbers.
    """
    if not cells:
        return None
    whole = [match[1] for cell in cells if (match := _WHOLE.fullmatch(cell))]
    if _share(map(is_spelt_date, cells), cells) >= FEW_DATES:
        return "dates"
    if not has_unit and sum(map(_is_compact_date, whole)) >= NEARLY_ALL * len(cells):
        return "dates"
    if all(map(is_number, cells)) and not is_code:
        return "record numbers" if not has_unit and _are_record_numbers(name, cells, whole) else None
    return _of_text(cells, is_code=is_code)


def is_spelt_date(cell: str) -> bool:
    """Return whether a cell is a date with signs or words between its parts: `31.12.1950`, `Jan 01, 1950`."""
    day = _TIME.sub("", cell.strip())
    if parts := _PARTS.fullmatch(day):
        return _are_parts_of_a_date(parts[1], parts[3], parts[4])
    if month := _MONTH_OF_YEAR.fullmatch(day):
        return _is_month(month[1] or month[4]) and _is_year(month[2] or month[3])
    return _is_worded_date(day)


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, with a point before its decimals."""
    return _NUMBER.fullmatch(cell) is not None


def _of_text(cells: Sequence[str], *, is_code: bool) -> Tells | None:
    commas = [cell for cell in cells if NUMBER_WITH_COMMA.fullmatch(cell)]
    numbers = [cell for cell in cells if is_number(cell)]
    if commas and len(commas) + len(numbers) > len(cells) / 2:
        return "decimal commas"
    if not is_code and len(numbers) > len(cells) / 2 and len(set(numbers)) > FEWEST_NUMBERS:
        return "numbers with text"
    is_own = len(cells) >= FEWEST_ROWS and len(set(cells)) >= NEARLY_ALL * len(cells)
    return "texts of one patient" if is_own else None


def _are_record_numbers(name: str, cells: Sequence[str], whole: Sequence[str]) -> bool:
    """Return whether numbers, all whole and all different, are named like keys, or long and of one length."""
    if len(whole) < len(cells) or len(cells) < FEWEST_ROWS or len(set(whole)) < len(cells):
        return False
    words = [word.casefold() for word in _PART_OF_NAME.findall(name)]
    is_named = any(word in KEY_WORDS and after != "of" for word, after in zip(words, [*words[1:], ""], strict=True))
    lengths = {len(cell) for cell in cells}
    return is_named or (whole == list(cells) and len(lengths) == 1 and max(lengths) >= LONG_NUMBER)


def _is_compact_date(digits: str) -> bool:
    """Return whether digits are year, month and day, or day, month and year, or month, day and year."""
    if len(digits) == len("1121950"):
        digits = f"0{digits}"
    if len(digits) != len("19501231"):
        return False
    orders = ((digits[6:], digits[4:6], digits[:4]), (digits[:2], digits[2:4], digits[4:]))
    return any(_is_year(year) and _are_day_and_month(day, month) for day, month, year in orders)


def _are_parts_of_a_date(first: str, second: str, third: str) -> bool:
    if _is_year(first):
        return _are_day_and_month(third, second)
    return (
        len(first) <= len("31") and _are_day_and_month(first, second) and (_is_year(third) or len(third) == len("50"))
    )


def _is_worded_date(text: str) -> bool:
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    words = [word for word in _WORD.findall(plain) if word not in BESIDE and not _begins(word, WEEKDAYS)]
    numbers = re.findall(r"\d+", plain)
    if len(words) != 1 or not _begins(words[0], MONTHS):
        return False
    if len(numbers) == 1:
        return _is_year(numbers[0])
    return len(numbers) == len(("day", "year")) and any(
        _is_day(day) and (_is_year(year) or len(year) == len("50")) for day, year in (numbers, numbers[::-1])
    )


def _begins(word: str, names: Sequence[str]) -> bool:
    return len(word) >= len("jan") and any(name.startswith(word) for name in names)


def _are_day_and_month(one: str, other: str) -> bool:
    return (_is_day(one) and _is_month(other)) or (_is_month(one) and _is_day(other))


def _is_day(text: str) -> bool:
    return len(text) <= len("31") and 1 <= int(text) <= 31  # noqa: PLR2004 - days of a month


def _is_month(text: str) -> bool:
    return len(text) <= len("12") and 1 <= int(text) <= 12  # noqa: PLR2004 - months of a year


def _is_year(text: str) -> bool:
    return len(text) == len("1950") and FIRST_YEAR <= int(text) <= LAST_YEAR


def _share(are: Iterable[bool], cells: Sequence[str]) -> float:
    return sum(are) / len(cells)
