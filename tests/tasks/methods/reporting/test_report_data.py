import pytest
from pydantic import ValidationError

from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.reporting.data import FlowStep, MethodUsed, Origin, ReportData


def test_a_report_is_the_same_after_json(filled):
    assert ReportData.model_validate_json(filled.model_dump_json()) == filled


def test_a_misspelt_field_is_refused():
    with pytest.raises(ValidationError, match="extra_forbidden"):
        ReportData(study="s", question="q", version="0", picturs=())


def test_a_report_cannot_be_changed(filled):
    with pytest.raises(ValidationError, match="frozen"):
        filled.study = "other"


def test_a_number_that_is_none_is_not_infinite():
    with pytest.raises(ValidationError, match="finite"):
        MethodUsed(purpose="rules", parameters={"alpha": float("inf")})


def test_refusals_are_grouped_by_verdict_the_most_frequent_first(filled):
    first = filled.flow[0].refusals[0]
    others = tuple(first.model_copy(update={"verdict": "corrupt_file", "item": str(n)}) for n in range(2))
    found = FlowStep(what="Read", patients=3, refusals=(first, *others)).verdicts
    assert {verdict: len(held) for verdict, held in found.items()} == {"corrupt_file": 2, "missing_slice": 1}
    assert list(found) == ["corrupt_file", "missing_slice"]


def test_the_best_model_comes_first_and_controls_are_apart(filled):
    aucs = [result.evaluation.auc for result in filled.judged("model")]
    assert aucs == sorted(aucs, reverse=True)
    assert {result.name for result in filled.judged("control")} == {"Tumour volume alone", "Clinical columns alone"}


def test_a_column_without_words_goes_by_its_name(filled):
    assert filled.label("CT.tumour.stat_variance") == "CT tumour intensity variance"
    assert filled.label("unheard.of") == "unheard.of"


def test_a_method_keeps_all_its_parameters():
    used = MethodUsed.of("rules", LogisticLearner(), on="tumour")
    assert used.name == "logistic"
    assert used.parameters["inverse_penalty"] == [0.01, 0.1, 1.0]


def test_a_method_without_a_tag_goes_by_its_purpose():
    assert MethodUsed(purpose="preprocessing").name == "preprocessing"


def test_an_origin_says_the_command_that_explains_it():
    origin = Origin(section="rules", artefact="rules-1", stage="mine", version="0", code="a" * 64, source_files=3)
    assert origin.command == "voxmine why rules-1"
    assert origin.short_code == "a" * 12


def test_what_is_behind_a_section_is_found_by_its_name(filled):
    assert [origin.artefact for origin in filled.behind("models")] == ["evaluation-3f9a1c2b7d06"]
    assert filled.lacks("models") == ()
