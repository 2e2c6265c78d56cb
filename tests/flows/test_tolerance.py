"""How much may be quarantined before a run ends."""

import pytest
from pydantic import ValidationError

from data_catalog.errors import PlanError
from data_catalog.refs import Refusal, Study
from flows.tolerance import Tolerance


def study(refused, found=10):
    refusals = tuple(
        Refusal(item=f"P-{n}", stage="read_dicom", verdict="missing_slices", expected="e", came="c", remedy="r")
        for n in range(refused)
    )
    return Study(scans=(), refusals=refusals, found=found)


@pytest.mark.parametrize(
    ("tolerance", "most"),
    [
        (Tolerance(), 10),
        (Tolerance(share=0.2), 2),
        (Tolerance(share=0), 0),
        (Tolerance(share=0.7), 7),
        (Tolerance(items=3), 3),
        (Tolerance(share=0.2, items=5), 2),
        (Tolerance(share=0.5, items=1), 1),
    ],
)
def test_a_run_goes_on_as_long_as_no_more_is_refused_than_is_tolerated(tolerance, most):
    tolerance.require(study(most))
    if most < 10:
        with pytest.raises(PlanError, match=f"{most + 1} were: {most + 1} for missing_slices"):
            tolerance.require(study(most + 1))


def test_an_item_that_is_refused_twice_counts_once():
    refusal = study(1).refusals[0]
    Tolerance(items=1).require(Study(scans=(), refusals=(refusal, refusal), found=10))


def test_reasons_are_counted_by_item_and_it_is_said_where_one_has_several():
    one, two = study(2).refusals
    refused = (one, one, two, one.model_copy(update={"verdict": "worker_lost", "stage": "radiomics"}))
    with pytest.raises(PlanError, match="2 were, some of them for several reasons: 2 for missing_slices, 1 for worker"):
        Tolerance(items=1).require(Study(scans=(), refusals=refused, found=10))


def test_a_share_is_not_lost_in_rounding():
    Tolerance(share=0.29).require(study(29, found=100))  # 0.29 * 100 is 28.999999999999996
    with pytest.raises(PlanError):
        Tolerance(share=0.29).require(study(30, found=100))


def test_files_that_no_series_was_found_in_count_too():
    with pytest.raises(PlanError, match="50 % of 4"):
        Tolerance(share=0.5).require(study(4, found=0))


@pytest.mark.parametrize("wrong", [{"share": 1.5}, {"share": -0.1}, {"items": -1}, {"most": 3}])
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValidationError):
        Tolerance(**wrong)
