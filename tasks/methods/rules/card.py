"""Cards: each rule with its number, how stable it is, where its centres agree, and where in the images it was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from data_catalog.refs import Digest
from tasks.methods.rules.centres import CentreAgreement
from tasks.methods.rules.item_pairs import ItemPairs
from tasks.methods.rules.items import Item, Value
from tasks.methods.rules.rule import Rule, RuleSet
from tasks.methods.rules.sequence_rule import PatternRule, SequenceRule, SequenceSet
from tasks.methods.rules.stability import Stability
from tasks.methods.rules.subgroup import Subgroup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tasks.methods.rules.subgroup import SubgroupSet

CardKind = Literal["rule", "association", "sequence", "pattern", "subgroup"]
"""What a card is of: a rule that ends in the outcome, one among all items, an order of events, a pattern in time that
was held against the outcome, or patients who differ in a target."""
Stated = Rule | SequenceRule | PatternRule | Subgroup
"""What a card states."""
Place = tuple[str, str]
"""Modality and region that a feature was measured in."""


class Sight(Value):
    """Say where in a patient's images a region lies that features were measured in, and what it came from."""

    patient: str
    """Key of the patient."""
    visit: int
    """0 for the first visit."""
    modality: str
    region: str
    reader: str
    """Who drew it: a physician or a method."""
    image: str
    """Short name of the volume, for `voxmine why`."""
    mask: str
    """Short name of the mask."""
    first_slice: int = Field(ge=1)
    """First slice of the volume that the region is in, counted from 1."""
    last_slice: int = Field(ge=1)
    """Last one."""
    slices: int = Field(ge=1)
    """Slices of the volume."""
    sources: tuple[Digest, ...] = ()
    """SHA-256 of every source file behind image and mask."""

    @property
    def place(self) -> Place:
        """Return modality and region."""
        return self.modality, self.region

    @property
    def sentence(self) -> str:
        """Return where to look, such as `CT tumour, slices 12 to 19 of 24, drawn by A`."""
        only = self.first_slice == self.last_slice
        where = f"slice {self.first_slice}" if only else f"slices {self.first_slice} to {self.last_slice}"
        visit = f", visit {self.visit + 1}" if self.visit else ""
        return f"{self.modality} {self.region}{visit}, {where} of {self.slices}, drawn by {self.reader}"


class Note(Value):
    """Hold what is known of a rule beside its counts."""

    places: tuple[Place, ...] = ()
    """Modality and region of each feature among its items: where the images were looked at."""
    stability: Stability | None = None
    """How often it was found again among patients drawn anew; None where that was not tried."""
    centres: CentreAgreement | None = None
    """Its counts centre by centre; None where fewer than two are known."""


class Card(Value):
    """Be a rule, an order or pattern of events or a subgroup with its number and all that is known of it."""

    number: str = Field(pattern=r"^(rule|association|sequence|pattern|subgroup)-[1-9][0-9]*$")
    """What the rule is called in the report, its files and `voxmine why`."""
    kind: CardKind
    rule: Rule | None = None
    """The rule; None for anything else."""
    sequence: SequenceRule | None = None
    """The order of events; None for anything else."""
    pattern: PatternRule | None = None
    """The pattern in time; None for anything else."""
    subgroup: Subgroup | None = None
    """The subgroup; None for anything else."""
    target: str = ""
    """What a subgroup differs in, in words."""
    sentence: str = ""
    """A subgroup in words with its numbers."""
    searched: int = Field(ge=0)
    """What its p-value is adjusted for."""
    adjust: str | None = None
    """How."""
    rows: int = Field(ge=0)
    """Patients that were looked at, those included of whom not all items are known."""
    note: Note = Note()

    @property
    def stated(self) -> Stated:
        """Return the rule, the order or pattern of events or the subgroup."""
        stated = self.rule or self.sequence or self.pattern or self.subgroup
        if stated is None:
            raise AssertionError  # a card is of one of these
        return stated

    @property
    def claimed(self) -> bool:
        """Return whether it is a discovery."""
        return self.stated.significant if isinstance(self.stated, SequenceRule) else self.stated.claimed

    @property
    def contradicting(self) -> tuple[str, ...]:
        """Return the patients against it; of a subgroup there are none."""
        return () if isinstance(self.stated, Subgroup) else self.stated.contradicting

    @property
    def lists(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the patients for it and those against it."""
        return self.stated.supporting, self.contradicting

    @property
    def patients(self) -> tuple[str, ...]:
        """Return the patients for and against it."""
        return self.stated.supporting + self.contradicting


class CardSet(Value):
    """Be the cards of a study, and where its patients' regions lie."""

    cards: tuple[Card, ...] = ()
    sights: tuple[Sight, ...] = ()
    """By patient, modality, region and reader."""
    item_pairs: ItemPairs | None = None
    """Which of the rules' items go together, those of the first rules first; None without items."""

    @property
    def notes(self) -> dict[str, Note]:
        """Return what is known of each rule beside its counts, by its number."""
        return {card.number: card.note for card in self.cards}

    def named(self, number: str) -> Card | None:
        """Return the card of a number, or None."""
        return next((card for card in self.cards if card.number == number), None)


def cards_of(kind: CardKind, found: RuleSet | SequenceSet, notes: Mapping[str, Note] | None = None) -> tuple[Card, ...]:
    """Return a card for each rule that a search lists, numbered in its order from 1."""
    return tuple(_cards(kind, found, notes or {}))


def pattern_cards(found: SequenceSet) -> tuple[Card, ...]:
    """Return a card for each pattern that was listed and held against the outcome, numbered in its order from 1."""
    tested = [(one.steps, one.with_outcome) for one in found.patterns if one.with_outcome is not None]
    return tuple(
        Card(
            number=f"pattern-{rank}",
            kind="pattern",
            pattern=PatternRule(**test.model_dump(), steps=steps),
            searched=found.patterns_tested,
            adjust="westfall_young",
            rows=found.patients,
        )
        for rank, (steps, test) in enumerate(tested, 1)
    )


def subgroup_cards(sets: Sequence[SubgroupSet]) -> tuple[Card, ...]:
    """Return a card for each subgroup that was listed, numbered from 1 over all targets."""
    listed = [(found, one) for found in sets for one in found.subgroups]
    return tuple(
        Card(
            number=f"subgroup-{rank}",
            kind="subgroup",
            subgroup=one,
            target=found.target,
            sentence=found.sentence(one),
            searched=found.searched,
            adjust="westfall_young",
            rows=found.rows,
        )
        for rank, (found, one) in enumerate(listed, 1)
    )


def items_of(card: Card) -> tuple[Item, ...]:
    """Return the items of a card's rule or subgroup; an order or pattern of events has none."""
    if card.subgroup is not None:
        return card.subgroup.items
    return () if card.rule is None else card.rule.antecedent + card.rule.consequent


def places_of(card: Card, features: frozenset[str]) -> tuple[Place, ...]:
    """Return modality and region of each feature among a card's items, each once.

    `features` are the columns that were measured in images: `<modality>.<region>.<feature>`.
    """
    columns = [item.column for item in items_of(card) if item.column in features]
    return tuple(dict.fromkeys(_place(column) for column in columns))


def _place(column: str) -> Place:
    modality, _, rest = column.partition(".")
    return modality, rest.rpartition(".")[0]


def _cards(kind: CardKind, found: RuleSet | SequenceSet, notes: Mapping[str, Note]) -> Iterator[Card]:
    rows = found.rows if isinstance(found, RuleSet) else found.patients
    for rank, one in enumerate(found.rules, 1):
        number = f"{kind}-{rank}"
        yield Card(
            number=number,
            kind=kind,
            rule=one if isinstance(one, Rule) else None,
            sequence=one if isinstance(one, SequenceRule) else None,
            searched=found.searched,
            adjust=found.adjust,
            rows=rows,
            note=notes.get(number, Note()),
        )
