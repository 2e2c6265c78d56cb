"""Itemsets and rules as data frames in the idiom of mlxtend, made by our own search."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from data_catalog.collector import paused
from data_catalog.errors import BadData
from tasks.methods.rules.baskets import baskets_of
from tasks.methods.rules.contingency import HALDANE, Z_95, fisher_greater
from tasks.methods.rules.itemsets import MOST_ITEMSETS, Kind, least_rows, mine_itemsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

Metric = Literal[
    "antecedent support",
    "consequent support",
    "support",
    "confidence",
    "lift",
    "representativity",
    "leverage",
    "conviction",
    "zhangs_metric",
    "jaccard",
    "certainty",
    "kulczynski",
    "odds_ratio",
]
RULES_AT_ONCE = 1_000_000
"""Splits whose measures are worked out at once: most are never written as rows."""


def frequent_itemsets(
    frame: pd.DataFrame,
    min_support: float | np.integer[Any] = 0.5,
    *,
    use_colnames: bool = False,
    max_len: int | None = None,
    kind: Kind = "all",
    most: int = MOST_ITEMSETS,
) -> pd.DataFrame:
    """Return the frequent itemsets of a frame of truth values, as `apriori` and `fpgrowth` of mlxtend do.

    Parameters
    ----------
    frame : DataFrame
        (rows, items) of truth values, or of 0 and 1.
    min_support : float or int
        Smallest share of the rows, or with a whole number the smallest number of rows.
    use_colnames : bool
        Whether items are columns' names; otherwise their positions.
    max_len : int, optional
        Most items of an itemset.
    kind : str
        `all`, `closed` or `maximal`.
    most : int
        More itemsets than this are refused.

    Returns
    -------
    DataFrame
        Columns `support` and `itemsets` (frozensets), by length and then by position.

    Raises
    ------
    ValueError
        If there is no such kind, or the minimum support is no share above 0 and no whole number from 1.
    BadData
        If a value is neither true nor false, or there are too many itemsets.
    """
    import pandas as pd

    _require_kind_and_support(kind, min_support)
    present = _truth_values(frame)
    least = least_rows(min_support, len(frame))
    found = mine_itemsets(baskets_of(present), least, kind=kind, longest=max_len, most=most)
    names = np.array([*frame.columns, None], dtype=object)[:-1] if use_colnames else np.arange(frame.shape[1])
    supports: list[NDArray[np.float64]] = [np.zeros(0)]
    itemsets: list[frozenset[Any]] = []
    with paused():
        for nodes, items in found.by_length():
            supports.append(found.supports[nodes] / len(frame))
            itemsets += map(frozenset, names[items].tolist())
    return pd.DataFrame({"support": np.concatenate(supports), "itemsets": pd.Series(itemsets, dtype=object)})


def association_rules(
    itemsets: pd.DataFrame,
    rows: int,
    *,
    metric: Metric = "confidence",
    min_threshold: float = 0.8,
    ends_in: Sequence[Any] | None = None,
    non_redundant: bool = False,
) -> pd.DataFrame:
    """Return the rules that frequent itemsets split into, with the measures of mlxtend and four more.

    Parameters
    ----------
    itemsets : DataFrame
        All frequent itemsets, as `frequent_itemsets` gives them: with each one its parts.
    rows : int
        Rows that were mined.
    metric, min_threshold
        A rule is listed if this measure is at least this.
    ends_in : sequence, optional
        Items that rules may end in, each alone; without them, rules end in any itemset.
    non_redundant : bool
        Whether to list only rules whose antecedent has no smaller part of the same rows and whose itemset no larger
        one: of rules with the same counts, those that ask the least and say the most.

    Returns
    -------
    DataFrame
        The columns of mlxtend's `association_rules`, the odds ratio with a half added to each cell and its 95 %
        interval, and Fisher's exact one-sided p-value, not adjusted.

    Raises
    ------
    ValueError
        If there is no such metric.
    BadData
        If a part of an itemset is missing.

    References
    ----------
    Raschka, J Open Source Softw 2018;3:638. Bastide et al., CL 2000, p. 972, for rules that are not redundant.
    """
    import pandas as pd

    _require_one_of("metric", metric, get_args(Metric))
    if itemsets.empty:
        return pd.DataFrame(columns=["antecedents", "consequents", *_measures(np.zeros((0, 4), np.int64)), "p"])
    known = _Known.of(itemsets, rows)
    wanted = None if ends_in is None else [known.numbers[item] for item in ends_in if item in known.numbers]
    parts = [
        part
        for length, sets in sorted(known.by_length.items())
        for sides in _splits(length, wanted is not None)
        for start in range(0, len(sets), RULES_AT_ONCE)
        if (part := _part(known, sets[start : start + RULES_AT_ONCE], sides, wanted, metric, min_threshold)) is not None
    ]
    if not parts:
        return association_rules(itemsets.iloc[:0], rows)
    rules = pd.concat(parts, ignore_index=True)
    return rules[known.not_redundant(rules)].reset_index(drop=True) if non_redundant else rules


@dataclass(frozen=True, eq=False)
class _Known:
    """Be the itemsets of a frame as numbers, and their counts found by a sum of random numbers, one for each item."""

    items: NDArray[np.object_]
    numbers: dict[Any, int]
    by_length: dict[int, NDArray[np.intp]]
    marks: NDArray[np.uint64]
    sums: NDArray[np.uint64]
    counts: NDArray[np.int64]
    rows: int

    @classmethod
    def of(cls, itemsets: pd.DataFrame, rows: int) -> _Known:
        items = list(dict.fromkeys(item for itemset in itemsets["itemsets"] for item in itemset))
        numbers = {item: number for number, item in enumerate(items)}
        lengths = np.array([len(itemset) for itemset in itemsets["itemsets"]], np.intp)
        flat = np.array([numbers[item] for itemset in itemsets["itemsets"] for item in itemset], np.intp)
        starts = np.cumsum(lengths) - lengths
        by_length = {
            length: np.sort(flat[starts[lengths == length][:, None] + np.arange(length)], axis=1)
            for length in np.unique(lengths).tolist()
        }
        marks = _marks(len(items), by_length, itemsets["itemsets"].nunique())
        sums = np.bitwise_xor.reduceat(marks[flat], starts)
        order = np.argsort(sums)
        counts = np.rint(itemsets["support"].to_numpy() * rows).astype(np.int64)
        names = np.empty(len(items), dtype=object)
        names[:] = items
        return cls(names, numbers, by_length, marks, sums[order], counts[order], rows)

    def count(self, itemsets: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return in how many rows each of (itemsets, length) items is."""
        sums = np.bitwise_xor.reduce(self.marks[itemsets], axis=1)
        places = np.minimum(np.searchsorted(self.sums, sums), self.sums.size - 1)
        missing = np.flatnonzero(self.sums[places] != sums)
        if missing.size:
            raise BadData(
                "itemsets_incomplete",
                "With each itemset come all of its parts",
                f"{sorted(map(str, self.items[itemsets[missing[0]]]))} is missing",
                "Give all frequent itemsets, neither closed nor maximal ones alone.",
            )
        return self.counts[places]

    def not_redundant(self, rules: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rules ask for no item, and leave out none, that changes nothing of the rows."""
        larger: set[frozenset[Any]] = set()
        smaller: set[frozenset[Any]] = set()
        for sets in self.by_length.values():
            own = self.count(sets)
            for left_out in range(sets.shape[1]):
                part = np.delete(sets, left_out, axis=1)
                same = own == (self.count(part) if part.shape[1] else self.rows)
                smaller |= set(map(frozenset, self.items[sets[same]].tolist()))
                larger |= set(map(frozenset, self.items[part[same]].tolist()))
        sides = zip(rules["antecedents"], rules["consequents"], strict=True)
        return np.array([left not in smaller and left | right not in larger for left, right in sides], bool)


def _marks(items: int, by_length: dict[int, NDArray[np.intp]], different: int) -> NDArray[np.uint64]:
    """Return a random number for each item such that no two of the itemsets have the same sum."""
    rng = np.random.default_rng(0)
    while True:
        marks = rng.integers(1, 2**64 - 1, items, np.uint64, endpoint=True)
        sums = np.concatenate([np.bitwise_xor.reduce(marks[sets], axis=1) for sets in by_length.values()])
        if np.unique(sums).size == different:
            return marks


def _splits(length: int, ends_alone: bool) -> list[tuple[list[int], list[int]]]:  # noqa: FBT001
    """Return the places of the antecedent's and the consequent's items, in every split of so many."""
    places = set(range(length))
    sizes = [length - 1] if ends_alone else range(length - 1, 0, -1)
    return [
        (list(left), sorted(places.difference(left))) for size in sizes if size for left in combinations(places, size)
    ]


def _part(
    known: _Known,
    sets: NDArray[np.intp],
    sides: tuple[list[int], list[int]],
    wanted: Sequence[int] | None,
    metric: Metric,
    min_threshold: float,
) -> pd.DataFrame | None:
    """Return the rules of some itemsets split in one way that reach the threshold, None without any."""
    import pandas as pd

    left, right = sides
    if wanted is not None:
        sets = sets[np.isin(sets[:, right[0]], wanted)]
    if not len(sets):
        return None
    both, antecedent, consequent = known.count(sets), known.count(sets[:, left]), known.count(sets[:, right])
    counts = np.stack([both, antecedent - both, consequent - both, known.rows - antecedent - consequent + both], axis=1)
    reached = np.flatnonzero(_measures(counts)[metric] >= min_threshold)
    if not reached.size:
        return None
    sets, counts = sets[reached], counts[reached]
    named = {
        name: pd.Series(list(map(frozenset, known.items[sets[:, side]].tolist())), dtype=object)
        for name, side in (("antecedents", left), ("consequents", right))
    }
    return pd.DataFrame({**named, **_measures(counts), "p": fisher_greater(counts)})


def _measures(counts: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return the measures of (rules, 4) counts: both, antecedent only, consequent only, neither."""
    a, b, c, d = counts.T.astype(np.float64)
    rows = np.maximum(a + b + c + d, 1)
    left, right, both = (a + b) / rows, (a + c) / rows, a / rows
    with np.errstate(divide="ignore", invalid="ignore"):
        confidence = both / left
        leverage = both - left * right
        span = np.maximum(both * (1 - left), left * (right - both))
        odds = (a + HALDANE) * (d + HALDANE) / ((b + HALDANE) * (c + HALDANE))
        half = Z_95 * np.sqrt(sum(1 / (cell + HALDANE) for cell in (a, b, c, d)))
        return {
            "antecedent support": left,
            "consequent support": right,
            "support": both,
            "confidence": confidence,
            "lift": confidence / right,
            "representativity": np.ones_like(both),
            "leverage": leverage,
            "conviction": np.where(b == 0, np.inf, (1 - right) / (1 - confidence)),
            "zhangs_metric": np.where(span == 0, 0.0, leverage / span),
            "jaccard": both / (left + right - both),
            "certainty": np.where(right == 1, 0.0, (confidence - right) / (1 - right)),
            "kulczynski": (confidence + both / right) / 2,
            "odds_ratio": odds,
            "odds_ratio_low": odds * np.exp(-half),
            "odds_ratio_high": odds * np.exp(half),
        }


def _require_kind_and_support(kind: str, min_support: float | np.integer[Any]) -> None:
    _require_one_of("kind", kind, get_args(Kind))
    is_count = isinstance(min_support, int | np.integer) and not isinstance(min_support, bool)
    if isinstance(min_support, bool) or not (min_support >= 1 if is_count else 0 < min_support <= 1):
        raise ValueError(
            f"A minimum support is a share above 0 and up to 1.0, or a whole number of rows from 1: {min_support!r} "
            "came. Give a share as 0.05, and a number of rows without a point."
        )


def _require_one_of(what: str, given: str, choices: tuple[str, ...]) -> None:
    if given not in choices:
        raise ValueError(f"A {what} is one of {', '.join(choices)}: {given!r} came. Choose one of these.")


def _truth_values(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return a frame's values as truth values.

    Raises
    ------
    BadData
        If one is neither true nor false, neither 0 nor 1.
    """
    values = frame.to_numpy()
    if values.dtype != bool and not np.isin(values, (0, 1)).all():
        raise BadData(
            "no_truth_values",
            "A row has an item or has it not: true or false, 1 or 0",
            "other values, or missing ones, came",
            "Make an item of each value. A missing one is no item; `ItemTable` tells it from an absent one.",
        )
    return np.asarray(values, bool)
