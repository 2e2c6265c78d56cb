"""Whether the centres that patients come from agree on a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from tasks.methods.rules.contingency import rule_counts
from tasks.methods.rules.items import Value, require_same_rows
from tasks.methods.rules.rule import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.methods.rules.items import ItemTable

CENTRES = 2
"""Fewer cannot differ."""


class CentreCounts(Counts):
    """Count a rule in the patients of one centre."""

    centre: str
    """Name of the centre."""


class CentreAgreement(Value):
    """Hold a rule's counts centre by centre, and whether its odds ratios differ more than chance lets them."""

    centres: tuple[CentreCounts, ...]
    """The centres, by name."""
    odds_ratio: float | None = Field(default=None, gt=0)
    """Common odds ratio of the centres (Mantel and Haenszel); None where it is not finite or 0."""
    p: float | None = Field(default=None, ge=0, le=1)
    """P-value of the centres' odds ratios being one; None where fewer than two centres tell anything."""


def centre_agreements(
    table: ItemTable,
    antecedents: Sequence[tuple[int, ...]],
    consequents: Sequence[tuple[int, ...]],
    centres: Sequence[str | None],
) -> list[CentreAgreement | None]:
    """Return for each rule, given by positions of items, its counts by centre and the test of their agreement.

    `centres` has the centre of each row; rows of which it is not known take no part. None for every rule
    where fewer than two centres are known.

    Raises
    ------
    BadData
        If there are not as many centres as rows.
    """
    require_same_rows(len(table), len(centres))
    names = sorted({name for name in centres if name is not None})
    if len(names) < CENTRES:
        return [None] * len(antecedents)
    rows = [np.array([place for place, one in enumerate(centres) if one == name], np.intp) for name in names]
    counts = np.stack([rule_counts(table.select(part), antecedents, consequents) for part in rows], axis=1)
    return [_agreement(names, counts[rule]) for rule in range(len(antecedents))]


def _agreement(names: Sequence[str], counts: NDArray[np.int64]) -> CentreAgreement:
    cells = [dict(zip("abcd", row, strict=True)) for row in counts.tolist()]
    common = common_odds_ratio(counts)
    return CentreAgreement(
        centres=tuple(CentreCounts(centre=name, **row) for name, row in zip(names, cells, strict=True)),
        odds_ratio=common if 0 < common < np.inf else None,
        p=breslow_day_p(counts),
    )


def common_odds_ratio(counts: NDArray[np.int64]) -> float:
    """Return the odds ratio that (tables, 4) counts have in common; infinite, or NaN, where it divides by nothing.

    Mantel and Haenszel, J Natl Cancer Inst 1959;22:719.
    """
    a, b, c, d = _telling(counts).T
    rows = a + b + c + d
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.sum(a * d / rows) / np.sum(b * c / rows))


def breslow_day_p(counts: NDArray[np.int64]) -> float | None:
    """Return the p-value of (tables, 4) counts having one odds ratio.

    Tables in which one margin is empty tell nothing and are left out; None where fewer than two are left,
    or where their common odds ratio is 0 or not finite.

    Breslow and Day, Statistical methods in cancer research I, 1980, p. 142, with the correction of Tarone,
    Biometrika 1985;72:91.
    """
    from scipy.special import chdtrc

    telling = _telling(counts)
    odds = common_odds_ratio(counts)
    if len(telling) < CENTRES or not 0 < odds < np.inf:
        return None
    a = telling[:, 0]
    expected = expected_both(telling, odds)
    left, right = telling[:, 0] + telling[:, 1], telling[:, 0] + telling[:, 2]
    rest = telling.sum(axis=1) - left - right + expected
    variance = 1 / (1 / expected + 1 / (left - expected) + 1 / (right - expected) + 1 / rest)
    statistic = np.sum((a - expected) ** 2 / variance) - np.sum(a - expected) ** 2 / np.sum(variance)
    return float(chdtrc(len(telling) - 1, max(0.0, float(statistic))))


def expected_both(counts: NDArray[np.float64], odds: float) -> NDArray[np.float64]:
    """Return the first cell of tables with the margins of (tables, 4) counts and a given odds ratio, 0 < odds < inf."""
    a, b, c, d = counts.T
    left, right, rows = a + b, a + c, a + b + c + d
    # (1 - odds) x^2 + (rows - left - right + odds (left + right)) x - odds left right = 0, by the stable root
    linear = rows - left - right + odds * (left + right)
    root = np.sqrt(linear**2 + 4 * (1 - odds) * odds * left * right)
    expected: NDArray[np.float64] = 2 * odds * left * right / (linear + root)
    return expected


def _telling(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    a, b, c, d = counts.T
    margins = np.stack([a + b, c + d, a + c, b + d])
    return counts[(margins > 0).all(axis=0)].astype(float)
