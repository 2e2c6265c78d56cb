"""Cards as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.methods.rules.shown import span_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.methods.rules.shown import ShownCard, ShownCounts
    from tasks.methods.rules.small_cells import Span

COUNTS = ("both", "antecedent_only", "consequent_only", "neither", "applies", "otherwise", "known")
MEASURES = ("support", "confidence", "lift", "leverage", "conviction", "zhang", "jaccard", "odds_ratio")
INTERVALS = ("confidence", "lift", "odds_ratio")


def card_rows(cards: Sequence[ShownCard]) -> list[dict[str, Any]]:
    """Return one row a card, all with the same columns.

    A number that may only be told by its range stands as text (`1 to 4`); what does not exist is empty. An
    interval is two columns, `confidence_low` and `confidence_high`; `held_out_` stands before what was
    counted in held-out patients.
    """
    return [dict(_row(card)) for card in cards]


def brief_rows(cards: Sequence[ShownCard]) -> list[dict[str, Any]]:
    """Return one row a card for a narrow table: number, rule, and how sure it is."""
    return [
        {
            "card": card.number,
            "status": card.status,
            "rule": card.sentence,
            "adjusted p": _said(card.adjusted_p),
            "found again": "" if card.stability is None else f"{card.stability.share:.0%} of resamples",
            "for": _listed(card.supporting),
            "against": _listed(card.contradicting),
        }
        for card in cards
    ]


def _row(card: ShownCard) -> Iterator[tuple[str, Any]]:
    yield from (("number", card.number), ("kind", card.kind), ("status", card.status))
    yield from (("rule", card.claim), ("sentence", card.sentence), ("explained_by", card.explained_by or ""))
    yield from _numbers("", card.counts)
    order = card.order
    yield "begun", _said(None if order is None else order.begun)
    yield "completed", _said(None if order is None else order.completed)
    yield "median_days", None if order is None else order.median_days
    yield from _numbers("held_out_", card.held_out)
    yield "found_in_folds", None if card.held_out is None else card.held_out.found_in_folds
    yield "folds", None if card.held_out is None else card.held_out.folds
    yield from (("p", _said(card.p)), ("adjusted_p", _said(card.adjusted_p)), ("alpha", card.alpha))
    yield from (("searched", card.searched), ("adjust", card.adjust or ""))
    stable = card.stability
    yield "resamples", None if stable is None else stable.resamples
    yield "found_in_resamples", None if stable is None else stable.found
    yield "significant_in_resamples", None if stable is None else stable.significant
    yield "centres", "; ".join(one.sentence for one in card.centres)
    yield "centres_odds_ratio", _said(card.centres_odds_ratio)
    yield "centres_p", _said(card.centres_p)
    yield "supporting", _listed(card.supporting)
    yield "contradicting", _listed(card.contradicting)


def _numbers(before: str, counts: ShownCounts | None) -> Iterator[tuple[str, str]]:
    for name in (*COUNTS, *MEASURES):
        yield before + name, _said(None if counts is None else getattr(counts, name))
    for name in INTERVALS:
        ends: Span | None = None if counts is None else getattr(counts, f"{name}_interval")
        yield f"{before}{name}_low", "" if ends is None or ends.low is None else f"{ends.low:.6g}"
        yield f"{before}{name}_high", "" if ends is None or ends.high is None else f"{ends.high:.6g}"


def _said(span: Span | None) -> str:
    return "" if span is None or (span.low is None and span.high is None) else span_text(span)


def _listed(patients: tuple[str, ...] | None) -> str:
    return "hidden" if patients is None else " ".join(patients)
