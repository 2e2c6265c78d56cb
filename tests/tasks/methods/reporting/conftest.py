"""A filled report of an invented study of 40 patients, and an empty one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_catalog.refs import Refusal
from tasks.methods.cohort.columns import ColumnMeaning
from tasks.methods.learning.controls import LeakReport, Permutations
from tasks.methods.learning.discrimination import auc, bootstrap_interval
from tasks.methods.learning.evaluation import Evaluation, FoldRecord, RepeatRecord
from tasks.methods.preprocessing.windowing import Window
from tasks.methods.reporting.data import (
    FlowStep,
    MethodUsed,
    ModelResult,
    Origin,
    OutcomeWords,
    Picture,
    PlantedFound,
    ReportData,
)
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
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.validation import associate_and_validate, mine_and_validate

PATIENTS = 40
SECTIONS = (
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
)
NOISE = [
    ("stat_mean", "mean intensity", "HU", "Q4LE", 60, 12),
    ("stat_energy", "intensity energy", "HU^2", "N8CA", 4e8, 2e8),
    ("stat_skewness", "intensity skewness", "", "KE2A", 0, 0.6),
    ("stat_kurtosis", "intensity kurtosis", "", "IPH6", 0.4, 0.9),
    ("morph_volume_mm3", "volume", "mm^3", "RNU0", 29000, 9000),
    ("morph_sphericity", "sphericity", "", "QCFX", 0.8, 0.06),
    ("cm_joint_entropy", "GLCM joint entropy", "", "TU9B", 9.1, 0.7),
    ("cm_angular_second_moment", "GLCM angular second moment", "", "8ZQL", 0.0031, 0.0012),
    ("cm_cluster_prominence", "GLCM cluster prominence", "", "AE86", 3e6, 2e6),
    *((f"noise_{number}", f"noise {number}", "", None, number, 2.0) for number in range(18)),
]
"""Features that go with nothing: name, words, unit, IBSI code, mean and deviation."""


def meaning(column, label, unit="", ibsi=None):
    return ColumnMeaning(column=column, label=label, unit=unit, ibsi=ibsi, is_feature="." in column)


MEANINGS = {
    one.column: one
    for one in (
        meaning("age", "age", "years"),
        meaning("marker", "marker"),
        meaning("grade", "grade"),
        meaning("CT.tumour.stat_variance", "CT tumour intensity variance", "HU^2", "ECT3"),
        *(meaning(f"CT.tumour.{name}", f"CT tumour {words}", unit, code) for name, words, unit, code, *_ in NOISE),
    )
}
COLUMNS = {
    name: ColumnLabel(label=MEANINGS[name].label, unit=MEANINGS[name].unit)
    for name in ("age", "marker", "grade", "CT.tumour.stat_variance")
}


def evaluation_of(outcome, scores, seed=0, repeats=3, columns=("CT.tumour.stat_variance", "marker", "age")):
    """Return an evaluation whose probabilities are scores with a little noise for each repeat."""
    rng = np.random.default_rng(seed)
    outcome = np.asarray(outcome)
    probabilities = [np.clip(scores + rng.normal(0, 0.03, len(outcome)), 0.01, 0.99) for _ in range(repeats)]
    fold = np.zeros(len(outcome), dtype=int)
    for value in (0, 1):
        rows = np.flatnonzero(outcome == value)
        fold[rows] = np.arange(len(rows)) % 5
    patients = np.arange(len(outcome))
    return Evaluation(
        learner={"method": "logistic", "k": [5, 10, 20], "inverse_penalty": [0.01, 0.1, 1.0]},
        harmoniser={"method": "no_harmonisation"},
        validation={
            "method": "nested_cross_validation",
            "outer_folds": 5,
            "repeats": repeats,
            "inner_folds": 3,
            "seed": 0,
            "bootstrap": 1000,
            "confidence": 0.95,
        },
        columns=tuple(columns),
        empty_columns=("ECG.axis",),
        outcome=tuple(outcome.tolist()),
        patient=tuple(patients.tolist()),
        repeats=tuple(
            RepeatRecord(fold=tuple(fold.tolist()), probability=tuple(probability.tolist()))
            for probability in probabilities
        ),
        folds=tuple(
            FoldRecord(
                repeat=number,
                fold=part,
                n_train=int((fold != part).sum()),
                n_test=int((fold == part).sum()),
                test_events=int(outcome[fold == part].sum()),
                setting={"select__k": 5},
                selected=tuple(columns[: 1 + (part + number) % 2]),
                inner_auc=0.9,
                threshold=0.5,
                auc=auc(outcome[fold == part], probability[fold == part]),
            )
            for number, probability in enumerate(probabilities)
            for part in range(5)
        ),
        confidence=0.95,
        auc_interval=bootstrap_interval(outcome, probabilities, patients, draws=1000, confidence=0.95, seed=0),
    )


@pytest.fixture(scope="session")
def cohort():
    """Return the invented table: marker positive and high variance go with progression."""
    rng = np.random.default_rng(7)
    progression = np.repeat([1, 0], [12, 28])
    marker = np.where(np.arange(PATIENTS) < 10, "positive", np.where(np.arange(PATIENTS) % 2, "positive", "negative"))
    variance = np.where(np.arange(PATIENTS) < 10, rng.uniform(1800, 2600, PATIENTS), rng.uniform(50, 500, PATIENTS))
    variance[22:26] += 1700
    age = rng.normal(61, 9, PATIENTS).round()
    age[[3, 17]] = np.nan
    table = pd.DataFrame(
        {
            "age": age,
            "marker": marker,
            "grade": rng.choice(["1", "2", "3"], PATIENTS),
            "CT.tumour.stat_variance": variance,
            **{f"CT.tumour.{name}": rng.normal(mean, spread, PATIENTS) for name, *_, mean, spread in NOISE},
        }
    )
    table["progression"] = progression
    table.index = [f"P{number:03d}" for number in range(PATIENTS)]
    return table


@pytest.fixture(scope="session")
def models(cohort):
    rng = np.random.default_rng(1)
    outcome = cohort["progression"].to_numpy()
    good = np.clip(0.2 + 0.35 * outcome + rng.normal(0, 0.22, PATIENTS), 0.02, 0.98)
    fair = np.clip(0.25 + 0.2 * outcome + rng.normal(0, 0.2, PATIENTS), 0.02, 0.98)
    chance = np.clip(0.3 + rng.normal(0, 0.1, PATIENTS), 0.02, 0.98)
    clinical = np.clip(0.3 + 0.1 * outcome + rng.normal(0, 0.12, PATIENTS), 0.02, 0.98)
    shuffled = Permutations(aucs=(0.41, 0.47, 0.52, 0.55, 0.58))
    return (
        ModelResult(
            name="Logistic regression",
            evaluation=evaluation_of(outcome, good),
            permutations=shuffled,
            note="Ridge penalty.",
        ),
        ModelResult(name="Random forest", evaluation=evaluation_of(outcome, fair, 3)),
        ModelResult(name="Support vectors", evaluation=evaluation_of(outcome, good * 0.6 + fair * 0.4, 4)),
        ModelResult(
            name="Tumour volume alone", evaluation=evaluation_of(outcome, chance, 5, columns=("v",)), role="control"
        ),
        ModelResult(name="Clinical columns alone", evaluation=evaluation_of(outcome, clinical, 6), role="control"),
    )


def refusal(item, verdict, expected, came, remedy):
    return Refusal(item=item, stage="read_series", verdict=verdict, expected=expected, came=came, remedy=remedy)


def flow():
    missing = refusal(
        "P004/v1/CT/a81b0c", "missing_slice", "Slices lie evenly apart", "one of 24 is missing", "Send it again."
    )
    corrupt = refusal(
        "P011/v1/CT/77c1ab", "corrupt_file", "A file is whole", "one ends inside its pixels", "Send it again."
    )
    double = refusal(
        "P040/v0/CT/19ac2e", "duplicate_patient", "Patients differ", "voxels equal another's", "Name the copy."
    )
    return (
        FlowStep(what="Found in the sources", patients=41, series=164, refusals=(missing, corrupt, double)),
        FlowStep(what="Read and cleaned", patients=40, series=161),
        FlowStep(what="With a region and features", patients=40, series=161),
        FlowStep(what="Rows with a known outcome", patients=40),
    )


def pictures():
    rng = np.random.default_rng(2)
    z, y, x = np.mgrid[:20, :64, :80]
    mask = ((z - 10) / 5) ** 2 + ((y - 30) / 10) ** 2 + ((x - 46) / 12) ** 2 < 1
    body = ((y - 32) / 29) ** 2 + ((x - 40) / 36) ** 2 < 1
    ct = np.where(body, 40.0, -1000.0) + 60 * mask + rng.normal(0, 12, mask.shape)
    pet = 0.8 * body + 7 * mask + rng.normal(0, 0.2, mask.shape)
    bar = bar_length_mm(80 * 3.0)
    return (
        Picture(
            modality="CT",
            caption=f"Tumour outlined by reader A; window −160 to 240 HU; bar {bar:g} mm.",
            png=picture_of(ct, mask, (5.0, 3.0, 3.0), (-160, 240), bar_mm=bar),
        ),
        Picture(
            modality="PET",
            caption=f"The same plane, with the outline brought onto its grid; bar {bar:g} mm.",
            png=picture_of(pet, mask, (5.0, 3.0, 3.0), bar_mm=bar),
        ),
    )


def overlaps():
    names = ["modality", "region", "first_reader", "second_reader"]
    return pd.DataFrame([("CT", "tumour", "reader A", "reader B")] * PATIENTS, columns=names).assign(
        dice=np.linspace(0.78, 0.93, PATIENTS)
    )


def events():
    rows = []
    for patient in range(30):
        first, second = ("steroids", "infection") if patient < 27 else ("infection", "steroids")
        rows += [(f"P{patient:03d}", 10 + patient, first), (f"P{patient:03d}", 33 + 2 * patient, second)]
        rows += [(f"P{patient:03d}", 5 + (patient * 7) % 90, "surgery")]
    return pd.DataFrame(rows, columns=["patient", "day", "event"])


def origins():
    kinds = {"models": "evaluation", "rules": "rules", "cohort": "cohort", "features": "features"}
    return tuple(
        Origin(
            section=section,
            artefact=f"{kinds.get(section, 'study')}-3f9a1c2b7d{place:02d}",
            stage={"models": "learn", "rules": "mine"}.get(section, "gather_features"),
            version="0.1.0",
            code=f"{place:x}" * 64,
            parameters={"seed": 0, "rows": "patient"},
            source_files=3936,
        )
        for place, section in enumerate(SECTIONS)
    )


@pytest.fixture(scope="session")
def filled(cohort, models):
    """Return a report with something in every section."""
    outcome = cohort["progression"]
    keys = list(cohort.index)
    features = {name: words for name, words in MEANINGS.items() if words.is_feature}
    labels = {name: words.label for name, words in features.items()} | {"marker": "marker", "age": "age"}
    binning = QuantileBins(bins=2)
    rules = mine_and_validate(
        cohort,
        cohort["progression"].map({1: "yes", 0: "no"}),
        keys,
        COLUMNS,
        discretiser=binning,
        miner=ClassRuleMiner(min_support=0.1),
    )
    associations = associate_and_validate(
        cohort.assign(progression=cohort["progression"].map({1: "yes", 0: "no"})),
        keys,
        {**COLUMNS, "progression": ColumnLabel(label="progression")},
        discretiser=binning,
        miner=AssociationMiner(min_support=0.1),
    )
    effects = pd.DataFrame(
        [
            ("CT.tumour.stat_variance", 40, 2, 21.0, 0.000004, 0.0001, 0.54),
            ("CT.tumour.stat_mean", 40, 2, 0.4, 0.52, 0.71, 0.01),
            ("CT.tumour.morph_sphericity", 40, 1, np.nan, np.nan, np.nan, np.nan),
        ],
        columns=["feature", "rows", "scanners", "h", "p_value", "adjusted_p_value", "epsilon_squared"],
    )
    agreement = pd.DataFrame(
        [
            ("CT.tumour.stat_variance", 0.93, 0.88, 0.96, 40, 2),
            ("CT.tumour.stat_mean", 0.41, 0.12, 0.64, 40, 2),
            ("CT.tumour.morph_sphericity", np.nan, np.nan, np.nan, 40, 2),
        ],
        columns=["feature", "icc", "low", "high", "subjects", "readers"],
    )
    stability = pd.DataFrame(
        [
            ("CT.tumour.stat_variance", 0.97, 0.95, 0.98, 55, 10),
            ("CT.tumour.stat_mean", 0.62, 0.51, 0.73, 55, 10),
            ("CT.tumour.morph_sphericity", np.nan, np.nan, np.nan, 0, 0),
        ],
        columns=["feature", *(f"perturbed_{name}" for name in ("icc", "low", "high", "subjects", "repetitions"))],
    )
    return ReportData(
        study="lung-phantom",
        question="Does what the tumour looks like before treatment tell which patients progress?",
        version="0.1.0",
        outcome=OutcomeWords(label="progression", event="Progressed", other="Did not progress"),
        flow=flow(),
        pictures=pictures(),
        cohort=cohort_summary(
            cohort, outcome, keys, {name: words for name, words in MEANINGS.items() if not words.is_feature}
        ),
        features=feature_summaries(cohort, outcome, features),
        scanner_effects=scanner_rows(effects, labels),
        reader_pairs=reader_pairs(overlaps()),
        reader_features=agreement_rows(agreement, labels),
        perturbed_features=perturbation_rows(stability, labels),
        labels=labels,
        models=models,
        comparisons=against_controls(models),
        leak=LeakReport(in_fold_auc=0.71, leaky_auc=0.84),
        rules=rules.model_copy(update={"searched": 2310}),
        associations=associations,
        sequences=SequenceMiner(min_support=0.1)(events()),
        found=(
            PlantedFound(
                planted="Marker positive and heterogeneous CT: progression", found="Found, p < 0.001", ok=True
            ),
            PlantedFound(planted="One CT lacks a slice", found="Not refused", ok=False),
        ),
        methods=(
            MethodUsed.of("preprocessing", Window(centre=40, width=400), on="CT"),
            MethodUsed(purpose="radiomics", parameters={"method": "intensity_statistics"}),
            MethodUsed.of("levels", binning),
            MethodUsed.of("rules", ClassRuleMiner(min_support=0.1)),
            MethodUsed.of("associations", AssociationMiner(min_support=0.1)),
            MethodUsed.of("sequences", SequenceMiner(min_support=0.1, max_gap_days=90)),
        ),
        origins=origins(),
        centres=1,
        scanners=2,
    )


@pytest.fixture(scope="session")
def empty():
    """Return a report of a study that found nothing and looked for nothing."""
    return ReportData(study="empty", question="Is there anything?", version="0.1.0")
