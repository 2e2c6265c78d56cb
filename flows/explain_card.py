"""All that is known of a rule, by the number of its card, as a tree; nothing is hidden."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.tree import Tree

from data_catalog.errors import StoreError
from flows.explain_tree import ALIKE, drawn
from flows.results import newest_results
from tasks.methods.rules.shown import shown, span_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from data_catalog.refs import Ref
    from data_catalog.store import Store
    from flows.results import Mined
    from tasks.methods.rules.card import Card, CardSet, Sight
    from tasks.methods.rules.shown import ShownCard

CARD = re.compile(r"(rule|association|sequence|pattern|subgroup)-[1-9][0-9]*")
"""Numbers of cards, as the report gives them."""


def is_card(name: str) -> bool:
    """Return whether a name is the number of a card."""
    return CARD.fullmatch(name) is not None


def explain_card(workspace: Path, store: Store, number: str, *, everything: bool) -> tuple[list[str], Ref]:
    """Return what is known of a rule in lines, and the artefact that it was listed in.

    The lines tell its counts, its patients, and for each the slices of the regions and the digests of the files.

    Raises
    ------
    StoreError
        When no run in the workspace has a card of this number.
    """
    card, held, made = _find(workspace, store, number)
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
    return drawn(tree), made


def _find(workspace: Path, store: Store, number: str) -> tuple[Card, CardSet, Ref]:
    """Return the card of a number from the newest run that has it, all cards of that run, and what was mined."""
    for results in newest_results(workspace):
        mined = results.mined
        if mined is None or mined.cards is None:
            continue
        held: CardSet = store.open(mined.cards)
        card = held.named(number)
        if card is not None:
            return card, held, _listed_in(mined, store, card)
    raise StoreError(
        f"{number!r} is the number of a rule of the last run", "there is none", "Take a number from the report."
    )


def _listed_in(mined: Mined, store: Store, card: Card) -> Ref:
    """Return the artefact that lists what a card states."""
    in_time = [mined.sequences]
    several = {"rule": [mined.rules], "association": [mined.associations], "sequence": in_time, "pattern": in_time}
    refs = [ref for ref in several.get(card.kind, mined.subgroups.values()) if ref is not None]
    return next(ref for ref in refs if card.kind != "subgroup" or card.subgroup in store.open(ref).subgroups)


def _told(card: ShownCard) -> Iterator[str]:
    p, adjusted = _number(card.p.low), _number(card.adjusted_p.low)
    yield f"{card.status}; p {p}, adjusted {adjusted} for {card.searched:,} searched"
    if card.explained_by is not None:
        yield f"said by: {card.explained_by}"
    if card.counts is not None:
        interval = card.counts.odds_ratio_interval
        yield f"odds ratio {_number(card.counts.odds_ratio.low)} ({_number(interval.low)} to {_number(interval.high)})"
        yield f"cannot be told for {span_text(card.not_known)} patients"
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
