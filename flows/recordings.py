"""From the recordings and reports of a study to tables with one row a patient and visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.refs import Recording, Ref, ReportItems
from flows.runtime import one, refusals_in, run_stage
from tasks.signals import Recorded, gather_signals, read_sound, read_waveform, signal_features
from tasks.sources.text import TextSource
from tasks.text import gather_findings, gather_numbers, read_report_numbers, read_report_text, read_structured_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from data_catalog.refs import Refusal, Study
    from flows.plan import Plan
    from tasks.sources.found import Found, FoundSeries
    from tasks.stage import Input, Job, Outcome


def read_recordings(found: Found) -> tuple[list[Recording], list[Refusal]]:
    """Return the recordings that can be read, as signals, and the refusals of the others."""
    series_of = {role: [one for one in found.recordings if one.role == role] for role in ("sound", "waveform")}
    ordered = [*series_of["sound"], *series_of["waveform"]]
    outcomes = [*_run(map(_recording_job, series_of["sound"])), *_run(map(_recording_job, series_of["waveform"]))]
    kept = [
        Recording(
            patient=series.patient,
            visit=series.visit,
            day=series.days,
            modality=_modality(series),
            series=series.series,
            signal=outcome.ref,
        )
        for series, outcome in zip(ordered, outcomes, strict=True)
        if outcome.ref is not None
    ]
    return kept, refusals_in(outcomes)


def _run(jobs: Iterable[Job]) -> list[Outcome]:
    return run_stage(list(jobs))


def _recording_job(series: FoundSeries) -> Job:
    files: dict[str, Input] = {"files": series.files}
    if series.role == "sound":
        return read_sound.job(series.item, files, {"modality": series.modality})
    return read_waveform.job(series.item, files, {"modality": series.modality, "group": series.group})


def _modality(series: FoundSeries) -> str:
    return f"{series.modality}[{series.group + 1}]" if series.group else series.modality


def read_reports(plan: Plan, found: Found) -> tuple[list[ReportItems], list[Refusal]]:
    """Return what is kept of each report, and the refusals of those that cannot be read."""
    structured = [series for series in found.reports if series.role == "report"]
    plain = [series for series in found.reports if series.role == "text"]
    asked = [*plain, *structured] if plan.findings is not None else []
    findings = [
        *_run(_findings_job(plan, series) for series in asked if series.role == "text"),
        *_run(_findings_job(plan, series) for series in asked if series.role == "report"),
    ]
    numbers = run_stage([read_report_numbers.job(series.item, {"files": series.files}) for series in structured])
    said = {series: outcome.ref for series, outcome in zip(asked, findings, strict=True)}
    measured = {series: outcome.ref for series, outcome in zip(structured, numbers, strict=True)}
    kept = [
        ReportItems(
            patient=series.patient,
            visit=series.visit,
            day=series.days,
            series=series.series,
            findings=said.get(series),
            numbers=measured.get(series),
        )
        for series in found.reports
        if said.get(series) or measured.get(series)
    ]
    # A report that cannot be read is refused twice, once for its words and once for its numbers.
    refused = {refusal.item: refusal for refusal in [*refusals_in(numbers), *refusals_in(findings)]}
    return kept, list(refused.values())


def _findings_job(plan: Plan, series: FoundSeries) -> Job:
    source = plan.sources[series.source]
    parameters = {"findings": plan.findings}
    if isinstance(source, TextSource):
        return read_report_text.job(series.item, {"files": series.files}, {**parameters, "encoding": source.encoding})
    return read_structured_report.job(series.item, {"files": series.files}, parameters)


def measured_beside_images(plan: Plan, study: Study) -> tuple[tuple[Ref, ...], list[Refusal]]:
    """Return the tables of signals, findings and numbers, one row a patient and visit each, and what was refused."""
    tables: list[Ref] = []
    refusals: list[Refusal] = []
    if study.recordings and plan.signals:
        table, refusals = _signals(plan, study.recordings)
        tables.append(table)
    findings = [report for report in study.reports if report.findings is not None]
    if findings and plan.findings is not None:
        parameters = {"places": _places(findings), "findings": plan.findings.findings}
        tables.append(one(gather_findings.job(plan.study, {"tables": _refs(findings, "findings")}, parameters)))
    numbers = [report for report in study.reports if report.numbers is not None]
    if numbers:
        parameters = {"places": _places(numbers)}
        tables.append(one(gather_numbers.job(plan.study, {"tables": _refs(numbers, "numbers")}, parameters)))
    return tuple(tables), refusals


def _signals(plan: Plan, recordings: Sequence[Recording]) -> tuple[Ref, list[Refusal]]:
    jobs = [
        signal_features.job(recording.item, {"recording": recording.signal}, {"extractors": plan.signals})
        for recording in recordings
    ]
    outcomes = run_stage(jobs)
    pairs = [
        (Recorded(patient=recording.patient, visit=recording.visit, modality=recording.modality), outcome.ref)
        for recording, outcome in zip(recordings, outcomes, strict=True)
        if outcome.ref is not None
    ]
    inputs = {"tables": tuple(ref for _, ref in pairs)}
    table = one(gather_signals.job(plan.study, inputs, {"recorded": tuple(what for what, _ in pairs)}))
    return table, refusals_in(outcomes)


def _places(reports: Sequence[ReportItems]) -> tuple[tuple[str, int], ...]:
    return tuple((report.patient, report.visit) for report in reports)


def _refs(reports: Sequence[ReportItems], what: str) -> tuple[Ref, ...]:
    return tuple(getattr(report, what) for report in reports)
