"""What kind of object a file is, what grouping needs to know of it, and by what it is known."""

from __future__ import annotations

import re
from dataclasses import astuple
from hashlib import sha256

import numpy as np
import pytest
from pydantic import TypeAdapter
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData
from tasks.formats.content import Held, fingerprint, fingerprint_of
from tasks.formats.dicom.header import DicomHeader, public_uid, read_header
from tasks.formats.dicom.moments import moment
from tasks.formats.dicom.outlined import Outlined
from tasks.formats.dicom.parse import parse, parse_header
from tasks.formats.dicom.pixels import pixels_of
from tasks.formats.dicom.planes import first_plane
from tasks.formats.dicom.series import group_series
from tasks.formats.dicom.slices import slices_of

BLANK = np.zeros((3, 4), np.int16)
STORAGE = "1.2.840.10008.5.1.4.1.1."


def header_of(data, identities):
    return read_header(Held(data), identities)


@pytest.mark.parametrize(
    ("sop_class", "pixels", "kind"),
    [
        (STORAGE + "2", True, "image"),
        (STORAGE + "30", True, "image"),  # parametric map
        (STORAGE + "7", True, "image"),
        (STORAGE + "1.2", True, "image"),
        (STORAGE + "481.2", True, "other"),  # dose
        (STORAGE + "481.3", False, "rtstruct"),
        (STORAGE + "66.4", True, "seg"),
        (STORAGE + "66.7", True, "seg"),
        (STORAGE + "66.5", False, "other"),
        (STORAGE + "88.11", False, "report"),
        (STORAGE + "88.33", False, "report"),
        (STORAGE + "9.1.1", False, "waveform"),
        (STORAGE + "9.4.1", False, "waveform"),
        (STORAGE + "104.1", False, "other"),  # PDF
        ("1.3.12.2.1107.5.9.1", True, "image"),
        ("1.3.12.2.1107.5.9.1", False, "other"),
    ],
)
def test_the_kind_of_a_file_follows_from_its_class(make, identities, sop_class, pixels, kind):
    header = header_of(make.written(make.dataset(BLANK if pixels else None, sop_class=sop_class)), identities)
    assert header.kind == kind
    assert header.sop_class == (sop_class if sop_class.startswith("1.2.840.10008.") else "other")
    assert (header.rows, header.plane is None) == ((3, False) if kind == "image" else (0, True))


def test_a_header_tells_what_grouping_needs(make, identities):
    codes = ["DERIVED", "SECONDARY", "LOCALIZER", "ZEBRA"]
    data = make.slice(BLANK, 7.5, Modality="MR", ImageType=codes, BurnedInAnnotation="NO", EchoTime="4.9")
    header = header_of(data.replace(b"ZEBRA", b"Zebra"), identities)
    assert header.image_type == ("DERIVED", "SECONDARY", "LOCALIZER", "")
    assert (header.photometric, header.burned_in, header.frames) == ("MONOCHROME2", "no", 1)
    assert header.transfer_syntax == "1.2.840.10008.1.2.1"
    assert dict(header.moment)["echo"] == 4.9
    assert header.plane.position_mm == (7.5, 20.0, 10.0)


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        *((STORAGE + number, "image") for number in ["1", "1.1.1", "2", "2.1", "4", "6.1", "7.2", "12.1", "128", "20"]),
        *((STORAGE + number, "image") for number in ["13.1.3", "77.1.5.1", "77.1.6", "481.1"]),
        ("1.3.46.670589.5", "image"),  # it states its size
        ("1.3.12.2.1107.5.9.1", "other"),
        *((STORAGE + number, "other") for number in ["4.2", "481.2"]),
        (STORAGE + "481.3", "rtstruct"),
        (STORAGE + "66.4", "seg"),
        (STORAGE + "88.11", "report"),
        (STORAGE + "9.1.1", "waveform"),
    ],
)
def test_a_file_of_an_image_stays_one_without_its_pixels(make, identities, sop_class, kind):
    data = make.written(make.dataset(BLANK, sop_class=sop_class, PixelData=None))
    assert header_of(data, identities).kind == kind


def test_a_file_that_is_cut_before_the_patient_is_broken_wherever_it_is_cut(make, identities):
    data = make.slice(BLANK)
    start = data.index(b"\x08\x00\x16\x00UI")
    patient = data.index(b"\x10\x00\x20\x00LO")
    end = patient + 8 + int.from_bytes(data[patient + 6 : patient + 8], "little")
    found = set()
    for stop in range(start + 8 + 26, end):
        with pytest.raises(BadData) as refusal:
            header_of(data[:stop], identities)
        found.add(refusal.value.verdict)
    assert found == {"corrupt_file"}


def test_an_empty_id_of_the_patient_is_no_cut(make, identities):
    for elements in ({"PatientID": ""}, {"PatientID": None}):
        with pytest.raises(BadData) as refusal:
            header_of(make.slice(BLANK, **elements), identities)
        assert refusal.value.verdict == "no_patient_id"


@pytest.mark.parametrize("number", ["11.1", "66", "66.1", "66.5", "67", "68.1", "104.1", "481.5", "481.8"])
def test_an_object_that_is_no_image_needs_no_pixels(make, identities, number):
    assert header_of(make.written(make.dataset(sop_class=STORAGE + number)), identities).kind == "other"


def test_a_series_of_which_one_file_lost_its_pixels_is_refused_whole(make, identities):
    whole = make.stack([0.0, 1.0, 2.0, 3.0])
    lost = make.slice(BLANK, 3.0, PixelData=None)
    pixels = parse_header(Held(whole[3])).pixels[0]
    for broken in (lost, whole[3][: pixels - 12]):
        files = [*whole[:3], broken]
        (series,) = group_series([header_of(data, identities) for data in files])
        assert len(series.members) == 4
        with pytest.raises(BadData) as refusal:
            make.read([files[index] for index in series.members])
        assert refusal.value.verdict == "missing_pixels"


@pytest.mark.parametrize(("written", "told"), [("YES", "yes"), ("NO", "no"), ("", "unknown"), ("MAYBE", "unknown")])
def test_what_is_burned_in_is_known_or_not(make, identities, written, told):
    assert header_of(make.slice(BLANK, BurnedInAnnotation=written), identities).burned_in == told


def test_what_a_file_leaves_out_is_not_guessed(make, identities):
    header = header_of(make.slice(BLANK), identities)
    assert (header.image_type, header.burned_in, header.moment) == ((), "unknown", ())


def test_a_private_transfer_syntax_is_not_named():
    assert public_uid("1.2.840.113619.5.2") == "other"
    assert public_uid("1.2.840.10008.1.2.4.50") == "1.2.840.10008.1.2.4.50"


def test_a_file_is_known_by_what_stands_before_its_pixels_and_its_size(make, identities):
    data = make.slice(BLANK)
    header = header_of(data, identities)
    assert header.head == len(data) - BLANK.nbytes
    assert header.known == fingerprint(data[: header.head], len(data))
    assert re.fullmatch("[0-9a-f]{64}", header.fingerprint)
    other_pixels = data[:-2] + b"\1\1"
    assert header_of(other_pixels, identities).known == header.known
    assert header_of(data[:-2], identities).known != header.known, "it is cut"
    assert header_of(make.slice(BLANK, 1.0), identities).known != header.known


def test_a_file_of_another_format_is_known_by_its_beginning():
    data = bytes(range(256)) * 1000
    known = fingerprint_of(Held(data))
    assert known.head == 65536
    assert known.digest == sha256(data[:65536] + b"\0" + b"256000").hexdigest()
    assert fingerprint_of(Held(data[:-1])) != known
    assert fingerprint_of(Held(data[:-1] + b"\0")) == known


def test_contents_in_memory_are_read_in_part_or_whole():
    content = Held(b"abcdef")
    assert (content.size, content.read(), content.range(1, 3), content.range(4, 99)) == (6, b"abcdef", b"bc", b"ef")
    assert content.digest() == sha256(b"abcdef").hexdigest()
    assert "abc" not in repr(content)


def test_a_header_comes_back_from_json_as_it_was(make, identities):
    header = header_of(make.slice(BLANK, 2.0, EchoTime="3", ImageType=["ORIGINAL"]), identities)
    adapter = TypeAdapter(DicomHeader)
    assert adapter.validate_json(adapter.dump_json(header)) == header


def enhanced(make):
    ds = make.dataset(np.zeros((2, 3, 4), np.int16), NumberOfFrames=2)
    groups = []
    for z in (3.0, 6.0):
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = [1.0, 2.0, z]
        group.PlanePositionSequence = Sequence([position])
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return make.written(ds)


def test_the_first_frame_of_several_says_where_they_begin(make, identities):
    for _ in range(2):  # the second is read by the outline of the first
        header = header_of(enhanced(make), identities)
        assert header.frames == 2
        assert header.plane.position_mm == (3.0, 2.0, 1.0)


@pytest.mark.shared
def test_planes_and_moments_of_real_files_are_those_of_the_whole_file(shared, identities):
    compared = 0
    for path in sorted((shared / "dicom_zoo").glob("*/*.dcm")):
        data = path.read_bytes()
        try:
            headers = [header_of(data, identities) for _ in range(2)]
            dataset = parse(data).dataset
        except BadData:
            continue
        if headers[0].kind == "image":
            frame = next(iter(dataset.items("PerFrameFunctionalGroupsSequence")), None)
            assert [header.plane for header in headers] == [first_plane(dataset)] * 2
            assert [header.moment for header in headers] == [moment(dataset, frame)] * 2
            compared += 1
    assert compared > 60


@pytest.mark.shared
def test_slices_and_layouts_by_the_outline_of_others_are_those_of_the_whole_file(shared):
    outlined = 0
    for path in sorted((shared / "dicom_zoo").glob("*/*.dcm")):
        data = path.read_bytes()
        try:
            whole = parse(data)
            expected = [astuple(one) for one in slices_of(whole.dataset)], pixels_of(whole).layout
        except BadData:
            continue
        for _ in range(2):
            file = parse_header(Held(data))
            assert [astuple(one) for one in slices_of(file.dataset)] == expected[0]
            assert pixels_of(file).layout == expected[1]
        outlined += isinstance(file.dataset, Outlined)
    assert outlined > 60
