"""What the report is made of: all that the page says, before it is put into words and pictures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, JsonValue

from data_catalog.refs import Digest, Refusal
from tasks.methods.learning.controls import LeakReport, Permutations
from tasks.methods.learning.delong import DeLong
from tasks.methods.learning.evaluation import Evaluation
from tasks.methods.learning.rule_list_words import RuleListInWords
from tasks.methods.reporting.parts import (
    CohortSummary,
    Count,
    FeatureAgreement,
    FeatureSummary,
    GateSummary,
    Part,
    ReaderPair,
    ScannerEffect,
)
from tasks.methods.rules.card import Note, Sight, cards_of, pattern_cards, subgroup_cards
from tasks.methods.rules.item_pairs import ItemPairs
from tasks.methods.rules.reading_rule import ReadingRuleSet
from tasks.methods.rules.rule import RuleSet
from tasks.methods.rules.sequence_rule import SequenceSet
from tasks.methods.rules.shown import ShownCard, lists_of_cards, shown
from tasks.methods.rules.subgroup import SubgroupSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.methods.rules.card import Card, CardKind

Section = Literal[
    "flow",
    "pictures",
    "cohort",
    "features",
    "scanners",
    "readers",
    "models",
    "rules",
    "associations",
    "sequences",
    "subgroups",
    "readings",
]
"""Parts of the page whose numbers were made by stages."""
Purpose = Literal[
    "preprocessing",
    "fusion",
    "segmentation",
    "detection",
    "radiomics",
    "perturbation",
    "maps",
    "cohort",
    "representatives",
    "levels",
    "rules",
    "associations",
    "sequences",
    "subgroups",
    "readings",
]
"""What a method was used for, beside learning, whose parameters an evaluation holds itself."""
Role = Literal["model", "control"]
SHORT_DIGEST = 12
"""Characters of a digest that are shown to people."""


class OutcomeWords(Part):
    """Say the outcome in words."""

    label: str
    """The outcome's name in a sentence (`progression`)."""
    event: str
    """Heading of the patients with the event (`Progressed`)."""
    other: str
    """Heading of the others (`Did not progress`)."""


class FlowStep(Part):
    """Count what was there after a step, and what the step refused."""

    what: str
    """What there is after the step, in words (`Series found`)."""
    patients: Count
    """Patients left."""
    series: Count | None = None
    """Series left; None where rows of a table are counted."""
    refusals: tuple[Refusal, ...] = ()
    """What the step refused."""

    @property
    def verdicts(self) -> dict[str, tuple[Refusal, ...]]:
        """Return the refusals by verdict, the most frequent first."""
        counts = Counter(refusal.verdict for refusal in self.refusals)
        ranked = sorted(counts, key=lambda verdict: (-counts[verdict], verdict))
        return {verdict: tuple(r for r in self.refusals if r.verdict == verdict) for verdict in ranked}


class Picture(Part):
    """Show one plane of a scan."""

    modality: str
    """What was measured (`CT`)."""
    caption: str
    """What is seen and outlined, in a sentence."""
    png: bytes
    """The picture."""


class ModelResult(Part):
    """Hold how one learner was judged, and what it was judged for."""

    name: str
    """Name in words (`Logistic regression`, `Tumour volume alone`)."""
    evaluation: Evaluation
    """Its nested cross-validation."""
    role: Role = "model"
    """Whether it is a model, or what models are held against."""
    note: str = ""
    """One sentence beside it."""
    permutations: Permutations | None = None
    """What it reached on shuffled outcomes; None where that was not tried."""


class Comparison(Part):
    """Compare a model with a control on the same patients."""

    model: str
    """Name of the model."""
    control: str
    """Name of the control."""
    test: DeLong | None
    """DeLong's test; None where it does not apply."""
    reason: str = ""
    """Why it does not."""


class PlantedFound(Part):
    """Mark one planted truth of an invented cohort."""

    planted: str
    """What was planted."""
    found: str
    """What the study says of it."""
    ok: bool
    """Whether that is right."""


class MethodUsed(Part):
    """Name a method that was used, with its parameters."""

    purpose: Purpose
    """What it was used for."""
    on: str = ""
    """On images of what (`CT`; empty or `*` for all), or, for a segmentation, which region it draws (`tumour`)."""
    parameters: dict[str, JsonValue] = {}
    """All its parameters, its tag `method` among them."""

    @classmethod
    def of(cls, purpose: Purpose, method: BaseModel, on: str = "") -> MethodUsed:
        """Take the parameters from a method."""
        parameters: dict[str, Any] = method.model_dump(mode="json")
        return cls(purpose=purpose, on=on, parameters=parameters)

    @property
    def name(self) -> str:
        """Return the method's tag as words."""
        return str(self.parameters.get("method", self.purpose)).replace("_", " ")


class Origin(Part):
    """Name an artefact that a section's numbers come from, and what made it."""

    section: Section
    """The section."""
    artefact: str
    """Its short name (`evaluation-3f9a1c2b7d04`)."""
    stage: str
    """The stage that made it."""
    version: str
    """Version of voxmine."""
    code: Digest
    """SHA-256 of the code behind it."""
    parameters: dict[str, JsonValue] = {}
    """Parameters of the stage."""
    source_files: Count
    """Number of source files behind it, through all artefacts between."""

    @property
    def short_code(self) -> str:
        """Return what is shown of the code's digest."""
        return self.code[:SHORT_DIGEST]

    @property
    def command(self) -> str:
        """Return the command that prints the chain back to the sources."""
        return f"voxmine why {self.artefact}"


class ReportData(Part):
    """Hold all that the report says.

    An empty tuple says that there was nothing; None says that it was not looked for.
    """

    study: str
    """The study's name."""
    question: str
    """What was asked, in one sentence."""
    version: str
    """Version of voxmine."""
    outcome: OutcomeWords | None = None
    """The outcome in words; None without one."""
    flow: tuple[FlowStep, ...] = ()
    """What was left after each step, from what was found to what was analysed."""
    gate: GateSummary | None = None
    """What became of the scans and regions when they were read; None where that was not counted."""
    refused: dict[Section, tuple[Refusal, ...]] = {}
    """What a section lacks because it could not be made, and why."""
    pictures: tuple[Picture, ...] = ()
    """One picture of each modality."""
    cohort: CohortSummary | None = None
    """The rows that were analysed."""
    features: tuple[FeatureSummary, ...] = ()
    """Every feature, the largest difference between the classes first."""
    scanner_effects: tuple[ScannerEffect, ...] | None = None
    """Every feature, the largest effect first; None where fewer than two scanners are known."""
    reader_pairs: tuple[ReaderPair, ...] = ()
    """Overlap of readers' outlines; empty where no region was outlined twice."""
    reader_features: tuple[FeatureAgreement, ...] = ()
    """Agreement of readers on features."""
    perturbed_features: tuple[FeatureAgreement, ...] = ()
    """How far features stay the same under perturbation; empty where nothing was perturbed."""
    labels: dict[str, str] = {}
    """Words for columns of the cohort; a column that is not here goes by its name."""
    models: tuple[ModelResult, ...] = ()
    """Models and controls."""
    comparisons: tuple[Comparison, ...] = ()
    """Models against controls."""
    leak: LeakReport | None = None
    """What choosing features before the split would have shown; None where that was not tried."""
    rules: RuleSet | None = None
    """Rules that end in the outcome; None where none were looked for."""
    associations: RuleSet | None = None
    """Rules among all items; None where none were looked for."""
    sequences: SequenceSet | None = None
    """Patterns in time; None where none were looked for."""
    rule_list: RuleListInWords | None = None
    """The rule list that was fitted to all rows; None where none was."""
    subgroups: tuple[SubgroupSet, ...] = ()
    """Subgroups of patients, one set for each target."""
    reading_rules: ReadingRuleSet | None = None
    """Rules over several readers' ratings; None where none were looked for."""
    found: tuple[PlantedFound, ...] = ()
    """Planted truths and what became of them: of an invented cohort only."""
    methods: tuple[MethodUsed, ...] = ()
    """Methods in the order they were used."""
    origins: tuple[Origin, ...] = ()
    """What made each number."""
    lineage: str = ""
    """The steps from the source files to this page as a picture (SVG); empty where it was not drawn."""
    centres: Count | None = None
    """Number of centres the patients come from; None where that is not known."""
    scanners: Count | None = None
    """Number of scanners; None where they are not known."""
    notes: dict[str, Note] = {}
    """What is known of rules beside their counts, by the number of their cards (`rule-1`)."""
    sights: tuple[Sight, ...] = ()
    """Where in the images the regions lie that rules tell of."""
    witnesses: dict[str, tuple[Picture, ...]] = {}
    """Pictures of patients for and against a rule, by the number of its card."""
    item_pairs: ItemPairs | None = None
    """Which of the rules' items go together; None where that was not counted."""
    hide_counts_below: Count = 0
    """Counts of fewer patients than this, but not none, and lists of so few, are hidden: `<5`, `1 to 4`."""

    def judged(self, role: Role) -> tuple[ModelResult, ...]:
        """Return the models, or the controls, the highest AUC first."""
        chosen = [result for result in self.models if result.role == role]
        return tuple(sorted(chosen, key=lambda result: -result.evaluation.auc))

    def cards(self, kind: Literal["rule", "association", "sequence"]) -> tuple[ShownCard, ...]:
        """Return the cards of the rules, the associations or the orders of events, as they may be shown."""
        return self._shown(card for card in self._all_cards() if card.kind == kind)

    def cards_of_patterns(self) -> tuple[ShownCard, ...]:
        """Return the cards of the patterns in time that were held against the outcome, as they may be shown."""
        return self._shown(card for card in self._all_cards() if card.kind == "pattern")

    def _all_cards(self) -> list[Card]:
        found: dict[CardKind, RuleSet | SequenceSet | None] = {
            "rule": self.rules,
            "association": self.associations,
            "sequence": self.sequences,
        }
        of_rules = [one for kind, held in found.items() if held is not None for one in cards_of(kind, held, self.notes)]
        patterns = () if self.sequences is None else pattern_cards(self.sequences)
        return [*of_rules, *patterns, *subgroup_cards(self.subgroups)]

    def _shown(self, cards: Iterable[Card]) -> tuple[ShownCard, ...]:
        """Return cards as they may be shown beside all others."""
        told = lists_of_cards(self._all_cards(), self.hide_counts_below)
        return tuple(shown(card, self.hide_counts_below, told) for card in cards)

    def sights_of(self, card: ShownCard) -> tuple[Sight, ...]:
        """Return where the regions lie of the patients whom a card names."""
        patients = set(card.patients)
        return tuple(sight for sight in self.sights if sight.patient in patients and sight.place in card.places)

    def subgroups_before(self, place: int) -> int:
        """Return how many subgroups the targets before one list."""
        return sum(len(found.subgroups) for found in self.subgroups[:place])

    def lacks(self, section: Section) -> tuple[Refusal, ...]:
        """Return what could not be made for a section, and why."""
        return self.refused.get(section, ())

    def label(self, column: str) -> str:
        """Return the words for a column of the cohort."""
        return self.labels.get(column, column)

    def behind(self, section: Section) -> tuple[Origin, ...]:
        """Return what made the numbers of a section."""
        return tuple(origin for origin in self.origins if origin.section == section)
