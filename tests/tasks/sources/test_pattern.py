from __future__ import annotations

import pickle
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, TypeAdapter, ValidationError

from tasks.sources.pattern import NamePattern, checked_pattern


@pytest.mark.parametrize(
    ("template", "name", "fields"),
    [
        ("{patient}_{region}.png", "case001_tumor.png", {"patient": "case001", "region": "tumor"}),
        ("{patient}_{region}.png", "case_01_tumor.png", {"patient": "case_01", "region": "tumor"}),
        ("{patient}_{region}.png", "images/case001_tumor.png", {"patient": "case001", "region": "tumor"}),
        ("{patient}.png", "case001.png", {"patient": "case001"}),
        ("{patient}.png", "case001xpng", None),
        ("{patient}.png", "case001.png.bak", None),
        ("{patient}.png", ".png", None),
        ("{patient}/{modality}/{any}.dcm", "STS/P1/CT/0.dcm", {"patient": "P1", "modality": "CT"}),
        ("{patient}/{modality}/{any}.dcm", "CT/0.dcm", None),
        ("{patient}/{patient}_{visit}.nii", "P1/P1_2.nii", {"patient": "P1", "visit": "2"}),
        ("{patient}/{patient}_{visit}.nii", "P1/P2_2.nii", None),
        ("{any}-{any}.png", "a-b.png", {}),
        ("scan.nii", "scan.nii", {}),
        ("{patient}(1)+.png", "a(1)+.png", {"patient": "a"}),
    ],
)
def test_names_are_read_as_drawn(template, name, fields):
    assert NamePattern(template).match(name) == fields


word = st.text(st.characters(blacklist_characters="/{}_", blacklist_categories=("Cs",)), min_size=1)


@settings(max_examples=25, deadline=None)
@given(word, word, word)
def test_what_a_pattern_writes_it_reads(patient, region, reader):
    found = NamePattern("{patient}_{region}_{reader}.png").match(f"{patient}_{region}_{reader}.png")
    assert found == {"patient": patient, "region": region, "reader": reader}


@pytest.mark.parametrize("template", ["{name}.png", "{}.png", "{patient", "patient}", "{patient {any}}", ""])
def test_a_pattern_that_cannot_be_meant_is_refused_with_the_fields_there_are(template):
    with pytest.raises(ValueError, match=r"\{patient\}, \{visit\}, \{modality\}, \{region\}, \{reader\}, \{any\}"):
        NamePattern(template)


def test_a_plan_checks_patterns_as_text():
    field = TypeAdapter(Annotated[str, AfterValidator(checked_pattern)])
    assert field.validate_python("{patient}.png") == "{patient}.png"
    with pytest.raises(ValidationError, match="name"):
        field.validate_python("{name}.png")


def test_a_pattern_survives_pickling():
    pattern = NamePattern("{patient}.png")
    pattern.match("a.png")
    assert pickle.loads(pickle.dumps(pattern)).match("a.png") == {"patient": "a"}
