import pytest

from data_catalog.refs import Refusal
from tasks.methods.cohort.deltas import Deltas
from tasks.methods.learning.stable_features import StableFeatures
from tasks.methods.radiomics.binning import AsIs
from tasks.methods.radiomics.feature_map import FeatureMap
from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.mean import Mean
from tasks.methods.radiomics.perturbation.chain import PerturbationChain
from tasks.methods.radiomics.preparation import Resampling
from tasks.methods.radiomics.recipe import Recipe
from tasks.methods.radiomics.recipes import RECIPES
from tasks.methods.radiomics.window_bins import BinsOfSize
from tasks.methods.reporting.data import MethodUsed
from tasks.methods.reporting.limitations import limitations
from tasks.methods.reporting.methods_text import methods_paragraphs
from tasks.methods.reporting.recipe_text import recipe_sentences
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.class_rules import ClassRuleMiner


def among(said, words):
    return any(words in sentence for sentence in said)


def evaluated(data, **changes):
    """Return the report with the first model only, its evaluation changed."""
    first = data.models[0]
    evaluation = first.evaluation.model_copy(update=changes)
    return data.model_copy(update={"models": (first.model_copy(update={"evaluation": evaluation}),)})


def test_methods_are_filled_from_the_parameters(filled):
    text = " ".join(methods_paragraphs(filled))
    for words in (
        "Images of CT were cleaned by window.",
        "5 outer folds, drawn 3 times, and 3 inner folds for tuning",
        "over 1,000 draws of patients",
        "Differences between scanners were left as they were.",
        "compared by the test of DeLong",
        "cut into 2 levels of about equally many patients",
        "at least 10\u00a0% of the patients",
        "The rules were tested by Fisher's exact one-sided test; p-values were adjusted for all 2,310 searched by",
        "Levels and rules were learnt anew in 5 training folds",
        "Associations among any items, up to 3 together, were kept if their support reaches 10\u00a0%, their "
        "confidence 80\u00a0% and their lift 1.1",
        "The associations were tested by Fisher's exact one-sided test; p-values were adjusted for all 644 searched by",
        "Levels and associations were learnt anew in 5 training folds",
        "A significant rule is not claimed if it says the same as a better one",
        "Events before others, at most 90 days apart, were counted in 30 patients",
    ):
        assert words in text


def test_methods_of_an_empty_study_are_empty(empty):
    assert methods_paragraphs(empty) == []


def test_other_parameters_give_other_words(filled):
    used = (
        MethodUsed(purpose="preprocessing", on="*", parameters={"method": "fill_slices"}),
        MethodUsed(purpose="preprocessing", on="*", parameters={"method": "median_filter"}),
        MethodUsed(purpose="segmentation", on="tumour", parameters={"method": "otsu"}),
        MethodUsed(purpose="representatives", parameters={"correlation": 0.7, "at_most": 20}),
        MethodUsed(purpose="levels", parameters={"method": "fixed"}),
        MethodUsed.of(
            "rules", ClassRuleMiner(min_support=12, required_columns=("sex", "age"), excluded_columns=("centre",))
        ),
        MethodUsed.of("associations", AssociationMiner(min_support=1, required_columns=("sex",))),
    )
    other = evaluated(filled, harmoniser={"method": "scanner_location_scale"}).model_copy(
        update={"methods": used, "comparisons": ()}
    )
    text = " ".join(methods_paragraphs(other))
    assert "All images were cleaned by fill slices, then median filter." in text
    assert "Regions called tumour were outlined by otsu." in text
    assert "Of features whose rank correlation reaches 0.7 one was taken, 20 at the most" in text
    assert "at cut-offs that were given" in text
    assert "that apply to at least 12 patients, with one of sex and age in the antecedent, without centre in" in text
    assert "up to 3 together, with one of sex in the antecedent, were kept if their support reaches 1 patient, " in text
    assert "taken out by scanner location scale, inside the training patients" in text
    assert "Logistic regression was judged" in text
    assert "DeLong" not in text
    assert "In each region" not in text


def test_what_regions_were_measured_by_is_told_for_each_modality(filled):
    used = (
        MethodUsed.of("radiomics", RECIPES["ibsi_e"], "CT"),
        MethodUsed.of("radiomics", RECIPES["pet"].model_copy(update={"families": ("statistics",)}), "PT"),
        MethodUsed.of("maps", FeatureMap(features=("stat_mean",), binning=BinsOfSize(size=25, start=0)), "CT"),
        MethodUsed(purpose="radiomics", on="US", parameters={"method": "encoder"}),
    )
    text = " ".join(methods_paragraphs(filled.model_copy(update={"methods": used})))
    for words in (
        "Regions in images of CT were read off at 2 mm (cubic interpolation, rounded to whole numbers; the mask "
        "linear, inside from 0.5)",
        "below -1000, above 400 and more than 3 standard deviations from the region's mean were left out",
        "all families of IBSI-1, with 32 grey levels between each region's extremes",
        "Regions in images of PT were read off at 3 mm (cubic interpolation; the mask",
        "Measured were statistics, with grey levels of a fixed width of 0.25 from the lowest intensity kept",
        "Images of CT were mapped: 1 feature in a window around every voxel.",
        "Regions in images of US were measured by encoder.",
    ):
        assert words in text


def test_a_recipe_on_the_own_grid_with_filters_is_told():
    recipe = Recipe(
        binning=AsIs(), filters=(LaplacianOfGaussian(sigma_mm=1), Mean(support=3)), aggregations=("2.5d_mrg",)
    )
    text = recipe_sentences("MR", recipe.model_dump(mode="json"))
    assert "measured on the grid of the image" in text
    assert "left out" not in text
    assert "intensities as grey levels" in text
    assert "within slices, all merged" in text
    assert "after 2 filters (laplacian of gaussian and mean)" in text
    sliced = Recipe(resampling=Resampling(spacing_mm=(None, 2.0, 2.0)))
    assert "own x 2 x 2 mm (z, y, x)" in recipe_sentences("MR", sliced.model_dump(mode="json"))


def test_rules_whose_parameters_are_not_known_are_told_by_what_they_say_of_themselves(filled):
    bare = filled.model_copy(
        update={
            "methods": (),
            "models": (),
            "associations": None,
            "rules": filled.rules.model_copy(update={"folds": (), "adjust": None}),
        }
    )
    text = " ".join(methods_paragraphs(bare))
    assert "by no method" in text
    assert "Searched were" not in text
    assert "ssociations" not in text


def test_strata_and_what_could_be_significant_are_told(filled):
    rules = filled.rules.model_copy(update={"strata": "scanner", "adjust": "lamp", "tested": 420, "delta": 0.05 / 420})
    text = " ".join(methods_paragraphs(filled.model_copy(update={"rules": rules})))
    assert "by the exact one-sided test of Cochran, Mantel and Haenszel within the values of scanner" in text
    assert "adjusted for 420 different tests among 2,310 searched by Tarone's method" in text


def test_associations_are_told_without_rules_that_end_in_the_outcome(filled):
    text = " ".join(methods_paragraphs(filled.model_copy(update={"rules": None})))
    assert "The associations were tested" in text
    assert "The rules were tested" not in text
    bare = filled.model_copy(update={"rules": None, "methods": ()})
    assert among(methods_paragraphs(bare), "The associations were tested")
    assert not among(methods_paragraphs(bare), "were kept if")


def test_what_was_measured_again_and_what_has_changed_are_told(filled):
    cohort = MethodUsed(
        purpose="cohort",
        parameters={"deltas": Deltas(since="first", forms=("percent", "per_day")).model_dump(mode="json")},
    )
    more = (MethodUsed.of("perturbation", PerturbationChain(repetitions=7)), cohort)
    labels = {**filled.labels, "CT.tumour.delta_percent_stat_mean": "CT tumour mean (relative change)"}
    both = filled.model_copy(update={"methods": (*filled.methods, *more), "labels": labels})
    text = " ".join(methods_paragraphs(both))
    assert (
        "Every region was measured again 7 times under noise addition, translation, volume adaptation and contour "
        "randomisation (Zwanenburg et al. 2019); how far a feature stays the same is its ICC(1,1)."
    ) in text
    assert "What had changed since the first visit was added for each feature (percent and per day)." in text
    assert "measured again" not in " ".join(methods_paragraphs(filled))


def test_changes_that_no_row_has_are_not_said_to_have_been_added(filled):
    cohort = MethodUsed(purpose="cohort", parameters={"deltas": Deltas(since="first").model_dump(mode="json")})
    text = " ".join(methods_paragraphs(filled.model_copy(update={"methods": (*filled.methods, cohort)})))
    assert "What had changed" not in text
    assert "Changes since the first visit were asked for, but no row of the cohort has any." in text


def test_unstable_features_that_were_left_out_are_told(filled):
    folds = tuple(
        fold.model_copy(update={"unstable": 3 + number % 2})
        for number, fold in enumerate(filled.models[0].evaluation.folds)
    )
    stability = StableFeatures(minimum_icc=0.75, judged_by="low").model_dump(mode="json")
    text = " ".join(methods_paragraphs(evaluated(filled, stable_features=stability, folds=folds)))
    assert (
        "Features whose intraclass correlation's lower limit over perturbations and readers was below 0.75 among the "
        "training patients were left out first, 3 to 4 of them in a fold."
    ) in text


def test_features_that_gave_nothing_are_not_counted(filled):
    assert not among(methods_paragraphs(filled.model_copy(update={"features": ()})), "They gave")


def test_limitations_are_filled_from_the_numbers(filled):
    said = limitations(filled)
    for words in (
        "No model was tried on patients of another hospital",
        "The smaller class has 12 rows (of 40)",
        "The models chose among 3 columns: 4.0 rows of the smaller class for each",
        "3 models were compared",
        "single centre",
        "3 items were refused",
        "as low as 0.78",
        "not what causes what",
        "one item defines or measures the other",
    ):
        assert among(said, words), words


def test_a_rule_that_echoes_a_better_one_is_a_limitation(filled):
    first = filled.rules.claimed[0]
    rules = filled.rules.model_copy(update={"rules": (first, first.model_copy(update={"explained_by": first.claim}))})
    assert among(limitations(filled.model_copy(update={"rules": rules})), "says the same as a better one")
    assert not among(limitations(filled), "says the same as a better one")


def test_associations_that_may_be_chance_need_no_word_on_what_they_mean(filled):
    chance = filled.associations.model_copy(update={"rules": filled.associations.rules[1:]})
    assert not among(limitations(filled.model_copy(update={"associations": chance})), "defines or measures")


def test_the_limitations_of_an_empty_study_are_plain(empty):
    assert limitations(empty) == ["Nothing was analysed, so nothing can be claimed."]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"centres": None}, "The number of centres is not known"),
        ({"scanners": None}, "Scanners are not known"),
        ({"scanners": 1}, "All images come from one scanner"),
        ({"reader_pairs": ()}, "No region was outlined by two readers"),
    ],
)
def test_what_is_not_known_is_a_limitation(filled, changes, words):
    assert not among(limitations(filled), words)
    assert among(limitations(filled.model_copy(update=changes)), words)


def test_several_centres_and_scanners_are_no_limitation(filled):
    said = limitations(filled.model_copy(update={"centres": 3, "scanners": 4}))
    assert not among(said, "centre")
    assert not among(said, "scanner")


def test_a_large_balanced_cohort_of_few_columns_is_not_called_small(filled):
    large = evaluated(filled, outcome=(0, 1) * 200, patient=tuple(range(400)), columns=("a", "b"))
    evaluation = large.models[0].evaluation
    repeats = tuple(
        repeat.model_copy(update={"probability": repeat.probability * 10, "fold": repeat.fold * 10})
        for repeat in evaluation.repeats
    )
    said = limitations(evaluated(large, repeats=repeats))
    assert not among(said, "smaller class")
    assert not among(said, "models were compared")


def test_rows_of_one_patient_are_a_limitation(filled):
    assert among(limitations(evaluated(filled, patient=tuple(n // 2 for n in range(40)))), "20 patients gave 40 rows")


def test_predictions_that_are_all_alike_have_no_calibration_slope(filled):
    repeats = tuple(
        repeat.model_copy(update={"probability": (0.3,) * 40}) for repeat in filled.models[0].evaluation.repeats
    )
    assert among(limitations(evaluated(filled, repeats=repeats)), "calibration slope of logistic regression")


def test_missing_values_and_outcomes_are_a_limitation(filled):
    age, *others = filled.cohort.columns
    gaps = filled.cohort.model_copy(update={"unknown": 2, "columns": (age.model_copy(update={"missing": 30}), *others)})
    said = limitations(filled.model_copy(update={"cohort": gaps}))
    assert among(said, "2 rows have no known outcome")
    assert among(said, "1 column lacks more than 20\u00a0% of the values")


def test_one_refused_item_is_one_item(filled):
    one = filled.flow[0].model_copy(
        update={"refusals": (Refusal(item="i", stage="s", verdict="v", expected="e", came="c", remedy="r"),)}
    )
    assert among(limitations(filled.model_copy(update={"flow": (one,)})), "1 item was refused")
