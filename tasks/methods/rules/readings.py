"""Rules over several readers' ratings of the same cases: weighted by agreement, and held against every reader."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from data_catalog.errors import BadData
from tasks.methods.method import Method
from tasks.methods.rules.contingency import CELLS_AT_ONCE, covered, fully_known, rule_counts, surely_without
from tasks.methods.rules.items import require_columns
from tasks.methods.rules.itemsets import MinSupport
from tasks.methods.rules.reading_rule import ReaderCounts, ReadingRule, ReadingRuleSet
from tasks.methods.rules.redundancy import first_explaining
from tasks.methods.rules.rule import claim
from tasks.methods.rules.table_itemsets import frequent_itemsets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.rules.discretise import FixedBins, QuantileBins
    from tasks.methods.rules.items import ColumnLabel, ItemTable

READING_COLUMNS = ("patient", "case", "reader")
ROUNDING = 1e-9
"""Differences smaller than this share are none."""
Pair = tuple[tuple[int, ...], tuple[int, ...]]


class ReadingMiner(Method):
    """Find ratings that go with another rating in the readings of several readers.

    A reading counts as its share of the case's readings, so that a case counts once however many have read it, and
    is a whole case of a rule only where all readers agree. Cases of one patient, and readings of one case, are no
    independent evidence: what is added up over the readings of each patient (the product of how far antecedent and
    consequent are from their means) is taken for independent between patients, and is as likely to be positive as
    negative where the two do not go together. P-values come from turning these signs at random, all rules together:
    adjusted is by the largest sum of any rule. A rule holds for all readers if it is significant in the readings of
    each, adjusted over every rule and every reader.

    Cameron, Gelbach and Miller, Rev Econ Stat 2008;90:414 (signs by cluster). Chernozhukov, Chetverikov and Kato, Ann
    Stat 2013;41:2786 (largest of many sums). Westfall and Young, Wiley 1993. Berger, Technometrics 1982;24:295 (all
    readers).
    """

    method: Literal["readings"] = "readings"
    ends_in: str
    """Column of ratings that rules end in."""
    consequents: tuple[str, ...] | None = None
    """Levels of it that rules may end in; None for each of them."""
    min_support: MinSupport = 0.1
    """Smallest share of the readings that a rule applies to; a whole number is a count."""
    max_length: int = Field(default=2, ge=1, le=4)
    """Most ratings in the antecedent."""
    min_patients: int = Field(default=20, ge=2)
    """Fewest patients whom a reader has read to be looked at by himself."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """A rule is significant if its adjusted p-value is at most this."""
    productive_p: float = Field(default=0.05, gt=0, le=1)
    """Largest p-value, not adjusted, of what a listed rule gains on each with one rating less, and, if it is to be
    claimed, of what it says of the readings to which a better rule does not apply."""
    permutations: int = Field(default=999, ge=99)
    """Turns of the patients' signs."""
    seed: int = Field(default=0, ge=0)
    """Seed of the turns."""
    max_candidates: int = Field(default=20_000, ge=1)
    """Most antecedents to search; more are refused before memory runs out."""
    max_rules: int | None = Field(default=100, ge=1)
    """Most rules to list; None for all."""

    def __call__(
        self, readings: pd.DataFrame, columns: Mapping[str, ColumnLabel], discretiser: QuantileBins | FixedBins
    ) -> ReadingRuleSet:
        """Return the rules by adjusted p-value, size and text.

        `readings` has one row a reading: patient, case (within the patient), reader, and the ratings.

        Raises
        ------
        BadData
            If a column is missing, a reading has no patient, case or reader, somebody has read a case twice, the
            column that rules end in gives no items, or too many antecedents are frequent.
        """
        require_columns(readings, [*READING_COLUMNS, *columns, self.ends_in])
        _require_one_reading_each(readings)
        table = readings.sort_values([*READING_COLUMNS], ignore_index=True)
        binning = discretiser.fit(table, columns)
        items = binning.items(table)
        pairs = self._pairs(items)
        read = _Read.of(table, self.min_patients)
        everyone = _gone_with(items, pairs, read, np.ones(len(table), bool))
        p, adjusted = _turned(everyone[None], self.permutations, self.seed)
        own = np.stack([_gone_with(items, pairs, read, read.readers == one) for one in read.looked_at] or [everyone])
        by_reader = _turned(own, self.permutations, self.seed)[1]
        z = _z(everyone)
        order = sorted(
            (place for place in range(len(pairs)) if _gains(items, pairs[place], read, self.productive_p)),
            key=lambda place: (adjusted[0, place], -round(float(z[place]), 9), len(pairs[place][0]), pairs[place]),
        )
        listed = order[: self.max_rules]
        better = _explanations(items, [pairs[place] for place in listed], read, self.productive_p)
        rules = []
        for place, by in zip(listed, better, strict=True):
            readers = tuple(
                ReaderCounts(
                    **_counts(items.select(np.flatnonzero(read.readers == reader)), pairs[place]),
                    reader=str(reader),
                    z=float(_z(own[number, place : place + 1])[0]),
                    adjusted_p=float(by_reader[number, place]),
                )
                for number, reader in enumerate(read.looked_at)
            )
            rules.append(
                ReadingRule(
                    antecedent=tuple(items.items[item] for item in pairs[place][0]),
                    consequent=items.items[pairs[place][1][0]],
                    **_weighted(items, pairs[place], read),
                    **_agreed(items, pairs[place], read),
                    z=float(z[place]),
                    p=float(p[0, place]),
                    adjusted_p=float(adjusted[0, place]),
                    alpha=self.alpha,
                    readers=readers,
                    explained_by=None if by is None else _claim(items, pairs[listed[by]]),
                )
            )
        return ReadingRuleSet(
            rules=tuple(rules),
            found=len(order),
            searched=len(pairs),
            patients=read.patient_starts.size,
            cases=int(read.cases.max(initial=-1)) + 1,
            readings=len(table),
            readers=tuple(map(str, read.looked_at)),
            alpha=self.alpha,
            permutations=self.permutations,
            refused=binning.refused,
        )

    def require_ends(self, items: ItemTable) -> None:
        """Raise `BadData` where the rating that rules end in has no level, or not one of those that are asked for."""
        levels = {item.level for item in items.items if item.column == self.ends_in}
        unknown = sorted(set(self.consequents or ()) - levels)
        if unknown or not levels:
            raise BadData(
                "unknown_consequent",
                f"Rules end in a level of {self.ends_in}: {', '.join(sorted(levels)) or 'it has none'}",
                f"{', '.join(unknown) or 'none'} came",
                "Correct `ends_in` or `consequents`, or how its numbers are cut.",
            )

    def _pairs(self, items: ItemTable) -> list[Pair]:
        """Return the antecedents that enough readings have, each with each of the ratings that rules end in."""
        ends = [
            place
            for place, item in enumerate(items.items)
            if item.column == self.ends_in and (self.consequents is None or item.level in self.consequents)
        ]
        self.require_ends(items)
        found = frequent_itemsets(items, self.min_support, self.max_length, self.max_candidates)
        starts = [one for one in found if all(items.items[item].column != self.ends_in for item in one)]
        return [(start, (end,)) for start in starts for end in ends]


@dataclass(frozen=True, eq=False)
class _Read:
    """Hold who has read what, rows sorted by patient, case and reader.

    Parameters
    ----------
    patient_starts
        (patients,): the first row of each.
    cases
        (rows,): number of the case, rising.
    readers
        (rows,): who read.
    weights
        (rows,): share of the case that a reading is.
    looked_at
        Readers with patients enough.
    """

    patient_starts: NDArray[np.intp]
    cases: NDArray[np.intp]
    readers: NDArray[np.str_]
    weights: NDArray[np.float64]
    looked_at: NDArray[np.str_]

    @classmethod
    def of(cls, table: pd.DataFrame, min_patients: int) -> _Read:
        patients, readers = (table[name].astype(str).to_numpy(dtype=np.str_) for name in ("patient", "reader"))
        new = np.ones(len(table), bool)
        new[1:] = patients[1:] != patients[:-1]
        cases = table.groupby(["patient", "case"], sort=False).ngroup().to_numpy().astype(np.intp)
        every, of = np.unique(readers, return_inverse=True)
        seen = np.array([np.unique(patients[of == number]).size for number in range(every.size)])
        return cls(
            np.flatnonzero(new),
            cases,
            readers,
            1 / np.bincount(cases)[cases].astype(float),
            every[seen >= min_patients],
        )


def _gone_with(items: ItemTable, pairs: Sequence[Pair], read: _Read, counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (rules, patients): how far each patient's readings bear out that antecedent and consequent go together.

    It is the sum, over those of the patient's readings that are counted and of which all is known, of the weight
    times what each side is above its mean.
    """
    step = max(1, CELLS_AT_ONCE // max(1, len(items)))
    parts = []
    for first, last in pairwise([*range(0, len(pairs), step), len(pairs)]):
        left, right = ([pair[side] for pair in pairs[first:last]] for side in (0, 1))
        known = fully_known(items, left) & fully_known(items, right) & counted[:, None]
        weights = np.where(known, read.weights[:, None], 0.0)
        total = np.maximum(weights.sum(axis=0), np.finfo(float).tiny)
        x, y = covered(items, left).astype(float), covered(items, right).astype(float)
        centred = [side - (weights * side).sum(axis=0) / total for side in (x, y)]
        parts.append(np.add.reduceat(weights * centred[0] * centred[1], read.patient_starts, axis=0).T)
    return np.concatenate(parts) if parts else np.zeros((0, read.patient_starts.size))


def _z(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (..., rules) totals of (..., rules, patients) sums in standard errors; 0 where nothing varies."""
    spread = np.sqrt((sums**2).sum(axis=-1))
    found: NDArray[np.float64] = sums.sum(axis=-1) / np.where(spread > 0, spread, 1.0)
    return found


def _turned(sums: NDArray[np.float64], permutations: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return p-values of (groups, rules, patients) sums, and the same adjusted over all groups and rules.

    The sign of each patient is turned at random, the same for all groups and rules.
    """
    rng = np.random.default_rng(seed)
    groups, rules, patients = sums.shape
    flat = sums.reshape(groups * rules, patients)
    scaled = flat / np.maximum(np.sqrt((flat**2).sum(axis=1, keepdims=True)), np.finfo(float).tiny)
    least = scaled.sum(axis=1) * (1 - ROUNDING * np.sign(scaled.sum(axis=1)))
    own, any_of_them = np.zeros(least.size, np.int64), np.zeros(least.size, np.int64)
    step = max(1, CELLS_AT_ONCE // max(1, least.size, patients))
    for first, last in pairwise([*range(0, permutations, step), permutations]):
        turned = scaled @ rng.choice(np.array([-1.0, 1.0]), size=(patients, last - first))
        own += np.count_nonzero(turned >= least[:, None], axis=1)
        largest = np.sort(turned.max(axis=0, initial=-np.inf))
        any_of_them += largest.size - np.searchsorted(largest, least, side="left")
    p, adjusted = ((count + 1) / (permutations + 1) for count in (own, any_of_them))
    return p.reshape(groups, rules), adjusted.reshape(groups, rules)


def _chance(items: ItemTable, pair: Pair, read: _Read, counted: NDArray[np.bool_]) -> float:
    """Return the one-sided normal p-value of a rule among the readings that are counted."""
    from scipy.special import ndtr

    return float(ndtr(-_z(_gone_with(items, [pair], read, counted))[0]))


def _gains(items: ItemTable, pair: Pair, read: _Read, most: float) -> bool:
    """Return whether each rating of the antecedent goes with the consequent among those who give its others."""
    left, right = pair
    return all(
        _chance(items, ((item,), right), read, covered(items, [tuple(other for other in left if other != item)])[:, 0])
        <= most
        for item in left
    )


def _explanations(items: ItemTable, listed: Sequence[Pair], read: _Read, most: float) -> list[int | None]:
    """Return for each rule the first better one, itself not explained, without which it shows nothing."""

    def shows_nothing(later: int, earlier: int) -> bool:
        rest = np.zeros(len(items), bool)
        rest[surely_without(items, listed[earlier][0])] = True
        return _chance(items, listed[later], read, rest) > most

    return first_explaining(len(listed), shows_nothing)


def _counts(items: ItemTable, pair: Pair) -> dict[str, int]:
    return dict(zip("abcd", rule_counts(items, [pair[0]], [pair[1]])[0].tolist(), strict=True))


def _sides(items: ItemTable, pair: Pair) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return of which readings all is known, and which of them have antecedent and consequent."""
    known = fully_known(items, [pair[0] + pair[1]])[:, 0]
    return known, covered(items, [pair[0]])[:, 0] & known, covered(items, [pair[1]])[:, 0] & known


def _weighted(items: ItemTable, pair: Pair, read: _Read) -> dict[str, float]:
    """Return the counts of cases, each weighted by how many of its readers agree."""
    known, left, right = _sides(items, pair)
    cells = {
        "both": left & right,
        "applies": left,
        "otherwise_both": known & ~left & right,
        "otherwise": known & ~left,
    }
    return {name: float(read.weights[cell].sum()) for name, cell in cells.items()}


def _agreed(items: ItemTable, pair: Pair, read: _Read) -> dict[str, int]:
    """Return in how many cases of several readers all agree on the antecedent, and on both."""
    known, left, right = _sides(items, pair)
    readers = np.bincount(read.cases)
    several = (readers > 1) & (np.bincount(read.cases, weights=known) == readers)
    agreed = several & (np.bincount(read.cases, weights=left) == readers)
    both = agreed & (np.bincount(read.cases, weights=right) == readers)
    return {"agreed": int(np.count_nonzero(agreed)), "agreed_both": int(np.count_nonzero(both))}


def _claim(items: ItemTable, pair: Pair) -> str:
    left, right = (tuple(items.items[item] for item in side) for side in pair)
    return claim(left, right)


def _require_one_reading_each(readings: pd.DataFrame) -> None:
    keys = readings[list(READING_COLUMNS)]
    lacking, twice = int(keys.isna().any(axis=1).sum()), int(keys.duplicated().sum())
    if lacking or twice or not len(readings):
        raise BadData(
            "readings_not_told_apart",
            "Every reading has a patient, a case and a reader, and no reader reads a case twice",
            f"{lacking} lack one of these and {twice} repeat another, of {len(readings)} readings",
            "Name the reader of each reading, and keep one reading of a case by each.",
        )
