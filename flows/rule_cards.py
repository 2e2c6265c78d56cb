"""The cards of a study's rules: resamples, slices and centres, each worked on where there is room."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from data_catalog.lineage import history, sources_behind
from data_catalog.refs import Study
from flows.runtime import one, refusals_in, run_stage
from tasks.cards import Seen, locate_region, make_cards, resample_associations, resample_rules
from tasks.methods.rules.card import cards_of, places_of, subgroup_cards
from tasks.report import draw_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from data_catalog.refs import Ref, Refusal, Region, Scan
    from data_catalog.store import Store
    from flows.mining import Mining
    from flows.plan import Plan
    from flows.results import CohortTables
    from tasks.methods.rules.card import Place, Sight
    from tasks.methods.rules.items import ColumnLabel
    from tasks.methods.rules.shown import ShownCards
    from tasks.stage import Input, Job

MOST_PICTURED = 3
"""Rules of which patients are pictured; more would make the page heavy."""
BLOCK = 10
"""Resamples that are one piece of work."""


def rule_cards(
    plan: Plan,
    mining: Mining,
    tables: CohortTables,
    mined: Mapping[str, Ref | None],
    subgroups: Iterable[Ref],
    columns: Mapping[str, ColumnLabel],
    words: tuple[str, str, str] | None,
    features: tuple[str, ...],
    store: Store,
) -> tuple[Ref, list[Refusal]]:
    """Return the cards of the rules that were mined, by the name of what they are, and what could not be tried."""
    held = {name: ref for name, ref in mined.items() if ref is not None}
    sets = tuple(subgroups)
    again, refusals = _resamples(mining, tables, held, columns, words)
    places = _places(store, held, sets, frozenset(features))
    regions = list(_regions(store.open(tables.features.study), store.open(tables.cohort), places))
    drawn = list(dict.fromkeys((scan, region) for scan, _, region in regions))  # each in several channels at times
    extents = run_stage([_extent_job(scan, region) for scan, region in drawn])
    where = {pair: outcome.ref for pair, outcome in zip(drawn, extents, strict=True)}
    located = [(one, ref) for one in regions if (ref := where[one[0], one[2]]) is not None]
    inputs: dict[str, Input] = {"cohort": tables.cohort, **held, **again}
    job = make_cards.job(
        plan.study,
        {**inputs, "subgroups": sets, "extents": tuple(ref for _, ref in located)},
        {
            "outcome": words,
            "centre": mining.cards.centre,
            "features": features,
            "seen": tuple(_seen(store, [one for one, _ in located])),
        },
    )
    return one(job), [*refusals, *refusals_in(extents)]


def _resamples(
    mining: Mining,
    tables: CohortTables,
    held: Mapping[str, Ref],
    columns: Mapping[str, ColumnLabel],
    words: tuple[str, str, str] | None,
) -> tuple[dict[str, Input], list[Refusal]]:
    """Return how often rules are found again in blocks of resamples, by the name of what they are."""
    resampling = mining.cards.resampling
    if resampling is None:
        return {}, []
    stages = {"rules": (resample_rules, mining.rules), "associations": (resample_associations, mining.associations)}
    found: dict[str, Input] = {}
    refusals: list[Refusal] = []
    for name, (stage, miner) in stages.items():
        if name not in held:
            continue
        shared = {"columns": dict(columns), "outcome": words, "discretiser": mining.discretiser, "miner": miner}
        within = {"strata": mining.strata} if name == "rules" else {}
        outcomes = run_stage(
            [
                stage.job(
                    f"stability of {name}, resamples from {first + 1}",
                    {"cohort": tables.cohort, "rules": held[name]},
                    {
                        **shared,
                        **within,
                        "resampling": resampling,
                        "draws": (first, min(first + BLOCK, resampling.resamples)),
                    },
                )
                for first in range(0, resampling.resamples, BLOCK)
            ]
        )
        refusals += refusals_in(outcomes)[:1]
        found[f"{name}_again"] = tuple(outcome.ref for outcome in outcomes if outcome.ref is not None)
    return found, refusals


def _places(store: Store, held: Mapping[str, Ref], subgroups: Sequence[Ref], features: frozenset[str]) -> set[Place]:
    """Return modality and region of every feature that a listed rule tells of."""
    cards = [
        card
        for kind, name in (("rule", "rules"), ("association", "associations"))
        if name in held
        for card in cards_of(kind, store.open(held[name]))  # type: ignore[arg-type]
    ]
    cards += subgroup_cards([store.open(ref) for ref in subgroups])
    return {place for card in cards for place in places_of(card, features)}


def _regions(study: Study, cohort: pd.DataFrame, places: set[Place]) -> Iterator[tuple[Scan, str, Region]]:
    """Yield the regions of the cohort's rows that rules tell of, each with its scan and what was measured in it."""
    rows = set(zip(cohort["patient"].tolist(), cohort["visit"].tolist(), strict=True))
    for scan in study.scans:
        if (scan.patient, scan.visit) not in rows:
            continue
        for modality, name in sorted(places):
            if modality.partition("[")[0] in (scan.modality, *scan.channels) or modality in scan.channels:
                yield from ((scan, modality, region) for region in scan.regions if region.name == name)


def witness_jobs(plan: Plan, study: Study, cards: ShownCards) -> Iterator[tuple[str, Job]]:
    """Yield pictures of a patient for and of one against each of the first claimed rules that images tell of.

    With each comes the number of the rule's card. Nobody is pictured whom the card does not name.
    """
    claimed = [card for card in cards.cards if card.claimed and card.places]
    for card in claimed[:MOST_PICTURED]:
        for said, patients in (("for", card.supporting), ("against", card.contradicting)):
            seen = next(_seen_of(study, cards.sights, patients or (), card.places), None)
            if seen is not None:
                yield card.number, _witness(plan, card.number, said, *seen)


def _seen_of(
    study: Study, sights: Sequence[Sight], patients: Sequence[str], places: Sequence[Place]
) -> Iterator[tuple[Scan, Region, Sight]]:
    """Yield the regions of some patients that features of a rule were measured in, in the order of the patients."""
    for patient in patients:
        own = [sight for sight in sights if sight.patient == patient and sight.place in places]
        for sight in own:
            scans = [scan for scan in study.scans if (scan.patient, scan.visit) == (patient, sight.visit)]
            yield from (
                (scan, region, sight)
                for scan in scans
                for region in scan.regions
                if scan.image.short == sight.image and region.mask.short == sight.mask and region.name == sight.region
            )


def _witness(plan: Plan, number: str, said: str, scan: Scan, region: Region, sight: Sight) -> Job:
    channel = scan.channels.index(sight.modality) if sight.modality in scan.channels else 0
    caption = f"{scan.patient}, {said} {number}: {sight.sentence}."
    return draw_picture.job(
        f"{plan.study}/{number}/{said}",
        {"image": scan.image, "labels": region.mask},
        {"label": region.label, "caption": caption, "channel": channel},
    )


def _extent_job(scan: Scan, region: Region) -> Job:
    item = f"{scan.item}/{region.name}/{region.reader}"
    return locate_region.job(item, {"labels": region.mask}, {"label": region.label})


def _seen(store: Store, regions: list[tuple[Scan, str, Region]]) -> Iterator[Seen]:
    made = history(
        [ref for scan, _, region in regions for ref in (scan.image, region.mask)], partial(store.each, store.records)
    )
    known: dict[Ref, frozenset[str]] = {}
    for scan, modality, region in regions:
        sources = (sources_behind(ref, made.__getitem__, known) for ref in (scan.image, region.mask))
        yield Seen(
            patient=scan.patient,
            visit=scan.visit,
            modality=modality,
            region=region.name,
            reader=region.reader,
            image=scan.image.short,
            mask=region.mask.short,
            sources=tuple(sorted(frozenset().union(*sources))),
        )
