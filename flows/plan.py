"""The Plan: all parameters of a study, the same in a file, in Python and in Prefect's form."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from data_catalog.catalog_engine import require_catalog_url
from data_catalog.places import place, require_address
from flows.compute import Compute
from flows.mining import Mining
from flows.tolerance import Tolerance
from tasks.methods.cohort.deltas import Deltas
from tasks.methods.detection import Detector
from tasks.methods.fusion import Fuser
from tasks.methods.learning import Harmoniser, Learner
from tasks.methods.learning.forest import ForestLearner
from tasks.methods.learning.harmonisation import NoHarmonisation
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation
from tasks.methods.learning.rule_list import RuleListLearner
from tasks.methods.learning.stable_features import StableFeatures
from tasks.methods.learning.support_vectors import SupportVectorLearner
from tasks.methods.preprocessing import Preprocessor
from tasks.methods.radiomics import Extractor, Mapper
from tasks.methods.radiomics.encoder import Encoder
from tasks.methods.radiomics.measure import Measure
from tasks.methods.radiomics.perturbation.chain import PerturbationChain
from tasks.methods.radiomics.recipes import RecipeName, named
from tasks.methods.segmentation import Segmenter
from tasks.methods.signals import SignalExtractor
from tasks.methods.signals.amplitude import Amplitude
from tasks.methods.signals.spectrum import Spectrum
from tasks.methods.text import TextMiner
from tasks.sources import Source
from tasks.sources.readings import ReadingTable
from tasks.sources.tables import ClinicalTable, EventTable, Outcome, Part

if TYPE_CHECKING:
    from data_catalog.places import Place

ANY = "*"
"""Stands for every modality."""


class Preprocessing(Part):
    """Clean the images of a modality, step by step in the order given."""

    modality: str = ANY
    """Modality to clean (`CT`); `*` cleans every one that no other entry names."""
    steps: tuple[Preprocessor, ...]
    """Steps in order: fill, correct, filter, resample."""


class Fusion(Part):
    """Bring two images of a patient together on the first's grid, as an image of its own."""

    first: str
    """Modality whose grid and regions are kept."""
    second: str
    """Modality that is brought onto it; for a difference over time the same one."""
    fuser: Fuser
    """`channels` pairs the images of one visit; `temporal_difference` each visit with the one before."""


class Segmentation(Part):
    """Draw a region by a method."""

    modality: str = ANY
    """Modality to segment; `*` takes every one."""
    region: str = "region"
    """Name of the region that is drawn."""
    when: Literal["missing", "always"] = "missing"
    """`missing` draws where the scan has no region yet; `always` draws beside the readers' regions."""
    segmenter: Segmenter
    """The method that draws."""


class Detection(Part):
    """Look for lesions in an image."""

    modality: str = ANY
    """Modality to look at; `*` takes every one."""
    detector: Detector
    """The method that looks."""


class Measurement(Part):
    """Measure the regions of a modality."""

    modality: str = ANY
    """Modality to measure (`CT`); `*` measures every one that no other entry of the same name is for."""
    extractor: RecipeName | Extractor = "by_modality"
    """A published recipe by its name, or one of your own. `by_modality` is the published one of each modality: `ct`,
    `pet`, `mr`, and `arbitrary_units` for every other."""
    name: Annotated[str, Field(pattern=r"^([a-z0-9]+(_[a-z0-9]+)*)?$", max_length=40)] = ""
    """Name that the columns begin with, where a modality is measured in several ways."""


class FeatureMapping(Part):
    """Map features around every voxel of a region, or of a whole image."""

    modality: str = ANY
    """Modality to map (`CT`); `*` maps every one, but no fused image."""
    region: str | None = ANY
    """Region to map; `*` maps every region by itself, empty the whole image."""
    feature_map: Mapper
    """What is measured, and in which window."""
    name: Annotated[str, Field(pattern=r"^([a-z0-9]+(_[a-z0-9]+)*)?$", max_length=40)] = ""
    """Name of the maps, where a region is mapped in several ways."""


class Cohort(Part):
    """How images become rows."""

    rows: Literal["patient", "patient_visit"] = "patient"
    """One row a patient, or one a patient and visit."""
    visit: Literal["first", "last"] = "first"
    """With one row a patient: the visit whose images count. An image that was refused is not replaced."""
    readers: Literal["mean", "first"] = "mean"
    """Several readers of a region: the mean of their features, or the reader whose name comes first."""
    deltas: Deltas | None = None
    """What has changed since an earlier visit, as further columns; empty adds none. It takes rows of later visits:
    `rows: patient_visit`, or `visit: last`."""

    @model_validator(mode="after")
    def _has_visits_to_compare(self) -> Cohort:
        if self.deltas is not None and self.rows == "patient" and self.visit == "first":
            raise ValueError(
                "Changes since an earlier visit are asked for (`deltas`), but every row is a first visit, which has "
                "none. Set `visit: last` or `rows: patient_visit`."
            )
        return self


class Learning(Part):
    """Which models are trained and how they are judged."""

    learners: tuple[Learner, ...] = (LogisticLearner(), ForestLearner(), SupportVectorLearner(), RuleListLearner())
    """Models to compare."""
    harmoniser: Harmoniser = NoHarmonisation()
    """How differences between scanners are taken out, inside the training folds."""
    stability: StableFeatures | None = None
    """Leave out features that change when they are measured again, as the training folds tell; empty leaves out none.
    They are measured again where the plan has `perturb`, and where several readers have drawn a region."""
    validation: NestedCrossValidation = NestedCrossValidation()
    """The folds: nested, by patient, stratified."""
    controls: bool = True
    """Whether to add the controls: volume only, clinical only, permuted labels, and what leakage would have given."""


class Plan(Part):
    """All parameters of a study: where the scans and tables are, and what is done with them."""

    study: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")] = "study"
    """Short name of the study: small letters, digits, `-`, `_`."""
    workspace: Path = Path("voxmine-out")
    """Folder of the study's key and reports, and of the store where `store` is empty. Relative to where the run
    starts."""
    store: str | None = None
    """Where artefacts are kept: a folder (relative to where the run starts) or a URL such as `s3://bucket/prefix`;
    empty keeps them in the workspace. Who may go there says the environment (`AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`), on every machine that has workers."""
    catalog: str | None = None
    """Database of the catalogue, such as `postgresql://host/database`; empty keeps a file in the workspace. The
    password says the environment (`PGPASSWORD`, or `~/.pgpass`)."""
    sources: tuple[Source, ...] = ()
    """Where the scans are. Empty makes a study of tables alone: its patients are the rows of the clinical table."""
    site: str = ""
    """Where the patient ids were given; two sites may use one id for two patients."""
    first_patients: Annotated[int, Field(ge=1)] | None = None
    """Take only so many patients, the first by pseudonym: to try a plan. Empty takes all."""
    visit_days: Annotated[int, Field(ge=0)] = 0
    """Studies of a patient at most so many days apart are one visit."""
    regions: dict[str, str] = {}
    """Name of a region in this study, and the pattern of its names in the sources (`tumour`: `GTV*`). Regions that no
    pattern names are left out; without any pattern all are taken under their own names."""
    clinical: ClinicalTable | None = None
    """The clinical table; without it there is no outcome to learn."""
    events: EventTable | None = None
    """Dated events, for patterns in time."""
    readings: ReadingTable | None = None
    """Ratings of cases by several readers."""
    outcome: Outcome | None = None
    """What is to be predicted and explained; empty stops at the table of features."""
    preprocess: tuple[Preprocessing, ...] = ()
    """Cleaning, for each modality."""
    fuse: tuple[Fusion, ...] = ()
    """Images to bring together."""
    segment: tuple[Segmentation, ...] = ()
    """Regions to draw."""
    detect: tuple[Detection, ...] = ()
    """Lesions to look for."""
    radiomics: tuple[Measurement, ...] = (Measurement(),)
    """How regions are measured."""
    perturb: PerturbationChain | None = None
    """Measure every region so many times again, image and region a little changed, to tell which features are stable;
    empty does not. It takes as long as measuring so many more regions."""
    feature_maps: tuple[FeatureMapping, ...] = ()
    """Features to map around every voxel. Maps are kept as volumes, one channel a feature; they become no columns."""
    signals: tuple[SignalExtractor, ...] = (Amplitude(), Spectrum())
    """Features to measure in every channel of a recording."""
    findings: TextMiner | None = None
    """What to look for in reports; empty looks for nothing. They count as known before the outcome."""
    cohort: Cohort = Cohort()
    """How images become rows."""
    learn: Learning | None = Learning()
    """Models; empty trains none."""
    mine: Mining | None = Mining()
    """Rules; empty mines none."""
    tolerance: Tolerance = Tolerance()
    """How much may be quarantined before the run ends."""
    compute: Compute = Compute()
    """Where the items are worked on."""

    @field_validator("store")
    @classmethod
    def _names_a_place_alone(cls, store: str | None) -> str | None:
        if store:
            require_address(store)
        return store or None

    @field_validator("catalog")
    @classmethod
    def _names_a_database(cls, catalog: str | None) -> str | None:
        if catalog:
            require_catalog_url(catalog)
        return catalog or None

    @field_validator("radiomics")
    @classmethod
    def _names_columns_apart(cls, entries: tuple[Measurement, ...]) -> tuple[Measurement, ...]:
        places = [(entry.modality, entry.name) for entry in entries]
        twice = sorted({modality for modality, name in places if places.count((modality, name)) > 1})
        if twice:
            raise ValueError(
                f"Columns of one modality have different names: {', '.join(twice)} is measured twice under one name. "
                "Give each of these entries a `name` of its own."
            )
        return entries

    @field_validator("feature_maps")
    @classmethod
    def _names_maps_apart(cls, entries: tuple[FeatureMapping, ...]) -> tuple[FeatureMapping, ...]:
        if any(_meet(*pair) for pair in combinations(entries, 2)):
            raise ValueError(
                "Maps of one region have different names: two entries map it under one. Give each a `name` of its own."
            )
        return entries

    @model_validator(mode="after")
    def _has_patients(self) -> Plan:
        if not self.sources and self.clinical is None:
            raise ValueError("A study has patients: name `sources` of scans, or a `clinical` table, or both.")
        return self

    @model_validator(mode="after")
    def _tells_centres_apart_by_a_column(self) -> Plan:
        if self.mine is None:
            return self
        there = ("scanner", *(() if self.clinical is None else self.clinical.all_known_before))
        asked = {"mine.strata": self.mine.strata, "mine.cards.centre": self.mine.cards.centre}
        for field, column in asked.items():
            if column is not None and column not in there:
                raise ValueError(
                    f"`{field}` is `scanner` or a clinical column known before: {column!r} is neither. Choose among: "
                    f"{', '.join(there)}."
                )
        return self

    @property
    def store_folder(self) -> Place:
        """Where the artefacts are kept."""
        return self.workspace / "store" if self.store is None else place(self.store)

    @property
    def report_file(self) -> Path:
        """Where the last report can be opened."""
        return self.workspace / f"{self.study}-report.html"


def _meet(one: FeatureMapping, other: FeatureMapping) -> bool:
    """Return whether two entries may give maps of one name."""
    pairs = ((one.modality, other.modality), (one.region, other.region))
    return one.name == other.name and all(first == second or ANY in (first, second) for first, second in pairs)


def is_of(wanted: str, modality: str) -> bool:
    """Return whether a part of a plan is meant for a modality."""
    return wanted in (ANY, modality)


def measures_of(plan: Plan, modality: str) -> tuple[Measure, ...]:
    """Return how the regions of a modality are measured: once for each name among the entries that are meant for it.

    Of two entries of one name that for the modality counts. An encoder names its model's file without the folder.
    """
    by_name = {entry.name: entry for entry in plan.radiomics if entry.modality == ANY}
    by_name |= {entry.name: entry for entry in plan.radiomics if entry.modality == modality}
    return tuple(Measure(name=name, extractor=_extractor(entry, modality)) for name, entry in by_name.items())


def _extractor(entry: Measurement, modality: str) -> Extractor:
    if isinstance(entry.extractor, str):
        return named(entry.extractor, modality)
    return entry.extractor.known_as(entry.extractor.sha256) if isinstance(entry.extractor, Encoder) else entry.extractor


def of_modality(entries: tuple[Preprocessing, ...], modality: str) -> Preprocessing | None:
    """Return the entry that names a modality, else the one for every modality, else None."""
    named = [entry for entry in entries if entry.modality == modality]
    others = [entry for entry in entries if entry.modality == ANY]
    return next(iter([*named, *others]), None)
