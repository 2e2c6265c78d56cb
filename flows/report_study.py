"""The report of a study: one page with what was found, how sure it is, and what made each number."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from data_catalog.exports.picture import Coming, lineage_svg
from data_catalog.kinds import REPORT
from data_catalog.lineage import history, sources_behind
from data_catalog.refs import Ref, Study
from data_catalog.runs import Runs
from flows.artifacts import show
from flows.asset_events import emit_assets
from flows.cohort_study import cohort_study
from flows.columns import column_meanings
from flows.learn_cohort import learn_cohort
from flows.mine_cohort import mine_cohort
from flows.plan import Plan
from flows.radiomics_study import modalities_in
from flows.results import CohortTables, Counts, Learnt, Mined, Results, write_results
from flows.rule_cards import witness_jobs
from flows.rule_files import shown_cards, write_rules
from flows.runtime import one, run_stage, study_flow, work
from flows.words import (
    centres_in,
    flow_steps,
    methods_used,
    outcome_in_words,
    question,
    refused_by_section,
    smallest_shown,
)
from tasks.methods.reporting.data import Origin
from tasks.methods.reporting.gate import gate_summary
from tasks.methods.reporting.page import look_digest
from tasks.report import Facts, Judged, draw_picture, write_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from data_catalog.lineage import Record
    from data_catalog.refs import Scan
    from flows.runtime import Work
    from tasks.methods.reporting.data import Section
    from tasks.stage import Input, Job

NAMES = {
    "logistic": "Logistic regression",
    "forest": "Random forest",
    "support_vectors": "Support vector machine",
    "rule_list": "Rule list",
}


@study_flow("report-study")
def report_study(
    plan: Plan, tables: CohortTables | None = None, learnt: Learnt | None = None, mined: Mined | None = None
) -> Results:
    """Write the report of a study. What is not given is taken from the plan's sources.

    Returns the names of all artefacts; the page lies in the plan's workspace.
    """
    with work(plan) as here:
        held = tables or cohort_study(plan)
        if learnt is None and plan.learn is not None and plan.outcome is not None:
            learnt = learn_cohort(plan, held)
        if mined is None and plan.mine is not None:
            mined = mine_cohort(plan, held)
        study: Study = here.store.open(held.features.study)
        cohort: pd.DataFrame = here.store.open(held.cohort)
        cards = shown_cards(plan, mined, here.store)
        witnesses = [] if cards is None else list(witness_jobs(plan, study, cards))
        jobs = [*_pictures(plan, study), *(job for _, job in witnesses)]
        drawn = {id(job): outcome.ref for job, outcome in zip(jobs, run_stage(jobs), strict=True)}
        pictures = tuple(ref for ref in drawn.values() if ref is not None)
        inputs = _inputs(held, learnt or Learnt(), mined or Mined(), pictures)
        pictured = tuple(number for number, job in witnesses if drawn[id(job)] is not None)
        facts = _facts(plan, here, held, (study, cohort), (learnt or Learnt(), mined or Mined()), inputs, pictured)
        report = one(write_report.job(plan.study, inputs, {"facts": facts}))
        counts = tuple(Counts(**row) for row in here.tally.rows())
        results = Results(
            cohort=held,
            learnt=learnt,
            mined=mined,
            report=report,
            counts=counts,
            quarantined=len(study.refusals),
        )
        write_results(plan, results, here.store)
        if here.journal is not None:
            here.journal.gave(dict(results.refs()))
        write_rules(plan, cards, cohort)
        emit_assets(plan.study, results, here.store)
        show(plan, results, here.store, [] if here.journal is None else here.journal.spent())
        return results


def _pictures(plan: Plan, study: Study) -> Iterator[Job]:
    """Yield one picture of each modality: of the first patient who has a region there, else of the first."""
    for modality in sorted({scan.modality for scan in study.scans}):
        scans = [scan for scan in study.scans if scan.modality == modality]
        scan = min(scans, key=lambda scan: (not scan.regions, scan.visit, scan.patient))
        yield _picture(plan, scan)


def _picture(plan: Plan, scan: Scan) -> Job:
    region = next(iter(scan.regions), None)
    drawn = "" if region is None else f", {region.name} as drawn by {region.reader}"
    channel = next((number for number, name in enumerate(scan.channels) if name is not None), 0)
    shown = scan.channels[channel] if scan.channels else scan.modality
    caption = f"{shown} of {scan.patient}, visit {scan.visit + 1}{drawn}."
    inputs: dict[str, Input] = {"image": scan.image}
    if region is not None:
        inputs["labels"] = region.mask
    label = 1 if region is None else region.label
    return draw_picture.job(
        f"{plan.study}/{scan.modality}", inputs, {"label": label, "caption": caption, "channel": channel}
    )


def _inputs(tables: CohortTables, learnt: Learnt, mined: Mined, pictures: tuple[Ref, ...]) -> dict[str, Input]:
    single = {
        "cohort": tables.cohort,
        "scanners": tables.scanners,
        "readers": tables.readers,
        "overlaps": tables.overlaps,
        "stability": tables.stability,
        "permuted": learnt.permuted,
        "leak": learnt.leak,
        "rules": mined.rules,
        "associations": mined.associations,
        "sequences": mined.sequences,
        "cards": mined.cards,
        "rule_list": learnt.rule_list,
        "reading_rules": mined.readings,
    }
    inputs: dict[str, Input] = {name: ref for name, ref in single.items() if ref is not None}
    several = {
        "evaluations": (*learnt.models.values(), *learnt.controls.values()),
        "subgroups": tuple(mined.subgroups.values()),
        "pictures": pictures,
    }
    return {**inputs, **several}


def _facts(
    plan: Plan,
    here: Work,
    tables: CohortTables,
    opened: tuple[Study, pd.DataFrame],
    results: tuple[Learnt, Mined],
    inputs: dict[str, Input],
    pictured: tuple[str, ...],
) -> Facts:
    (study, cohort), (learnt, mined), store = opened, results, here.store
    behind = _behind(inputs, tables)
    made = history([ref for _, ref in behind], partial(store.each, store.records))
    return Facts(
        study=plan.study,
        question=question(plan),
        version=version("voxmine"),
        look=look_digest(),
        outcome=outcome_in_words(plan),
        flow=flow_steps(study, cohort),
        columns=tuple(column_meanings(plan, study, cohort, store).values()),
        judged=(
            *(Judged(name=NAMES.get(name, name), is_control=False) for name in learnt.models),
            *(Judged(name=name.capitalize(), is_control=True) for name in learnt.controls),
        ),
        methods=methods_used(plan, modalities_in(study.scans)),
        origins=tuple(_origins(behind, made)),
        lineage=_lineage(here, behind, made),
        scanners=cohort["scanner"].nunique() or None,
        centres=centres_in(plan, cohort),
        gate=gate_summary(study),
        refused=refused_by_section(learnt.refusals, mined.refusals),
        smallest=smallest_shown(plan),
        pictured=pictured,
    )


SECTIONS: dict[str, Section] = {
    "cohort": "cohort",
    "scanners": "scanners",
    "readers": "readers",
    "overlaps": "readers",
    "stability": "readers",
    "permuted": "models",
    "leak": "models",
    "evaluations": "models",
    "pictures": "pictures",
    "rules": "rules",
    "associations": "associations",
    "sequences": "sequences",
    "cards": "rules",
    "rule_list": "models",
    "subgroups": "subgroups",
    "reading_rules": "readings",
}


def _behind(inputs: dict[str, Input], tables: CohortTables) -> list[tuple[Section, Ref]]:
    """Return the artefacts that the page's numbers come from, each with its section."""
    behind: list[tuple[Section, Ref]] = [("flow", tables.features.study), ("features", tables.features.table)]
    for name, given in inputs.items():
        refs = given if isinstance(given, tuple) else (given,)
        behind += [(SECTIONS[name], ref) for ref in refs if isinstance(ref, Ref)]
    return behind


def _origins(behind: list[tuple[Section, Ref]], made: dict[Ref, list[Record]]) -> Iterator[Origin]:
    known: dict[Ref, frozenset[str]] = {}
    for section, ref in behind:
        record = made[ref][0]
        yield Origin(
            section=section,
            artefact=ref.short,
            stage=record.stage,
            version=record.code.version,
            code=record.code.digest,
            parameters=record.parameters,
            source_files=len(sources_behind(ref, made.__getitem__, known)),
        )


def _lineage(here: Work, behind: list[tuple[Section, Ref]], made: dict[Ref, list[Record]]) -> str:
    """Draw the steps behind the page; of an artefact that was made in several ways those that this run went."""
    run = None if here.journal is None else here.journal.run.name
    keys = set() if run is None else {one.key for one in Runs(here.store).did(run)}

    def went(ref: Ref) -> list[Record]:
        return [record for record in made[ref] if record.key in keys] or made[ref][:1]

    roots = frozenset(ref for _, ref in behind)
    steps = history(sorted(roots, key=lambda ref: ref.digest), lambda refs: [went(ref) for ref in refs])
    coming = Coming(write_report.name, REPORT.name, roots)
    return lineage_svg((record for records in steps.values() for record in records), coming)
