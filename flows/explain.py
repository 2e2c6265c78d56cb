"""What made an artefact, as a tree back to the source files."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from data_catalog.errors import StoreError
from data_catalog.refs import SHORT
from flows.results import Results
from flows.stores import store_of
from tasks.methods.rules.shown import shown, span_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from data_catalog.lineage import Record
    from data_catalog.refs import Ref
    from data_catalog.store import Store
    from tasks.methods.rules.card import Card, CardSet, Sight
    from tasks.methods.rules.shown import ShownCard

CARD = re.compile(r"(rule|association|sequence)-[1-9][0-9]*")
"""Numbers of cards, as the report gives them."""
ALIKE = 3
"""Branches of one stage that are shown before the rest is counted."""
WIDEST = 1000
"""Columns of the longest line."""
PARAMETERS = 160
"""Characters of the parameters that are shown."""


def explain(workspace: Path, name: str, *, everything: bool = False) -> str:
    """Return the chain of records behind an artefact, drawn as a tree.

    Parameters
    ----------
    workspace : Path
        Folder of the study's results.
    name : str
        `report`, `cohort`, ... of the last run, the number of a rule (`rule-1`), the name of an artefact, or the
        beginning of its digest.
    everything : bool
        Show every branch, however many are alike.

    Raises
    ------
    StoreError
        When the name is of no artefact, or of several.
    """
    store = store_of(workspace)
    if CARD.fullmatch(name):
        return explain_card(store, *_card(workspace, store, name), everything=everything)
    ref = _find(workspace, store, name)
    tree = Tree(f"[bold]{ref.short}[/bold]")
    _grow(tree, store, ref, seen=set(), everything=everything)
    return _drawn(tree)


def _drawn(tree: Tree) -> str:
    """Return a tree as text whose lines are as long as they have to be: a digest that is cut names nothing."""
    paper = Console(width=WIDEST, color_system=None, file=StringIO(), record=True)
    paper.print(tree)
    return "\n".join(line.rstrip() for line in paper.export_text().splitlines())


def _find(workspace: Path, store: Store, name: str) -> Ref:
    for results in _runs(workspace):
        try:
            return results.named(name)
        except StoreError:
            continue
    return store.resolve(name)


def _runs(workspace: Path) -> Iterator[Results]:
    """Yield what the last run of each study in a workspace made, the newest first."""
    for path in sorted(workspace.glob("*-results.json"), key=lambda path: path.stat().st_mtime, reverse=True):
        yield Results.model_validate_json(path.read_bytes())


def _card(workspace: Path, store: Store, number: str) -> tuple[Card, CardSet, Ref]:
    """Return the card of a number from the newest run that has it, all cards of that run, and what was mined."""
    for mined in (results.mined for results in _runs(workspace)):
        if mined is None or mined.cards is None:
            continue
        held: CardSet = store.open(mined.cards)
        card = held.named(number)
        made = getattr(mined, f"{number.partition('-')[0]}s")
        if card is not None and made is not None:
            return card, held, made
    raise StoreError(
        f"{number!r} is the number of a rule of the last run", "there is none", "Take a number from the report."
    )


def explain_card(store: Store, card: Card, held: CardSet, made: Ref, *, everything: bool) -> str:
    """Return all that is known of a rule, with nothing hidden: its counts, patients, slices and files, as a tree."""
    told = shown(card, 1)
    tree = Tree(f"[bold]{card.number}[/bold] {escape(told.sentence)}")
    for line in _told(told):
        tree.add(escape(line))
    sights: dict[str, list[Sight]] = defaultdict(list)
    for sight in held.sights:
        if sight.place in card.note.places:
            sights[sight.patient].append(sight)
    for name, patients in (("for it", told.supporting or ()), ("against it", told.contradicting or ())):
        branch = tree.add(f"{len(patients)} patients {name}")
        for patient in patients:
            _patient(branch.add(escape(patient)), sights[patient], everything=everything)
    _grow(tree.add(f"[bold]{made.short}[/bold]"), store, made, seen=set(), everything=everything)
    return _drawn(tree)


def _told(card: ShownCard) -> Iterator[str]:
    yield f"{card.status}; p {span_text(card.p)}, adjusted {span_text(card.adjusted_p)} for {card.searched:,} searched"
    if card.explained_by is not None:
        yield f"said by: {card.explained_by}"
    if card.counts is not None:
        interval = card.counts.odds_ratio_interval
        yield f"odds ratio {_number(card.counts.odds_ratio.low)} ({_number(interval.low)} to {_number(interval.high)})"
    if card.stability is not None:
        yield f"{card.stability.sentence}, significant in {card.stability.significant}"
    if card.centres:
        yield f"by centre: {'; '.join(one.sentence for one in card.centres)}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _patient(branch: Tree, sights: Sequence[Sight], *, everything: bool) -> None:
    for sight in sights:
        seen = branch.add(f"{escape(sight.sentence)}: {sight.image}, {sight.mask}")
        named = sight.sources if everything else sight.sources[:ALIKE]
        for digest in named:
            seen.add(f"source file sha256 {digest}")
        if len(sight.sources) > len(named):
            seen.add(f"[dim]and {len(sight.sources) - ALIKE} more source files (--all shows them)[/dim]")


def _grow(tree: Tree, store: Store, ref: Ref, *, seen: set[Ref], everything: bool) -> None:
    if ref in seen:
        tree.add("[dim]shown above[/dim]")
        return
    seen.add(ref)
    records = store.records(ref)
    for record in records if everything else records[:1]:
        _tell(tree, record, everything=everything)
        _parents(tree, store, record, seen=seen, everything=everything)
    if len(records) > 1 and not everything:
        tree.add(f"[dim]made in {len(records) - 1} more ways with the same result (--all shows them)[/dim]")


def _tell(tree: Tree, record: Record, *, everything: bool) -> None:
    tree.add(
        f"made by [bold]{record.stage}[/bold] on {escape(record.item)}, {record.started}, {record.seconds:.2f} s,"
        f" voxmine {record.code.version}, code {record.code.digest[:SHORT]}, Python {record.python}"
    )
    if record.parameters:
        text = json.dumps(record.parameters, sort_keys=True)
        shown = text if len(text) <= PARAMETERS else text[:PARAMETERS] + " ..."
        tree.add(f"[dim]parameters {escape(shown)}[/dim]")
    digests = record.source_digests()
    named = digests if everything else digests[:ALIKE]
    for digest in named:
        tree.add(f"source file sha256 {digest}")
    if len(digests) > len(named):
        tree.add(f"[dim]and {len(digests) - ALIKE} more source files (`voxmine why {record.output.short} --all`)[/dim]")


def _parents(tree: Tree, store: Store, record: Record, *, seen: set[Ref], everything: bool) -> None:
    by_kind: dict[str, list[Ref]] = defaultdict(list)
    for parent in record.parents():
        by_kind[parent.kind].append(parent)
    for kind, parents in by_kind.items():
        shown = parents if everything else parents[:ALIKE]
        for parent in shown:
            _grow(tree.add(f"[bold]{parent.short}[/bold]"), store, parent, seen=seen, everything=everything)
        if len(parents) > len(shown):
            tree.add(f"[dim]and {len(parents) - len(shown)} more of kind {kind} (--all shows them)[/dim]")
