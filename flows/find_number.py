"""Where a number of the report comes from: found again, as it is shown, in what the report was made of."""

from __future__ import annotations

import html
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from data_catalog.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from data_catalog.refs import Ref
    from data_catalog.store import Store
    from flows.results import Results

NUMBER = re.compile(r"[-−+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?\s?%?")
PART = re.compile(r'<section id="([a-z-]+)"(.*?)</section>', re.DOTALL)
"""A part of the report's page: its anchor and its content."""
TAG = re.compile(r"<[^>]*>")
NAME = re.compile(r"<code>([a-z]+-[0-9a-f]{12})</code>")
WITHOUT_NUMBERS = {"report", "model", "volume", "mask", "signal", "picture"}
"""Kinds of artefacts that hold no numbers for people."""
SHORTEST_DIGEST = 6
"""A whole number of so many digits may also be the beginning of a digest."""


def is_number(text: str) -> bool:
    """Return whether a text is a number as a report shows it, and not the beginning of a digest."""
    bare = text.strip()
    is_digest = len(bare) >= SHORTEST_DIGEST and bare.isdigit()
    return any(sign.isdigit() for sign in bare) and NUMBER.fullmatch(bare) is not None and not is_digest


def find_number(store: Store, results: Results, text: str) -> dict[Ref, list[str]]:
    """Return the artefacts of a run that hold a number, each with the places in it, the likeliest first.

    First come those from which a part of the report was drawn that shows the number, then those that hold it at the
    fewest places: short numbers stand in many tables by chance.

    A value counts where it is the number when it is rounded to as many decimals; of a number in percent, also where
    it is a hundredth of it. Measured are fields, values that are derived from them (`Rule.confidence`), and cells.

    Raises
    ------
    StoreError
        When it stands nowhere.
    """
    wanted = _Wanted(text)
    made = dict.fromkeys(ref for name, ref in results.refs() if not name.endswith(".study"))
    held = {ref: list(wanted.places(store.open(ref))) for ref in made if ref.kind not in WITHOUT_NUMBERS}
    shown = _in_the_page(store, results.report, text)
    likeliest = sorted(held.items(), key=lambda pair: (pair[0] not in shown, len(pair[1])))
    found = {ref: places for ref, places in likeliest if places} or shown
    if not found:
        raise StoreError(
            f"{text} stands in what the last run made",
            "no artefact of its results holds it",
            "Write it with all the decimals that the report shows; or ask for the artefact below that part of the"
            " report: voxmine why NAME",
        )
    return found


def _in_the_page(store: Store, report: Ref, text: str) -> dict[Ref, list[str]]:
    """Return what the parts of a report were drawn from in which a number stands, as it is written."""
    page: str = store.open(report)
    alone = re.compile(rf"(?<![\d.,]){re.escape(text.strip())}(?![\d]|[.,]\d)")
    found: dict[Ref, list[str]] = {}
    for anchor, part in PART.findall(page):
        words = html.unescape(TAG.sub(" ", part))
        named = re.search(rf'<table id="made-{anchor}">(.*?)</table>', page, re.DOTALL)
        if alone.search(words) and named:
            for name in dict.fromkeys(NAME.findall(named[1])):
                found.setdefault(store.resolve(name), []).append(f"the report's part #{anchor} was drawn from it")
    return found


class _Wanted:
    """A number as it was written, and which values are shown so."""

    def __init__(self, text: str) -> None:
        bare = text.strip().replace("−", "-").replace(",", "")
        self.is_percent = bare.endswith("%")
        try:
            self.number = Decimal(bare.rstrip("% "))
        except InvalidOperation:
            raise StoreError("A number has digits", f"{text!r} has none", "Write it as the report shows it.") from None
        exponent = self.number.as_tuple().exponent
        self.decimals = -exponent if isinstance(exponent, int) else 0

    def places(self, value: object) -> Iterator[str]:
        """Yield where in an artefact the number stands."""
        import pandas as pd

        if isinstance(value, pd.DataFrame):
            yield from self._cells(value)
        elif isinstance(value, BaseModel):
            yield from self._fields(value, type(value).__name__)

    def _is(self, value: float) -> bool:
        return bool(self._are(np.array([float(value)]))[0])

    def _are(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        scaled = values * 100 if self.is_percent else values
        half = 0.5 * 10.0**-self.decimals
        near = np.abs(scaled - float(self.number)) <= half * (1 + 1e-9)
        if self.decimals == 0 and not self.is_percent:
            near &= scaled == np.round(scaled)  # a count is a whole number, and not whatever is near it
        return np.asarray(near, dtype=bool)

    def _cells(self, table: pd.DataFrame) -> Iterator[str]:
        import pandas as pd

        keys = [name for name in ("patient", "visit", "region", "reader", "feature", "column") if name in table.columns]
        for name in table.columns:
            if not pd.api.types.is_numeric_dtype(table[name]) or pd.api.types.is_bool_dtype(table[name]):
                continue
            for row in np.flatnonzero(self._are(table[name].to_numpy(dtype=float, na_value=np.nan))):
                where = ", ".join(f"{key} {table[key].iloc[row]}" for key in keys if key != name)
                yield f"column {name}, {where or f'row {row}'}: {table[name].iloc[row]:.6g}"

    def _fields(self, value: object, path: str) -> Iterator[str]:
        if isinstance(value, BaseModel):
            for name in [*type(value).model_fields, *_derived(type(value))]:
                yield from self._fields(getattr(value, name), f"{path}.{name}")
        elif isinstance(value, dict):
            for name, held in value.items():
                yield from self._fields(held, f"{path}[{name!r}]")
        elif isinstance(value, list | tuple):
            for place, held in enumerate(value):
                yield from self._fields(held, f"{path}[{place}]")
        elif isinstance(value, int | float) and not isinstance(value, bool) and self._is(value):
            yield f"{path}: {value:.6g}"


def _derived(of: type[BaseModel]) -> list[str]:
    """Return the names of a record's properties that are numbers."""
    numbers = {"int", "float", "int | None", "float | None"}
    return [
        name
        for name in dir(of)
        if isinstance(held := getattr(of, name, None), property)
        and held.fget is not None
        and held.fget.__annotations__.get("return") in numbers
    ]
