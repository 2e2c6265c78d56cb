"""Files of a series are read by the outline of the first; what was made of their values is made once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom import outlined, outlines, parse
from tasks.formats.dicom.elements import DataSet, tag_of
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.outlined import Outlined, Outlines
from tasks.formats.dicom.parse import FIRST_BYTES, parse_header


@pytest.fixture
def known():
    """Outlines that have met no file yet."""
    return Outlines(parse._header)


def reader(known):
    """Return how a file was read, and its dataset."""

    def read(data):
        dataset = known.read(Held(data), FIRST_BYTES).dataset
        return isinstance(dataset, Outlined), dataset

    return read


def slice_of(make, number, position="1", **changes):
    ds = make.dataset(np.zeros((2, 2), np.int16), InstanceNumber=number, SliceLocation=position, **changes)
    ds.SOPInstanceUID = f"1.2.{number}"
    return make.written(ds)


def test_the_second_file_of_a_series_needs_no_walk(known, make):
    read = reader(known)
    assert [read(slice_of(make, number))[0] for number in (11, 12, 13)] == [False, True, True]
    by_outline, dataset = read(slice_of(make, 14))
    assert by_outline
    assert (dataset.text("InstanceNumber"), dataset.integer("Rows")) == ("14", 2)
    assert dataset.raw("PixelData").tobytes() == bytes(8)
    assert dataset.raw("EchoTime") is None


def test_a_length_that_differs_is_learnt_once(known, make):
    read = reader(known)
    numbers = [11, 111, 1111, 12, 112, 22222]
    assert [read(slice_of(make, number))[0] for number in numbers] == [False, False, True, True, True, True]
    assert [read(slice_of(make, number))[1].text("InstanceNumber") for number in numbers] == list(map(str, numbers))


def test_another_element_is_another_outline_and_both_are_kept(known, make):
    read = reader(known)
    plain, more = (
        [slice_of(make, number) for number in (11, 12)],
        [slice_of(make, 13, KVP="120"), slice_of(make, 14, KVP="100")],
    )
    assert [read(data)[0] for data in (plain[0], more[0], plain[1], more[1])] == [False, False, True, True]


def test_the_last_outlines_are_kept(known, make, monkeypatch):
    monkeypatch.setattr(outlined, "KNOWN", 2)
    keywords = ("KVP", "EchoTime", "ImageComments")
    files = [slice_of(make, 11, **{keyword: "12"}) for keyword in keywords]
    read = reader(known)
    for data in files:
        read(data)
    assert [read(data)[0] for data in files[::-1]] == [True, True, False]


def test_no_time_is_spent_on_files_that_are_all_different(known, make, monkeypatch):
    monkeypatch.setattr(outlined, "PATIENCE", 64)
    learnt = []
    real = outlines.Made.of.__func__
    monkeypatch.setattr(outlines.Made, "of", classmethod(lambda cls, *a: learnt.append(1) or real(cls, *a)))
    known = Outlines(parse._header)
    for number in range(40):
        ds = make.dataset(np.zeros((2, 2), np.int16))
        ds.private_block(0x0011 + 2 * number, "ACME", create=True)
        known.read(Held(make.written(ds)), FIRST_BYTES)
    assert 3 <= len(learnt) <= 8


@pytest.mark.parametrize("what", ["another syntax", "icon", "cut", "deflated", "long", "many"])
def test_files_that_an_outline_would_not_describe_get_none(known, make, what, monkeypatch):
    ds = make.dataset(np.arange(4, dtype=np.int16).reshape(2, 2))
    if what == "icon":  # fragments of a length that nothing states
        make.written(ds)
        ds.compress(RLELossless, generate_instance_uid=False)
        icon = Dataset()
        icon.add(ds["PixelData"])
        ds.IconImageSequence = Sequence([icon])
    syntax = {"deflated": "1.2.840.10008.1.2.1.99", "another syntax": "1.2.840.10008.1.2.2", "icon": RLELossless}.get(
        what, "1.2.840.10008.1.2.1"
    )
    data = make.written(ds, syntax, little=what != "another syntax")
    data = data[:-1] if what == "cut" else data
    monkeypatch.setattr(outlined, "LONGEST", 100 if what == "long" else 1 << 20)
    monkeypatch.setattr(outlines, "MOST", 10 if what == "many" else 1000)
    read = reader(known)
    assert [read(data)[0], read(data)[0]] == [False, False]
    assert read(slice_of(make, 11))[0] is False


def test_sequences_are_found_by_a_walk_when_they_are_asked_for(known, make):
    coded = Dataset()
    coded.CodeValue = "T-1"
    read = reader(known)
    files = [slice_of(make, number, ProcedureCodeSequence=Sequence([coded])) for number in (11, 12)]
    assert [read(data)[0] for data in files] == [False, True]
    dataset = read(files[1])[1]
    assert dataset.items("RequestAttributesSequence") == ()
    assert [item.text("CodeValue") for item in dataset.items("ProcedureCodeSequence")] == ["T-1"]
    assert dataset.places == parse.parse(files[1]).dataset.places
    assert set(dataset.sequences) == {tag_of("ProcedureCodeSequence")}


class Counted:
    """Count how often a function is called."""

    def __init__(self, function):
        self.calls = 0
        self.function = function

    def __call__(self, dataset, *more):
        self.calls += 1
        return self.function(dataset, *more)


def asked(known, make, function, files):
    counted = Counted(function)
    read = reader(known)
    return [read(data)[1].remembered(counted) for data in files], counted.calls


def test_what_is_made_of_the_same_values_is_made_once(known, make):
    files = [slice_of(make, number, "1" if number < 14 else "2") for number in range(10, 20)]
    found, calls = asked(known, make, lambda header: header.number("SliceLocation"), files)
    assert found == [1.0] * 4 + [2.0] * 6
    assert calls == 3, "the first file has no outline, and there are two values"


def test_what_is_made_by_another_way_is_made_anew(known, make):
    def either(header):
        return header.text("InstanceNumber") if header.number("SliceLocation") == 2 else "one"

    files = [slice_of(make, number, "1" if number < 14 else "2") for number in range(10, 20)]
    found, _ = asked(known, make, either, files)
    assert found == ["one"] * 4 + [str(number) for number in range(14, 20)]


@pytest.mark.parametrize(
    "function",
    [
        lambda header: [item.text("CodeValue") for item in header.items("ProcedureCodeSequence")],
        lambda header: bytes(header.raw("PixelData")),
        lambda header: len(header.places),
    ],
    ids=["sequence", "pixels", "all"],
)
def test_what_is_made_of_more_than_values_is_not_remembered(known, make, function):
    files = [slice_of(make, number, ProcedureCodeSequence=Sequence([Dataset()])) for number in range(10, 15)]
    _, calls = asked(known, make, function, files)
    assert calls == 5


def test_not_everything_is_remembered(known, make, monkeypatch):
    monkeypatch.setattr(outlined, "REMEMBERED", 2)
    monkeypatch.setattr(outlined, "FUNCTIONS", 1)
    files = [slice_of(make, number) for number in (10, 11, 12, 13)]
    assert asked(known, make, lambda header: header.text("InstanceNumber"), files)[0] == ["10", "11", "12", "13"]
    assert asked(known, make, lambda header: header.text("Modality"), files)[0] == ["CT"] * 4
    (outline,) = known._known
    assert all(len(held) <= 2 for ways in outline.memory.values() for _, held in ways)
    assert len(outline.memory) <= 2


def test_a_refusal_is_given_each_time(known, make):
    files = [slice_of(make, number, RescaleSlope=0) for number in (10, 11, 12)]

    def refuse(_header):
        raise ZeroDivisionError

    read = reader(known)
    for data in files:
        dataset = read(data)[1]
        with pytest.raises(ZeroDivisionError):
            dataset.remembered(refuse)


def test_without_an_outline_a_function_is_called():
    assert DataSet(little_endian=True).remembered(lambda header, more: (header.text("Modality"), more), 3) == ("", 3)


def test_headers_do_not_depend_on_what_was_read_before(make, identities, monkeypatch):
    kinds = [{}, {"RescaleSlope": "2"}, {"Manufacturer": None}, {"PatientID": "other"}, {"StudyDate": ""}]
    files = [
        slice_of(make, number, str(number), ImagePositionPatient=[0, 1, number * 1.5], **kinds[number % len(kinds)])
        for number in range(8, 33)
    ]
    in_turn = [read_header(Held(data), identities) for data in files]
    alone = []
    for data in files:
        monkeypatch.setattr(parse, "_OUTLINES", Outlines(parse._header))
        alone.append(read_header(Held(data), identities))
    assert in_turn == alone
    assert len({replace(header, instance="", fingerprint="", plane=None) for header in alone}) > 3


@pytest.mark.shared
def test_real_headers_do_not_depend_on_what_was_read_before(shared, identities, monkeypatch):
    paths = [path for path in sorted((shared / "dicom_zoo").glob("*/*.dcm")) if "malformed" not in path.parts]
    contents = [Held(path.read_bytes()) for path in paths]

    def read(content):
        try:
            return read_header(content, identities)
        except BadData as refusal:
            return refusal.verdict

    first, again = [read(content) for content in contents], [read(content) for content in contents]
    alone = []
    for content in contents:
        monkeypatch.setattr(parse, "_OUTLINES", Outlines(parse._header))
        alone.append(read(content))
    assert first == again == alone
    assert isinstance(parse_header(contents[0]).dataset, DataSet)
