"""Draw the pictures and write the page of a study's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from data_catalog.kinds import PICTURE, REPORT, UNIT_OF_CHANNELS, geometry_of
from data_catalog.refs import Refusal
from tasks.methods.cohort.columns import ColumnMeaning
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.learning.controls import LeakReport, Permutations
from tasks.methods.learning.evaluation import Evaluation
from tasks.methods.learning.rule_list_words import RuleListInWords
from tasks.methods.reporting.data import (
    FlowStep,
    MethodUsed,
    ModelResult,
    Origin,
    OutcomeWords,
    Picture,
    ReportData,
    Section,
)
from tasks.methods.reporting.page import render
from tasks.methods.reporting.parts import GateSummary
from tasks.methods.reporting.pictures import bar_length_mm, picture_of
from tasks.methods.reporting.summaries import (
    against_controls,
    agreement_rows,
    cohort_summary,
    feature_summaries,
    perturbation_rows,
    reader_pairs,
    scanner_rows,
)
from tasks.methods.rules.card import CardSet
from tasks.methods.rules.reading_rule import ReadingRuleSet
from tasks.methods.rules.rule import RuleSet
from tasks.methods.rules.sequence_rule import SequenceSet
from tasks.methods.rules.shown import SMALLEST
from tasks.methods.rules.subgroup import SubgroupSet
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import xarray as xr

WINDOWS = {"HU": (-160.0, 240.0)}
"""Values shown as black and as white, by unit: CT as radiologists look at soft tissue."""


class Judged(BaseModel):
    """Which evaluation is of what: its name in words, and whether it is a model or a control."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    is_control: bool
    note: str = ""


class Facts(BaseModel):
    """What the page says beside the artefacts: words, counts, methods, and what made each number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    question: str
    version: str
    look: str
    """Digest of the page's templates: another look is another page."""
    outcome: OutcomeWords | None
    flow: tuple[FlowStep, ...]
    columns: tuple[ColumnMeaning, ...]
    judged: tuple[Judged, ...]
    methods: tuple[MethodUsed, ...]
    origins: tuple[Origin, ...]
    lineage: str = ""
    """The steps behind the page as a picture (SVG)."""
    scanners: int | None
    centres: int | None = None
    """Centres that a column of the cohort tells apart; None where none does."""
    gate: GateSummary | None = None
    """What became of the scans and regions when they were read."""
    refused: dict[Section, tuple[Refusal, ...]] = {}
    """What could not be judged or mined, and why."""
    smallest: int = SMALLEST
    """Counts of fewer patients than this, but more than none, are hidden, and lists of so few."""
    pictured: tuple[str, ...] = ()
    """Numbers of the rules whose patients the last pictures show."""


@stage(PICTURE)
def draw_picture(
    image: xr.DataArray, labels: xr.DataArray | None = None, *, label: int, caption: str, channel: int = 0
) -> Picture:
    """Return a picture of the plane where a region is largest, its outline in colour."""
    geometry = geometry_of(image)
    voxels = image.values.reshape(-1, *geometry.shape)[channel]
    inside = None if labels is None else labels.values == label
    units = str(image.attrs["unit"]).split(UNIT_OF_CHANNELS)
    width_mm = geometry.shape[2] * geometry.spacing_mm[2]
    png = picture_of(
        voxels,
        inside,
        geometry.spacing_mm,
        window=WINDOWS.get(units[min(channel, len(units) - 1)]),
        bar_mm=bar_length_mm(width_mm),
    )
    return Picture(modality=str(image.attrs["modality"]), caption=caption, png=png)


def witnesses_of(pictures: Sequence[Picture], numbers: Sequence[str]) -> dict[str, tuple[Picture, ...]]:
    """Return the last pictures by the numbers of the rules whose patients they show."""
    shown: dict[str, tuple[Picture, ...]] = {}
    for number, picture in zip(numbers, pictures[len(pictures) - len(numbers) :], strict=True):
        shown[number] = (*shown.get(number, ()), picture)
    return shown


@stage(REPORT, keeps_parameters=False)
def write_report(
    *,
    cohort: pd.DataFrame,
    evaluations: list[Evaluation],
    pictures: list[Picture],
    scanners: pd.DataFrame | None = None,
    readers: pd.DataFrame | None = None,
    overlaps: pd.DataFrame | None = None,
    stability: pd.DataFrame | None = None,
    permuted: Permutations | None = None,
    leak: LeakReport | None = None,
    rules: RuleSet | None = None,
    associations: RuleSet | None = None,
    sequences: SequenceSet | None = None,
    cards: CardSet | None = None,
    rule_list: RuleListInWords | None = None,
    subgroups: list[SubgroupSet] | None = None,
    reading_rules: ReadingRuleSet | None = None,
    facts: Facts,
) -> str:
    """Return the page: self-contained HTML with the flow of the cohort, pictures, models, rules and their origins."""
    meanings = {meaning.column: meaning for meaning in facts.columns}
    features = {name: meaning for name, meaning in meanings.items() if meaning.is_feature}
    clinical = {name: meaning for name, meaning in meanings.items() if not meaning.is_feature}
    labels = {name: meaning.label for name, meaning in meanings.items()}
    models = tuple(
        ModelResult(
            name=judged.name,
            evaluation=evaluation,
            role="control" if judged.is_control else "model",
            note=judged.note,
            permutations=permuted if number == 0 else None,  # the first learner is the one that was permuted
        )
        for number, (judged, evaluation) in enumerate(zip(facts.judged, evaluations, strict=True))
    )
    return render(
        ReportData(
            study=facts.study,
            question=facts.question,
            version=facts.version,
            outcome=facts.outcome,
            flow=facts.flow,
            gate=facts.gate,
            pictures=tuple(pictures[: len(pictures) - len(facts.pictured)]),
            witnesses=witnesses_of(pictures, facts.pictured),
            cohort=cohort_summary(cohort, cohort[OUTCOME], cohort["patient"].tolist(), clinical, facts.smallest),
            features=feature_summaries(cohort, cohort[OUTCOME], features),
            scanner_effects=None if scanners is None else scanner_rows(scanners, labels),
            reader_pairs=() if overlaps is None else reader_pairs(overlaps),
            reader_features=() if readers is None else agreement_rows(readers, labels),
            perturbed_features=() if stability is None else perturbation_rows(stability, labels),
            labels=labels,
            models=models,
            comparisons=against_controls(models),
            leak=leak,
            rules=rules,
            associations=associations,
            sequences=sequences,
            notes={} if cards is None else cards.notes,
            sights=() if cards is None else cards.sights,
            item_pairs=None if cards is None else cards.item_pairs,
            rule_list=rule_list,
            subgroups=tuple(subgroups or ()),
            reading_rules=reading_rules,
            hide_counts_below=facts.smallest,
            methods=facts.methods,
            origins=facts.origins,
            lineage=facts.lineage,
            scanners=facts.scanners,
            centres=facts.centres,
            refused=facts.refused,
        )
    )
