"""A header read from the beginning of a file says what the whole file says, and no more of the file is read."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom import parse as dicom_parse
from tasks.formats.dicom import walk as dicom_walk
from tasks.formats.dicom.elements import Encoded, Without, tag_of
from tasks.formats.dicom.parse import FIRST_BYTES, parse, parse_header

PIXELS = 0x7FE00010
SYNTAXES = [
    (ExplicitVRLittleEndian, False, True),
    (ImplicitVRLittleEndian, True, True),
    (ExplicitVRBigEndian, False, False),
    (DeflatedExplicitVRLittleEndian, False, True),
]


class Told(Held):
    """Note which bytes are asked for."""

    def range(self, start, stop):
        self.__dict__.setdefault("ranges", []).append((start, min(stop, self.size)))
        return super().range(start, stop)


def elements(dataset, below=PIXELS):
    """Return every value before the pixels, nested ones by their way."""
    found = {tag: bytes(dataset.value(tag)) for tag in dataset.places if tag < below}
    for tag, items in dataset.sequences.items():
        found.update(((tag, number), elements(item, 1 << 32)) for number, item in enumerate(items))
    return found


def said(file):
    return (file.transfer_syntax, file.encapsulated, file.is_cut, file.pixel_keyword, elements(file.dataset))


def outcome(read):
    """Return what a file says, or why it is refused."""
    try:
        return said(read())
    except BadData as refusal:
        return refusal.verdict


def verdict_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value.verdict


texts = st.text("ABC \\0123", max_size=12)
leaves = st.fixed_dictionaries(
    {},
    optional={
        "SeriesDescription": texts,
        "EchoTime": st.sampled_from([None, 1.5, -20.25]),
        "ImageComments": texts,
        "Rows": st.integers(0, 9),
        "SmallestImagePixelValue": st.integers(0, 9),
        "EncapsulatedDocument": st.binary(max_size=9).map(lambda data: data + b"\0" * (len(data) % 2)),
    },
)


def filled(facts, nested=()):
    ds = Dataset()
    for keyword, value in facts.items():
        setattr(ds, keyword, value)
    for position, items in enumerate(nested):
        keyword = ("ProcedureCodeSequence", "ReferencedImageSequence", "RequestAttributesSequence")[position]
        setattr(ds, keyword, Sequence(items))
    return ds


items = st.recursive(
    leaves.map(filled),
    lambda deeper: st.builds(filled, leaves, st.lists(st.lists(deeper, max_size=2), max_size=2)),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.tuples(leaves, st.lists(st.lists(items, max_size=3), max_size=3)),
    st.sampled_from(SYNTAXES),
    st.booleans(),
    st.sampled_from([0, 1, 7, 40]),
)
def test_the_header_says_what_the_whole_file_says(make, drawn, how, undefined, private):
    (facts, nested), (syntax, implicit, little) = drawn, how
    ds = make.dataset(np.zeros((2, 3), np.int16))
    ds.update(filled(facts, nested))
    for element in ds.iterall():
        element.is_undefined_length = undefined and element.VR == "SQ"
    if private:
        block = ds.private_block(0x0029, "ACME", create=True)
        block.add_new(1, "OB", bytes(private * 1000))
    data = make.written(ds, syntax, implicit=implicit, little=little)
    whole, header = parse(data), parse_header(Held(data))
    assert said(header) == said(whole)
    assert header.content.range(*header.pixels) == bytes(whole.dataset.raw("PixelData")) == ds.PixelData
    assert bytes(header.dataset.raw("PixelData")) == ds.PixelData


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3), st.data())
def test_a_header_by_the_outline_of_others_says_what_a_walk_says(make, which, data):
    syntax, implicit, little = SYNTAXES[which]

    def written(**changes):
        ds = make.dataset(np.zeros((2, 3), np.int16), **changes)
        ds.ProcedureCodeSequence = Sequence([filled({"CodeValue": "1"})])
        return make.written(ds, syntax, implicit=implicit, little=little)

    for number in (9, 100, 12345):
        file = written(InstanceNumber=number, SOPInstanceUID=f"1.2.{number}")
        assert said(parse_header(Held(file))) == said(parse(file))
    mutant = bytearray(file)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(128, len(mutant) - 1))
        mutant[place] ^= 1 << data.draw(st.integers(0, 7))
    mutant = bytes(mutant)
    walked = outcome(lambda: dicom_parse._header(Encoded(Held(mutant), mutant)))
    assert outcome(lambda: parse_header(Held(mutant))) == walked


def big(make, header_bytes=0, pixels=(512, 512)):
    ds = make.dataset(np.zeros(pixels, np.int16))
    ds.private_block(0x0029, "ACME", create=True).add_new(1, "OB", bytes(header_bytes))
    return make.written(ds)


def test_only_the_beginning_of_a_file_is_read(make):
    content = Told(big(make))
    file = parse_header(content)
    assert file.dataset.integer("Rows") == 512
    assert max(stop for _, stop in content.ranges) <= FIRST_BYTES
    assert file.pixels == (content.size - 512 * 512 * 2, content.size)
    assert bytes(file.head) == content.data[: file.pixels[0]]


def test_a_longer_header_is_read_to_its_end_and_no_further(make):
    content = Told(big(make, header_bytes=300_000))
    file = parse_header(content)
    assert file.dataset.integer("Rows") == 512
    assert bytes(file.head) == content.data[: file.pixels[0]]
    assert max(stop for _, stop in content.ranges) < 700_000 < content.size + 300_000


def test_a_file_without_pixels_is_read_whole(make):
    data = make.written(make.structure([[(0, 0, 0)] * 900]))
    file = parse_header(Held(data))
    assert (file.pixels, file.pixel_keyword) == (None, None)
    assert bytes(file.head) == data
    assert said(file) == said(parse(data))


def test_what_stands_behind_the_pixels_is_not_looked_at(make):
    ds = make.dataset(np.zeros((2, 2), np.int16))
    ds.DataSetTrailingPadding = b"\0" * 20
    data = make.written(ds)
    file = parse_header(Held(data))
    assert file.pixels == (len(data) - 32 - 8, len(data) - 32)
    assert tag_of("DataSetTrailingPadding") in parse(data).dataset.places
    assert tag_of("DataSetTrailingPadding") not in file.dataset.places


def test_fragments_reach_to_the_end_of_the_file_at_the_most(make):
    ds = make.dataset(np.arange(12, dtype=np.int16).reshape(3, 4))
    make.written(ds)
    ds.compress(RLELossless, generate_instance_uid=False)
    data = make.written(ds, RLELossless)
    for _ in range(2):  # with a walk, and by the outline
        file = parse_header(Held(data))
        assert (file.encapsulated, file.is_cut) == (True, False)
        assert file.pixels[1] == len(data)
        assert data[file.pixels[0] :].startswith(bytes(parse(data).dataset.raw("PixelData")))


def test_a_file_cut_within_its_pixels_has_a_whole_header(make):
    data = make.slice(np.zeros((20, 20), np.int16))
    for cut in (data, data[:-100]):
        file = parse_header(Held(cut))
        assert (file.is_cut, file.pixels[1]) == (cut is not data, len(cut))
        assert file.dataset.integer("Rows") == 20


def test_a_deflated_file_is_known_by_its_packed_bytes_and_read_from_the_inflated(make):
    pixels = np.arange(12, dtype=np.int16).reshape(3, 4)
    data = make.written(make.dataset(pixels), DeflatedExplicitVRLittleEndian)
    file = parse_header(Held(data))
    assert bytes(file.head) == data
    assert file.content.range(*file.pixels) == pixels.tobytes()


def deflated(body):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = b"\0" * 128 + b"DICM" + struct.pack("<HH2sH", 2, 0x10, b"UI", 22) + b"1.2.840.10008.1.2.1.99"
    return head + deflate.compress(body) + deflate.flush()


def test_a_deflated_bomb_is_refused_before_it_is_inflated(monkeypatch):
    assert verdict_of(parse_header, Held(deflated(b"\0" * (80 << 20)))) == "unreasonable_header"
    monkeypatch.setattr(dicom_parse, "INFLATE_CEILING", 100)
    assert verdict_of(parse_header, Held(deflated(bytes(range(256))))) == "unreasonable_header"


def explicit(group, number, vr, value):
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def long(group, number, vr, length, value=b""):
    return struct.pack("<HH2sHL", group, number, vr, 0, length) + value


BEGIN = b"\0" * 128 + b"DICM" + explicit(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0")
ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)


def nested(depth):
    """Return sequences within sequences whose lengths are stated."""
    inner = b""
    for _ in range(depth):
        inner = long(8, 0x1140, b"SQ", len(inner) + 8, struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner)
    return BEGIN + inner


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (BEGIN + (long(8, 0x1140, b"SQ", 0xFFFFFFFF) + ITEM) * 20_000, "unreasonable_header"),
        (nested(2000), "unreasonable_header"),
        (BEGIN + long(0x10, 0x4000, b"UT", 0xFFFFFFF0, b"x"), "corrupt_file"),
        (BEGIN + b"\x10\0\x20\0L", "corrupt_file"),
        (BEGIN + b"\x10\0\x20\0OB\0\0\1", "corrupt_file"),
        (BEGIN + long(8, 0x1140, b"SQ", 0xFFFFFFFF), "corrupt_file"),
        (BEGIN + struct.pack("<HH2sH", 0xFFFE, 0xE000, b"CS", 0), "corrupt_file"),
        (b"no dicom at all", "not_dicom"),
    ],
    ids=["20000 open", "2000 stated", "long", "cut", "cut long", "open", "delimiter like a VR", "other"],
)
def test_malformed_headers_are_refused_by_name(data, verdict):
    assert verdict_of(parse_header, Held(data)) == verdict


def test_a_length_beyond_the_file_is_refused_before_anything_is_read_for_it():
    content = Told(BEGIN + long(0x10, 0x4000, b"UT", 0xFFFFFFF0, b"x"))
    verdict_of(parse_header, content)
    assert sum(stop - start for start, stop in content.ranges) <= content.size


def test_limits_hold_for_headers_read_in_parts(monkeypatch, make):
    data = big(make, header_bytes=100_000)
    monkeypatch.setattr(dicom_walk, "MAX_HEADER_BYTES", 90_000)
    assert verdict_of(parse_header, Held(data)) == "unreasonable_header"
    monkeypatch.setattr(dicom_walk, "MAX_HEADER_BYTES", 1 << 20)
    monkeypatch.setattr(dicom_walk, "MAX_ELEMENTS", 10)
    assert verdict_of(parse_header, Held(BEGIN + explicit(0x10, 0x20, b"LO", b"ab") * 11)) == "unreasonable_header"
    assert parse_header(Held(BEGIN + explicit(0x10, 0x20, b"LO", b"ab") * 10)).dataset.text("PatientID") == "ab"


def test_pixels_of_a_short_vr_are_pixels_all_the_same():
    body = explicit(0x28, 0x10, b"US", b"\1\0") + explicit(0x7FE0, 0x10, b"US", b"\1\2")
    for file in (parse(BEGIN + body), parse_header(Held(BEGIN + body))):
        assert file.content.range(*file.pixels) == b"\1\2"


def test_a_hidden_element_is_absent_and_the_others_are_there(make):
    dataset = parse_header(Held(make.slice(np.zeros((2, 2), np.int16), 3.0))).dataset
    hidden = Without(dataset, "ImagePositionPatient")
    assert hidden.numbers("ImagePositionPatient") == ()
    assert hidden.numbers("PixelSpacing") == (2.0, 0.5)
    assert hidden.items("ProcedureCodeSequence") == ()


@pytest.mark.parametrize("text", [b"1" * 60_000, b"1" * 60_000 + b"x", b" " * 60_000 + b"x", b"1\\" * 30_000 + b"x"])
def test_a_number_that_is_none_is_refused_at_once(text):
    dataset = parse(BEGIN + explicit(0x18, 0x50, b"DS", text)).dataset
    assert verdict_of(dataset.numbers, "SliceThickness") == "bad_element"


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom warns of values that break a rule of the standard
def test_real_headers_say_what_the_whole_files_and_pydicom_say(shared):
    compared = 0
    for path in sorted((shared / "dicom_zoo").glob("*/*.dcm")):
        data = path.read_bytes()
        if path.stem == "emri_small_jpeg_2k_lossless_too_short":
            assert parse_header(Held(data)).pixels is not None
            continue
        assert said(parse_header(Held(data))) == said(parse(data))
        theirs = pydicom.dcmread(BytesIO(data), force=True, stop_before_pixels=True)
        assert set(theirs.keys()) == {
            tag
            for tag in (*parse(data).dataset.places, *parse(data).dataset.sequences)
            if tag < tag_of("PixelData") - 8
        }
        compared += 1
    assert compared > 80
