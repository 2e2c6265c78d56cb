"""Subgroup discovery: items of patients who differ in a number or in survival, with control of false discoveries."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from tasks.methods.method import Method
from tasks.methods.rules.contingency import CELLS_AT_ONCE, covered, fully_known, surely_without
from tasks.methods.rules.items import ItemTable, require_one_row_each, require_same_rows
from tasks.methods.rules.itemsets import MinSupport
from tasks.methods.rules.redundancy import first_explaining
from tasks.methods.rules.subgroup import Side, Subgroup, SubgroupSet
from tasks.methods.rules.table_itemsets import frequent_itemsets
from tasks.methods.rules.targets import median_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.targets import Target

ROUNDING = 1e-9
"""Differences smaller than this share are none."""
Itemset = tuple[int, ...]


class SubgroupMiner(Method):
    """Find items, alone or together, whose patients differ from all others in a target more than chance allows.

    Every frequent combination of items is searched, exactly: which are frequent does not depend on the target. A
    number is compared by its mean, the time until an event by the log-rank test. How far a subgroup differs is the
    sum of its patients' scores in standard deviations over shuffles of the target between patients; p-values are
    adjusted by the largest difference of any subgroup in each shuffle, so that the chance of any false discovery is
    at most alpha. Listed are subgroups that differ, beyond chance, from each with one item less, and one that only
    echoes a better one says by which it is explained: it is listed, but not claimed.

    Klösgen, Advances in Knowledge Discovery and Data Mining, AAAI 1996, p. 249. Westfall and Young, Resampling-Based
    Multiple Testing, Wiley 1993. Webb, Mach Learn 2007;68:1.
    """

    method: Literal["subgroups"] = "subgroups"
    min_support: MinSupport = 0.1
    """Smallest share of patients (of known target) who are inside; a whole number is a count."""
    max_length: int = Field(default=2, ge=1, le=4)
    """Most items of a subgroup."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """A subgroup is significant if its adjusted p-value is at most this."""
    productive_p: float = Field(default=0.05, gt=0, le=1)
    """Largest p-value, not adjusted, of how a listed subgroup differs from each with one item less, and, if it is to
    be claimed, of how it differs among the patients to whom a better one does not apply."""
    permutations: int = Field(default=999, ge=99)
    """Shuffles of the target between patients."""
    seed: int = Field(default=0, ge=0)
    """Seed of the shuffles."""
    max_candidates: int = Field(default=100_000, ge=1)
    """Most subgroups to search; more are refused before memory runs out."""
    max_rules: int | None = Field(default=100, ge=1)
    """Most subgroups to list; None for all."""

    def __call__(self, items: ItemTable, target: Target, groups: Sequence[str]) -> SubgroupSet:
        """Return the subgroups by adjusted p-value, p-value, difference and text.

        `groups` are the patients' keys, one per row; rows whose target is not known are left out.

        Raises
        ------
        BadData
            If a patient has several rows, the tables differ in rows, or too many subgroups are frequent.
        """
        require_one_row_each(groups, len(items))
        require_same_rows(len(items), target.scores.size)
        rows = np.flatnonzero(target.known)
        own, known, scores = target.select(rows), items.select(rows), _standard(target.scores[rows])
        searched = frequent_itemsets(known, self.min_support, self.max_length, self.max_candidates)
        z, p, adjusted = self._tested(known, searched, scores)
        order = sorted(
            (place for place in range(len(searched)) if self._gains(known, searched[place], scores, z[place])),
            key=lambda place: (
                adjusted[place],
                p[place],
                -round(float(abs(z[place])), 9),
                len(searched[place]),
                searched[place],
            ),
        )
        listed = order[: self.max_rules]
        better = self._explanations(known, [searched[place] for place in listed], scores)
        keys = [groups[row] for row in rows.tolist()]
        subgroups: list[Subgroup] = []
        for number, place in enumerate(listed):
            inside, counted = _members(known, searched[place])
            by = better[number]
            subgroups.append(
                Subgroup(
                    items=tuple(known.items[item] for item in searched[place]),
                    inside=_side(own, inside),
                    outside=_side(own, counted & ~inside),
                    z=float(z[place]),
                    p=float(p[place]),
                    adjusted_p=float(adjusted[place]),
                    alpha=self.alpha,
                    explained_by=None if by is None else subgroups[by].claim,
                    supporting=tuple(keys[row] for row in np.flatnonzero(inside).tolist()),
                )
            )
        return SubgroupSet(
            target=target.label,
            unit=target.unit,
            is_time=target.happened is not None,
            subgroups=tuple(subgroups),
            found=len(order),
            searched=len(searched),
            rows=rows.size,
            left_out=len(items) - rows.size,
            permutations=self.permutations,
            alpha=self.alpha,
        )

    def _tested(
        self, items: ItemTable, searched: Sequence[Itemset], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return how far each subgroup differs, its p-value, and the same adjusted for all that were searched."""
        differences = _Differences(items, searched)
        z = differences(scores[:, None])[:, 0]
        least = np.abs(z) * (1 - ROUNDING)
        own, any_of_them = np.zeros(z.size, np.int64), np.zeros(z.size, np.int64)
        rng = np.random.default_rng(self.seed)
        step = max(1, CELLS_AT_ONCE // max(1, z.size, scores.size))
        for first, last in pairwise([*range(0, self.permutations, step), self.permutations]):
            shuffled = rng.permuted(np.tile(scores[:, None], (1, last - first)), axis=0)
            sizes = np.abs(differences(shuffled))
            own += np.count_nonzero(sizes >= least[:, None], axis=1)
            largest = np.sort(sizes.max(axis=0, initial=0.0))
            any_of_them += largest.size - np.searchsorted(largest, least, side="left")
        every = self.permutations + 1
        return z, (own + 1) / every, (any_of_them + 1) / every

    def _gains(self, items: ItemTable, itemset: Itemset, scores: NDArray[np.float64], z: float) -> bool:
        """Return whether the subgroup differs, in its direction and beyond chance, from each with one item less."""
        from scipy.special import ndtr

        inside, counted = _members(items, itemset)
        for place in range(len(itemset)):
            around, known = _members(items, itemset[:place] + itemset[place + 1 :])
            gain = difference(scores, inside, counted & around & known)
            if ndtr(-gain * np.sign(z)) > self.productive_p:
                return False
        return True

    def _explanations(
        self, items: ItemTable, listed: Sequence[Itemset], scores: NDArray[np.float64]
    ) -> list[int | None]:
        """Return for each subgroup the first better one, itself not explained, beside which it shows nothing.

        That is one among whose outsiders the subgroup does not differ beyond chance.
        """
        from scipy.special import ndtr

        members = [_members(items, itemset) for itemset in listed]

        def shows_nothing(later: int, earlier: int) -> bool:
            inside, counted = members[later]
            outside = np.zeros(len(items), bool)
            outside[surely_without(items, listed[earlier])] = True
            return bool(2 * ndtr(-abs(difference(scores, inside, counted & outside))) > self.productive_p)

        return first_explaining(len(listed), shows_nothing)


def _standard(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores of mean 0 and deviation 1, so that their squares keep their digits."""
    if not scores.size or np.ptp(scores) == 0:
        return np.zeros_like(scores)
    centred: NDArray[np.float64] = scores - scores.mean()
    standard: NDArray[np.float64] = centred / centred.std()
    return standard


class _Differences:
    """Tell how far the scores of subgroups differ from those of all rows of whom their items are known."""

    def __init__(self, items: ItemTable, searched: Sequence[Itemset]) -> None:
        known = fully_known(items, searched)
        self.inside = (covered(items, searched) & known).T.astype(np.float64)
        self.known = None if known.all() else known.T.astype(np.float64)
        self.sizes = self.inside.sum(axis=1, keepdims=True)
        self.rows = known.sum(axis=0)[:, None].astype(np.float64)

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (subgroups, shuffles) differences of (rows, shuffles) scores, in standard deviations."""
        sums, squares = (
            (part.sum(axis=0, keepdims=True) if self.known is None else self.known @ part)
            for part in (scores, scores**2)
        )
        return _standardised(self.inside @ scores, self.sizes, self.rows, sums, squares)


def difference(scores: NDArray[np.float64], inside: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    """Return how far those inside differ from all that are counted, in standard deviations over shuffles of these."""
    own = scores[counted]
    parts = (scores[inside & counted].sum(), np.count_nonzero(inside & counted), own.size, own.sum(), (own**2).sum())
    return float(_standardised(*(np.array(part, np.float64) for part in parts)))


def _standardised(
    total: NDArray[np.float64],
    sizes: NDArray[np.float64],
    rows: NDArray[np.float64],
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return sums of some of the rows less what a draw without replacement gives, in its standard deviations."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums / rows
        spread = squares / rows - mean**2
        deviation = np.sqrt(np.maximum(spread, 0) * sizes * (rows - sizes) / (rows - 1))
        found = (total - sizes * mean) / deviation
    is_spread = (spread > ROUNDING * squares / np.maximum(rows, 1)) & (sizes > 0) & (sizes < rows)
    return np.where(is_spread, found, 0.0)


def _members(items: ItemTable, itemset: Itemset) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows are inside, and of which that is known."""
    known = fully_known(items, [itemset])[:, 0]
    return covered(items, [itemset])[:, 0] & known, known


def _side(target: Target, rows: NDArray[np.bool_]) -> Side:
    """Sum up the target in some rows."""
    number = int(np.count_nonzero(rows))
    if target.happened is None:
        return Side(patients=number, mean=float(target.values[rows].mean()) if number else None)
    events = int(np.count_nonzero(target.happened[rows]))
    return Side(
        patients=number,
        events=events,
        expected=max(0.0, float(events - target.scores[rows].sum())),
        median_time=median_time(target.values[rows], target.happened[rows]) if number else None,
    )
