"""How far negations and doubts reach in a sentence (NegEx), and what they make of what stands there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tasks.methods.text.item import Status
    from tasks.methods.text.triggers import Triggers

Span = tuple[int, int]
Sort = Literal["pseudo", "negates_after", "negates_before", "doubts_after", "doubts_before", "others_after", "ends"]
SORTS: tuple[Sort, ...] = (
    "pseudo",
    "negates_after",
    "negates_before",
    "doubts_after",
    "doubts_before",
    "others_after",
    "ends",
)


@dataclass(frozen=True)
class Trigger:
    """Hold a trigger that stands in a sentence: what it does, and where it begins and ends."""

    sort: Sort
    start: int
    end: int


def triggers_in(sentence: str, triggers: Triggers) -> list[Trigger]:
    """Return the triggers in a sentence, the longest of those that overlap, in their order."""
    return [
        Trigger(_sort_of(sentence, found, _sorts(triggers)), found.start(), found.end())
        for found in _pattern(triggers).finditer(sentence)
    ]


def _sort_of(sentence: str, found: re.Match[str], sorts: Mapping[str, Sort]) -> Sort:
    """Return what a trigger does; a negation that ends the sentence, as in `Mass: no`, negates what stands before."""
    sort = sorts[" ".join(found[0].lower().split())]
    is_last = not re.search(r"\w", sentence[found.end() :])
    return "negates_before" if sort == "negates_after" and is_last else sort


def status_of(sentence: str, span: Span, standing: Sequence[Trigger], within_words: int | None = None) -> Status | None:
    """Return what a sentence says of the words in a span; None where it is not of the patient.

    A trigger reaches to the end of the sentence, or back to its beginning, unless another trigger or an ending word
    stands between; with `within_words`, at most so many words. Of negation and doubt, negation counts. A trigger
    inside the words asked for is none.
    """
    others = [one for one in standing if one.end <= span[0] or one.start >= span[1]]
    reaching = {sort for sort, reach in _reaches(sentence, others, within_words) if _covers(reach, span)}
    if "others_after" in reaching:
        return None
    if reaching & {"negates_after", "negates_before"}:
        return "absent"
    is_asked = sentence[span[1] :].lstrip().startswith("?") or sentence[: span[0]].rstrip().endswith("?")
    return "uncertain" if reaching or is_asked else "present"


def _covers(reach: Span, span: Span) -> bool:
    return reach[0] <= span[0] and span[1] <= reach[1]


def _reaches(sentence: str, standing: Sequence[Trigger], within: int | None) -> Iterator[tuple[Sort, Span]]:
    """Yield what the negations and doubts of a sentence reach."""
    for place, one in enumerate(standing):
        if one.sort.endswith("_after"):
            stop = standing[place + 1].start if place + 1 < len(standing) else len(sentence)
            yield one.sort, (one.end, _forward(sentence, one.end, stop, within))
        elif one.sort.endswith("_before"):
            start = standing[place - 1].end if place else 0
            yield one.sort, (_backward(sentence, start, one.start, within), one.start)


def _forward(sentence: str, start: int, stop: int, within: int | None) -> int:
    words = list(re.finditer(r"\S+", sentence[start:stop]))
    return stop if within is None or len(words) <= within else start + words[within - 1].end()


def _backward(sentence: str, start: int, stop: int, within: int | None) -> int:
    words = list(re.finditer(r"\S+", sentence[start:stop]))
    return start if within is None or len(words) <= within else start + words[-within].start()


@cache
def _sorts(triggers: Triggers) -> dict[str, Sort]:
    return {words: sort for sort in SORTS for words in getattr(triggers, sort)}


@cache
def _pattern(triggers: Triggers) -> re.Pattern[str]:
    longest_first = sorted(_sorts(triggers), key=lambda words: (-len(words), words))
    joined = "|".join(r"\s+".join(re.escape(word) for word in words.split()) for words in longest_first)
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE)
