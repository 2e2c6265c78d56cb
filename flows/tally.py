"""How far a run has come."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.stage import Outcome


@dataclass
class Tally:
    """How many items of each stage were computed, reused, refused, and failed."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    listeners: list[Callable[[str, Counter[str]], None]] = field(default_factory=list)

    def expect(self, stage: str, items: int) -> None:
        """Count items that are about to be worked on."""
        self._add(stage, {"items": items})

    def add(self, stage: str, outcome: Outcome) -> None:
        """Count what became of one item."""
        refused = {"refused": 1} if outcome.refusal is not None and outcome.how != "failed" else {}
        self._add(stage, {outcome.how: 1, **refused})

    def _add(self, stage: str, more: dict[str, int]) -> None:
        with self.lock:
            counter = self.counts.setdefault(stage, Counter())
            counter.update(more)
            for listener in self.listeners:
                listener(stage, counter)

    def total(self, what: str) -> int:
        """Return how many items of all stages were `computed`, `reused`, `refused` or `failed`."""
        return sum(counter[what] for counter in self.counts.values())

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a stage."""
        columns = ("items", "computed", "reused", "refused", "failed")
        return [{"stage": name, **{c: counter[c] for c in columns}} for name, counter in self.counts.items()]

    def __str__(self) -> str:
        words = ("computed", "reused", "refused", "failed")
        return ", ".join(
            f"{self.total(word)} items {word}" if word == "computed" else f"{self.total(word)} {word}" for word in words
        )
