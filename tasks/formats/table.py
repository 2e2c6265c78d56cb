"""Tables in CSV, TSV or Excel: cells as text first, then typed; messages name column and row, never a value."""

from __future__ import annotations

import csv
import math
import re
import struct
import zipfile
import zlib
from datetime import datetime, time
from io import BytesIO, StringIO
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from data_catalog.errors import BadData
from tasks.formats.quiet import unheard

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import pandas as pd

Kind = Literal["number", "date", "text"]
SEPARATORS = (",", ";", "\t", "|")
MAX_SHEET_BYTES = 1 << 30
"""All parts of an Excel file, inflated."""
MAX_SHEET_ROWS = 1_048_576
"""Rows of a sheet, as Excel has them."""
ROW = "row"
"""Name of the index: the row's number in the file, the header being row 1."""
MISSING_WORDS = ("not available", "not applicable", "unknown", "na", "n/a", "nan", "--", "-", "?")
"""What clinical tables write into columns of numbers or dates where there is no value."""
ZIP_MAGIC = b"PK\x03\x04"
OLD_EXCEL_MAGIC = b"\xd0\xcf\x11\xe0"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?", re.ASCII)


def read_table(data: bytes, sheet: str | None = None, *, numbered: bool = False) -> pd.DataFrame:
    """Return every cell as text without the blanks around it, '' where it is empty.

    The index `row` holds the row's number in the file (the header is row 1); empty rows are left out.
    CSV is UTF-8, its separator the one most frequent in the header among comma, semicolon, tab and bar.
    `sheet` names a sheet of an Excel file; without it, the first is read. `numbered` accepts columns that have
    no name of their own: one without any goes by its number in the file (`column 1`), and a further one of a name
    by that and its number (`grade 18`).

    Raises `BadData`: `not_utf8`, `old_excel`, `corrupt_file`, `unknown_sheet`, `empty_table`,
    `ragged_table`, `bad_columns`.
    """
    import pandas as pd

    if data.startswith(OLD_EXCEL_MAGIC):
        raise BadData(
            "old_excel", "A table is CSV, TSV or .xlsx", "it is an old Excel file", "Save it as .xlsx or CSV."
        )
    rows = _excel_rows(data, sheet) if data.startswith(ZIP_MAGIC) else _text_rows(data)
    filled = [(number, row) for number, row in rows if any(row)]
    if len(filled) < 2:  # noqa: PLR2004 - the header and one row
        raise BadData(
            "empty_table",
            "A table has a header and at least one row",
            f"{len(filled)} rows that are not empty came",
            "Check the file.",
        )
    columns = _columns(_numbered(filled[0][1]) if numbered else filled[0][1])
    body = [row[: len(columns)] for _, row in filled[1:]]
    _require_even(filled[1:], len(columns))
    index = pd.Index([number for number, _ in filled[1:]], name=ROW)
    return pd.DataFrame(body, columns=columns, index=index, dtype=str)


def infer(
    frame: pd.DataFrame, declared: Mapping[str, Kind] | None = None, missing_words: Collection[str] = MISSING_WORDS
) -> pd.DataFrame:
    """Return the table typed: float64 numbers, dates (ISO 8601), and text; empty cells are missing.

    A column is of numbers or dates when all its cells are that are not empty and none of `missing_words`
    (compared without case); in a column of text these words stay what they are. `declared` says what a
    column must be, and keeps a patient's key as text (`001` stays `001`).

    Raises `BadData` `not_a_number` or `not_a_date` with column and row, and `unknown_column`.
    """
    import pandas as pd

    kinds = dict(declared or {})
    unknown = [column for column in kinds if column not in frame.columns]
    if unknown:
        raise BadData(
            "unknown_column",
            "The table has every column that is declared",
            f"it has no {unknown[0]!r}",
            f"Choose among: {', '.join(frame.columns)}.",
        )
    words = frozenset(word.casefold() for word in missing_words)
    typed = {column: _typed(frame[column], kinds.get(column), words) for column in frame.columns}
    return pd.DataFrame(typed, index=frame.index)


def _typed(cells: pd.Series[Any], kind: Kind | None, missing_words: frozenset[str]) -> pd.Series[Any]:
    import pandas as pd

    filled = ["" if cell.casefold() in missing_words else str(cell) for cell in cells]
    found = kind or _kind_of([cell for cell in filled if cell])
    if found == "text":
        return cells.where(cells != "")
    values = pd.Series(filled, index=cells.index, name=cells.name)
    _require(values, found)
    return _numbers(values) if found == "number" else _dates(values)


def _kind_of(filled: Sequence[str]) -> Kind:
    if filled and all(_is_number(cell) for cell in filled):
        return "number"
    return "date" if filled and all(_is_date(cell) for cell in filled) else "text"


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None and math.isfinite(float(cell))


def _is_date(cell: str) -> bool:
    if not _DATE.fullmatch(cell):
        return False
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return True


def _require(cells: pd.Series[Any], kind: Kind) -> None:
    fits = _is_number if kind == "number" else _is_date
    wrong = [row for row, cell in cells.items() if cell and not fits(cell)]
    if wrong:
        raise BadData(
            f"not_a_{kind}",
            f"Column {cells.name!r} holds a {kind} in each row, or nothing",
            f"{len(wrong)} rows hold something else, the first is row {wrong[0]}",
            "Correct the cells; dates are written 2024-12-31, numbers with a point.",
        )


def _numbers(cells: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series([float(cell) if cell else math.nan for cell in cells], index=cells.index, dtype="float64")


def _dates(cells: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    days = [datetime.fromisoformat(cell) if cell else pd.NaT for cell in cells]
    return pd.Series(days, index=cells.index, dtype="datetime64[us]")


def _text_rows(data: bytes) -> list[tuple[int, list[str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = data.count(b"\n", 0, error.start) + 1
        raise BadData(
            "not_utf8",
            "A table of text is UTF-8",
            f"line {place} holds another encoding",
            "Save it as `CSV UTF-8`.",
        ) from None
    header = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(StringIO(text, newline=""), delimiter=_separator(header), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            rows.append((len(rows) + 1, [cell.strip() for cell in row]))
    except csv.Error:
        raise BadData(
            "corrupt_file",
            "Quotes of a table are closed, and cells are text",
            f"row {len(rows) + 1} breaks this",
            "Save the table again.",
        ) from None
    return rows


def _separator(header: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(SEPARATORS, key=outside_quotes.count)


def _excel_rows(data: bytes, sheet: str | None) -> list[tuple[int, list[str]]]:
    import openpyxl

    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MAX_SHEET_BYTES:
            raise BadData(
                "file_too_large",
                f"An Excel file has at most {MAX_SHEET_BYTES} bytes inflated",
                "it has more",
                "Save the sheet as CSV.",
            )
        with unheard("openpyxl"):
            book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
            cells = _cells(_sheet(book, sheet))
    except _excel_errors():
        raise BadData("corrupt_file", "An Excel file can be read", "it is broken", "Save it again.") from None
    width = max((len(row) for _, row in cells), default=0)
    return [(number, row + [""] * (width - len(row))) for number, row in cells]


def _cells(sheet: Any) -> list[tuple[int, list[str]]]:  # noqa: ANN401 - openpyxl is not typed
    """Return the rows that are not empty; the size that a sheet states of itself is often wrong."""
    sheet.reset_dimensions()
    rows = enumerate(islice(sheet.iter_rows(values_only=True), MAX_SHEET_ROWS), start=1)
    return [(number, [_cell_text(value) for value in row]) for number, row in rows if any(v is not None for v in row)]


def _sheet(book: Any, sheet: str | None) -> Any:  # noqa: ANN401 - openpyxl is not typed
    if sheet is None:
        return book.worksheets[0]
    if sheet not in book.sheetnames:
        raise BadData(
            "unknown_sheet",
            "The Excel file has the sheet asked for",
            f"it has {len(book.sheetnames)} others",
            "Correct the sheet in the plan.",
        )
    return book[sheet]


def _cell_text(value: object) -> str:
    """Return a cell as it would stand in a CSV file: whole numbers without a point, dates as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _numbered(names: Sequence[str]) -> list[str]:
    """Return the names of columns with a number where a name is missing or was given before."""
    return [
        name if name and name not in names[:place] else f"{name or 'column'} {place + 1}"
        for place, name in enumerate(names)
    ]


def _columns(names: Sequence[str]) -> list[str]:
    """Return the names of the columns; empty ones at the end are none."""
    kept = list(names)
    while kept and not kept[-1]:
        kept.pop()
    doubled = sorted({name for name in kept if kept.count(name) > 1})
    if doubled:
        came = "two without a name" if "" in doubled else f"two are called {doubled[0]!r}"
        raise BadData("bad_columns", "Each column has a name of its own", came, "Rename the columns.")
    if "" in kept:
        raise BadData("bad_columns", "Each column has a name", f"column {kept.index('') + 1} has none", "Name it.")
    return kept


def _require_even(rows: Iterable[tuple[int, Sequence[str]]], width: int) -> None:
    for number, row in rows:
        if len(row) < width or any(row[width:]):
            raise BadData(
                "ragged_table",
                f"Each row has {width} cells, as the header has",
                f"row {number} has {len(row)}",
                "Check its separators and quotes.",
            )


def _excel_errors() -> tuple[type[Exception], ...]:
    """Return what openpyxl raises on broken files; errors of XML are syntax errors."""
    from openpyxl.utils.exceptions import InvalidFileException

    return (
        zipfile.BadZipFile,
        InvalidFileException,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        SyntaxError,
        OSError,
        EOFError,
        RuntimeError,
        struct.error,
        zlib.error,
    )
