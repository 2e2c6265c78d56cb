"""Cards as others may see them: counts of few patients, and what would give them away, are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tasks.methods.rules.card import Sight
from tasks.methods.rules.contingency import wilson_interval
from tasks.methods.rules.items import Item, Value, number_text
from tasks.methods.rules.rule import Rule
from tasks.methods.rules.sequence_rule import PatternRule, step_words
from tasks.methods.rules.small_cells import NOTHING, Cells, Span, shown_p, spanned, told_lists
from tasks.methods.rules.stability import Stability
from tasks.methods.rules.subgroup import Subgroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.methods.rules.card import Card, CardSet, Stated
    from tasks.methods.rules.centres import CentreAgreement
    from tasks.methods.rules.rule import Counts, HeldOut
    from tasks.methods.rules.sequence_rule import SequenceRule
    from tasks.methods.rules.subgroup import Side

SMALLEST = 5
"""Counts below this, but not 0, are hidden by default: a threshold that statistical offices use (Hundepool et al.,
Statistical disclosure control, 2012, ch. 5)."""

OF_ANTECEDENT = frozenset({"both", "antecedent_only", "applies", "confidence", "confidence_interval"})
"""What is told of the patients with the antecedent alone."""


class ShownCounts(Value):
    """Be the counts of a rule and its measures, as far as they may be told."""

    both: Span
    """Patients with the antecedent and the consequent."""
    antecedent_only: Span
    consequent_only: Span
    neither: Span
    applies: Span
    """Patients with the antecedent."""
    otherwise: Span
    """Patients known to be without it."""
    known: Span
    """Patients of whom all that the rule asks is known."""
    support: Span
    confidence: Span
    confidence_interval: Span
    """95 % (Wilson); the widest that is possible where a count is hidden, as all intervals here."""
    confidence_otherwise: Span
    lift: Span
    lift_interval: Span
    leverage: Span
    conviction: Span
    """Does not exist where it is infinite: where the rule always holds."""
    zhang: Span
    jaccard: Span
    odds_ratio: Span
    odds_ratio_interval: Span

    @property
    def holds(self) -> str:
        """Return for how many patients it holds of those it applies to, such as `10 of 12 (83 %)`."""
        return _of(self.both, self.applies, self.confidence)

    @property
    def holds_otherwise(self) -> str:
        """Return the same for the patients it does not apply to."""
        return _of(self.consequent_only, self.otherwise, self.confidence_otherwise)


class ShownHeldOut(ShownCounts):
    """Be a rule's counts in held-out patients.

    Where a count of the card is hidden, of these only those with the antecedent are told: found again in every
    fold, a rule has as many held-out patients as patients, so that all counts but one would tell the last.
    """

    found_in_folds: int = Field(ge=0)
    folds: int = Field(ge=2)

    @property
    def sentence(self) -> str:
        """Return the part of the rule's sentence on held-out patients."""
        if not self.found_in_folds:
            return f"not found again in any of {self.folds} folds"
        if self.applies.high == 0:
            return "in held-out folds it applied to nobody"
        return f"in held-out folds {span_text(self.both)} of {span_text(self.applies)}"


class ShownCentre(Value):
    """Say for how many patients of a centre a rule holds."""

    centre: str
    both: Span
    applies: Span

    @property
    def sentence(self) -> str:
        """Return it in words: `10 of 12 in A`."""
        return f"{span_text(self.both)} of {span_text(self.applies)} in {self.centre}"


class ShownOrder(Value):
    """Be the counts of an order of events, as far as they may be told."""

    completed: Span
    """Patients with all steps in order."""
    begun: Span
    """Patients with all steps but the last."""
    patients: int
    """Patients with any event."""
    support: Span
    confidence: Span
    confidence_interval: Span
    median_days: float | None
    """From the first event to the last; None where few patients have both."""

    @property
    def holds(self) -> str:
        """Return how many who began completed."""
        return _of(self.completed, self.begun, self.confidence, " patients")


class ShownCard(Value):
    """Be a card as it is printed, exported and shown in Prefect."""

    number: str
    """What the rule is called, also by `voxmine why`."""
    kind: str
    status: str
    """`claimed`, `echo` of a better rule, or `not significant`."""
    claim: str
    """The rule in words, without its counts."""
    sentence: str
    """The rule in words, with them."""
    explained_by: str | None = None
    """Claim of the better rule that this one echoes."""
    antecedent: tuple[Item, ...] = ()
    consequent: tuple[Item, ...] = ()
    steps: tuple[str, ...] = ()
    """Of an order or pattern of events: the events."""
    counts: ShownCounts | None = None
    """Of a rule, or of a pattern beside the outcome."""
    order: ShownOrder | None = None
    """Of an order of events."""
    held_out: ShownHeldOut | None = None
    not_known: Span = NOTHING
    """Patients of whom not all that the rule asks is known."""
    p: Span = NOTHING
    adjusted_p: Span = NOTHING
    alpha: float | None = None
    searched: int
    """What the p-value is adjusted for."""
    adjust: str | None = None
    stability: Stability | None = None
    centres: tuple[ShownCentre, ...] = ()
    """Empty where a count of a centre, or of the patients of no known centre, is hidden: the centres add up to the
    rule's own counts, so that one hidden count could be worked out."""
    centres_odds_ratio: Span = NOTHING
    """Odds ratio that the centres have in common (Mantel and Haenszel); told where the centres are."""
    centres_p: Span = NOTHING
    """P-value of the centres agreeing on the odds ratio (Breslow and Day); an interval where the centres are hidden."""
    supporting: tuple[str, ...] | None = ()
    """Pseudonyms of the patients for it; None where the list is hidden (`small_cells.told_lists`)."""
    contradicting: tuple[str, ...] | None = ()
    """Pseudonyms of the patients against it, likewise."""
    places: tuple[tuple[str, str], ...] = ()
    """Modality and region of each feature among its items."""
    hidden: bool = False
    """Whether a count of the rule is hidden."""

    @property
    def claimed(self) -> bool:
        """Return whether it is a discovery."""
        return self.status == "claimed"

    @property
    def patients(self) -> tuple[str, ...]:
        """Return the patients that are named."""
        return (self.supporting or ()) + (self.contradicting or ())


class ShownCards(Value):
    """Be the cards of a study as others may see them."""

    smallest: int
    """Counts and lists of fewer patients than this, but more than none, are hidden."""
    cards: tuple[ShownCard, ...] = ()
    sights: tuple[Sight, ...] = ()
    """Where the regions lie of the patients that a card names."""


def shown_set(held: CardSet, smallest: int) -> ShownCards:
    """Return the cards of a study as others may see them, each beside all others."""
    told = lists_of_cards(held.cards, smallest)
    cards = tuple(shown(card, smallest, told) for card in held.cards)
    named = {(patient, place) for card in cards for patient in card.patients for place in card.places}
    sights = tuple(sight for sight in held.sights if (sight.patient, sight.place) in named)
    return ShownCards(smallest=smallest, cards=cards, sights=sights)


def lists_of_cards(cards: Iterable[Card], smallest: int) -> frozenset[tuple[str, ...]]:
    """Return the lists of patients that the cards of a study may tell together; what is claimed comes first."""
    in_turn = sorted(cards, key=lambda card: not card.claimed)
    return told_lists((one for card in in_turn for one in card.lists), smallest)


def shown(card: Card, smallest: int, told: frozenset[tuple[str, ...]] | None = None) -> ShownCard:
    """Return a card as others may see it: counts of 1 to `smallest` - 1 patients, and such lists, are hidden.

    So are lists that are not among `told`, the lists that the cards of a study may tell together (`lists_of_cards`);
    None is a card alone.

    What is made of a hidden count is told by the range that it may have, and p-values by the interval of
    0.001, 0.01 and 0.05 that they lie in, as their digits would tell the count. Within a card nothing can be
    worked out; that counts of several cards, or beside other tables of the report, tell more is not looked at.
    """
    stated = card.stated
    cells = _cells(stated, smallest)
    hidden = cells.hidden
    lists = told_lists(card.lists, smallest) if told is None else told
    return ShownCard(
        number=card.number,
        kind=card.kind,
        claim=stated.claim,
        p=shown_p(stated.p, hidden=hidden),
        adjusted_p=shown_p(stated.adjusted_p, hidden=hidden),
        alpha=stated.alpha,
        searched=card.searched,
        adjust=card.adjust,
        stability=card.note.stability,
        supporting=stated.supporting if stated.supporting in lists else None,
        contradicting=card.contradicting if card.contradicting in lists else None,
        places=card.note.places,
        hidden=hidden,
        **_parts(card, cells, smallest),
    )


def span_text(span: Span) -> str:
    """Return a count in words: `12`, `1 to 4`, `12 or more`."""
    if span.low is None:
        return "none" if span.high is None else f"at most {number_text(span.high)}"
    if span.high is None:
        return f"{number_text(span.low)} or more"
    low, high = number_text(span.low), number_text(span.high)
    return low if low == high else f"{low} to {high}"


def percent_text(span: Span) -> str:
    """Return a share in words: `83 %`, `71 to 91 %`."""
    if span.low is None or span.high is None:
        return ""
    low, high = round(100 * span.low), round(100 * span.high)
    return f"{low} %" if low == high else f"{low} to {high} %"


def shown_counts(counts: Counts, smallest: int) -> ShownCounts:
    """Return the counts of a rule and its measures, as far as they may be told."""
    return ShownCounts(**_counts(Cells.of((counts.a, counts.b, counts.c, counts.d), smallest)))


def _cells(stated: Stated, smallest: int) -> Cells:
    if isinstance(stated, Rule | PatternRule):
        return Cells.of((stated.a, stated.b, stated.c, stated.d), smallest)
    if isinstance(stated, Subgroup):
        return Cells.of([count for side in (stated.inside, stated.outside) for count in _side(side)], smallest)
    return Cells.of((stated.completed, stated.begun - stated.completed), smallest)


def _side(side: Side) -> tuple[int, ...]:
    return (side.patients,) if side.events is None else (side.events, side.patients - side.events)


def _parts(card: Card, cells: Cells, smallest: int) -> dict[str, object]:
    stated = card.stated
    if isinstance(stated, Rule):
        return _rule_parts(card, stated, cells, smallest)
    if isinstance(stated, Subgroup):
        return _subgroup_parts(card, stated, few=cells.hidden)
    if isinstance(stated, PatternRule):
        return _pattern_parts(card, stated, cells, smallest)
    return _order_parts(stated, cells)


def _subgroup_parts(card: Card, stated: Subgroup, *, few: bool) -> dict[str, object]:
    return {
        "status": _status(significant=stated.significant, echo=stated.explained_by is not None),
        "sentence": f"If {stated.claim}: {card.target} differs from all others." if few else card.sentence,
        "explained_by": stated.explained_by,
        "antecedent": stated.items,
    }


def _counts(cells: Cells) -> dict[str, Span]:
    return {
        "both": cells.span(lambda one: one[0]),
        "antecedent_only": cells.span(lambda one: one[1]),
        "consequent_only": cells.span(lambda one: one[2]),
        "neither": cells.span(lambda one: one[3]),
        "applies": cells.span(lambda one: one[0] + one[1]),
        "otherwise": cells.span(lambda one: one[2] + one[3]),
        "known": cells.span(sum),
        "support": cells.measure(lambda one: one.support),
        "confidence": cells.measure(lambda one: one.confidence),
        "confidence_interval": cells.interval(lambda one: one.confidence_interval),
        "confidence_otherwise": cells.measure(lambda one: one.confidence_otherwise),
        "lift": cells.measure(lambda one: one.lift),
        "lift_interval": cells.interval(lambda one: one.lift_interval),
        "leverage": cells.measure(lambda one: one.leverage),
        "conviction": cells.measure(lambda one: one.conviction),
        "zhang": cells.measure(lambda one: one.zhang),
        "jaccard": cells.measure(lambda one: one.jaccard),
        "odds_ratio": cells.measure(lambda one: one.odds_ratio),
        "odds_ratio_interval": cells.interval(lambda one: one.odds_ratio_interval),
    }


def _rule_parts(card: Card, rule: Rule, cells: Cells, smallest: int) -> dict[str, object]:
    counts = ShownCounts(**_counts(cells))
    held_out = None if rule.held_out is None else _held_out(rule.held_out, cells, smallest)
    agreement = card.note.centres
    centres = () if agreement is None else _centres(rule, agreement, smallest)
    common = agreement.odds_ratio if agreement is not None and centres else None
    return {
        "status": _status(significant=rule.significant, echo=rule.explained_by is not None),
        "sentence": _sentence(rule, counts, held_out),
        "explained_by": rule.explained_by,
        "antecedent": rule.antecedent,
        "consequent": rule.consequent,
        "counts": counts,
        "held_out": held_out,
        "not_known": _not_known(card, rule, cells, smallest),
        "centres": centres,
        "centres_odds_ratio": spanned([common]),
        "centres_p": NOTHING if agreement is None else shown_p(agreement.p, hidden=not centres),
    }


def _pattern_parts(card: Card, pattern: PatternRule, cells: Cells, smallest: int) -> dict[str, object]:
    counts = ShownCounts(**_counts(cells))
    with_it, without = _holds_and_otherwise(counts)
    return {
        "status": _status(significant=pattern.significant, echo=not pattern.gains),
        "sentence": f"{pattern.claim}: {pattern.outcome} in {with_it} with it, against {without} without.",
        "explained_by": None if pattern.gains else "a shorter pattern",
        "steps": step_words(pattern.steps),
        "counts": counts,
        "not_known": _not_known(card, pattern, cells, smallest),
    }


def _not_known(card: Card, counts: Counts, cells: Cells, smallest: int) -> Span:
    return NOTHING if cells.hidden else _alone(card.rows - counts.known, smallest)


def _order_parts(order: SequenceRule, cells: Cells) -> dict[str, object]:
    completed = cells.span(lambda one: one[0])
    told_exactly = completed.exact
    told = ShownOrder(
        completed=completed,
        begun=cells.span(sum),
        patients=order.patients,
        support=cells.span(lambda one: one[0] / order.patients),
        confidence=cells.span(lambda one: one[0] / sum(one)),
        confidence_interval=spanned(end for one in cells.possible for end in wilson_interval(one[0], sum(one))),
        median_days=order.median_days if told_exactly else None,
    )
    after = f", {number_text(round(order.median_days, 1))} days after {order.steps[0]} (median)" if told_exactly else ""
    return {
        "status": _status(significant=order.significant, echo=False),
        "sentence": f"{order.claim}: {told.holds}{after}.",
        "steps": order.steps,
        "order": told,
    }


def _status(*, significant: bool, echo: bool) -> str:
    return ("echo" if echo else "claimed") if significant else "not significant"


def _sentence(rule: Rule, counts: ShownCounts, held_out: ShownHeldOut | None) -> str:
    tail = "" if held_out is None else f"; {held_out.sentence}"
    holds, against = _holds_and_otherwise(counts)
    return f"{rule.claim}: {holds}, against {against} otherwise{tail}."


def _holds_and_otherwise(counts: ShownCounts) -> tuple[str, str]:
    holds = _of(counts.both, counts.applies, counts.confidence, " patients")
    return holds, f"{span_text(counts.consequent_only)} of {span_text(counts.otherwise)}"


def _held_out(held: HeldOut, of_all: Cells, smallest: int) -> ShownHeldOut:
    cells = Cells.of((held.a, held.b, held.c, held.d), smallest)
    spans = _counts(cells)
    if cells.hidden or of_all.hidden:
        spans = {name: span if name in OF_ANTECEDENT else NOTHING for name, span in spans.items()}
    return ShownHeldOut(found_in_folds=held.found_in_folds, folds=held.folds, **spans)


def _centres(rule: Rule, agreement: CentreAgreement, smallest: int) -> tuple[ShownCentre, ...]:
    each = [(one.a, one.b, one.c, one.d) for one in agreement.centres]
    of_all = (rule.a, rule.b, rule.c, rule.d)
    of_no_centre = tuple(all_ - sum(known) for all_, known in zip(of_all, zip(*each, strict=True), strict=True))
    if any(Cells.of(counts, smallest).hidden for counts in (*each, of_no_centre)):
        return ()
    return tuple(
        ShownCentre(centre=one.centre, both=_exactly(one.a), applies=_exactly(one.applies)) for one in agreement.centres
    )


def _exactly(count: int) -> Span:
    return Span(low=count, high=count)


def _alone(count: int, smallest: int) -> Span:
    return spanned(one[0] for one in Cells.of((count,), smallest).possible)


def _of(part: Span, whole: Span, share: Span, noun: str = "") -> str:
    said = percent_text(share)
    return f"{span_text(part)} of {span_text(whole)}{noun}" + (f" ({said})" if said else "")
