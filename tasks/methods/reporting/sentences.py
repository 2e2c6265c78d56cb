"""What was found, and what was looked for and not found, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.methods.reporting.mined_rows import readings_headline, subgroups_headline
from tasks.methods.reporting.words import (
    NOTHING,
    days,
    fixed,
    inside,
    interval,
    listing,
    p_value,
    percentage,
    plural,
    signs,
    span,
    span_count,
    span_p,
    span_share,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.methods.learning.controls import LeakReport
    from tasks.methods.reporting.data import Comparison, ModelResult, ReportData
    from tasks.methods.reporting.parts import FeatureAgreement, GateSummary, ScannerEffect
    from tasks.methods.rules.rule import Counts, RuleSet
    from tasks.methods.rules.sequence_rule import SequenceSet
    from tasks.methods.rules.shown import ShownCard

ALPHA = 0.05
CHANCE = 0.5
NO_GAIN = 0.005
"""Two AUCs closer than this are written alike."""
AGREEMENT = (("excellent", 0.9), ("good", 0.75), ("moderate", 0.5), ("poor", float("-inf")))
"""Names of an ICC and the least each takes (Koo and Li, J Chiropr Med 2016;15:155)."""
ADJUSTMENTS = {
    "bonferroni": "Bonferroni",
    "holm": "Holm",
    "bh": "Benjamini and Hochberg",
    "by": "Benjamini and Yekutieli",
    "lamp": "Tarone",
    "westfall_young": "Westfall and Young",
}


def glance(data: ReportData) -> list[str]:
    """Return what a reader in a hurry takes home."""
    said = [cohort_words(data), model_headline(data)]
    if data.rules is not None:
        said.append(rules_headline(data.rules, _outcome(data)) + _first(data.cards("rule")))
    if data.sequences is not None:
        said.append(_first_order(data.cards("sequence")) + sequences_headline(data.sequences))
    return [sentence for sentence in said if sentence]


def cohort_words(data: ReportData) -> str:
    """Return who was found, who was refused and who was analysed."""
    if not data.flow:
        return ""
    refused = sum(len(step.refusals) for step in data.flow)
    first, last = data.flow[0], data.flow[-1]
    series = "" if first.series is None else f" with {plural(first.series, 'series', 'series')}"
    found = f"{plural(first.patients, 'patient')}{series} came in and {plural(last.patients, 'patient')} went out"
    why = (
        f"{plural(refused, 'item was', 'items were')} refused, each with its reason" if refused else "none was refused"
    )
    return f"{found}; {why}."


def gate_words(gate: GateSummary) -> str:
    """Return how many scans and regions passed the gate as they are, how many with a correction, and how many not."""
    return (
        f"At the gate {plural(gate.accepted, 'scan or region was', 'scans and regions were')} accepted as they are, "
        f"{gate.corrected:,} with a recorded correction, and {gate.quarantined:,} were quarantined."
    )


def model_headline(data: ReportData) -> str:
    """Return how the best model did, and how the first of its controls; empty without a model."""
    models = data.judged("model")
    if not models:
        return ""
    best, several = models[0], len(models) > 1
    name = f"The best of {len(models)} models, {inside(best.name)}," if several else f"The model, {inside(best.name)},"
    sentence = f"{name} reached an AUC of {auc_words(best)} in patients that none of its steps had seen."
    compared = next((one for one in data.comparisons if one.model == best.name and one.test is not None), None)
    control = next((one for one in data.judged("control") if compared and one.name == compared.control), None)
    if compared is None or control is None:
        return sentence
    note = f", not adjusted for naming the best of {len(models)}" if several else ""
    return f"{sentence} {control.name} reached {auc_words(control)}; {difference_words(compared, note)}."


def auc_words(result: ModelResult) -> str:
    """Return an AUC with its interval."""
    return interval(result.evaluation.auc, *result.evaluation.auc_interval)


def difference_words(compared: Comparison, note: str = "") -> str:
    """Return by how much a model beat a control, and whether chance explains it; a note goes beside the p-value."""
    test = compared.test
    if test is None:
        return f"the difference was not tested: {compared.reason}"
    difference = interval(test.difference, *test.interval())
    verdict = "more than chance explains" if test.p_value <= ALPHA else "within what chance explains"
    return f"the difference by DeLong's test, {difference}, is {verdict} ({p_value(test.p_value)}{note})"


def permutation_words(result: ModelResult) -> str:
    """Return what a model reached on outcomes that nothing can tell."""
    shuffled = result.permutations
    if shuffled is None:
        return f"{result.name} was not tried on shuffled outcomes."
    times = plural(len(shuffled.aucs), "time")
    low, high = shuffled.range
    said = f"With the outcome shuffled between patients {times}, {inside(result.name)} reached"
    chance = f"{said} {fixed(shuffled.mean)} on average ({fixed(low)} to {fixed(high)}; 0.5 is chance)"
    if 1 / (1 + len(shuffled.aucs)) > ALPHA:
        return f"{chance}; so few shuffles show the level of chance but give no p-value."
    return f"{chance}; as much as with the true outcome by chance: {p_value(shuffled.p_value(result.evaluation.auc))}."


def leak_words(leak: LeakReport) -> str:
    """Return what leakage would have shown."""
    if leak.optimism < NO_GAIN:
        return (
            f"Selecting features before the split would have shown AUC {fixed(leak.leaky_auc)}, against "
            f"{fixed(leak.in_fold_auc)} without that error: it would have gained nothing in this cohort."
        )
    return (
        f"Selecting features before the split would have shown AUC {fixed(leak.leaky_auc)} instead of "
        f"{fixed(leak.in_fold_auc)}. The {fixed(leak.optimism)} between them is optimism, not signal, and is in "
        "none of the other numbers."
    )


def scanner_words(effects: Sequence[ScannerEffect]) -> str:
    """Return how many features differ between scanners."""
    tested = [effect for effect in effects if effect.adjusted_p is not None]
    if not tested:
        return "No feature could be tested for a difference between scanners."
    differ = [effect for effect in tested if effect.adjusted_p is not None and effect.adjusted_p <= ALPHA]
    if not differ:
        return f"No feature was shown to differ between scanners among {len(tested):,} tested."
    return (
        f"{plural(len(differ), 'feature differs', 'features differ')} between scanners among {len(tested):,} tested "
        f"(adjusted p ≤ {ALPHA}): {percentage(len(differ) / len(tested))}."
    )


def agreement_words(rows: Sequence[FeatureAgreement], of: str = "readers") -> str:
    """Return how many features readers, or other measurements, agree on, by name of the agreement."""
    values = [row.icc for row in rows if row.icc is not None]
    if not values:
        return "Agreement on features could not be measured."
    named = [next(name for name, least in AGREEMENT if value >= least) for value in values]
    parts = [f"{named.count(name)} {name}" for name, _ in AGREEMENT if name in named]
    return f"Agreement of {of} on {plural(len(values), 'feature')}, by ICC: {', '.join(parts)}."


def rules_headline(rules: RuleSet, outcome: str) -> str:
    """Return how many rules are claimed among how many searched."""
    return _claims(rules, "rule", f" on {outcome}")


def associations_headline(rules: RuleSet) -> str:
    """Return how many associations are claimed, and how many reached the thresholds, by chance or not."""
    said = _claims(rules, "association")
    if not rules.rules:
        return f"{said} None reached the thresholds of support, confidence and lift."
    kept = len(rules.rules)
    listed = f", of which {kept:,} {'was' if kept == 1 else 'were'} kept" if kept < rules.found else ""
    return f"{said} {rules.found:,} reached the thresholds of support, confidence and lift{listed}."


def held_out_share(card: ShownCard) -> str:
    """Return how a rule did in held-out patients, as in a table."""
    held = card.held_out
    if held is None:
        return NOTHING
    return span_share(held.both, held.applies, held.confidence) if held.found_in_folds else "not found again"


def centre_words(card: ShownCard) -> str:
    """Return for how many patients of each centre a rule holds, their odds ratio, and whether the centres differ."""
    said = listing([f"{span_count(one.both)} of {span_count(one.applies)} in {one.centre}" for one in card.centres])
    counted = f"By centre: {said}." if said else "By centre: counts of few patients, hidden."
    common, p = card.centres_odds_ratio, card.centres_p
    odds = "" if common.low is None else f" Odds ratio that they have in common: {span(common)}."
    tested = "" if p.low is None else f" The centres' odds ratios being one: p {span_p(p)}."
    return f"{counted}{odds}{tested}"


def sequences_headline(found: SequenceSet) -> str:
    """Return how many orders of events stand among how many tested."""
    if not found.significant:
        return f"No order of events reached significance among {plural(found.searched, 'ordered pair')} tested."
    return (
        f"{plural(len(found.significant), 'order')} of events reached significance among "
        f"{plural(found.searched, 'ordered pair')} tested (p ≤ {found.alpha} after {adjustment(found.adjust)} "
        "adjustment)."
    )


def adjustment(adjust: str | None) -> str:
    """Return whose adjustment of p-values it is, in the possessive."""
    return "no" if adjust is None else f"{ADJUSTMENTS[adjust]}'s"


def held_out_words(rules: RuleSet) -> str:
    """Return how rules found in training patients did in held-out ones; empty where none were held out."""
    if not rules.folds:
        return ""
    found = sum(fold.found for fold in rules.folds)
    if not found:
        return f"None of the {len(rules.folds)} training folds gave any rule."
    training, held_out = (_pooled([getattr(fold, part) for fold in rules.folds]) for part in ("training", "held_out"))
    return (
        f"Mined anew in each of {len(rules.folds)} training folds, rules were right for {training} of the training "
        f"patients they applied to, and for {held_out} of the held-out ones."
    )


def not_found(data: ReportData) -> list[str]:
    """Return all that was looked for and not found."""
    said = [sentence for result in data.judged("model") for sentence in _model_not_found(result, data.comparisons)]
    if data.rules is not None and not data.rules.claimed:
        said.append(rules_headline(data.rules, _outcome(data)))
    if data.associations is not None and not data.associations.claimed:
        said.append(associations_headline(data.associations))
    if data.sequences is not None and not data.sequences.significant:
        said.append(sequences_headline(data.sequences))
    said += [subgroups_headline(one) for one in data.subgroups if not one.claimed]
    if data.reading_rules is not None and not data.reading_rules.claimed:
        said.append(readings_headline(data.reading_rules))
    if data.scanner_effects is not None and not any(_differs(effect) for effect in data.scanner_effects):
        said.append(scanner_words(data.scanner_effects))
    return said


def looked_for(data: ReportData) -> bool:
    """Return whether the study looked for anything."""
    searches = (data.rules, data.associations, data.sequences, data.scanner_effects, data.reading_rules)
    return bool(data.models or data.subgroups) or any(part is not None for part in searches)


def _model_not_found(result: ModelResult, comparisons: Sequence[Comparison]) -> list[str]:
    low, high = result.evaluation.auc_interval
    said = []
    if low <= CHANCE:
        ends = f"{fixed(low)} to {fixed(high)}"
        said.append(f"{result.name} was not shown to tell patients apart: its AUC's interval, {ends}, includes 0.5.")
    for compared in comparisons:
        if compared.model == result.name and compared.test is not None and not _beats(compared):
            difference = interval(compared.test.difference, *compared.test.interval())
            said.append(
                f"{compared.model} was not shown to be better than {inside(compared.control)}: difference in AUC "
                f"{difference}, {p_value(compared.test.p_value)}."
            )
    return said


def _claims(rules: RuleSet, noun: str, on: str = "") -> str:
    """Return how many rules are claimed, and how many more are significant but echo one of them."""
    claimed, among = len(rules.claimed), f"among {rules.searched:,} searched"
    if not claimed:
        return f"No {noun}{on} is claimed {among}."
    echoes = len(rules.significant) - claimed
    verbs = ("is", "says") if echoes == 1 else ("are", "say")
    more = f"; {echoes:,} more {verbs[0]} significant but {verbs[1]} the same as a better one" if echoes else ""
    return (
        f"{plural(claimed, noun)}{on} {'is' if claimed == 1 else 'are'} claimed {among} "
        f"(p ≤ {rules.alpha} after {adjustment(rules.adjust)} adjustment){more}."
    )


def _first(cards: Sequence[ShownCard]) -> str:
    """Return the most convincing rule, to be said after how many there are; empty without one."""
    claimed = [card for card in cards if card.claimed]
    return "".join(f" {'First: ' if len(claimed) > 1 else ''}{signs(card.sentence)}" for card in claimed[:1])


def _first_order(cards: Sequence[ShownCard]) -> str:
    """Return the most convincing order of events in words, to be said before how many there are; empty without one."""
    return "".join(f"{signs(card.claim)} in {order_words(card)}. " for card in cards[:1] if card.claimed)


def order_words(card: ShownCard) -> str:
    """Return for how many an order of events came true, and after how long."""
    order = card.order
    if order is None:
        raise AssertionError  # only cards of orders come here
    when = "" if order.median_days is None else f", {days(order.median_days)} after {card.steps[0]} (median)"
    noun = "patient" if order.begun.high == 1 else "patients"
    share = span(order.confidence, percentage)
    return f"{span_count(order.completed)} of {span_count(order.begun)} {noun} ({share}){when}"


def _beats(compared: Comparison) -> bool:
    return compared.test is not None and compared.test.p_value <= ALPHA and compared.test.difference > 0


def _differs(effect: ScannerEffect) -> bool:
    return effect.adjusted_p is not None and effect.adjusted_p <= ALPHA


def _pooled(counts: Sequence[Counts]) -> str:
    applies = sum(part.applies for part in counts)
    return percentage(sum(part.a for part in counts) / applies) if applies else "none"


def _outcome(data: ReportData) -> str:
    return data.outcome.label if data.outcome else "the outcome"
