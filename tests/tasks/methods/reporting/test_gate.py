"""What became of the scans and regions at the gate: counted, named, and shown in small where that is safe."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from data_catalog.refs import Ref, Refusal, Region, Scan, Study
from data_catalog.verdicts import catalogue
from tasks.methods.gate.thumbnail import encoded
from tasks.methods.reporting.gate import gate_summary
from tasks.methods.reporting.page import MOST_THUMBNAILS, render
from tasks.methods.reporting.sentences import gate_words

REF = Ref(kind="volume", digest="0" * 64)


def region(name, *corrections, reader="A"):
    return Region(name=name, reader=reader, mask=REF, corrections=corrections)


def scan(series, *corrections, regions=()):
    return Scan(patient="P-1", modality="CT", series=series, image=REF, corrections=corrections, regions=regions)


def refusal(stage="read_dicom", **changes):
    facts = {"item": "P-2/v0/CT/abcdef", "verdict": "missing_slice", "expected": "e", "came": "c", "remedy": "r"}
    return Refusal(stage=stage, **{**facts, **changes})


STUDY = Study(
    scans=(
        scan("aaaaaa", regions=(region("tumour"), region("heart", "duplicate_contours"))),
        scan("bbbbbb", "gantry_tilt", "duplicate_slices", regions=(region("tumour", "duplicate_contours"),)),
    ),
    refusals=(refusal(), refusal("draw_region"), refusal("radiomics")),
)


def test_scans_and_regions_are_counted_by_what_became_of_them():
    gate = gate_summary(STUDY)
    assert (gate.accepted, gate.corrected, gate.quarantined) == (2, 3, 2)
    assert [(one.name, one.items) for one in gate.corrections] == [
        ("duplicate_contours", ("P-1/v0/CT/aaaaaa/heart/A", "P-1/v0/CT/bbbbbb/tumour/A")),
        ("duplicate_slices", ("P-1/v0/CT/bbbbbb",)),
        ("gantry_tilt", ("P-1/v0/CT/bbbbbb",)),
    ]
    assert gate.corrections[2].meaning == catalogue()["gantry_tilt"].meaning


def test_a_correction_that_is_said_twice_counts_once():
    gate = gate_summary(Study(scans=(scan("aaaaaa", "gantry_tilt", "gantry_tilt"),)))
    assert [one.items for one in gate.corrections] == [("P-1/v0/CT/aaaaaa",)]


def test_an_empty_study_passes_nothing():
    gate = gate_summary(Study(scans=()))
    assert (gate.accepted, gate.corrected, gate.quarantined, gate.corrections) == (0, 0, 0, ())


def test_the_sentence_tells_all_three_counts():
    assert gate_words(gate_summary(STUDY)) == (
        "At the gate 2 scans and regions were accepted as they are, 3 with a recorded correction, and 2 were"
        " quarantined."
    )


def test_the_report_names_the_corrections(filled):
    page = render(filled.model_copy(update={"gate": gate_summary(STUDY)}))
    assert gate_words(gate_summary(STUDY)) in page
    assert catalogue()["gantry_tilt"].meaning in page
    assert "P-1/v0/CT/bbbbbb/tumour/A" in page
    assert "Recorded corrections" not in render(filled.model_copy(update={"gate": gate_summary(Study(scans=()))}))


def with_thumbnails(filled, count):
    picture = encoded(np.arange(9, dtype=np.uint8).reshape(3, 3))
    step = filled.flow[0].model_copy(update={"refusals": (refusal(thumbnail=picture),) * count})
    return render(filled.model_copy(update={"flow": (step, *filled.flow[1:])})), picture


def test_refused_items_are_shown_in_small_but_not_too_many(filled):
    assert 'class="thumb"' not in render(filled)
    page, picture = with_thumbnails(filled, 2)
    assert page.count(f'<img class="thumb" src="data:image/png;base64,{picture}" alt="A slice of P-2') == 2
    assert with_thumbnails(filled, 40)[0].count('class="thumb"') == MOST_THUMBNAILS


@pytest.mark.parametrize("text", ["", "<script>", "a b", "A" * 40_000])
def test_a_thumbnail_is_a_picture_in_base64_and_nothing_else(text):
    with pytest.raises(ValidationError):
        refusal(thumbnail=text)
