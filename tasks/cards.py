"""Make the cards of rules: mine patients drawn anew, find the slices of regions, and put all that is known together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from data_catalog.errors import BadData
from data_catalog.kinds import CARDS, EXTENT, RESAMPLES, slabs
from data_catalog.refs import Digest
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.rules.card import (
    Card,
    CardSet,
    Note,
    Sight,
    cards_of,
    items_of,
    pattern_cards,
    places_of,
    subgroup_cards,
)
from tasks.methods.rules.centres import centre_agreements
from tasks.methods.rules.item_pairs import item_pairs
from tasks.methods.rules.items import ColumnLabel, category_texts, item_table, require_columns, strata_of
from tasks.methods.rules.stability import Resampled, added, associations_again, class_rules_again
from tasks.mine import spoken_outcome, worded
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import xarray as xr

    from tasks.methods.rules import Discretiser, Resampling
    from tasks.methods.rules.association import AssociationMiner
    from tasks.methods.rules.card import CardKind
    from tasks.methods.rules.centres import CentreAgreement
    from tasks.methods.rules.class_rules import ClassRuleMiner
    from tasks.methods.rules.items import Item
    from tasks.methods.rules.rule import RuleSet
    from tasks.methods.rules.sequence_rule import SequenceSet
    from tasks.methods.rules.stability import Stability
    from tasks.methods.rules.subgroup import SubgroupSet


MOST_ITEMS = 40
"""Items whose going together is counted; the first rules' come first."""


class Extent(BaseModel):
    """Say which slices of a volume a region is in, counted from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_slice: int
    last_slice: int
    slices: int
    """Slices of the volume."""


class Seen(BaseModel):
    """Say whose region it is that features were measured in, and what it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patient: str
    visit: int
    modality: str
    region: str
    reader: str
    image: str
    """Short name of the volume."""
    mask: str
    """Short name of the mask."""
    sources: tuple[Digest, ...]
    """SHA-256 of the source files behind both."""


@stage(EXTENT)
def locate_region(labels: xr.DataArray, *, label: int) -> Extent:
    """Return which slices of its image a region is in."""
    found: list[int] = []
    low = 0
    for _, planes in slabs(labels):
        found += (low + np.flatnonzero((planes == label).any(axis=(1, 2)))).tolist()
        low += len(planes)
    if not found:
        raise BadData("empty_region", "A region has voxels", "the mask is empty", "Check the segmentation.")
    return Extent(first_slice=min(found) + 1, last_slice=max(found) + 1, slices=low)


@stage(RESAMPLES)
def resample_rules(
    cohort: pd.DataFrame,
    rules: RuleSet,
    *,
    columns: dict[str, ColumnLabel],
    outcome: tuple[str, str, str],
    discretiser: Discretiser,
    miner: ClassRuleMiner,
    resampling: Resampling,
    strata: str | None = None,
    draws: tuple[int, int],
) -> Resampled:
    """Return how often the rules that end in the outcome are found again in some draws of the patients.

    `draws` are the numbers of the first draw and of the one after the last, `strata` the column within whose
    values patients are compared.
    """
    labels = {**columns, OUTCOME: ColumnLabel(label=outcome[0])}
    mine = class_rules_again(spoken_outcome(cohort, outcome), labels, discretiser, miner, strata_of(cohort, strata))
    keys = [rule.key for rule in rules.rules]
    return resampling(cohort[list(columns)], mine, keys, miner.alpha, range(*draws))


@stage(RESAMPLES)
def resample_associations(
    cohort: pd.DataFrame,
    rules: RuleSet,
    *,
    columns: dict[str, ColumnLabel],
    outcome: tuple[str, str, str] | None,
    discretiser: Discretiser,
    miner: AssociationMiner,
    resampling: Resampling,
    draws: tuple[int, int],
) -> Resampled:
    """Return how often the rules among all items are found again in some draws of the patients."""
    labels = columns if outcome is None else {**columns, OUTCOME: ColumnLabel(label=outcome[0])}
    mine = associations_again(labels, discretiser, miner, len(cohort))
    keys = [rule.key for rule in rules.rules]
    return resampling(worded(cohort, outcome)[list(labels)], mine, keys, miner.alpha, range(*draws))


@stage(CARDS, keeps_parameters=False)
def make_cards(
    cohort: pd.DataFrame,
    rules: RuleSet | None = None,
    associations: RuleSet | None = None,
    sequences: SequenceSet | None = None,
    subgroups: Sequence[SubgroupSet] = (),
    rules_again: Sequence[Resampled] = (),
    associations_again: Sequence[Resampled] = (),
    extents: Sequence[Extent] = (),
    *,
    outcome: tuple[str, str, str] | None,
    centre: str | None,
    features: tuple[str, ...],
    seen: tuple[Seen, ...],
) -> CardSet:
    """Return a card for each rule that was listed, and where in the images its patients' regions lie.

    `centre` is the column that tells centres apart; `features` are the columns measured in images; `seen`
    says whose regions the extents are of.
    """
    table = worded(cohort, outcome)
    kinds: tuple[tuple[CardKind, RuleSet | None, Sequence[Resampled]], ...] = (
        ("rule", rules, rules_again),
        ("association", associations, associations_again),
    )
    cards: list[Card] = []
    for kind, found, again in kinds:
        if found is not None:
            cards += _noted(cards_of(kind, found), table, centre, frozenset(features), added(again))
    cards += () if sequences is None else (*cards_of("sequence", sequences), *pattern_cards(sequences))
    cards += _noted(subgroup_cards(subgroups), table, None, frozenset(features), ())
    sights = [Sight(**where.model_dump(), **extent.model_dump()) for where, extent in zip(seen, extents, strict=True)]
    items = different_items(cards)
    return CardSet(
        cards=tuple(cards),
        sights=tuple(sorted(sights, key=_order)),
        item_pairs=item_pairs(item_table(items[:MOST_ITEMS], table)) if items else None,
    )


def different_items(cards: Sequence[Card]) -> list[Item]:
    """Return the items of rules, each once, in the order of the cards."""
    return list(dict.fromkeys(item for card in cards for item in items_of(card)))


def _noted(
    cards: Sequence[Card],
    table: pd.DataFrame,
    centre: str | None,
    features: frozenset[str],
    stability: Sequence[Stability],
) -> list[Card]:
    agreements = _agreements(cards, table, centre)
    stable: list[Stability | None] = [*stability] or [None] * len(cards)
    notes = [
        Note(places=places_of(card, features), stability=found, centres=agreement)
        for card, found, agreement in zip(cards, stable, agreements, strict=True)
    ]
    return [card.model_copy(update={"note": note}) for card, note in zip(cards, notes, strict=True)]


def _agreements(cards: Sequence[Card], table: pd.DataFrame, centre: str | None) -> list[CentreAgreement | None]:
    if centre is None:
        return [None] * len(cards)
    require_columns(table, [centre])
    items = different_items(cards)
    places = {item: place for place, item in enumerate(items)}
    rules = [card.rule for card in cards if card.rule is not None]
    sides = [[tuple(places[item] for item in side) for side in (rule.antecedent, rule.consequent)] for rule in rules]
    found = item_table(items, table)
    return centre_agreements(
        found, [left for left, _ in sides], [right for _, right in sides], category_texts(table[centre])
    )


def _order(sight: Sight) -> tuple[str, int, str, str, str]:
    return sight.patient, sight.visit, sight.modality, sight.region, sight.reader
