"""What the flows give: the names of the artefacts they made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from data_catalog.errors import StoreError
from data_catalog.refs import Ref, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from data_catalog.store import Store
    from flows.plan import Plan

OF_PATIENTS = ("locate_region",)
"""Stages of learning and mining whose items are of single patients."""


class Made(BaseModel):
    """Names of artefacts, by what they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def refs(self) -> Iterator[tuple[str, Ref]]:
        """Yield every artefact with its name (`cohort`, `learnt.logistic/all`)."""
        for name in type(self).model_fields:
            yield from _named(name, getattr(self, name))


def _named(name: str, value: object) -> Iterator[tuple[str, Ref]]:
    if isinstance(value, Ref):
        yield name, value
    elif isinstance(value, Made):
        yield from ((f"{name}.{inner}", ref) for inner, ref in value.refs())
    elif isinstance(value, dict):
        yield from (pair for inner, held in value.items() for pair in _named(f"{name}.{inner}", held))


class Features(Made):
    """All measurements of a study."""

    study: Ref
    """The scans they were made in, and what was refused on the way."""
    table: Ref
    """One row a region and reader."""
    perturbed: Ref | None = None
    """What was measured under perturbation, one row a patient, visit and repetition, columns as the cohort's;
    None where nothing was."""
    maps: dict[str, Ref] = {}
    """Maps of features by scan, region and reader."""


class CohortTables(Made):
    """The cohort, and what else its rows tell."""

    features: Features
    cohort: Ref
    clinical: Ref | None = None
    scanners: Ref | None = None
    """How far each feature tells the scanners apart; None with one scanner."""
    readers: Ref | None = None
    """How far readers agree on each feature."""
    readings: Ref | None = None
    """What several readers' regions gave, one row a patient, visit and reader, columns as the cohort's."""
    stability: Ref | None = None
    """How far each feature stays the same when it is measured again."""
    overlaps: Ref | None = None
    """How far readers' regions overlap; None where nobody has drawn twice."""


class Learnt(Made):
    """What the models reached, and what they are held against."""

    models: dict[str, Ref] = {}
    """Evaluation of each learner on features and clinical columns."""
    controls: dict[str, Ref] = {}
    """Evaluations on volume alone and on clinical columns alone."""
    permuted: Ref | None = None
    leak: Ref | None = None
    fitted: dict[str, Ref] = {}
    """The models fitted to all rows, for new patients."""
    rule_list: Ref | None = None
    """The list of rules among these, in words."""
    refusals: tuple[Refusal, ...] = ()
    """What could not be judged, and why."""


class Mined(Made):
    """What was mined."""

    rules: Ref | None = None
    associations: Ref | None = None
    sequences: Ref | None = None
    subgroups: dict[str, Ref] = {}
    """Subgroups of patients, by what they are compared in."""
    readings: Ref | None = None
    """Rules over several readers' ratings."""
    cards: Ref | None = None
    """All that is known of each rule, and where in the images it was seen."""
    refusals: tuple[Refusal, ...] = ()
    """What could not be mined, and why."""


class Counts(BaseModel):
    """What became of the items of one stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    items: int
    computed: int
    reused: int
    refused: int
    failed: int


class Results(Made):
    """All that a run of a study made."""

    cohort: CohortTables
    learnt: Learnt | None = None
    mined: Mined | None = None
    report: Ref
    counts: tuple[Counts, ...] = ()
    quarantined: int = 0
    """Refusals in the report's quarantine: of items, and of files and series that never became one."""

    def total(self, what: str) -> int:
        """Return how many items of all stages were `computed`, `reused`, `refused` or `failed`."""
        return sum(int(getattr(count, what)) for count in self.counts)

    def lines(self) -> list[str]:
        """Return what a reader of the terminal should know."""
        lines = [
            f"{self.total('computed')} items computed, {self.total('reused')} reused, {self.total('refused')} refused."
        ]
        if self.quarantined:
            lines.append(f"In quarantine: {self.quarantined}; the report says what, why, and what to do.")
        if failed := self.total("failed"):
            lines.append(f"{failed} items failed for a reason that is no fault of the data: see the report.")
        return [*lines, *(f"{one.stage.replace('_', ' ')} refused: {one.reason}" for one in self.undone())]

    def undone(self) -> tuple[Refusal, ...]:
        """Return what of the whole study could not be made, each reason once; nothing of single patients."""
        refusals = [one for made in (self.learnt, self.mined) if made is not None for one in made.refusals]
        of_study = {(one.stage, one.reason): one for one in refusals if one.stage not in OF_PATIENTS}
        return tuple(of_study.values())

    def named(self, name: str) -> Ref:
        """Return an artefact by its name here (`report`, `cohort`), the first whose name ends so.

        Raises
        ------
        StoreError
            When none does.
        """
        names = dict(self.refs())
        found = [ref for key, ref in names.items() if key == name or key.endswith(f".{name}")]
        if not found:
            raise StoreError(
                f"{name!r} is an artefact of the last run", "there is none", f"Choose among: {', '.join(names)}."
            )
        return found[0]


def results_file(workspace: Path, study: str) -> Path:
    """Return where the names of the last run's artefacts are written."""
    return workspace / f"{study}-results.json"


def last_results(plan: Plan) -> Results:
    """Return the names of the artefacts that the last run of a plan made."""
    path = results_file(plan.workspace, plan.study)
    try:
        return _results_in(path)
    except FileNotFoundError:
        raise StoreError("The study has been run", f"{path} is not there", "Run it with `voxmine run`.") from None


def newest_results(workspace: Path) -> Iterator[Results]:
    """Yield what the last run of each study in a workspace gave, the newest first.

    Raises
    ------
    StoreError
        When a file of results cannot be read.
    """
    for path in sorted(workspace.glob("*-results.json"), key=lambda path: path.stat().st_mtime, reverse=True):
        yield _results_in(path)


def kept_by(workspace: Path) -> set[Ref]:
    """Return the artefacts that the last runs in a workspace gave.

    Raises
    ------
    StoreError
        When a file of results cannot be read: what it names must not count as needed by nobody.
    """
    return {ref for results in newest_results(workspace) for _, ref in results.refs()}


def _results_in(path: Path) -> Results:
    try:
        return Results.model_validate_json(path.read_bytes())
    except ValidationError:
        raise StoreError(
            "Results in the workspace are of this version", f"{path} is not", "Run its plan again, or remove the file."
        ) from None


def write_results(plan: Plan, results: Results, store: Store) -> None:
    """Write the names of a run's artefacts, and the report, into the plan's workspace."""
    path = results_file(plan.workspace, plan.study)
    aside = path.with_suffix(".aside")
    aside.write_text(results.model_dump_json(indent=1), encoding="utf-8")
    aside.replace(path)
    page = plan.report_file.with_suffix(".aside")
    page.write_bytes(store.open(results.report).encode())
    page.replace(plan.report_file)
