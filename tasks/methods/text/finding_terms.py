"""Findings in a report by the words that name them, each present, absent or uncertain."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from tasks.methods.method import Method
from tasks.methods.text.item import Mention
from tasks.methods.text.scope import status_of, triggers_in
from tasks.methods.text.sentences import sentences
from tasks.methods.text.triggers import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tasks.methods.text.item import TextItem

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}")
STRENGTH: tuple[str, ...] = ("present", "uncertain", "absent")
"""Of several mentions of a finding the first of these counts."""


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as wrong:
        message = f"{pattern!r} is no regular expression: {wrong.msg}"
        raise ValueError(message) from None
    return pattern


def _plainly_named(findings: dict[str, T]) -> dict[str, T]:
    wrong = [name for name in findings if not _NAME.fullmatch(name)]
    if wrong:
        message = f"a finding's name is letters, digits, blanks, - and _, at most 40: {wrong[0]!r} is not"
        raise ValueError(message)
    return findings


Words = Annotated[str, Field(pattern=r"\w")]
Terms = Annotated[dict[str, Annotated[tuple[Words, ...], Field(min_length=1)]], AfterValidator(_plainly_named)]
Patterns = Annotated[dict[str, Annotated[str, AfterValidator(_compiled)]], AfterValidator(_plainly_named)]


class FindingTerms(Method):
    """Look for findings by words, and tell negated and doubtful mentions from others (NegEx, Chapman 2001).

    A negation or a doubt reaches to the end of the sentence or to a word that ends it, as ConText has it
    (Harkema 2009); `within_words: 5` is NegEx as first published. Nothing of the text is returned.
    """

    method: Literal["finding_terms"] = "finding_terms"
    terms: Terms
    """Name of each finding, and the words or phrases that name it (`mass`: `[mass, lump]`); a plural counts too."""
    patterns: Patterns = {}
    """A regular expression more for a finding, for what words cannot say."""
    language: Literal["en", "de"] = "en"
    """Language of the reports: of their negations, doubts and plurals."""
    within_words: Annotated[int, Field(ge=1)] | None = None
    """How many words a negation or a doubt reaches at the most; empty takes the rest of the sentence."""

    @property
    def findings(self) -> tuple[str, ...]:
        """The names of the findings, those of `terms` first."""
        return tuple(dict.fromkeys((*self.terms, *self.patterns)))

    def __call__(self, items: Sequence[TextItem]) -> list[Mention]:
        """Return every mention of a finding, in the order of the report.

        What is said of the patient's family is none. A coded status of an item holds for all that it names. Of two
        findings whose words overlap, the longer words count.
        """
        mentions: list[Mention] = []
        triggers, number = LANGUAGES[self.language], 0
        for item in items:
            for sentence in sentences(item.text, triggers.shortened):
                standing = triggers_in(sentence, triggers)
                for finding, span in self._named(sentence):
                    status = item.status or status_of(sentence, span, standing, self.within_words)
                    if status is not None:
                        mentions.append(Mention(finding, status, number))
                number += 1
        return mentions

    def _named(self, sentence: str) -> list[tuple[str, tuple[int, int]]]:
        """Return the findings that a sentence names and where, those inside longer words left out."""
        found = [
            (name, match.span())
            for name, expression in self._expressions.items()
            for match in expression.finditer(sentence)
            if match[0]
        ]
        kept = [one for one in found if not any(_inside(one[1], other) for _, other in found)]
        return sorted(kept, key=lambda one: (one[1], self.findings.index(one[0])))

    @cached_property
    def _expressions(self) -> dict[str, re.Pattern[str]]:
        plural = LANGUAGES[self.language].plural
        parts = {name: [_expression(words, plural) for words in self.terms.get(name, ())] for name in self.findings}
        for name, pattern in self.patterns.items():
            parts[name].append(f"(?:{pattern})")
        return {name: re.compile("|".join(held), re.IGNORECASE) for name, held in parts.items()}


def _expression(words: str, plural: str) -> str:
    """Return what matches words and their plural: `calcified mass` matches `Calcified  masses`."""
    parts = re.findall(r"\w+|[^\w\s-]", words)
    joined = r"[\s-]*".join(re.escape(part) for part in parts)
    for ending, several in (("y", "(?:y|ies)"), ("is", "(?:is|es)")):
        if parts[-1].lower().endswith(ending):
            joined = joined[: -len(ending)] + several
    return rf"(?<!\w){joined}{plural}(?!\w)"


def _inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def strongest(told: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return one status for each finding of pairs (finding, status): present before uncertain before absent."""
    found: dict[str, str] = {}
    for finding, status in told:
        found[finding] = min(found.get(finding, status), status, key=STRENGTH.index)
    return found
