"""What made an artefact, as a tree back to the source files."""

from __future__ import annotations

import json
from collections import defaultdict
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from data_catalog.errors import StoreError
from data_catalog.refs import SHORT
from flows.explain_card import explain_card, is_card
from flows.results import Results
from flows.stores import store_of

if TYPE_CHECKING:
    from pathlib import Path

    from data_catalog.lineage import Record
    from data_catalog.refs import Ref
    from data_catalog.store import Store

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
    lines: list[str] = []
    if is_card(name):
        lines, ref = explain_card(workspace, store, name, everything=everything)
    else:
        ref = _find(workspace, store, name)
    tree = Tree(f"[bold]{ref.short}[/bold]")
    _grow(tree, store, ref, seen=set(), everything=everything)
    return "\n".join([*lines, _drawn(tree)])


def _drawn(tree: Tree) -> str:
    """Return a tree as text whose lines are as long as they have to be: a digest that is cut names nothing."""
    paper = Console(width=WIDEST, color_system=None, file=StringIO(), record=True)
    paper.print(tree)
    return "\n".join(line.rstrip() for line in paper.export_text().splitlines())


def _find(workspace: Path, store: Store, name: str) -> Ref:
    runs = sorted(workspace.glob("*-results.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in runs:
        try:
            return Results.model_validate_json(path.read_bytes()).named(name)
        except StoreError:
            continue
    return store.resolve(name)


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
