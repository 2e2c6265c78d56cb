"""Patterns in time written out, and which of them go with the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.rules.contingency import fisher_greater
from tasks.methods.rules.label_permutations import westfall_young
from tasks.methods.rules.pattern_search import without_one_event
from tasks.methods.rules.sequence_rule import OutcomeTest, SequencePattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tasks.methods.rules.pattern_search import Pattern, Patterns

LAST = 2.0
"""Place of what has no p-value: after every one that has."""


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


def untested_patterns(found: Patterns, names: Sequence[str], patients: Sequence[str]) -> list[SequencePattern]:
    """Return the closed patterns of two steps or more, the most frequent first, then those of fewer events."""
    several = [pattern for pattern in found.closed if len(pattern.steps) > 1]
    return sorted((_written(pattern, names, patients, None) for pattern in several), key=_place)


def tested_patterns(
    found: Patterns, names: Sequence[str], patients: Sequence[str], answers: Answers, how: Tested
) -> list[SequencePattern]:
    """Return the closed patterns with their outcome tests, the most convincing first.

    Patterns of one step are among them: that a patient has an event at all may tell as much as what came before it.
    """
    members = np.zeros((len(patients), len(found.closed)), bool)
    for place, pattern in enumerate(found.closed):
        members[pattern.patients, place] = True
    positive = answers.positive[answers.known]
    p, adjusted = westfall_young(members[answers.known], positive, how.permutations, how.seed)
    written = []
    for place, pattern in enumerate(found.closed):
        a, b, c, d = _counts(members[:, place], answers.known, answers.positive)
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
        )
        written.append(_written(pattern, names, patients, test))
    return sorted(written, key=_place)


def _gains(pattern: Pattern, found: Patterns, answers: Answers, most: float) -> bool:
    """Return whether, among the patients with the pattern but for one event, those with all of it differ beyond chance.

    They are compared in the direction in which the pattern differs from all others. A shorter pattern of the same
    patients is no rival; nor is one that is not frequent, as with a gap can be.

    Webb, Mach Learn 2007;68:1.
    """
    member = np.zeros(answers.known.size, bool)
    member[pattern.patients] = True
    a, b, c, d = _counts(member, answers.known, answers.positive)
    outcome = answers.positive if a * (c + d) >= c * (a + b) else ~answers.positive
    rivals = [found.frequent[steps] for steps in without_one_event(pattern.steps) if steps in found.frequent]
    tables = []
    for rival in rivals:
        within = np.zeros(answers.known.size, bool)
        within[rival.patients] = True
        if not np.array_equal(within, member):
            tables.append(_counts(member, answers.known & within, outcome))
    return bool((fisher_greater(np.array(tables, np.int64).reshape(-1, 4)) <= most).all())


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
        steps=tuple(tuple(names[event] for event in step) for step in pattern.steps),
        patients=len(patients),
        completed=pattern.patients.size,
        median_days=pattern.median_days,
        with_outcome=test,
        supporting=tuple(patients[place] for place in pattern.patients.tolist()),
    )


def _place(pattern: SequencePattern) -> tuple[float, float, int, int, str]:
    test = pattern.with_outcome
    chance = (LAST, LAST) if test is None else (test.adjusted_p, test.p)
    return *chance, -pattern.completed, sum(map(len, pattern.steps)), pattern.claim
