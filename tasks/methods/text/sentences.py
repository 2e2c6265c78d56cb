"""Cutting a report into sentences: at full stops, semicolons, blank lines and the items of lists."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BREAK = re.compile(
    r"(?P<stop>[.!?](?=\s|$))"  # a full stop, which a shortened word may end with too
    r"|;"
    r"|:[ \t]*\n"  # a heading
    r"|\n[ \t]*\n"
    r"|\n(?=[ \t]*(?:[-*\u2022\u2013]|\d{1,2}[.)])[ \t])"  # an item of a list
    r"|\n(?=[ \t]*[A-Z\u00c4\u00d6\u00dc])"  # a line of its own: a wrapped one goes on in small letters
)
"""Where a sentence may end."""
NUMBER_BEFORE = re.compile(r"(?:^|\n)[ \t]*\d{1,2}$")
"""The number of a list's item, whose full stop ends no sentence."""
LONGEST_SHORTENED = 16
"""Characters before a full stop that are looked at."""
LONGEST_SENTENCE = 2_000
"""Characters of a sentence."""


def sentences(text: str, shortened: tuple[str, ...]) -> list[str]:
    """Return the sentences of a text in their order; `shortened` are words whose full stop ends none.

    What is longer than any sentence is cut between two words.
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return [piece for part in _parts(plain, _ending(shortened)) for piece in _pieces(" ".join(part.split()))]


def _parts(text: str, ending: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for found in BREAK.finditer(text):
        end = found.start()
        begin = max(start - 1, end - LONGEST_SHORTENED, 0)
        if found["stop"] and (ending.search(text, begin, end) or NUMBER_BEFORE.search(text, begin, end)):
            continue
        yield text[start : found.end()]
        start = found.end()
    yield text[start:]


def _pieces(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST_SENTENCE:
        cut = sentence.rfind(" ", 1, LONGEST_SENTENCE)
        cut = LONGEST_SENTENCE if cut < 0 else cut
        yield sentence[:cut]
        sentence = sentence[cut:].strip()
    if sentence:
        yield sentence


@cache
def _ending(shortened: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in shortened)
    return re.compile(rf"(?:^|[\s(])(?:{words})$", re.IGNORECASE)
