"""Mark the findings of a study of the invented cohort against what was planted in it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from tasks.methods.reporting.data import PlantedFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

    from data_catalog.refs import Refusal, Study
    from tasks.methods.learning.controls import Permutations
    from tasks.methods.learning.evaluation import Evaluation
    from tasks.methods.rules.items import Item
    from tasks.methods.rules.rule import Rule, RuleSet
    from tasks.methods.rules.sequence_rule import SequenceSet
    from tasks.synthetic.truths import Truths

CARRIES = 0.6
"""Rank correlation with the planted texture from which a CT feature is taken to measure it."""
CHANCE = 0.5
NEAR_CHANCE = 0.15
"""A control may be this far from chance: five shuffles of forty patients spread so much."""
GOOD_AUC = 0.75
DICE_ERROR = 0.01
LEVEL = 0.05


@dataclass(frozen=True)
class Findings:
    """What a study found, as far as something was planted."""

    study: Study
    cohort: pd.DataFrame
    scanners: pd.DataFrame | None
    overlaps: pd.DataFrame | None
    models: Mapping[str, Evaluation]
    controls: Mapping[str, Evaluation]
    permuted: Permutations | None
    rules: RuleSet | None
    sequences: SequenceSet | None
    leaked: tuple[str, ...] = ()
    """Where in the results an invented identity stands."""


def planted_and_found(truths: Truths, pseudonym: Callable[[str], str], findings: Findings) -> tuple[PlantedFound, ...]:
    """Return one row for each planted truth: what was planted, what was found, and whether that is right.

    A row is right only if nothing beside the planted is claimed: no other rule, order, scanner effect or refusal.
    """
    texture = _texture_columns(truths, pseudonym, findings.cohort)
    return (
        _rule(truths, findings, texture),
        *_signal(findings),
        _scanner(truths, findings),
        _missing_slice(truths, pseudonym, findings),
        _corrupt_file(truths, pseudonym, findings),
        _duplicate(truths, pseudonym, findings),
        _nothing_else_refused(truths, pseudonym, findings),
        _readers(truths, findings),
        _visits(truths, pseudonym, findings),
        _sequence(truths, findings),
        _identities(truths, findings),
    )


def _texture_columns(truths: Truths, pseudonym: Callable[[str], str], cohort: pd.DataFrame) -> set[str]:
    """Return the CT features that measure the planted texture."""
    import pandas as pd

    planted = pd.Series({pseudonym(p.patient_id): p.texture_hu for p in truths.patients})
    known = cohort["patient"].map(planted)
    columns = [c for c in cohort.columns if c.startswith("CT") and pd.api.types.is_numeric_dtype(cohort[c])]
    correlation = cohort[columns].rank().corrwith(known.rank()).abs()
    return {str(column) for column in correlation.index[correlation >= CARRIES]}


def _rule(truths: Truths, findings: Findings, texture: set[str]) -> PlantedFound:
    (hits, misses), (other_hits, others) = truths.fisher_table
    planted = (
        f"If {truths.rule.clinical_column} is {truths.rule.clinical_value} and CT texture is high, then"
        f" {truths.rule.outcome_column}: {hits} of {hits + misses}, against {other_hits} of {other_hits + others}"
    )
    found = () if findings.rules is None else findings.rules.claimed
    if not found:
        return PlantedFound(planted=planted, found="no rule is claimed", ok=False)

    def is_clinical(item: Item) -> bool:
        return (item.column, item.level) == (truths.rule.clinical_column, truths.rule.clinical_value)

    def is_texture(item: Item) -> bool:
        return item.column in texture and item.level == "high"

    def follows(rule: Rule) -> bool:
        return all(is_clinical(item) or is_texture(item) for item in rule.antecedent)

    first = found[0]
    is_planted = (
        any(map(is_clinical, first.antecedent))
        and any(map(is_texture, first.antecedent))
        and [item.level for item in first.consequent] == [truths.rule.outcome_value]
    )
    unplanted = [rule.claim for rule in found if not follows(rule)]
    said = first.sentence if not unplanted else f"{first.sentence} Not planted: {'; '.join(unplanted)}"
    return PlantedFound(planted=planted, found=said, ok=is_planted and not unplanted)


def _signal(findings: Findings) -> Iterator[PlantedFound]:
    best = max(findings.models.values(), key=lambda evaluation: evaluation.auc, default=None)
    yield PlantedFound(
        planted="The outcome can be told from texture and marker",
        found="no model" if best is None else f"AUC {best.auc:.2f} ({_interval(best)})",
        ok=best is not None and best.auc >= GOOD_AUC and best.auc_interval.low > CHANCE,
    )
    size = findings.controls.get("volume only")
    yield PlantedFound(
        planted="Tumour volume alone does not tell the outcome",
        found="no control" if size is None else f"AUC {size.auc:.2f} ({_interval(size)})",
        ok=size is not None and size.auc_interval.low <= CHANCE,
    )
    shuffled = findings.permuted
    yield PlantedFound(
        planted="Nothing tells a shuffled outcome",
        found="no control" if shuffled is None else f"mean AUC {shuffled.mean:.2f}",
        ok=shuffled is not None and abs(shuffled.mean - CHANCE) <= NEAR_CHANCE,
    )


def _interval(evaluation: Evaluation) -> str:
    return f"{evaluation.auc_interval.low:.2f} to {evaluation.auc_interval.high:.2f}"


def _scanner(truths: Truths, findings: Findings) -> PlantedFound:
    planted = f"One scanner reads CT {truths.scanners.offset_hu:g} HU higher, and nothing else"
    effects = findings.scanners
    if effects is None or not len(effects):
        return PlantedFound(planted=planted, found="no effect was looked for", ok=False)
    flagged = effects[effects["adjusted_p_value"] <= LEVEL]["feature"].tolist()
    wrong = [name for name in flagged if not name.startswith("CT") or ".morph_" in name]
    has_mean = any(name.endswith(".stat_mean") for name in flagged)
    said = f"{len(flagged)} CT intensity features differ, the mean {'among them' if has_mean else 'not'}"
    return PlantedFound(
        planted=planted, found=f"{said}; others: {', '.join(wrong) or 'none'}", ok=has_mean and not wrong
    )


def _of(findings: Findings, verdict: str) -> list[Refusal]:
    return [refusal for refusal in findings.study.refusals if refusal.verdict == verdict]


def _missing_slice(truths: Truths, pseudonym: Callable[[str], str], findings: Findings) -> PlantedFound:
    who = pseudonym(truths.missing_slice.patient_id)
    refused = _of(findings, "missing_slice")
    place = truths.missing_slice.slice_index
    return PlantedFound(
        planted=f"A CT of {who} lacks slice {place + 1} of {truths.missing_slice.slices_expected}",
        found="; ".join(f"{refusal.item.partition('/')[0]}: {refusal.came}" for refusal in refused) or "nothing",
        ok=[refusal.item.startswith(f"{who}/") and f"{place} and {place + 1}" in refusal.came for refusal in refused]
        == [True],
    )


def _corrupt_file(truths: Truths, pseudonym: Callable[[str], str], findings: Findings) -> PlantedFound:
    who = pseudonym(truths.corrupt_file.patient_id)
    refused = _of(findings, "corrupt_file")
    return PlantedFound(
        planted=f"A file of a CT of {who} is cut off",
        found="; ".join(f"{refusal.item.partition('/')[0]}: {refusal.came}" for refusal in refused) or "nothing",
        ok=[refusal.item.startswith(f"{who}/") for refusal in refused] == [True],
    )


def _duplicate(truths: Truths, pseudonym: Callable[[str], str], findings: Findings) -> PlantedFound:
    pair = {pseudonym(truths.duplicate.patient_id), pseudonym(truths.duplicate.copy_id)}
    refused = {refusal.item.partition("/")[0] for refusal in _of(findings, "duplicate_patient")}
    kept = pair & set(findings.cohort["patient"])
    return PlantedFound(
        planted=f"{' and '.join(sorted(pair))} are one patient",
        found=f"{', '.join(sorted(refused)) or 'nobody'} was refused, {', '.join(sorted(kept))} kept",
        ok=len(refused) == 1 and refused < pair and kept == pair - refused,
    )


def _nothing_else_refused(truths: Truths, pseudonym: Callable[[str], str], findings: Findings) -> PlantedFound:
    faulty = (truths.missing_slice.patient_id, truths.corrupt_file.patient_id)
    faulty_names = {pseudonym(patient_id) for patient_id in (*faulty, truths.duplicate.patient_id)}
    faulty_names.add(pseudonym(truths.duplicate.copy_id))
    others = [r for r in findings.study.refusals if r.item.partition("/")[0] not in faulty_names]
    return PlantedFound(
        planted="All other scans are sound",
        found="; ".join(f"{refusal.item}: {refusal.verdict}" for refusal in others) or "no other was refused",
        ok=not others,
    )


def _readers(truths: Truths, findings: Findings) -> PlantedFound:
    planted = f"{' and '.join(truths.readers)} overlap with a mean Dice of {truths.mean_dice:.3f}"
    compared = findings.overlaps
    scans = None if compared is None else compared[compared["modality"] == "CT"]
    if scans is None or not len(scans):
        return PlantedFound(planted=planted, found="nothing was compared", ok=False)
    found = fmean(scans["dice"])
    return PlantedFound(
        planted=planted, found=f"{found:.3f} over {len(scans)} scans", ok=abs(found - truths.mean_dice) <= DICE_ERROR
    )


def _visits(truths: Truths, pseudonym: Callable[[str], str], findings: Findings) -> PlantedFound:
    days = {pseudonym(p.patient_id): p.days_between_visits for p in truths.patients}
    copied = pseudonym(truths.duplicate.copy_id), pseudonym(truths.duplicate.patient_id)
    days[copied[0]] = days[copied[1]]
    second = {scan.patient: scan.day for scan in findings.study.scans if scan.visit == 1}
    right = sum(days[patient] == day for patient, day in second.items())
    expected = len(truths.patients) - 2  # the follow-ups with the missing slice and with the corrupt file
    return PlantedFound(
        planted=f"{len(truths.patients)} patients come twice; {expected} second visits have a sound scan",
        found=f"{len(second)} second visits, {right} on the right day",
        ok=len(second) == right == expected,
    )


def _sequence(truths: Truths, findings: Findings) -> PlantedFound:
    first, then = truths.sequence
    there, back = truths.sequence_counts
    found = () if findings.sequences is None else findings.sequences.significant
    return PlantedFound(
        planted=f"{first} come before {then} in {there} patients, after in {back}; no other order holds",
        found="; ".join(rule.sentence for rule in found) or "no significant order",
        ok=[rule.steps for rule in found] == [truths.sequence],
    )


def _identities(truths: Truths, findings: Findings) -> PlantedFound:
    return PlantedFound(
        planted=f"{len(truths.identities)} invented names, ids, dates and addresses stand in headers and tables",
        found=f"{len(findings.leaked)} files of the results hold one" if findings.leaked else "none is in the results",
        ok=not findings.leaked,
    )
