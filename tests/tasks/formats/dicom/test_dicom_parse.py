from __future__ import annotations

import struct
import zlib
from datetime import date
from io import BytesIO

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from data_catalog.errors import BadData
from tasks.formats.dicom import parse as dicom_parse
from tasks.formats.dicom import walk as dicom_walk
from tasks.formats.dicom.elements import DataSet, tag_of
from tasks.formats.dicom.parse import is_dicom, parse

PREFIX = b"\0" * 128 + b"DICM"
META = struct.pack("<HH2sHL", 2, 0, b"UL", 4, 28) + struct.pack("<HH2sH", 2, 0x10, b"UI", 20) + b"1.2.840.10008.1.2.1\0"


def explicit(group, element, vr, value):
    return struct.pack("<HH2sH", group, element, vr, len(value)) + value


def long(group, element, vr, length, value=b""):
    return struct.pack("<HH2sHL", group, element, vr, 0, length) + value


def refusal_of(data):
    with pytest.raises(BadData) as refusal:
        parse(data)
    return refusal.value


def test_a_file_drawn_by_hand_gives_its_elements():
    body = explicit(0x10, 0x20, b"LO", b"abc ") + explicit(0x28, 0x10, b"US", b"\x02\x01")
    file = parse(PREFIX + META + body)
    assert file.transfer_syntax == "1.2.840.10008.1.2.1"
    assert (file.dataset.text("PatientID"), file.dataset.integer("Rows")) == ("abc", 258)
    assert file.pixel_keyword is None


@pytest.mark.parametrize(
    ("syntax", "implicit", "little"),
    [
        (ImplicitVRLittleEndian, True, True),
        (ExplicitVRBigEndian, False, False),
        (DeflatedExplicitVRLittleEndian, False, True),
    ],
)
def test_every_encoding_says_the_same_as_pydicom(make, syntax, implicit, little):
    data = make.written(make.structure([[(0, 0, 1), (4, 0, 1), (4, 4, 1.5)]]), syntax, implicit=implicit, little=little)
    theirs = pydicom.dcmread(BytesIO(data))
    ours = parse(data).dataset
    assert ours.text("PatientName") == str(theirs.PatientName)
    contour = ours.items("ROIContourSequence")[0].items("ContourSequence")[0]
    assert contour.numbers("ContourData") == tuple(theirs.ROIContourSequence[0].ContourSequence[0].ContourData)


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom warns of values that break a rule of the standard
def test_real_files_say_the_same_as_pydicom(shared):
    compared = 0
    for path in sorted((shared / "dicom_zoo").glob("*/*.dcm")):
        if path.stem == "emri_small_jpeg_2k_lossless_too_short":
            continue
        data = path.read_bytes()
        compared += _equal_texts(parse(data).dataset, pydicom.dcmread(BytesIO(data), force=True))
    assert compared > 2000


def _equal_texts(ours: DataSet, theirs) -> int:
    count = 0
    for element in theirs:
        if element.VR == "SQ" and element.tag in ours.sequences:
            items = ours.sequences[element.tag]
            assert len(items) == len(element.value)
            count += sum(_equal_texts(*pair) for pair in zip(items, element.value, strict=True))
        elif element.keyword and element.VR in {"UI", "CS", "LO"} and element.VM == 1:
            assert ours.text(element.keyword) == str(element.value).strip()
            count += 1
    return count


def test_a_file_without_preamble_is_read(make):
    data = make.slice(np.zeros((2, 2), np.int16))
    assert parse(data[132:]).dataset.text("Modality") == "CT"


@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_without_file_meta_is_read(make, implicit):
    body = BytesIO()
    make.dataset(np.zeros((2, 2), np.int16)).save_as(body, implicit_vr=implicit, little_endian=True)
    assert is_dicom(body.getvalue())
    assert parse(body.getvalue()).dataset.text("Modality") == "CT"


@pytest.mark.parametrize("data", [b"", b"DICM", b"%PDF-1.7 something", b"\0" * 200, b"\x89PNG\r\n\x1a\n" + b"x" * 200])
def test_other_files_are_no_dicom(data):
    assert not is_dicom(data)
    assert refusal_of(data).verdict == "not_dicom"


def test_texts_follow_the_character_set_of_the_level_above():
    inner = explicit(0x3006, 0x26, b"LO", "Öhr".encode())
    item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
    body = explicit(8, 5, b"CS", b"ISO_IR 192") + long(0x3006, 0x20, b"SQ", len(item), item)
    roi = parse(PREFIX + META + body).dataset.items("StructureSetROISequence")[0]
    assert roi.text("ROIName") == "Öhr"


@pytest.mark.parametrize(("named", "raw", "text"), [(b"ISO_IR 100", b"\xd6l", "Öl"), (b"NONSENSE", b"\xd6l", "Öl")])
def test_latin_1_is_read_where_the_character_set_says_so_or_nothing_known(named, raw, text):
    body = explicit(8, 5, b"CS", named) + explicit(0x10, 0x20, b"LO", raw)
    assert parse(PREFIX + META + body).dataset.text("PatientID") == text


def test_an_unknown_sequence_of_unknown_vr_is_read_either_way():
    for element in (explicit(8, 0x60, b"CS", b"MR"), struct.pack("<HHL", 8, 0x60, 2) + b"MR"):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(element)) + element
        end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        body = long(0x3006, 0x20, b"UN", 0xFFFFFFFF, item + end)
        assert parse(PREFIX + META + body).dataset.items("StructureSetROISequence")[0].text("Modality") == "MR"


def test_sequences_and_items_may_end_by_delimiters():
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + explicit(8, 0x60, b"CS", b"MR")
    ends = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    body = long(0x3006, 0x20, b"SQ", 0xFFFFFFFF, item + ends) + explicit(0x10, 0x20, b"LO", b"ab")
    top = parse(PREFIX + META + body).dataset
    assert top.items("StructureSetROISequence")[0].text("Modality") == "MR"
    assert top.text("PatientID") == "ab"


def test_zero_bytes_after_the_last_element_are_padding():
    assert parse(PREFIX + META + explicit(0x10, 0x20, b"LO", b"ab") + b"\0\0").dataset.text("PatientID") == "ab"


def test_missing_elements_are_empty_and_required_ones_are_named():
    level = DataSet(little_endian=True)
    assert (level.text("Modality"), level.numbers("PixelSpacing"), level.integer("Rows")) == ("", (), None)
    assert (level.number("SliceThickness"), level.day("StudyDate"), list(level.items("ROIContourSequence"))) == (
        None,
        None,
        [],
    )
    for reader in (level.require_text, level.require_integer):
        with pytest.raises(BadData, match="The file has Rows: it has none") as refusal:
            reader("Rows")
        assert refusal.value.verdict == "missing_element"
    with pytest.raises(KeyError):
        tag_of("NoSuchKeyword")


@pytest.mark.parametrize("text", [b"nan", b"inf", b"1e999", b"1_0", b"0x10", b"4,5", b"9e15", b"1\\2"])
def test_a_number_is_finite_and_decimal_or_refused_without_being_shown(text):
    body = explicit(0x18, 0x50, b"DS", text)
    level = parse(PREFIX + META + body).dataset
    with pytest.raises(BadData, match="SliceThickness") as refusal:
        level.number("SliceThickness")
    assert refusal.value.verdict == "bad_element"
    assert text.decode() not in str(refusal.value)


def test_dates_are_read_in_both_spellings_and_what_is_none_is_not_stated():
    def day(text):
        return parse(PREFIX + META + explicit(8, 0x20, b"DA", text)).dataset.day("StudyDate")

    assert day(b"20240229") == day(b"2024.02.29") == date(2024, 2, 29)
    for text in (b"20230229", b"2024W011", b"today"):
        assert day(text) is None


def test_one_byte_is_no_16_bit_number():
    level = parse(PREFIX + META + explicit(0x28, 0x10, b"US", b"\1") + b"\0" * 3).dataset
    with pytest.raises(BadData, match="16-bit"):
        level.integer("Rows")


def nested(levels):
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return PREFIX + META + (long(8, 0x1140, b"SQ", 0xFFFFFFFF) + item) * levels


MALFORMED = {
    "20000 nested sequences": (nested(20_000), "unreasonable_header"),
    "a length beyond the file": (PREFIX + META + long(0x10, 0x4000, b"UT", 0xFFFFFFF0, b"x"), "corrupt_file"),
    "a cut element header": (PREFIX + META + b"\x10\0\x20\0L", "corrupt_file"),
    "a cut long element header": (PREFIX + META + b"\x10\0\x20\0OB\0\0\1", "corrupt_file"),
    "a sequence without end": (PREFIX + META + long(8, 0x1140, b"SQ", 0xFFFFFFFF), "corrupt_file"),
    "no item in a sequence": (PREFIX + META + long(8, 0x1140, b"SQ", 8, b"\x10\0\x20\0\0\0\0\0"), "corrupt_file"),
    "a stray delimiter": (PREFIX + META + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0), "corrupt_file"),
    "a stray item end": (PREFIX + META + struct.pack("<HHL", 0xFFFE, 0xE00D, 0), "corrupt_file"),
    "no fragment in pixels": (PREFIX + META + long(0x7FE0, 0x10, b"OB", 0xFFFFFFFF, b"\1" * 8), "corrupt_file"),
    "a cut file meta": (PREFIX + struct.pack("<HH2sH", 2, 0x10, b"UI", 200), "corrupt_file"),
    "nested at the limit": (nested(dicom_walk.MAX_DEPTH), "corrupt_file"),
    "broken deflate": (
        PREFIX + struct.pack("<HH2sH", 2, 0x10, b"UI", 22) + b"1.2.840.10008.1.2.1.99" + b"\xff" * 40,
        "corrupt_file",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_files_are_refused_by_name(case):
    data, verdict = MALFORMED[case]
    assert refusal_of(data).verdict == verdict


def test_a_deflate_bomb_is_refused_before_it_inflates(monkeypatch):
    monkeypatch.setattr(dicom_parse, "INFLATE_FLOOR", 1000)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(b"\0" * 3_000_000) + deflate.flush()
    head = PREFIX + struct.pack("<HH2sH", 2, 0x10, b"UI", 22) + b"1.2.840.10008.1.2.1.99"
    assert refusal_of(head + bomb).verdict == "unreasonable_header"


def test_a_deflate_stream_that_was_cut_is_corrupt(make):
    data = make.written(make.dataset(np.zeros((40, 40), np.int16)), DeflatedExplicitVRLittleEndian)
    assert refusal_of(data[:-30]).verdict == "corrupt_file"


def test_too_many_elements_and_too_large_headers_are_refused(monkeypatch):
    data = PREFIX + META + explicit(0x10, 0x20, b"LO", b"ab") * 40
    monkeypatch.setattr(dicom_walk, "MAX_HEADER_BYTES", 100)
    assert refusal_of(data).verdict == "unreasonable_header"
    monkeypatch.setattr(dicom_walk, "MAX_ELEMENTS", 10)
    assert "elements" in str(refusal_of(data))


def test_a_nested_icon_does_not_count_as_the_image():
    icon = Dataset()
    icon.PixelData = b"\1\2"
    icon["PixelData"].VR = "OW"
    ds = Dataset()
    ds.Modality = "CT"
    ds.IconImageSequence = [icon]
    body = BytesIO()
    ds.save_as(body, implicit_vr=False, little_endian=True)
    file = parse(body.getvalue())
    assert file.pixel_keyword is None
    assert bytes(file.dataset.items("IconImageSequence")[0].raw("PixelData")) == b"\1\2"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_a_cut_file_is_refused_or_shorter_never_something_else(cut):
    body = explicit(8, 0x60, b"CS", b"MR") + long(8, 0x1140, b"SQ", 8, struct.pack("<HHL", 0xFFFE, 0xE000, 0))
    data = PREFIX + META + body
    try:
        modality = parse(data[: cut % len(data)]).dataset.text("Modality")
    except BadData as refusal:
        modality = refusal.verdict
    assert modality in {"", "MR", "corrupt_file", "not_dicom"}
