from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.report import Measurement, read_measurements, read_text_items

SR = "1.2.840.10008.5.1.4.1.1.88.33"


def code(value, meaning):
    one = Dataset()
    one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning = value, "SCT", meaning
    return Sequence([one])


def item(kind, concept="", *inner, relation="CONTAINS", **elements):
    one = Dataset()
    one.RelationshipType, one.ValueType = relation, kind
    if concept:
        one.ConceptNameCodeSequence = code("1", concept)
    if inner:
        one.ContentSequence = Sequence(inner)
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    return one


def text(words, **options):
    return item("TEXT", "Finding", TextValue=words, **options)


def coded(concept, value, meaning, **options):
    return item("CODE", concept, ConceptCodeSequence=code(value, meaning), **options)


def number(concept, value, unit="mm", *inner):
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = value, code(unit, unit)
    return item("NUM", concept, *inner, MeasuredValueSequence=Sequence([measured]))


def container(*inner, continuity="SEPARATE", concept="Findings"):
    return item("CONTAINER", concept, *inner, ContinuityOfContent=continuity)


@pytest.fixture
def written(make):
    def of(*items, continuity="SEPARATE"):
        ds = make.dataset(sop_class=SR, Modality="SR")
        ds.ValueType, ds.ContinuityOfContent = "CONTAINER", continuity
        ds.ContentSequence = Sequence(items)
        return Held(make.written(ds))

    return of


def said(content):
    return [(one.text, one.status) for one in read_text_items(content)]


@pytest.mark.parametrize("relation", ["HAS PROPERTIES", "HAS CONCEPT MOD"])
@pytest.mark.parametrize(("value", "status"), [("2667000", "absent"), ("261665006", "uncertain"), ("x", None)])
def test_a_code_beneath_a_finding_says_whether_that_is_there(written, relation, value, status):
    presence = coded("Presence", value, "whatever", RelationshipType=relation)
    finding = item("CODE", "Finding", presence, ConceptCodeSequence=code("1", "Mass"))
    first, *others = said(written(finding))
    assert first == ("Finding: Mass", status)
    is_told = not status and relation == "HAS PROPERTIES"
    # a property of the finding that is absent does not make it absent
    has = coded("Calcification", "2667000", "Absent", RelationshipType="HAS PROPERTIES")
    mass = item("CODE", "Finding", has, ConceptCodeSequence=code("1", "Mass"))
    assert said(written(mass)) == [("Finding: Mass", None), ("Calcification", "absent")]
    assert others == ([("Presence: whatever", None)] if is_told else [])


def test_texts_are_items_in_the_order_of_reading(written):
    content = written(container(text("First."), container(text("Second."))), text("Third."))
    assert said(content) == [("First.", None), ("Second.", None), ("Third.", None)]


def test_what_is_meant_to_be_read_in_one_go_is_one_item(written):
    run = container(text("No"), text("mass of"), number("Diameter", "3", "cm"), continuity="CONTINUOUS")
    assert said(written(run, text("Next."))) == [("No mass of 3 cm", None), ("Next.", None)]
    assert said(written(text("A"), text("b."), continuity="CONTINUOUS")) == [("A b.", None)]


def test_a_code_is_said_in_words(written):
    assert said(written(coded("Finding", "4147007", "Mass"))) == [("Finding: Mass", None)]


@pytest.mark.parametrize(
    ("value", "status"),
    [("2667000", "absent"), ("52101004", "present"), ("R-00339", "absent"), ("371930009", "uncertain")],
)
def test_a_code_may_say_whether_its_concept_is_there(written, value, status):
    assert said(written(coded("Pneumothorax", value, "whatever"))) == [("Pneumothorax", status)]


def test_who_observed_whom_and_how_is_no_part_of_what_was_found(written):
    about = [
        text("Zebrafish", relation=relation) for relation in ("HAS OBS CONTEXT", "HAS ACQ CONTEXT", "HAS CONCEPT MOD")
    ]
    inner = container(text("Zebrafish"))
    inner.RelationshipType = "HAS OBS CONTEXT"
    person = item("PNAME", "Observer", PersonName="Zebrafish^A")
    assert said(written(*about, inner, person, number("Diameter", "3"), text("Clear."))) == [("Clear.", None)]


def test_numbers_have_names_units_and_groups(written):
    mean = coded("Derivation", "R-00317", "Mean", relation="HAS CONCEPT MOD")
    method = coded("Measurement Method", "126410", "by hand", relation="HAS CONCEPT MOD")
    method.ConceptNameCodeSequence = code("370129005", "Measurement Method")
    content = written(
        container(number("SUVbw", "6.5", "g/ml{SUVbw}", mean), number("Volume", "33.5", "ml", method)),
        container(number("Volume", "2", "ml")),
    )
    assert read_measurements(content) == [
        Measurement("SUVbw Mean", 6.5, "g/ml{SUVbw}", 0),
        Measurement("Volume", 33.5, "ml", 0),
        Measurement("Volume", 2.0, "ml", 1),
    ]


def test_numbers_without_a_value_or_a_name_are_left_out(make, written):
    empty = item("NUM", "Diameter", MeasuredValueSequence=Sequence([]))
    nameless = number("", "3")
    person = number(make.name.replace("^", " "), "3")
    assert read_measurements(written(empty, nameless, person)) == []
    assert read_measurements(written(number("Score", "3", "no unit at all"))) == [Measurement("Score", 3.0, "", 0)]


def test_a_number_that_is_none_is_refused(written):
    broken = number("Diameter", "3")
    measured = broken.MeasuredValueSequence[0]
    measured.NumericValue = "999e99"
    with pytest.raises(BadData) as refusal:
        read_measurements(written(broken))
    assert refusal.value.verdict == "bad_element"
    assert "999" not in str(refusal.value)


def test_an_empty_report_says_nothing(written):
    assert (said(written()), read_measurements(written())) == ([], [])


def test_the_reports_of_pydicom_are_read():
    first = Held(Path(get_testdata_file("test-SR.dcm")).read_bytes())
    assert said(first)[0] == ("A mass of 3 cm was detected.", None)
    assert [(one.value, one.unit) for one in read_measurements(first)] == [(3.0, "cm"), (3.0, "cm")]
    assert said(Held(Path(get_testdata_file("reportsi.dcm")).read_bytes())) == [("Enter text", None)]


@pytest.mark.shared
def test_the_measurements_of_a_real_report_are_numbers(shared):
    content = Held((shared / "dicom_zoo" / "sr_measurements" / "sr.dcm").read_bytes())
    found = {one.name: one for one in read_measurements(content)}
    assert len(found) == 22
    assert found["SUVbw Mean"] == Measurement("SUVbw Mean", 6.01529, "{SUVbw}g/ml", 0)
    assert found["Volume"].unit == "ml"
    assert said(content) == [("Finding: Neoplasm, Primary", None)]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_report_is_read_or_refused(make, seed):
    ds = make.dataset(sop_class=SR, Modality="SR")
    ds.ContentSequence = Sequence(
        [container(text("No mass."), coded("Cyst", "2667000", "Absent"), number("Size", "3"))]
    )
    data, chance = bytearray(make.written(ds)), random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    for read in (read_text_items, read_measurements):
        try:
            assert isinstance(read(Held(bytes(data))), list)
        except BadData:
            continue
