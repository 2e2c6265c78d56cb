from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from tasks.formats.content import Held
from tasks.formats.dicom.labels import identity_tokens, is_anonymous, region_name, safe_label
from tasks.formats.dicom.parse import parse_header


@pytest.fixture
def tokens(make):
    ds = make.dataset(None, PatientName="MUELLER^Zoë", PatientID="MRN77441", PatientBirthDate="19580312")
    assert isinstance(ds, Dataset)
    return identity_tokens(parse_header(Held(make.written(ds))).dataset)


@pytest.mark.parametrize(
    "name",
    [
        "GTV Mueller", "GTV M\u00fcller", "gtvMUELLER", "GTV Zoe", "GTV ZO\u00cb", "GTV MRN77441", "GTV_19580312",
        "GTV 12.03.1958", "GTV 3/12/58", "GTV 1958-3-12", "GTV 6712345678",
    ],
)  # fmt: skip
def test_a_name_that_tells_whose_it_is_does_not_leave_the_file(tokens, name):
    assert region_name(3, name, tokens) == "ROI 3"
    assert safe_label(name, tokens) is None


@pytest.mark.parametrize(
    "name",
    [
        "GTV",
        "Mu GTV",
        "PTV 50.4-1.8",
        "PTV 54.0/1.8",
        "levels 1 2 3 4 5 6",
        "CTV 2019",
        "1.2.3",
        "GTV-1 (v2)",
        "T12/L1",
    ],
)
def test_other_names_stay(tokens, name):
    assert region_name(3, name, tokens) == name
    assert is_anonymous(name, tokens)
