"""Where the items are worked on changes no result."""

import pytest
from pydantic import ValidationError

from flows.compute import Compute
from flows.plan import Plan
from tasks.sources.dicom import DicomSource


def test_without_a_word_the_work_is_done_on_this_machine():
    compute = Compute()
    assert compute.scheduler is None
    assert compute.workers is None
    assert (compute.memory_per_worker, compute.batch) == ("auto", 50)


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": -1},
        {"batch": 0},
        {"cores": 2},
        {"workers": "many"},
        {"memory_per_worker": "lots"},
        {"memory_per_worker": "150MiB"},
        {"memory_per_worker": "2"},
        {"scheduler": "host"},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValidationError):
        Compute(**wrong)


def test_it_is_a_part_of_the_plan_and_no_parameter_of_a_method():
    sources = (DicomSource(path="scans"),)
    one, other = (Plan(sources=sources, compute=Compute(workers=workers)) for workers in (0, 8))
    assert one != other
    assert one.model_dump(exclude={"compute"}) == other.model_dump(exclude={"compute"})
