"""Pictures and the page of a study."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data_catalog.kinds import COHORT, PICTURE, REPORT, TABLE, mask
from data_catalog.refs import Refusal
from tasks import report
from tasks.cohort import agreement, gather_overlaps
from tasks.learn import evaluate, leak, permute, scanner_effects
from tasks.methods.cohort.columns import ColumnMeaning
from tasks.methods.learning.controls import LeakCheck, PermutedLabels
from tasks.methods.learning.harmonisation import NoHarmonisation
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation
from tasks.methods.reporting.data import FlowStep, MethodUsed, Origin, OutcomeWords, Picture
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel
from tasks.mine import mine_rules
from tasks.report import WINDOWS, Facts, Judged, draw_picture, witnesses_of, write_report
from tasks.stage import perform
from tests.tasks.conftest import GRID, ball, image, kept

SIGNAL, SIZE = "CT.tumour.stat_mean", "CT.tumour.morph_volume_mm3"
QUICK = NestedCrossValidation(outer_folds=2, inner_folds=2, repeats=1, bootstrap=20)
LEARNER = LogisticLearner(k=(1,), inverse_penalty=(1.0,))


def pixels(picture):
    return np.asarray(Image.open(BytesIO(picture.png)).convert("RGB"))


def test_a_picture_shows_the_plane_where_the_region_is_largest():
    drawn = mask(ball() > 0, GRID, {1: "tumour"})
    picture = draw_picture.function(image(), drawn, label=1, caption="CT of P-1, visit 1.")
    PICTURE.check(picture)
    assert (picture.modality, picture.caption) == ("CT", "CT of P-1, visit 1.")
    plain = draw_picture.function(image(), label=1, caption="CT")
    assert (pixels(picture) != pixels(plain)).any(), "the outline is drawn"


def test_values_in_hounsfield_units_are_shown_through_a_window():
    low, high = WINDOWS["HU"]
    clipped = image(np.clip(1000 * (ball() - 50), low, high))
    beyond = image(1000 * (ball() - 50))
    shown = [pixels(draw_picture.function(one, label=1, caption="c")) for one in (clipped, beyond)]
    np.testing.assert_array_equal(*shown)
    arbitrary = beyond.assign_attrs(unit="1")
    assert pixels(draw_picture.function(arbitrary, label=1, caption="c")).shape == shown[0].shape


def test_a_channel_is_shown_in_its_own_unit():
    both = image(np.stack([ball(), ball(centre=(2, 1, 2), inside=9.0)]), unit="HU, SUV")
    second = draw_picture.function(both, label=1, caption="c", channel=1)
    alone = draw_picture.function(image(both.values[1], unit="SUV"), label=1, caption="c")
    assert second.png == alone.png
    assert second.png != draw_picture.function(both, label=1, caption="c").png


def test_the_same_scan_gives_the_same_bytes():
    one, two = (draw_picture.function(image(), label=1, caption="c") for _ in range(2))
    assert one == two


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(5)
    outcome = np.array([0.0, 1.0] * 12)
    table = pd.DataFrame(
        {
            "patient": [f"P-{number:012d}" for number in range(24)],
            "visit": 0,
            "day": pd.array([0] * 24, dtype="Int64"),
            "scanner": ["A", "A", "B", "B"] * 6,
            "outcome": outcome,
            SIGNAL: outcome * 3 + rng.normal(0, 0.5, 24),
            SIZE: rng.uniform(10, 20, 24),
            "age": rng.integers(40, 80, 24).astype(float),
        }
    )
    table.loc[0, "age"] = np.nan
    return table


def facts(**changes):
    given = {
        "study": "lungs",
        "question": "What goes with progression?",
        "version": "1.2.3",
        "look": "0" * 64,
        "outcome": OutcomeWords(label="progression", event="Progressed", other="Did not"),
        "flow": (FlowStep(what="Series found", patients=24, series=48),),
        "columns": (
            ColumnMeaning(column=SIGNAL, label="CT tumour mean intensity", unit="HU", ibsi="Q4LE", is_feature=True),
            ColumnMeaning(column=SIZE, label="CT tumour volume", unit="mm^3", is_feature=True),
            ColumnMeaning(column="age", label="age", unit="years"),
        ),
        "judged": (Judged(name="Logistic regression", is_control=False), Judged(name="Volume only", is_control=True)),
        "methods": (MethodUsed.of("levels", QuantileBins()),),
        "origins": (
            Origin(
                section="cohort",
                artefact="cohort-3f9a1c2b7d04",
                stage="build_cohort",
                version="1.2.3",
                code="a" * 64,
                source_files=7,
            ),
        ),
        "scanners": 2,
    }
    return Facts(**{**given, **changes})


def judged_on(cohort, columns):
    return evaluate.function(cohort, columns=columns, learner=LEARNER, harmoniser=NoHarmonisation(), validation=QUICK)


@pytest.fixture(scope="module")
def evaluations(cohort):
    return [judged_on(cohort, (SIGNAL, "age")), judged_on(cohort, (SIZE,))]


@pytest.fixture(scope="module")
def everything(cohort, evaluations):
    """All that a report can hold, each made by its own stage."""
    shared = {"columns": (SIGNAL, "age"), "learner": LEARNER, "harmoniser": NoHarmonisation()}
    readings = pd.concat([cohort.assign(reader=name) for name in "AB"]).assign(modality="CT", region="tumour")
    measured = readings[["patient", "visit", "modality", "region", "reader"]].assign(stat_mean=readings[SIGNAL])
    return {
        "cohort": cohort,
        "evaluations": evaluations,
        "pictures": [draw_picture.function(image(), label=1, caption="CT of P-000000000001.")],
        "scanners": scanner_effects.function(cohort, columns=(SIGNAL, SIZE)),
        "readers": agreement.function(measured.assign(day=0, scanner="A")),
        "overlaps": gather_overlaps.function(
            [pd.DataFrame({"dice": [0.875]})], places=(("P", "0", "CT", "tumour", "A", "B"),)
        ),
        "permuted": permute.function(cohort, **shared, control=PermutedLabels(permutations=2, validation=QUICK)),
        "leak": leak.function(
            cohort, columns=(SIGNAL, SIZE), control=LeakCheck(keep=1, learner=LEARNER, validation=QUICK)
        ),
        "rules": mine_rules.function(
            cohort,
            columns={SIGNAL: ColumnLabel(label="mean intensity", unit="HU")},
            outcome=("progression", "yes", "no"),
            discretiser=QuantileBins(bins=2),
            miner=ClassRuleMiner(consequents=("yes",)),
            folds=2,
            seed=0,
        ),
    }


def words_of(page):
    """Return the text of a page without its marks, each space once."""
    text = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def test_the_page_says_what_the_artefacts_hold(everything):
    page = write_report.function(**everything, facts=facts())
    REPORT.check(page)
    words = words_of(page)
    for said in (
        "What goes with progression?",
        "Series found",
        "Logistic regression",
        "Volume only",
        "CT tumour mean intensity",
        "Q4LE",
        "CT of P-000000000001.",
        "If mean intensity is high",
        "voxmine why cohort-3f9a1c2b7d04",
        "1.2.3",
        "0.88",
    ):
        assert said in words, said
    assert f"{everything['evaluations'][0].auc:.2f}" in words
    assert "data:image/png;base64," in page


def test_the_last_pictures_are_those_of_the_patients_of_rules():
    pictures = [Picture(modality="CT", caption=str(number), png=b"x") for number in range(4)]
    shown = witnesses_of(pictures, ("rule-1", "rule-1", "rule-3"))
    assert {number: [one.caption for one in held] for number, held in shown.items()} == {
        "rule-1": ["1", "2"],
        "rule-3": ["3"],
    }
    assert witnesses_of(pictures, ()) == {}


def test_pictures_of_patients_stand_on_the_cards_and_not_among_those_of_the_modalities(everything, monkeypatch):
    seen = []
    monkeypatch.setattr(report, "render", lambda data: seen.append(data) or "page")
    (first,) = everything["pictures"]
    witness = first.model_copy(update={"caption": "P-1, for rule-1."})
    given = {**everything, "pictures": [first, witness]}
    write_report.function(**given, facts=facts(pictured=("rule-1",)))
    (data,) = seen
    assert data.pictures == (first,)
    assert data.witnesses == {"rule-1": (witness,)}


def test_the_page_needs_no_other_file(everything):
    page = write_report.function(**everything, facts=facts())
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!#|data:)[^"'\s>]+""", page)
    assert "@import" not in page


def test_the_same_artefacts_give_the_same_page(everything):
    one, two = (write_report.function(**everything, facts=facts()) for _ in range(2))
    assert one == two


def test_a_study_without_models_and_rules_has_a_page_too(cohort):
    unknown = cohort.assign(outcome=np.nan)
    page = write_report.function(
        cohort=unknown, evaluations=[], pictures=[], facts=facts(judged=(), outcome=None, methods=(), origins=())
    )
    assert "What goes with progression?" in words_of(page)


def test_what_could_not_be_made_is_said_where_it_is_missed(cohort):
    missing = Refusal(
        item="all", stage="evaluate", verdict="v", expected="Both classes", came="one", remedy="Add patients."
    )
    page = write_report.function(
        cohort=cohort, evaluations=[], pictures=[], facts=facts(judged=(), refused={"models": (missing,)})
    )
    assert "Both classes: one. Add patients." in words_of(page)


def test_only_the_first_learner_is_shown_beside_shuffled_outcomes(everything, cohort, monkeypatch):
    seen = []
    monkeypatch.setattr(report, "render", lambda data: seen.append(data) or "page")
    write_report.function(**everything, facts=facts())
    (data,) = seen
    assert [model.permutations is None for model in data.models] == [False, True]
    assert [model.role for model in data.models] == ["model", "control"]
    assert {one.label for one in data.features} == {
        "CT tumour mean intensity",
        "CT tumour volume",
    }
    assert [column.label for column in data.cohort.columns] == ["age"]


def test_a_report_is_made_from_artefacts_and_its_record_keeps_no_parameters(store, cohort):
    inputs = {"cohort": kept(store, COHORT, cohort), "evaluations": (), "pictures": ()}
    inputs["scanners"] = kept(store, TABLE, scanner_effects.function(cohort, columns=(SIGNAL, SIZE)))
    outcome = perform(store.root, write_report.job("lungs", inputs, {"facts": facts(judged=())}))
    assert store.open(outcome.ref).startswith("<!DOCTYPE html>")
    (record,) = store.records(outcome.ref)
    assert record.parameters == {}
    assert record.parents() == [inputs["cohort"], inputs["scanners"]]
