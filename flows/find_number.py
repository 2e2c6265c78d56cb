"""Where a number of the report comes from: found again, as it is shown, in what the report was made of."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
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

NUMBER = re.compile(r"<?\s?[-−+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?\s?%?")
PART = re.compile(r'<section (?:id|class="glance" aria-labelledby)="([a-z-]+)"[^>]*>(.*?)</section>', re.DOTALL)
"""A part of the report's page: its anchor and its content."""
TAG = re.compile(r"<[^>]*>")
NAME = re.compile(r"<code>([a-z]+-[0-9a-f]{12})</code>")
WITHOUT_NUMBERS = {"report", "model", "volume", "mask", "signal", "picture"}
"""Kinds of artefacts that hold no numbers for people."""
BELOW = "<"
"""Begins a number that only a page shows: `<0.001`."""
LOOSE = re.compile(r"^<\s+")
CELL = "column "
INDICES = frozenset({"patient", "outcome"})
"""Fields that hold positions, and no number that is shown."""
MOST_SHOWN, AROUND = 3, 60
"""Places of a part of the page that are told, and the letters around each."""
SHORTEST_DIGEST = 6
"""A whole number of so many digits may also be the beginning of a digest."""


def is_number(text: str) -> bool:
    """Return whether a text is a number as a report shows it, and not the beginning of a digest."""
    bare = text.strip()
    is_digest = len(bare) >= SHORTEST_DIGEST and bare.isdigit()
    return any(sign.isdigit() for sign in bare) and NUMBER.fullmatch(bare) is not None and not is_digest


@dataclass(frozen=True)
class Shown:
    """Where the report's page shows a number.

    Parameters
    ----------
    part : str
        Anchor of the part of the page.
    words : str
        What stands around the number there.
    made : tuple of Ref
        What the part was drawn from.
    """

    part: str
    words: str
    made: tuple[Ref, ...]


def find_number(store: Store, results: Results, text: str) -> tuple[list[Shown], dict[Ref, list[str]]]:
    """Return where a run's report shows a number, and the artefacts that hold it, each with the places in it.

    A value counts where it is the number when it is rounded to as many decimals; of a number in percent, also where
    it is a hundredth of it. Measured are fields, values that are derived from them (`Rule.confidence`), and cells.
    The likeliest come first: in artefacts from which a part of the report was drawn that shows the number, and there
    what is said of the whole before what is said of one among many. Short numbers stand at many places by chance.

    Raises
    ------
    StoreError
        When it stands nowhere.
    """
    shown = list(_in_the_page(store, results.report, text))
    held = {} if text.strip().startswith(BELOW) else _in_artefacts(store, results, text)
    drawn = {ref for one in shown for ref in one.made}
    likeliest = sorted(held.items(), key=lambda pair: (pair[0] not in drawn, _depth(pair[1][0]), len(pair[1])))
    if not shown and not held:
        raise StoreError(
            f"{text} stands in what the last run made",
            "no artefact of its results holds it",
            "Write it with all the decimals that the report shows; or ask for the artefact below that part of the"
            " report: voxmine why NAME",
        )
    return shown, dict(likeliest)


def _in_artefacts(store: Store, results: Results, text: str) -> dict[Ref, list[str]]:
    wanted = _Wanted(text)
    made = dict.fromkeys(ref for name, ref in results.refs() if not name.endswith(".study"))
    found = {ref: list(wanted.places(store.open(ref))) for ref in made if ref.kind not in WITHOUT_NUMBERS}
    return {ref: sorted(places, key=_depth) for ref, places in found.items() if places}


def _depth(place: str) -> int:
    """Return how far inside an artefact a place is: one of many patients, folds or rules stands deeper than a total."""
    name = place.partition(":")[0]
    return 1 if name.startswith(CELL) else name.count("[")


def _in_the_page(store: Store, report: Ref, text: str) -> Iterator[Shown]:
    """Yield where a number stands in the parts of a report, with or without the commas of its thousands."""
    page: str = store.open(report)
    bare = text.strip().replace(",", "")
    whole, dot, rest = bare.partition(".")
    digits = re.sub(r"\d", lambda found: found[0] + ",?", whole).removesuffix(",?") + re.escape(dot + rest)
    alone = re.compile(
        rf"(?<![\d.,]){digits if whole.isdigit() else re.escape(LOOSE.sub(BELOW, text.strip()))}(?![\d]|[.,]\d)"
    )
    for anchor, part in PART.findall(page):
        words = " ".join(html.unescape(TAG.sub(" ", part)).split())
        named = re.search(rf'<table id="made-{anchor}">(.*?)</table>', page, re.DOTALL)
        made = tuple(store.resolve(name) for name in dict.fromkeys(NAME.findall(named[1]))) if named else ()
        for found in islice(alone.finditer(words), MOST_SHOWN):
            start, stop = max(0, found.start() - AROUND), found.end() + AROUND
            around = f"{'...' if start else ''}{words[start:stop]}{'...' if stop < len(words) else ''}"
            yield Shown(anchor, around, made)


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
                yield f"{CELL}{name}, {where or f'row {row}'}: {table[name].iloc[row]:.6g}"

    def _fields(self, value: object, path: str) -> Iterator[str]:
        if isinstance(value, BaseModel):
            for name in [*(one for one in type(value).model_fields if one not in INDICES), *_derived(type(value))]:
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
