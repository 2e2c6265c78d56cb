"""The methods of a study as a paper would tell them, filled from the parameters that were used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tasks.methods.cohort.deltas import is_change
from tasks.methods.reporting.mined_rows import reading_methods, subgroup_methods
from tasks.methods.reporting.recipe_text import recipe_sentences
from tasks.methods.reporting.sentences import adjustment
from tasks.methods.reporting.words import inside, listing, percentage, plural, signs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.methods.learning.evaluation import Evaluation
    from tasks.methods.reporting.data import MethodUsed, Purpose, ReportData
    from tasks.methods.rules.rule import RuleSet
    from tasks.methods.rules.sequence_rule import SequenceSet

VERBS: dict[Purpose, str] = {
    "preprocessing": "were cleaned by {methods}",
    "fusion": "were brought together by {methods}",
    "segmentation": "were outlined by {methods}",
    "detection": "were searched for lesions by {methods}",
}
"""What is said of the images, or of the regions, that a method was used on."""
EVERYTHING = ("", "*")
"""Ways to say that a method was used on all images."""


def methods_paragraphs(data: ReportData) -> list[str]:
    """Return the methods in paragraphs: images, features, models, rules; those that were not used are left out."""
    paragraphs = (_images(data.methods), _features(data), _models(data), _rules(data), _sequences(data))
    return [paragraph for paragraph in (*paragraphs, subgroup_methods(data), reading_methods(data)) if paragraph]


def _images(methods: Sequence[MethodUsed]) -> str:
    said = []
    for purpose, verb in VERBS.items():
        used = [method for method in methods if method.purpose == purpose]
        for on in dict.fromkeys(method.on for method in used):
            names = [method.name for method in used if method.on == on]
            said.append(f"{_subject(purpose, on)} {verb.format(methods=', then '.join(names))}.")
    return " ".join(said)


def _subject(purpose: Purpose, on: str) -> str:
    if purpose == "segmentation" and on:
        return f"Regions called {on}"
    return f"Images of {on}" if on not in EVERYTHING else "All images"


def _features(data: ReportData) -> str:
    used = [method for method in data.methods if method.purpose == "radiomics"]
    if not used:
        return ""
    said = [
        recipe_sentences(method.on, method.parameters)
        if method.name == "recipe"
        else f"Regions in images of {method.on} were measured by {method.name}."
        for method in used
    ]
    if data.features:
        said.append(f"This gave {plural(len(data.features), 'feature')}.")
    said.append("Features are those of the Image Biomarker Standardisation Initiative (IBSI).")
    return " ".join(filter(None, [*said, *_maps(data.methods), _perturbations(data.methods), _changes(data)]))


def _maps(methods: Sequence[MethodUsed]) -> Iterator[str]:
    """Yield what was mapped around every voxel."""
    for used in methods:
        if used.purpose == "maps":
            what = plural(len(used.parameters["features"]), "feature")  # type: ignore[arg-type]
            yield f"{_subject('maps', used.on)} were mapped: {what} in a window around every voxel."


def _perturbations(methods: Sequence[MethodUsed]) -> str:
    """Return how regions were measured again."""
    used = _parameters(methods, "perturbation")
    if not used:
        return ""
    names = listing([str(one["method"]).replace("_", " ") for one in used["perturbations"]])
    return (
        f"Every region was measured again {plural(_whole(used['repetitions']), 'time')} under {names} (Zwanenburg et "
        "al. 2019); how far a feature stays the same is its ICC(1,1)."
    )


def _changes(data: ReportData) -> str:
    """Return which changes between visits were added, or that there were none to add."""
    used = _parameters(data.methods, "cohort").get("deltas")
    if not used:
        return ""
    since = "the visit before" if used["since"] == "previous" else "the first visit"
    if not any(map(is_change, data.labels)):
        return f"Changes since {since} were asked for, but no row of the cohort has any."
    forms = listing([str(form).replace("_", " ") for form in used["forms"]])
    return f"What had changed since {since} was added for each feature ({forms})."


def _models(data: ReportData) -> str:
    judged = data.judged("model")
    if not judged:
        return ""
    found = judged[0].evaluation
    said = [_folds(found, [result.name for result in judged]), _stability(found), _harmonisation(found)]
    said.append(_intervals(found))
    if data.comparisons:
        said.append(
            "AUCs were compared by the test of DeLong on probabilities averaged over repeats; its p-values are not "
            "adjusted for the number of comparisons."
        )
    return " ".join(filter(None, said))


def _folds(found: Evaluation, names: Sequence[str]) -> str:
    used = found.validation
    judged = f"{signs(listing([inside(name) for name in names]))} {'were' if len(names) > 1 else 'was'} judged"
    drawn = f"{used['outer_folds']} outer folds, drawn {plural(_whole(used['repeats']), 'time')},"
    return (
        f"{judged} by nested cross-validation: {drawn} and {used['inner_folds']} inner folds for tuning, "
        "stratified by outcome and split by patient. Whatever is learnt from data (medians for missing values, "
        "scaling, the choice of features, their number, the model's settings and its threshold) was learnt from "
        "training patients alone."
    )


def _stability(found: Evaluation) -> str:
    used = found.stable_features
    if used is None:
        return ""
    over: Any = used["over"]
    value = "intraclass correlation" if used["judged_by"] == "icc" else "intraclass correlation's lower limit"
    counts = [fold.unstable for fold in found.folds]
    return (
        f"Features whose {value} over {listing(over)} was below {used['minimum_icc']} among the training patients were "
        f"left out first, {min(counts):,} to {max(counts):,} of them in a fold."
    )


def _harmonisation(found: Evaluation) -> str:
    name = str(found.harmoniser.get("method", ""))
    if name == "no_harmonisation":
        return "Differences between scanners were left as they were."
    return f"Differences between scanners were taken out by {name.replace('_', ' ')}, inside the training patients."


def _intervals(found: Evaluation) -> str:
    return (
        f"An AUC is the mean over repeats of that of all out-of-fold probabilities; its {percentage(found.confidence)} "
        f"interval is the percentile interval over {_whole(found.validation['bootstrap']):,} draws of patients. The "
        "mean over folds has the corrected resampled t interval of Nadeau and Bengio."
    )


def _rules(data: ReportData) -> str:
    said = [_mined("rules", data.rules, data.methods), _mined("associations", data.associations, data.methods)]
    if not any(said):
        return ""
    said = [
        _representatives(_parameters(data.methods, "representatives")),
        _levels(_parameters(data.methods, "levels")),
        *said,
        "A significant rule is not claimed if it says the same as a better one: if it has the same items arranged "
        "otherwise, or is not shown to hold among the patients to whom the better one does not apply.",
    ]
    return " ".join(sentence for sentence in said if sentence)


def _mined(purpose: Literal["rules", "associations"], rules: RuleSet | None, methods: Sequence[MethodUsed]) -> str:
    """Return how rules, or associations, were searched, tested and held against patients held out."""
    if rules is None:
        return ""
    used = _parameters(methods, purpose)
    said = [_search(used) if purpose == "rules" else _thresholds(used), _tested(purpose, rules)]
    if rules.folds:
        said.append(
            f"Levels and {purpose} were learnt anew in {len(rules.folds)} training folds, and counted in the patients "
            "held out."
        )
    return " ".join(sentence for sentence in said if sentence)


def _tested(purpose: str, rules: RuleSet) -> str:
    test = "Fisher's exact one-sided test"
    if rules.strata is not None:
        test = f"the exact one-sided test of Cochran, Mantel and Haenszel within the values of {rules.strata}"
    number = f"all {rules.searched:,} searched"
    if rules.tested is not None:
        number = f"{plural(rules.tested, 'different test')} among {rules.searched:,} searched"
    adjusted = f"p-values were adjusted for {number} by {adjustment(rules.adjust)} method"
    return f"The {purpose} were tested by {test}; {adjusted}."


def _representatives(used: dict[str, Any]) -> str:
    if not used:
        return ""
    return (
        f"Of features whose rank correlation reaches {used['correlation']:g} one was taken, {used['at_most']} at the "
        "most, the outcome not looked at."
    )


def _levels(used: dict[str, Any]) -> str:
    if used.get("method") == "quantile":
        return f"Numbers were cut into {used['bins']} levels of about equally many patients, the outcome not looked at."
    return "Numbers were cut into levels at cut-offs that were given." if used else ""


def _search(used: dict[str, Any]) -> str:
    if not used:
        return ""
    return (
        f"Searched were all combinations of up to {plural(_whole(used['max_length']), 'item')} that apply to at least "
        f"{_least(used['min_support'], ' of the patients')}{_antecedents(used)}; kept were those that gain on every "
        "shorter rule."
    )


def _thresholds(used: dict[str, Any]) -> str:
    if not used:
        return ""
    return (
        f"Associations among any items, up to {_whole(used['max_length'])} together{_antecedents(used)}, were kept if "
        f"their support reaches {_least(used['min_support'])}, their confidence {percentage(used['min_confidence'])} "
        f"and their lift {used['min_lift']:g}, and no item could be left out."
    )


def _sequences(data: ReportData) -> str:
    if data.sequences is None:
        return ""
    used = _parameters(data.methods, "sequences")
    limits = [
        text.format(used[name])
        for name, text in (("max_gap_days", "at most {:g} days apart"), ("window_days", "within {:g} days in all"))
        if used.get(name)
    ]
    within = f", {listing(limits)}," if limits else ""
    return (
        f"Events before others{within} were counted in {plural(data.sequences.patients, 'patient')} with dated events. "
        "The order was tested against shuffles of the patient's own events over the patient's own dates; "
        f"p-values were adjusted for {plural(data.sequences.searched, 'order')} that could have been found by "
        f"{adjustment(data.sequences.adjust)} method. {_patterns(data.sequences, used)}"
    )


def _patterns(found: SequenceSet, used: dict[str, Any]) -> str:
    """Return how patterns of events were counted, and tested against the outcome."""
    steps = f" of up to {used['max_steps']} steps" if used else ""
    counted = f"Closed patterns of events{steps} were counted too"
    if not found.patterns_tested:
        return f"{counted}, without a test."
    shuffles = f"{used['permutations']:,} shuffles" if used else "shuffles"
    return (
        f"{counted}, and tested against the outcome by Fisher's exact test, adjusted by {shuffles} of the outcome over "
        f"all {found.patterns_tested:,} of them (Westfall and Young)."
    )


def _parameters(methods: Sequence[MethodUsed], purpose: Purpose) -> dict[str, Any]:
    """Return the parameters of the first method used for a purpose; empty without one."""
    return next((dict(method.parameters) for method in methods if method.purpose == purpose), {})


def _least(min_support: float, of: str = "") -> str:
    """Return a minimum support in words: a whole number is a count."""
    return plural(min_support, "patient") if isinstance(min_support, int) else f"{percentage(min_support)}{of}"


def _antecedents(used: dict[str, Any]) -> str:
    """Return which columns antecedents had to have, and which they could not."""
    required, excluded = used.get("required_columns") or (), used.get("excluded_columns") or ()
    with_one = f", with one of {listing(list(required))} in the antecedent" if required else ""
    without = f", without {listing(list(excluded))} in the antecedent" if excluded else ""
    return with_one + without


def _whole(value: Any) -> int:  # noqa: ANN401 - a parameter as it came from JSON
    return int(value)
