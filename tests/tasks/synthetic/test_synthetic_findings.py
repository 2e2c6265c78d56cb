"""Each planted truth is marked found, not found, or found beside something that nobody planted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from data_catalog.refs import Ref, Refusal, Scan, Study
from tasks.methods.learning.controls import Permutations
from tasks.methods.learning.discrimination import Interval
from tasks.methods.rules.items import Item
from tasks.methods.rules.rule import Rule, RuleSet
from tasks.methods.rules.sequence_rule import SequenceRule, SequenceSet
from tasks.synthetic.findings import Findings, planted_and_found
from tasks.synthetic.truths import CorruptFile, Duplicate, MissingSlice, PatientTruth, ScannerEffect, Truths

IDS = [f"MRN-{number}" for number in range(8)]
COPY = "MRN-copy"
MISSING, CORRUPT, TWICE = IDS[1], IDS[2], IDS[3]
ROWS = (
    "rule",
    "signal",
    "volume",
    "shuffled",
    "scanner",
    "missing slice",
    "corrupt file",
    "duplicate",
    "nothing else",
    "readers",
    "visits",
    "sequence",
    "identities",
)
IMAGE = Ref(kind="volume", digest="0" * 64)


def pseudonym(patient_id):
    return f"P-{patient_id}"


def truth(number):
    high = number < 4
    return PatientTruth(
        patient_id=IDS[number],
        texture="high" if high else "low",
        texture_hu=40.0 - number,
        marker="positive" if number % 2 == 0 else "negative",
        progression="yes" if high and number % 2 == 0 else "no",
        scanner="A",
        tumour_volume_mm3=1000.0,
        dice=0.9,
        first_visit=date(2020, 1, 1),
        days_between_visits=30 + number,
        order="steroids_first" if high else "neither",
    )


TRUTHS = Truths(
    seed=0,
    patients=tuple(map(truth, range(8))),
    scanners=ScannerEffect(manufacturer_a="A", manufacturer_b="B", offset_hu=25.0),
    missing_slice=MissingSlice(patient_id=MISSING, slice_index=10, slices_expected=24),
    corrupt_file=CorruptFile(patient_id=CORRUPT, file="scans/x.dcm"),
    duplicate=Duplicate(patient_id=TWICE, copy_id=COPY),
    identities=("ZEBRAFISH", "QUAGGA"),
)


def scan(patient_id, visit=0, day=0):
    return Scan(patient=pseudonym(patient_id), visit=visit, day=day, modality="CT", series="abcdef", image=IMAGE)


def refusal(patient_id, verdict, came="it does not"):
    item = f"{pseudonym(patient_id)}/v1/CT/abcdef"
    return Refusal(item=item, stage="read_dicom", verdict=verdict, expected="e", came=came, remedy="r")


SECOND = [
    scan(p.patient_id, 1, p.days_between_visits) for p in TRUTHS.patients if p.patient_id not in (MISSING, CORRUPT)
]
REFUSALS = (
    refusal(MISSING, "missing_slice", "between 10 and 11 one is missing"),
    refusal(CORRUPT, "corrupt_file"),
    refusal(COPY, "duplicate_patient"),
)
STUDY = Study(scans=(*map(scan, IDS), *SECOND), refusals=REFUSALS)
TEXTURE, NOISE = "CT.tumour.cm_contrast", "CT.tumour.stat_mean"
COHORT = pd.DataFrame(
    {
        "patient": [pseudonym(one) for one in IDS],
        "scanner": "A",
        TEXTURE: [40.0 - number for number in range(8)],
        NOISE: [3.0, 8.0, 1.0, 6.0, 2.0, 7.0, 4.0, 5.0],
        "CT.tumour.empty": None,
        "PT.tumour.stat_mean": [40.0 - number for number in range(8)],
    }
)


def item(column, level):
    return Item(column=column, label=column, level=level)


MARKER, HIGH = item("marker", "positive"), item(TEXTURE, "high")


def rule(*antecedent, then="yes", p=0.001, **changes):
    counts = {"a": 2, "b": 0, "c": 0, "d": 6, "p": p, "adjusted_p": p, "alpha": 0.05}
    return Rule(antecedent=antecedent, consequent=(item("outcome", then),), **counts, **changes)


def rules(*found):
    return RuleSet(rules=found, found=len(found), searched=100, rows=8)


def sequences(*steps, p=0.001):
    found = tuple(
        SequenceRule(
            before=(first,),
            after=(then,),
            patients=8,
            begun=4,
            completed=4,
            median_days=30.0,
            p=p,
            adjusted_p=p,
            alpha=0.05,
        )
        for first, then in steps
    )
    return SequenceSet(rules=found, found=len(found), searched=6, patients=8, adjust="holm", alpha=0.05)


def evaluation(auc, low, high=0.99):
    return SimpleNamespace(auc=auc, auc_interval=Interval(low, high))


def effects(*flagged):
    names = [*flagged, "PT.tumour.stat_mean"]
    return pd.DataFrame({"feature": names, "adjusted_p_value": [0.01] * len(flagged) + [0.7]})


def overlaps(dice, modality="CT"):
    return pd.DataFrame({"modality": [modality, "PT"], "dice": [dice, 0.1]})


FOUND = Findings(
    study=STUDY,
    cohort=COHORT,
    scanners=effects("CT.tumour.stat_mean", "CT.tumour.stat_median"),
    overlaps=overlaps(0.905),
    models={"logistic": evaluation(0.7, 0.4), "forest": evaluation(0.9, 0.7)},
    controls={"volume only": evaluation(0.55, 0.35)},
    permuted=Permutations(aucs=(0.4, 0.55)),
    rules=rules(rule(MARKER, HIGH), rule(HIGH)),
    sequences=sequences(("steroids", "infection")),
)


def marked(**changes):
    """Return whether each truth is marked as found, by its short name."""
    rows = planted_and_found(TRUTHS, pseudonym, replace(FOUND, **changes))
    assert len(rows) == len(ROWS)
    return dict(zip(ROWS, rows, strict=True))


def missed(**changes):
    return {name for name, row in marked(**changes).items() if not row.ok}


def study(*refusals, scans=STUDY.scans):
    return Study(scans=tuple(scans), refusals=tuple(refusals))


def test_a_study_that_finds_what_was_planted_misses_nothing():
    assert missed() == set()
    rows = marked()
    assert "2 of 2, against 0 of 6" in rows["rule"].planted
    assert rows["rule"].found.startswith("If marker is positive and")
    assert rows["signal"].found == "AUC 0.90 (0.70 to 0.99)"
    assert rows["scanner"].planted == "One scanner reads CT 25 HU higher, and nothing else"
    assert rows["missing slice"].planted.endswith("lacks slice 11 of 24")
    assert rows["duplicate"].found == "P-MRN-copy was refused, P-MRN-3 kept"
    assert rows["visits"].found == "6 second visits, 6 on the right day"
    assert rows["identities"].found == "none is in the results"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "no rule is claimed"),
        (rules(), "no rule is claimed"),
        (rules(rule(MARKER, HIGH, p=0.2)), "no rule is claimed"),
        (rules(rule(MARKER, HIGH, explained_by="a better one")), "no rule is claimed"),
        (rules(rule(MARKER)), "If marker is positive"),
        (rules(rule(HIGH)), "is high, then"),
        (rules(rule(MARKER, HIGH, then="no")), "then outcome is no"),
        (rules(rule(item("marker", "negative"), HIGH)), "Not planted: If marker is negative"),
        (rules(rule(MARKER, item(TEXTURE, "low"))), "Not planted"),
        (rules(rule(MARKER, item(NOISE, "high"))), "Not planted"),
        (rules(rule(MARKER, HIGH), rule(item("age", "high"))), "Not planted: If age is high"),
    ],
)
def test_another_rule_than_the_planted_one_is_no_find(found, said):
    rows = marked(rules=found)
    assert not rows["rule"].ok
    assert said in rows["rule"].found


def test_the_texture_is_known_by_its_ranks_whatever_it_is_called():
    other = COHORT.rename(columns={TEXTURE: "CT.tumour.anything"})
    found = rules(rule(MARKER, item("CT.tumour.anything", "high")))
    assert missed(cohort=other, rules=found) == set()
    assert missed(rules=rules(rule(MARKER, item("PT.tumour.stat_mean", "high")))) == {"rule"}, "it is planted on CT"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"models": {}}, {"signal"}),
        ({"models": {"forest": evaluation(0.74, 0.6)}}, {"signal"}),
        ({"models": {"forest": evaluation(0.9, 0.5)}}, {"signal"}),
        ({"controls": {}}, {"volume"}),
        ({"controls": {"volume only": evaluation(0.7, 0.51)}}, {"volume"}),
        ({"permuted": None}, {"shuffled"}),
        ({"permuted": Permutations(aucs=(0.7, 0.7))}, {"shuffled"}),
        ({"permuted": Permutations(aucs=(0.3, 0.3))}, {"shuffled"}),
        ({"scanners": None}, {"scanner"}),
        ({"scanners": effects().head(0)}, {"scanner"}),
        ({"scanners": effects()}, {"scanner"}),
        ({"scanners": effects("CT.tumour.stat_median")}, {"scanner"}),
        ({"scanners": effects("CT.tumour.stat_mean", "CT.tumour.morph_volume_mm3")}, {"scanner"}),
        ({"scanners": effects("CT.tumour.stat_mean", "PT.tumour.stat_max")}, {"scanner"}),
        ({"overlaps": None}, {"readers"}),
        ({"overlaps": overlaps(0.9, modality="MR")}, {"readers"}),
        ({"overlaps": overlaps(0.92)}, {"readers"}),
        ({"sequences": None}, {"sequence"}),
        ({"sequences": sequences()}, {"sequence"}),
        ({"sequences": sequences(("steroids", "infection"), p=0.2)}, {"sequence"}),
        ({"sequences": sequences(("infection", "steroids"))}, {"sequence"}),
        ({"sequences": sequences(("steroids", "infection"), ("scan", "surgery"))}, {"sequence"}),
        ({"leaked": ("report.html",)}, {"identities"}),
    ],
)
def test_what_is_not_found_or_too_much_is_marked_alone(changes, names):
    assert missed(**changes) == names


@pytest.mark.parametrize(
    ("refusals", "names"),
    [
        (REFUSALS[1:], {"missing slice"}),
        ((*REFUSALS, refusal(IDS[5], "missing_slice", "between 10 and 11")), {"missing slice", "nothing else"}),
        ((refusal(MISSING, "missing_slice", "between 3 and 4"), *REFUSALS[1:]), {"missing slice"}),
        ((refusal(IDS[6], "missing_slice", "10 and 11"), *REFUSALS[1:]), {"missing slice", "nothing else"}),
        (REFUSALS[::2], {"corrupt file"}),
        ((*REFUSALS, refusal(CORRUPT, "corrupt_file")), {"corrupt file"}),
        (REFUSALS[:2], {"duplicate"}),
        ((*REFUSALS, refusal(IDS[6], "duplicate_patient")), {"duplicate", "nothing else"}),
        ((*REFUSALS, refusal(IDS[6], "mixed_series")), {"nothing else"}),
    ],
)
def test_each_planted_fault_is_refused_once_and_nothing_else(refusals, names):
    assert missed(study=study(*refusals)) == names


def test_either_of_the_two_names_of_one_patient_may_be_kept():
    others = [one for one in COHORT["patient"] if one != pseudonym(TWICE)]
    cohort = COHORT.assign(patient=lambda table: table["patient"].replace(pseudonym(TWICE), pseudonym(COPY)))
    scans = [
        one.model_copy(update={"patient": pseudonym(COPY)}) if one.patient == pseudonym(TWICE) else one
        for one in STUDY.scans
    ]
    kept = study(*REFUSALS[:2], refusal(TWICE, "duplicate_patient"), scans=scans)
    assert missed(study=kept, cohort=cohort) == set()
    both = pd.concat([COHORT, cohort[~cohort["patient"].isin(others)]])
    assert missed(cohort=both) == {"duplicate"}


@pytest.mark.parametrize(
    ("scans", "said"),
    [
        (STUDY.scans[:-1], "5 second visits, 5 on the right day"),
        ((*STUDY.scans[:-1], scan(IDS[7], 1, 36)), "6 second visits, 5 on the right day"),
        ((*STUDY.scans, scan(MISSING, 1, 31)), "7 second visits, 7 on the right day"),
    ],
)
def test_second_visits_are_counted_with_their_days(scans, said):
    rows = marked(study=study(*REFUSALS, scans=scans))
    assert (rows["visits"].ok, rows["visits"].found) == (False, said)
