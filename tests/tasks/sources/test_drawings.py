"""On which series structure sets and segmentations are drawn, and what their regions are called in the study."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.formats.content import Held
from tasks.formats.dicom.header import DicomHeader, read_header
from tasks.sources.drawings import drawings, study_region
from tasks.sources.files import SourceFile
from tasks.sources.found import FoundSeries
from tasks.stage import Sources


def file_of(word):
    return SourceFile(f"/scans/{word}", None, 1, 0, word)


def series_of(word, files=1, **changes):
    facts = {"patient": "P-1", "modality": "CT", "uid": word, "frame_of_reference": "space", **changes}
    held = Sources(tuple(file_of(f"{word}{n}") for n in range(files)), ("0" * 64,) * files, (0,) * files)
    return FoundSeries(series=f"key of {word}{files}", files=held, **facts)


def drawing(word, regions=("GTV",), on=("s1",), **changes):
    facts = {
        "fingerprint": word,
        "kind": "seg",
        "patient": "P-1",
        "day": 100,
        "study": "study",
        "series": f"of {word}",
        "instance": word,
        "frame_of_reference": "space",
        "sop_class": "other",
        "modality": "SEG",
        "manufacturer": "",
        "model": "",
        "station": None,
        "regions": regions,
        "referenced_series": on,
        **changes,
    }
    return file_of(word), DicomHeader(**facts)


def told(*files, series=None, wanted=None):
    made, alone = drawings(files, series or [series_of("s1")], wanted or {})
    assert alone == []
    return [(one.file.name, one.source_name, one.name, one.reader) for one in made]


def test_every_region_of_a_file_is_a_region_of_its_own():
    assert told(drawing("a", ("Liver", "Tumour"))) == [
        ("a", "Liver", "Liver", "reader"),
        ("a", "Tumour", "Tumour", "reader"),
    ]


def test_regions_of_one_label_are_numbered_in_the_study():
    labels = ("Lesion [1]", "Liver", "Lesion [2]")
    assert [name for _, _, name, _ in told(drawing("a", labels))] == ["Lesion", "Liver", "Lesion 2"]
    named = told(drawing("a", labels), wanted={"lesion": "Lesion", "organ": "Liver"})
    assert [(source, ours) for _, source, ours, _ in named] == [
        ("Lesion [1]", "lesion"),
        ("Liver", "organ"),
        ("Lesion [2]", "lesion 2"),
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "a 2", "a 2 2"]), max_size=8))
def test_no_two_regions_of_a_file_have_one_name(labels):
    names = [f"{label} [{n}]" for n, label in enumerate(labels, 1)]
    ours = [name for _, _, name, _ in told(drawing("f", tuple(names)))]
    assert len(set(ours)) == len(ours) == len(labels)


def test_a_name_that_stands_twice_in_a_structure_set_is_asked_for_once():
    assert told(drawing("a", ("GTV", "GTV"), kind="rtstruct")) == [("a", "GTV", "GTV", "reader")]


def test_files_of_several_readers_on_one_series_are_kept_apart():
    files = [drawing("a", label="A"), drawing("b", label="B"), drawing("c", reader="abcdef0123456789")]
    assert [(name, reader) for name, _, _, reader in told(*files)] == [("a", "A"), ("b", "B"), ("c", "reader abcd")]


def test_a_reader_who_draws_a_region_in_several_files_is_numbered():
    files = [drawing("a", label="A"), drawing("b", ("GTV", "Heart"), label="A"), drawing("c", label="A")]
    assert told(*files) == [
        ("a", "GTV", "GTV", "A"),
        ("b", "GTV", "GTV", "A 2"),
        ("b", "Heart", "Heart", "A 2"),
        ("c", "GTV", "GTV", "A 3"),
    ]


def test_a_reader_who_draws_each_region_into_a_file_of_its_own_is_one():
    files = [drawing("a", ("Liver",), label="A"), drawing("b", ("Heart",), label="A")]
    assert {reader for *_, reader in told(*files)} == {"A"}


def slices(word, fingerprints):
    """Return a series and the headers of its images: each is called after the image's fingerprint."""
    made = series_of(word, len(fingerprints))
    held = Sources(made.files.files, tuple(fingerprints), made.files.heads)
    files = [
        drawing(fingerprint, (), (), kind="image", instance=f"name of {fingerprint}") for fingerprint in fingerprints
    ]
    return replace(made, files=held), files


def test_a_file_that_names_no_series_is_drawn_on_that_which_holds_most_of_its_images():
    (one, ones), (two, twos) = slices("s1", "abc"), slices("s2", "def")
    names = tuple(f"name of {image}" for image in "aefx")
    made, alone = drawings([*ones, *twos, drawing("seg", on=(), referenced_instances=names)], [one, two], {})
    assert alone == []
    assert [drawn.series for drawn in made] == [two]


def test_a_file_that_names_no_series_and_no_image_that_is_there_is_alone_among_several_series():
    (one, ones), (two, twos) = slices("s1", "abc"), slices("s2", "def")
    for names in ((), ("name of x",)):
        file = drawing("seg", on=(), referenced_instances=names)
        made, alone = drawings([*ones, *twos, file], [one, two], {})
        assert (made, alone) == ([], [file[1]])
        assert drawings([*ones, file], [one], {})[0][0].series == one


def test_the_images_of_another_patient_do_not_count():
    (one, ones), (two, twos) = slices("s1", "abc"), slices("s2", "def")
    file = drawing("seg", on=(), referenced_instances=("name of d",), frame_of_reference=None)
    made, alone = drawings([*ones, *twos, file], [one, replace(two, patient="P-2")], {})
    assert (made, alone) == ([], [file[1]])


def test_a_reader_on_two_series_is_one():
    two = [series_of("s1"), series_of("s2")]
    files = [drawing("a", label="A"), drawing("b", on=("s2",), label="A")]
    assert {reader for *_, reader in told(*files, series=two)} == {"A"}


def test_neither_the_order_nor_a_copy_of_files_matters():
    files = [drawing("b", label="A", day=90), drawing("a", label="A"), drawing("c", label="A", day=None)]
    first = told(*files)
    assert [name for name, *_ in first] == ["c", "b", "a"]
    assert told(*files[::-1], files[0]) == first


def test_the_largest_part_of_a_series_has_the_regions():
    parts = [series_of("s1", 2), series_of("s1", 9), series_of("s1", 3)]
    made, _ = drawings([drawing("a")], parts, {})
    assert made[0].series is parts[1]


@pytest.mark.parametrize(
    ("series", "file"),
    [
        ((series_of("s2", frame_of_reference="other"),), drawing("a")),
        ((series_of("s1", patient="P-2"),), drawing("a")),
        ((series_of("s2"), series_of("s3")), drawing("a")),
        ((), drawing("a")),
    ],
    ids=["another space", "another patient", "two series of the space", "none"],
)
def test_a_file_whose_series_is_not_there_is_alone(series, file):
    made, alone = drawings([file], series, {})
    assert made == []
    assert alone == [file[1]]


def test_a_file_refers_by_its_space_where_its_series_has_another_name():
    assert told(drawing("a", on=("s9",))) == [("a", "GTV", "GTV", "reader")]


def test_a_file_that_nobody_asks_for_needs_no_series():
    assert drawings([drawing("a")], (), {"liver": "Liver*"}) == ([], [])


def test_files_of_other_kinds_draw_nothing():
    assert drawings([drawing("a", kind="image"), drawing("b", kind="report")], [series_of("s1")], {}) == ([], [])


@pytest.mark.parametrize(
    ("name", "wanted", "found"),
    [
        ("Lesion [2]", {}, "Lesion"),
        ("Lesion [2]", {"tumour": "Lesion"}, "tumour"),
        ("Lesion [2]", {"tumour": "Liver"}, None),
        ("Lesion", {"tumour": "Les*"}, "tumour"),
    ],
)
def test_a_pattern_is_of_the_label_without_its_number(name, wanted, found):
    assert study_region(name, wanted) == found


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "file", "regions"),
    [
        ("seg_ct_24x38x3", "label.seg", ["Liver"]),
        ("rtstruct_ct", "rt.dcm", ["ROI-1"]),
        ("rtstruct_ct", "invalid_reference_rt.dcm", ["ROI-1", "ROI-2", "ROI-3", "ROI-4"]),
        ("rtstruct_ct", "non_existent_reference_rt.dcm", ["ROI-1", "ROI-2", "ROI-3", "ROI-4"]),
    ],
)
def test_real_files_find_their_series_by_reference_or_by_their_space(shared_data, who, case, file, regions):
    folder = shared_data / "dicom_zoo" / case
    headers = [read_header(Held(path.read_bytes()), who) for path in sorted(folder.glob("*.dcm"))]
    images = [header for header in headers if header.kind == "image"]
    series = series_of(images[0].series, patient=images[0].patient, frame_of_reference=images[0].frame_of_reference)
    header = read_header(Held((folder / file).read_bytes()), who)
    made, alone = drawings([(file_of("f"), header)], [series], {})
    assert [one.source_name for one in made] == regions
    assert alone == []


@pytest.mark.shared
def test_a_real_segmentation_tells_its_reader_by_a_keyed_name(shared_data, who):
    header = read_header(Held((shared_data / "dicom_zoo" / "seg_ct_24x38x3" / "label.seg").read_bytes()), who)
    assert header.kind == "seg"
    assert header.reader == who.opaque("Doe^John")
    assert header.label is None
    assert "Doe" not in repr(header)
