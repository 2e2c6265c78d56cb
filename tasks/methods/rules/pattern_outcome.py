"""Patterns in time written out, and which of them go with the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.class_tests import log_factorials
from tasks.methods.rules.contingency import CELLS_AT_ONCE, fisher_greater
from tasks.methods.rules.kernels.exact import exact
from tasks.methods.rules.pattern_search import without_one_event
from tasks.methods.rules.row_bits import RowBits, row_bits
from tasks.methods.rules.sequence_rule import OutcomeTest, SequencePattern, pattern_claim
from tasks.methods.rules.westfall_young import permuted_classes, smallest_p_values, westfall_young_adjusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.rules.pattern_search import Pattern, Patterns


@dataclass(frozen=True, eq=False)
class Answers:
    """Hold the outcome of each patient.

    Parameters
    ----------
    known, positive
        (patients,): the outcome is known, and it came true.
    words
        What came true (`progression is yes`).
    """

    known: NDArray[np.bool_]
    positive: NDArray[np.bool_]
    words: str

    @classmethod
    def of(cls, outcome: pd.Series, patients: Sequence[str], words: str) -> Answers:
        """Take the outcome (1, 0 or missing) of some patients by their keys; others have none."""
        values = outcome.reindex(list(patients)).to_numpy(dtype=float)
        return cls(~np.isnan(values), values == 1, words)


@dataclass(frozen=True)
class Tested:
    """Say how patterns are tested."""

    permutations: int
    seed: int
    alpha: float
    productive_p: float


def untested_patterns(
    found: Patterns, names: Sequence[str], patients: Sequence[str], most: int | None
) -> tuple[list[SequencePattern], int]:
    """Return the closed patterns of two steps or more, the most frequent first, then those of fewer events.

    At most so many are listed; returned is also how many there are.
    """
    several = [pattern for pattern in found.closed if len(pattern.steps) > 1]
    order = sorted(several, key=lambda pattern: _place(pattern, names))
    return [_written(pattern, names, patients, None) for pattern in order[:most]], len(order)


def tested_patterns(
    found: Patterns, names: Sequence[str], patients: Sequence[str], answers: Answers, how: Tested, most: int | None
) -> list[SequencePattern]:
    """Return the closed patterns with their outcome tests, the most convincing first, at most so many.

    Patterns of one step are among them: that a patient has an event at all may tell as much as what came before it.
    All of them are tested, whether listed or not.
    """
    p, adjusted = outcome_p_values(found.closed, answers, how.permutations, how.seed)
    order = sorted(range(p.size), key=lambda place: (adjusted[place], p[place], *_place(found.closed[place], names)))
    written = []
    for place in order[:most]:
        pattern = found.closed[place]
        member = _members(pattern, answers)
        a, b, c, d = _counts(member, answers.known, answers.positive)
        test = OutcomeTest(
            a=a,
            b=b,
            c=c,
            d=d,
            outcome=answers.words,
            p=float(p[place]),
            adjusted_p=float(adjusted[place]),
            alpha=how.alpha,
            gains=_gains(pattern, found, answers, how.productive_p),
            supporting=_keys(patients, member & answers.known & answers.positive),
            contradicting=_keys(patients, member & answers.known & ~answers.positive),
        )
        written.append(_written(pattern, names, patients, test))
    return written


def outcome_p_values(
    patterns: Sequence[Pattern], answers: Answers, permutations: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two-sided p-value of each pattern among the patients of known outcome, and the same adjusted.

    Fisher's exact: the chance of every table that is no more likely than the one seen. It is adjusted by the smallest
    p-value of any pattern in each of so many shuffles of the outcome.

    Fisher, J R Stat Soc 1935;98:39. Westfall and Young, Resampling-based multiple testing, 1993.
    """
    positive = answers.positive[answers.known]
    strata, logs = np.zeros(positive.size, np.intp), log_factorials(positive.size)
    bits = row_bits(strata)
    present = _packed(patterns, answers, bits)
    labels = bits.packed(positive[:, None])
    having, both = bits.counted(present), np.bitwise_count(present & labels).sum(axis=1, dtype=np.int64)
    order = np.argsort(having[:, 0], kind="stable")
    rows, positives = np.full_like(having, positive.size), np.full_like(having, np.count_nonzero(positive))
    p = np.empty(len(patterns))
    p[order] = exact(having[order], rows, positives, both[order], True, logs)  # noqa: FBT003 - a kernel
    everyone = np.broadcast_to(bits.packed(np.ones((positive.size, 1), bool)), present.shape)
    step = max(1, CELLS_AT_ONCE // max(1, positive.size))
    smallest = [
        smallest_p_values(
            bits,
            present,
            everyone,
            permuted_classes(positive.astype(np.intp), strata, range(first, last), seed),
            (1,),
            logs,
            two_sided=True,
        )
        for first, last in pairwise([*range(0, permutations, step), permutations])
    ]
    return p, westfall_young_adjusted(p, np.concatenate(smallest))


def _packed(patterns: Sequence[Pattern], answers: Answers, bits: RowBits) -> NDArray[np.uint64]:
    """Return (patterns, words) bits of the patients of known outcome in whom each occurs, worked on in parts."""
    step = max(1, CELLS_AT_ONCE // max(1, answers.known.size))
    packed = np.empty((len(patterns), bits.strata.size), np.uint64)
    for start in range(0, len(patterns), step):
        part = patterns[start : start + step]
        members = np.zeros((answers.known.size, len(part)), bool)
        for place, pattern in enumerate(part):
            members[pattern.patients, place] = True
        packed[start : start + step] = bits.packed(members[answers.known])
    return packed


def _gains(pattern: Pattern, found: Patterns, answers: Answers, most: float) -> bool:
    """Return whether, among the patients with the pattern but for one event, those with all of it differ beyond chance.

    They are compared in the direction in which the pattern differs from all others. A shorter pattern of the same
    patients is no rival; nor is one that is not frequent, as with a gap can be.

    Webb, Mach Learn 2007;68:1.
    """
    member = _members(pattern, answers)
    a, b, c, d = _counts(member, answers.known, answers.positive)
    outcome = answers.positive if a * (c + d) >= c * (a + b) else ~answers.positive
    rivals = [found.frequent[steps] for steps in without_one_event(pattern.steps) if steps in found.frequent]
    tables = []
    for rival in rivals:
        within = _members(rival, answers)
        if not np.array_equal(within, member):
            tables.append(_counts(member, answers.known & within, outcome))
    return bool((fisher_greater(np.array(tables, np.int64).reshape(-1, 4)) <= most).all())


def _members(pattern: Pattern, answers: Answers) -> NDArray[np.bool_]:
    members = np.zeros(answers.known.size, bool)
    members[pattern.patients] = True
    return members


def _keys(patients: Sequence[str], chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(patients[place] for place in np.flatnonzero(chosen).tolist())


def _counts(
    member: NDArray[np.bool_], counted: NDArray[np.bool_], positive: NDArray[np.bool_]
) -> tuple[int, int, int, int]:
    cells = (member & positive, member & ~positive, ~member & positive, ~member & ~positive)
    a, b, c, d = (int(np.count_nonzero(cell & counted)) for cell in cells)
    return a, b, c, d


def _written(
    pattern: Pattern, names: Sequence[str], patients: Sequence[str], test: OutcomeTest | None
) -> SequencePattern:
    return SequencePattern(
        steps=_named(pattern, names),
        patients=len(patients),
        completed=pattern.patients.size,
        median_days=pattern.median_days,
        with_outcome=test,
        supporting=tuple(patients[place] for place in pattern.patients.tolist()),
    )


def _place(pattern: Pattern, names: Sequence[str]) -> tuple[int, int, str]:
    return -pattern.patients.size, sum(map(len, pattern.steps)), pattern_claim(_named(pattern, names))


def _named(pattern: Pattern, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(names[event] for event in step) for step in pattern.steps)
