"""What made an artefact, or a number of the report, as a tree back to the source files."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.tree import Tree

from data_catalog.catalog import Catalog
from data_catalog.catalog_engine import CatalogError
from data_catalog.errors import StoreError
from data_catalog.refs import SHORT
from data_catalog.ways import ways_behind
from flows.catalogs import is_there, url_of
from flows.explain_card import explain_card, is_card
from flows.explain_tree import ALIKE, drawn
from flows.find_number import find_number, is_number
from flows.results import newest_results
from flows.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from data_catalog.refs import Ref
    from data_catalog.store import Store
    from data_catalog.ways import Way, Ways
    from flows.find_number import Shown
    from flows.results import Results

ARTEFACTS = 3
"""Artefacts that hold a number, whose chains are shown."""
PARAMETERS = 160
"""Characters of the parameters that are shown."""


def explain(workspace: Path, name: str, *, everything: bool = False) -> str:
    """Return the chain of records behind an artefact, or behind a number of the last report, drawn as a tree.

    The catalogue is asked where it knows the artefact, else the records in the store; both tell the same.

    Parameters
    ----------
    workspace : Path
        Folder of the study's results.
    name : str
        `report`, `cohort`, ... of the last run, the number of a rule (`rule-1`), the name of an artefact, the beginning
        of its digest, or a number as the report shows it (`0.84`).
    everything : bool
        Show every branch, however many are alike.

    Raises
    ------
    StoreError
        When the name is of no artefact, or of several; or the number stands nowhere.
    """
    store = store_of(workspace)
    if is_card(name):
        lines, made = explain_card(workspace, store, name, everything=everything)
        return "\n".join([*lines, *_chain(workspace, store, made, everything=everything)])
    if is_number(name):
        return _explain_number(workspace, store, name, everything=everything)
    ref = find_artefact(workspace, store, name)
    return "\n".join(_chain(workspace, store, ref, everything=everything))


def _explain_number(workspace: Path, store: Store, number: str, *, everything: bool) -> str:
    """Return where a number stands in what the last report shows, and the chain behind each of these artefacts."""
    shown, held = find_number(store, last_of(workspace), number)
    lines = [f"The report shows {number} in #{one.part}: {one.words}{_drawn_from(one)}" for one in shown]
    lines += [""] if lines else []
    chosen = dict(islice(held.items(), None if everything else ARTEFACTS))
    for ref, places in chosen.items():
        told = places if everything else places[:ALIKE]
        lines += [f"{number} stands in {ref.short}: {place}" for place in told]
        if len(places) > len(told):
            lines.append(f"and at {len(places) - len(told)} more places there (--all shows them)")
        lines += [*_chain(workspace, store, ref, everything=everything), ""]
    if len(held) > len(chosen):
        lines.append(f"It stands in {len(held) - len(chosen)} more artefacts (--all shows them).")
    if not held:
        behind = dict.fromkeys(ref for one in shown for ref in one.made)
        lines += [line for ref in behind for line in [*_chain(workspace, store, ref, everything=everything), ""]]
    return "\n".join(lines).rstrip()


def _drawn_from(shown: Shown) -> str:
    return f" (drawn from {', '.join(ref.short for ref in shown.made)})" if shown.made else ""


def _chain(workspace: Path, store: Store, ref: Ref, *, everything: bool) -> list[str]:
    tree = Tree(f"[bold]{ref.short}[/bold]")
    knower: Ways = store
    with _catalog(workspace) as catalog:
        if catalog is not None and catalog.knows(ref):
            knower = catalog
        ways = ways_behind(ref, knower, *((None, None) if everything else (ALIKE, 1)))
    _grow(tree, ways, ref, seen=set(), everything=everything)
    return drawn(tree)


@contextmanager
def _catalog(workspace: Path) -> Iterator[Catalog | None]:
    """Give the catalogue of a workspace; None where there is none, or it is lost: the store is slower, and as right."""
    try:
        catalog = Catalog(url_of(workspace)) if is_there(workspace) else None
    except CatalogError:
        catalog = None
    try:
        yield catalog
    finally:
        if catalog is not None:
            catalog.close()


def last_of(workspace: Path) -> Results:
    """Return what the last run in a workspace gave.

    Raises
    ------
    StoreError
        When none has given anything.
    """
    last = next(newest_results(workspace), None)
    if last is None:
        raise StoreError("A study was run in the workspace", f"{workspace} has no results", "Run one: voxmine run")
    return last


def find_artefact(workspace: Path, store: Store, name: str) -> Ref:
    """Return the artefact that a name stands for: of the last runs (`report`), or by the beginning of its digest.

    Raises
    ------
    StoreError
        When it is none, or several.
    """
    for results in newest_results(workspace):
        try:
            return results.named(name)
        except StoreError:
            continue
    with _catalog(workspace) as catalog:
        try:
            return store.resolve(name) if catalog is None else catalog.resolve(name)
        except StoreError:  # the catalogue may not know it yet
            return store.resolve(name)


def _grow(tree: Tree, behind: dict[Ref, list[Way]], ref: Ref, *, seen: set[Ref], everything: bool) -> None:
    if ref in seen:
        tree.add("[dim]shown above[/dim]")
        return
    seen.add(ref)
    ways = behind[ref]
    for way in ways if everything else ways[:1]:
        _tell(tree, ref, way, everything=everything)
        _parents(tree, behind, way, seen=seen, everything=everything)
    if len(ways) > 1 and not everything:
        tree.add(f"[dim]made in {len(ways) - 1} more ways with the same result (--all shows them)[/dim]")


def _tell(tree: Tree, ref: Ref, way: Way, *, everything: bool) -> None:
    tree.add(
        f"made by [bold]{way.stage}[/bold] on {escape(way.item)}, {way.started}, {way.seconds:.2f} s,"
        f" voxmine {way.version}, code {way.code[:SHORT]}, Python {way.python}"
    )
    if way.parameters != "{}":
        cut = way.parameters if len(way.parameters) <= PARAMETERS else way.parameters[:PARAMETERS] + " ..."
        tree.add(f"[dim]parameters {escape(way.parameters if everything else cut)}[/dim]")
    for digest in way.sources:
        tree.add(f"source file sha256 {digest}")
    if way.source_count > len(way.sources):
        more = way.source_count - len(way.sources)
        tree.add(f"[dim]and {more} more source files (`voxmine why {ref.short} --all`)[/dim]")


def _parents(tree: Tree, behind: dict[Ref, list[Way]], way: Way, *, seen: set[Ref], everything: bool) -> None:
    for kind, parents in way.parents.items():
        for parent in parents.first:
            _grow(tree.add(f"[bold]{parent.short}[/bold]"), behind, parent, seen=seen, everything=everything)
        if parents.many > len(parents.first):
            tree.add(f"[dim]and {parents.many - len(parents.first)} more of kind {kind} (--all shows them)[/dim]")
