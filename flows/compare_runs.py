"""How two runs differ: which items were made otherwise, and why."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from data_catalog.refs import SHORT
from data_catalog.runs import Runs
from flows.audit import changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from data_catalog.lineage import Record
    from data_catalog.runs import Did, Run
    from data_catalog.store import Store

SHOWN = 60
"""Characters of a parameter's value that are shown."""
LISTED = 5
"""Reasons of one stage that are named before the rest is counted."""


@dataclass
class StageDifference:
    """How one stage differs between two runs."""

    stage: str
    same: int = 0
    """Items with the same key: the same work."""
    changed: int = 0
    """Items with another key."""
    same_result: int = 0
    """Of these, items that gave the same artefact all the same."""
    only_first: list[str] = field(default_factory=list)
    only_second: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why keys changed, each with the number of items it is true of."""

    @property
    def is_same(self) -> bool:
        """Whether both runs did the same."""
        return not (self.changed or self.only_first or self.only_second)


@dataclass(frozen=True)
class Difference:
    """How two runs differ."""

    first: Run
    second: Run
    plan: tuple[str, ...]
    """Fields of the plan that differ, with both values."""
    stages: tuple[StageDifference, ...]
    results: tuple[str, ...]
    """Names of results that differ."""

    def lines(self) -> Iterator[str]:
        """Yield what a reader should know."""
        yield f"{self.first.name} (voxmine {self.first.version}) and {self.second.name} (voxmine {self.second.version})"
        for change in self.plan:
            yield f"plan: {change}"
        for one in self.stages:
            yield from _stage_lines(one)
        if all(one.is_same for one in self.stages):
            yield "Both did the same work."
        if self.results:
            yield f"Results that differ: {', '.join(self.results)}"
        else:
            yield "All results are the same, byte for byte."


def diff(store: Store, first: str, second: str) -> Difference:
    """Compare two runs of a store, item by item.

    Raises
    ------
    StoreError
        When a name is of no run, or of several.
    """
    runs = Runs(store)
    one, two = runs.find(first), runs.find(second)
    before, after = _by_item(runs.did(one.name)), _by_item(runs.did(two.name))
    stages: dict[str, StageDifference] = {}
    for stage, item in dict.fromkeys([*before, *after]):
        held = stages.setdefault(stage, StageDifference(stage))
        was, now = before.get((stage, item), []), after.get((stage, item), [])
        _compare(store, runs, held, item, was, now)
    names = sorted(one.results.keys() | two.results.keys())
    return Difference(
        first=one,
        second=two,
        plan=tuple(_differences(one.plan, two.plan)),
        stages=tuple(stages.values()),
        results=tuple(name for name in names if one.results.get(name) != two.results.get(name)),
    )


def _by_item(did: Sequence[Did]) -> dict[tuple[str, str], list[Did]]:
    found: dict[tuple[str, str], list[Did]] = defaultdict(list)
    for one in did:
        found[one.stage, one.item].append(one)
    return found


def _compare(store: Store, runs: Runs, held: StageDifference, item: str, was: list[Did], now: list[Did]) -> None:
    """Count the work of a stage on one item; it may be several pieces, that are told apart by their keys alone."""
    keys = {one.key for one in was} & {one.key for one in now}
    held.same += len(keys)
    before = [one for one in was if one.key not in keys]
    after = [one for one in now if one.key not in keys]
    for one, two in zip(before, after, strict=False):
        held.changed += 1
        held.same_result += one.ref == two.ref
        records = store.record(one.ref, one.key), store.record(two.ref, two.key)
        held.reasons.update(set(_reasons(runs, *records)))
    held.only_first += [item for _ in before[len(after) :]]
    held.only_second += [item for _ in after[len(before) :]]


def _reasons(runs: Runs, was: Record | None, now: Record | None) -> Iterator[str]:
    if was is None or now is None:
        yield "a record of it is lost"
        return
    for change in _differences(was.parameters, now.parameters):
        yield f"parameter {change}"
    if was.code.digest != now.code.digest:
        yield from _code_reasons(runs, was, now)
    yield from (f"input {name} is another" for name in _differing(was.inputs, now.inputs))
    yield from (f"source {name} holds other bytes" for name in _differing(was.sources, now.sources))
    alike = (was.parameters, was.code.digest, was.inputs, was.sources)
    if alike == (now.parameters, now.code.digest, now.inputs, now.sources):
        yield "what is not told: source files with other times, a secret, or parameters that the artefact itself holds"


def _differing(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]


def _code_reasons(runs: Runs, was: Record, now: Record) -> Iterator[str]:
    then, later = runs.code(was.code.digest), runs.code(now.code.digest)
    if then is None or later is None:
        yield f"code {was.code.digest[:SHORT]} became {now.code.digest[:SHORT]}"
        return
    for change in changes(then.parts, later.parts):
        yield f"code: {change}"


def _differences(was: Any, now: Any, place: str = "") -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    """Yield each place in two values of JSON at which they differ, with both."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in sorted(was.keys() | now.keys()):
            yield from _differences(was.get(name, ...), now.get(name, ...), f"{place}.{name}" if place else name)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, two) in enumerate(zip(was, now, strict=True)):
            yield from _differences(one, two, f"{place}.{number}")
    elif was != now:
        yield f"{place}: {_shown(was)} became {_shown(now)}"


def _shown(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if value is ...:
        return "nothing"
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= SHOWN else text[:SHOWN] + " ..."


def _stage_lines(one: StageDifference) -> Iterator[str]:
    if one.is_same:
        return
    words = [f"{one.same} the same"]
    if one.changed:
        words.append(f"{one.changed} made otherwise, {one.same_result} of them with the same result")
    words += [f"{len(one.only_first)} only in the first"] if one.only_first else []
    words += [f"{len(one.only_second)} only in the second"] if one.only_second else []
    yield f"{one.stage}: {', '.join(words)}"
    for reason, count in one.reasons.most_common(LISTED):
        yield f"    {reason} ({count} items)"
    if len(one.reasons) > LISTED:
        yield f"    and {len(one.reasons) - LISTED} more reasons"
    for what, items in (("first", one.only_first), ("second", one.only_second)):
        for item in items[:LISTED]:
            yield f"    only in the {what}: {item}"
