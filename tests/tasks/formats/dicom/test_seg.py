"""DICOM segmentations: which regions they hold, and which pixels of which frames are inside."""

from __future__ import annotations

import csv
import hashlib
import warnings
from io import BytesIO
from pathlib import Path

import nrrd
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from tasks.formats.content import Held
from tasks.formats.dicom import drawn as drawn_facts
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.parse import parse_header
from tasks.formats.dicom.seg import LABEL_MAP, SEGMENTATION, plain_name, read_segment, segment_names
from tasks.formats.dicom.volume import read_series
from tasks.methods.regions.frames import place_frames

GRID = Geometry(shape=(4, 3, 5), spacing_mm=(2.5, 2.0, 0.5), origin_mm=(0.0, 20.0, 10.0))
"""Where `segmentation` puts its frames: pixels of 2.0 x 0.5 mm."""


def bits(frames):
    """Return frames as bits that follow each other, the first in the lowest of a byte, to an even number of bytes."""
    packed = np.packbits(np.asarray(frames, dtype=bool).ravel(), bitorder="little").tobytes()
    return packed + b"\0" * (len(packed) % 2)


def segmentation(make, frames, *, segments=(1,), zs=None, labels=("Liver",), kind="BINARY", **elements):
    """Return a segmentation: `frames` (n, y, x), the segment and the height of each, and the labels of all."""
    frames = np.asarray(frames)
    zs = [2.5 * k for k in range(len(frames))] if zs is None else zs
    ds = make.dataset(sop_class=SEGMENTATION if kind != "LABELMAP" else LABEL_MAP, Modality="SEG")
    ds.SegmentationType, ds.ContentCreatorName = kind, make.operator
    ds.Rows, ds.Columns, ds.NumberOfFrames = *frames.shape[1:], len(frames)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    width = 1 if kind == "BINARY" else 8 * frames.dtype.itemsize
    ds.BitsAllocated = ds.BitsStored = width
    ds.HighBit = width - 1
    ds.SegmentSequence = Sequence([_item(SegmentNumber=n, SegmentLabel=label) for n, label in enumerate(labels, 1)])
    ds.ReferencedSeriesSequence = Sequence([_item(SeriesInstanceUID=make.series)])
    shared = _item(
        PlaneOrientationSequence=_one(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=_one(PixelSpacing=[2.0, 0.5], SliceThickness=2.5),
    )
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = [_item(PlanePositionSequence=_one(ImagePositionPatient=[10.0, 20.0, z])) for z in zs]
    if kind != "LABELMAP":
        for group, number in zip(groups, segments * (len(frames) if len(segments) == 1 else 1), strict=True):
            group.SegmentIdentificationSequence = _one(ReferencedSegmentNumber=number)
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    ds.PixelData = bits(frames) if kind == "BINARY" else frames.tobytes() + b"\0" * (frames.nbytes % 2)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds["PixelData"].VR = "OB"
    return ds


def _item(**elements):
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def _one(**elements):
    return Sequence([_item(**elements)])


def held(make, frames, **elements):
    return Held(make.written(segmentation(make, frames, **elements)))


def names_of(content):
    return segment_names(parse_header(content).dataset)


def drawn(content, region="Liver"):
    return np.array([frame.inside for frame in read_segment(content, region)[0]])


def refusal_of(content, region="Liver"):
    with pytest.raises(BadData) as refusal:
        read_segment(content, region)
    return refusal.value


HAND = np.array([[[0, 1, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 1]], [[1, 0, 0, 0, 0], [0] * 5, [0] * 5]])


def test_bits_drawn_by_hand_come_back_where_they_lie(make):
    frames, notes = read_segment(held(make, HAND), "Liver")
    assert [frame.inside.astype(int).tolist() for frame in frames] == HAND.tolist()
    assert frames[1].corner_mm == (2.5, 20.0, 10.0)
    assert (frames[1].down_mm, frames[1].across_mm) == ((0.0, 2.0, 0.0), (0.0, 0.0, 0.5))
    assert notes == []
    mask, _ = place_frames(frames, GRID)
    assert mask[:2].astype(int).tolist() == HAND.tolist()
    assert not mask[2:].any()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 7), st.integers(1, 9), st.randoms(use_true_random=False))
def test_frames_of_any_size_need_not_begin_at_a_byte(make, count, rows, columns, random):
    frames = np.array([random.random() < 0.5 for _ in range(count * rows * columns)]).reshape(count, rows, columns)
    np.testing.assert_array_equal(drawn(held(make, frames)), frames)


@pytest.mark.parametrize(
    ("syntax", "implicit"), [(ImplicitVRLittleEndian, True), (DeflatedExplicitVRLittleEndian, False)]
)
def test_every_plain_transfer_syntax_gives_the_same_pixels(make, syntax, implicit):
    data = make.written(segmentation(make, HAND), syntax, implicit=implicit)
    np.testing.assert_array_equal(drawn(Held(data)), HAND)


def test_bits_in_big_endian_words_are_turned_back(make):
    ds = segmentation(make, HAND)
    ds.PixelData = np.frombuffer(ds.PixelData, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    data = make.written(ds, ExplicitVRBigEndian, little=False)
    np.testing.assert_array_equal(drawn(Held(data)), HAND)


def test_segments_that_overlap_are_regions_of_their_own(make):
    ones = np.ones((3, 2, 4), dtype=int)
    content = held(make, ones, segments=(1, 2, 1), zs=[0.0, 0.0, 2.5], labels=("Liver", "Tumour"))
    assert names_of(content) == ["Liver", "Tumour"]
    assert [frame.corner_mm[0] for frame in read_segment(content, "Liver")[0]] == [0.0, 2.5]
    assert [frame.corner_mm[0] for frame in read_segment(content, "Tumour")[0]] == [0.0]


def test_segments_of_one_label_are_told_apart_by_their_place(make):
    content = held(make, np.ones((2, 2, 2)), segments=(1, 3), labels=("Lesion", "Liver", "Lesion"))
    assert names_of(content) == ["Lesion [1]", "Liver", "Lesion [2]"]
    assert [plain_name(name) for name in names_of(content)] == ["Lesion", "Liver", "Lesion"]
    assert [frame.corner_mm[0] for frame in read_segment(content, "Lesion [2]")[0]] == [2.5]


def test_a_label_that_holds_an_identity_is_not_told(make):
    labels = ("Quagga's node", f"seen by {make.operator.split('^')[0]}", make.patient_id)
    assert names_of(held(make, HAND, labels=labels)) == ["ROI 1", "ROI 2", "ROI 3"]


def test_fractions_are_inside_from_half_and_the_others_are_counted(make):
    values = np.array([[[0, 1, 49, 50, 51, 100]]], dtype=np.uint8)
    content = held(make, values, kind="FRACTIONAL", MaximumFractionalValue=100)
    (frame,), notes = read_segment(content, "Liver")
    assert frame.inside.astype(int).tolist() == [[0, 0, 0, 1, 1, 1]]
    assert [note.name for note in notes] == ["fractions_decided_at_half"]
    assert notes[0].text == "4 voxels with fractions were decided at half the largest: 2 voxels above 0 are outside"


def test_fractions_that_are_all_or_nothing_need_no_decision(make):
    values = np.array([[[0, 255, 255]]], dtype=np.uint8)
    (frame,), notes = read_segment(held(make, values, kind="FRACTIONAL", MaximumFractionalValue=255), "Liver")
    assert frame.inside.tolist() == [[False, True, True]]
    assert notes == []


@pytest.mark.parametrize("kind", [np.uint8, np.dtype("<u2")])
def test_a_map_of_labels_has_a_region_for_each_but_the_background(make, kind):
    labels = np.array([[[0, 1, 2], [2, 2, 0]], [[0, 0, 0], [1, 0, 0]]]).astype(kind)
    ds = segmentation(make, labels, kind="LABELMAP", labels=("Liver", "Tumour"))
    ds.SegmentSequence.insert(0, _item(SegmentNumber=0, SegmentLabel="Background"))
    content = Held(make.written(ds))
    assert names_of(content) == ["Liver", "Tumour"]
    np.testing.assert_array_equal(drawn(content, "Liver"), labels == 1)
    np.testing.assert_array_equal(drawn(content, "Tumour"), labels == 2)


def test_the_colours_of_a_map_of_labels_are_not_looked_up(make):
    labels = np.array([[[0, 1], [2, 1]]], dtype=np.uint8)
    ds = segmentation(make, labels, kind="LABELMAP", labels=("Liver", "Tumour"))
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [3, 0, 8])
        setattr(ds, f"{colour}PaletteColorLookupTableData", bytes([7, 8, 9, 0]))
    np.testing.assert_array_equal(drawn(Held(make.written(ds)), "Tumour"), labels == 2)


def test_the_background_of_a_map_may_be_another_number(make):
    labels = np.array([[[3, 1]]], dtype=np.uint8)
    content = held(make, labels, kind="LABELMAP", labels=("Liver", "Tumour", "None"), PixelPaddingValue=3)
    assert names_of(content) == ["Liver", "Tumour"]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"labels": ("Spleen",)}, "unknown_region"),
        ({"segments": (2,), "labels": ("Liver", "Spleen")}, "empty_mask"),
        ({"SegmentationType": "OTHER"}, "bad_element"),
        ({"SegmentationType": ""}, "missing_element"),
        ({"SegmentationType": "FRACTIONAL"}, "missing_element"),
        ({"SegmentationType": "FRACTIONAL", "MaximumFractionalValue": 0}, "bad_element"),
        ({"NumberOfFrames": 3}, "bad_element"),
        ({"Rows": 400}, "corrupt_file"),
        ({"Rows": 0}, "missing_element"),
        ({"DimensionOrganizationType": "TILED_FULL"}, "microscopy_not_supported"),
        ({"DimensionOrganizationType": "TILED_SPARSE"}, "microscopy_not_supported"),
        ({"SegmentSequence": Sequence([_item(SegmentLabel="Liver")])}, "missing_element"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(make, changes, verdict):
    refusal = refusal_of(held(make, HAND, **changes))
    assert refusal.verdict == verdict
    assert not [word for word in ("Liver", "ZEBRA", "MRN") if word in str(refusal)]


def test_a_frame_that_names_no_segment_is_refused(make):
    ds = segmentation(make, HAND)
    del ds.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence
    assert refusal_of(Held(make.written(ds))).verdict == "missing_element"
    ds.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence = _one(ReferencedSegmentNumber=1)
    assert len(drawn(Held(make.written(ds)))) == 2


def derived(make, uids, **elements):
    """Return a segmentation whose frames were derived from an image each, the first from one more."""
    ds = segmentation(make, HAND, **elements)
    for group, uid in zip(ds.PerFrameFunctionalGroupsSequence, uids, strict=True):
        sources = [_item(ReferencedSOPInstanceUID=one) for one in ([uid, "1.2.9"] if uid == uids[0] else [uid])]
        group.DerivationImageSequence = _one(SourceImageSequence=Sequence(sources))
    return ds


def test_a_segmentation_that_names_no_series_tells_from_which_images_it_was_derived(make, identities):
    ds = derived(make, ["1.2.3", "1.2.4"])
    named = read_header(Held(make.written(ds)), identities)
    assert (len(named.referenced_series), named.referenced_instances) == (1, ())
    del ds.ReferencedSeriesSequence
    unnamed = read_header(Held(make.written(ds)), identities)
    expected = tuple(map(identities.opaque, ["1.2.3", "1.2.9", "1.2.4"]))
    assert (unnamed.referenced_series, unnamed.referenced_instances) == ((), expected)


def test_an_image_that_is_named_twice_is_told_once_and_no_more_than_tell_the_series(make, identities, monkeypatch):
    monkeypatch.setattr(drawn_facts, "INSTANCES", 2)
    ds = derived(make, ["1.2.3", "1.2.3"])
    del ds.ReferencedSeriesSequence
    ds.SourceImageSequence = Sequence([_item(ReferencedSOPInstanceUID=uid) for uid in ("", "1.2.3", "1.2.9", "1.2.7")])
    told = read_header(Held(make.written(ds)), identities).referenced_instances
    assert told == tuple(map(identities.opaque, ["1.2.3", "1.2.9"]))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["ct_binary", "ct_binary_overlap", "ct_true_fractional", "cr_binary"])
def test_real_segmentations_name_the_images_that_pydicom_finds(shared, identities, name):
    ds = pydicom.dcmread(shared / "dicom_zoo" / "seg_variants" / f"seg_image_{name}.dcm")
    del ds.ReferencedSeriesSequence
    content = BytesIO()
    ds.save_as(content)
    uids = {element.value for element in ds.iterall() if element.keyword == "ReferencedSOPInstanceUID"}
    assert uids
    told = read_header(Held(content.getvalue()), identities).referenced_instances
    assert sorted(told) == sorted(map(identities.opaque, uids))


def test_tiles_of_a_slide_are_refused_by_name(make):
    ds = segmentation(make, HAND)
    ds.PerFrameFunctionalGroupsSequence[0].PlanePositionSlideSequence = _one(ColumnPositionInTotalImagePixelMatrix=1)
    assert refusal_of(Held(make.written(ds))).verdict == "microscopy_not_supported"


def test_frames_that_do_not_say_where_they_lie_have_no_place(make):
    ds = segmentation(make, HAND)
    for group in ds.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
    assert {frame.corner_mm for frame in read_segment(Held(make.written(ds)), "Liver")[0]} == {None}


def test_only_the_frames_of_the_region_are_read(make):
    class Counting(Held):
        def range(self, start, stop):
            asked.append((start, stop))
            return super().range(start, stop)

    asked: list[tuple[int, int]] = []
    frames = np.ones((4, 256, 256), dtype=bool)
    data = make.written(segmentation(make, frames, segments=(1, 2, 2, 2), labels=("Liver", "Rest")))
    start, _ = parse_header(Held(data)).pixels
    read_segment(Counting(data), "Liver")
    after = [stop for _, stop in asked if stop > start + 16_384]
    assert after == [], "the frames of the other region stay unread"


numbers = st.sampled_from([0.0, 1e-9, 0.02, 0.5, 1.0, 2.0, 3.3, 1e6, 1e14, -1.0, -1e14])


@settings(max_examples=60, deadline=None)
@given(
    position=st.tuples(numbers, numbers, numbers),
    spacing=st.tuples(numbers, numbers),
    cosines=st.sampled_from([[1, 0, 0, 0, 1, 0], [0, 1, 0, 1, 0, 0], [0.6, 0.8, 0, -0.8, 0.6, 0], [1, 0, 0, 1, 0, 0]]),
)
def test_wherever_frames_say_they_lie_they_are_placed_or_refused_by_name(make, position, spacing, cosines):
    ds = segmentation(make, HAND[:1])
    shared = ds.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence[0].PixelSpacing = list(spacing)
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = cosines
    ds.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = list(position)
    try:
        mask, _ = place_frames(read_segment(Held(make.written(ds)), "Liver")[0], GRID)
        assert mask.sum() == HAND[0].sum()
    except BadData as refusal:
        assert refusal.verdict in {"bad_element", "other_grid", "frame_off_grid", "bad_spacing"}  # noqa: PT017


# ---- real segmentations, against another implementation and the files they were made from


def zoo(shared, *place):
    return Held(shared.joinpath("dicom_zoo", *place).read_bytes())


def oracle(content, region):
    """Return the pixels of a region as pydicom has them, frame by frame, and the height of each frame."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom speaks of the files' character sets
        ds = pydicom.dcmread(BytesIO(content.data))
        pixels = ds.pixel_array.reshape(-1, ds.Rows, ds.Columns)
    (number,) = (segment.SegmentNumber for segment in ds.SegmentSequence if segment.SegmentLabel == region)
    limit = ds.MaximumFractionalValue / 2 if ds.SegmentationType == "FRACTIONAL" else 0.5
    of = [
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
        for group in ds.PerFrameFunctionalGroupsSequence
    ]
    return pixels[of] >= limit


@pytest.mark.shared
def test_a_real_segmentation_equals_the_file_it_was_made_from(shared):
    _, grid, _ = read_series([zoo(shared, "seg_ct_24x38x3", f"IMG000{n}.dcm") for n in (1, 2, 3)])
    frames, _ = read_segment(zoo(shared, "seg_ct_24x38x3", "label.seg"), "Liver")
    mask, notes = place_frames(frames, grid)
    reference, _ = nrrd.read(str(shared / "dicom_zoo" / "seg_ct_24x38x3" / "ref" / "label.nrrd"))
    np.testing.assert_array_equal(mask, reference.T > 0)
    assert mask.sum() == 315
    assert notes == []


@pytest.mark.shared
@pytest.mark.parametrize(
    ("place", "region"),
    [
        (("seg_variants", "seg_image_cr_binary.dcm"), "first segment"),
        (("seg_variants", "seg_image_ct_binary.dcm"), "first segment"),
        (("seg_variants", "seg_image_ct_binary_fractional.dcm"), "first segment"),
        (("seg_variants", "seg_image_ct_binary_overlap.dcm"), "first segment"),
        (("seg_variants", "seg_image_ct_binary_overlap.dcm"), "second segment"),
        (("seg_variants", "seg_image_ct_binary_single_frame.dcm"), "first segment"),
        (("seg_variants", "seg_image_ct_true_fractional.dcm"), "first segment"),
        (("sr_measurements", "seg.dcm"), "Neoplasm, Primary"),
        (("seg_compressed", "liver_nonbyte_aligned.dcm"), "Liver"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else value,
)
def test_real_segmentations_have_the_pixels_that_pydicom_reads(shared, place, region):
    content = zoo(shared, *place)
    assert region in names_of(content)
    np.testing.assert_array_equal(drawn(content, region), oracle(content, region))


@pytest.mark.shared
def test_a_segmentation_is_the_same_however_it_is_compressed(shared):
    whole = oracle(zoo(shared, "seg_compressed", "liver.dcm"), "Liver")
    files = sorted((shared / "dicom_zoo" / "seg_compressed").iterdir())
    assert len(files) == 9
    for path in files:
        inside = drawn(Held(path.read_bytes()))
        expected = whole if inside.shape == whole.shape else whole[:, : inside.shape[1], : inside.shape[2]]
        np.testing.assert_array_equal(inside, expected, err_msg=path.name)
        assert inside.sum() == 107_098


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    ["sm_control", "sm_control_labelmap", "sm_control_labelmap_palette_color", "sm_dots", "sm_dots_tiled_full"],
)
def test_segmentations_of_slides_are_refused(shared, name):
    content = zoo(shared, "seg_variants", f"seg_image_{name}.dcm")
    assert refusal_of(content, names_of(content)[0]).verdict == "microscopy_not_supported"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("place", "region", "nifti"),
    [
        (("seg_ct_24x38x3", "label.seg"), "Liver", "300_Segmentation_24x38x3.nii.gz"),
        (("seg_variants", "seg_image_ct_binary.dcm"), "first segment", "2_a.nii.gz"),
        (("seg_variants", "seg_image_ct_binary_single_frame.dcm"), "first segment", "2_g.nii.gz"),
        (("sr_measurements", "seg.dcm"), "Neoplasm, Primary", "16_tumor_segmentation_-_User2_Manual_trial_1.nii.gz"),
        (("seg_compressed", "liver.dcm"), "Liver", "1_Liver_Segmentation.nii.gz"),
        (("seg_compressed", "liver_rle.dcm"), "Liver", "1_Liver_Segmentation.nii.gz"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_real_segmentations_lie_where_dcm2niix_puts_them(shared, place, region, nifti):
    with (shared / "dicom_zoo" / "oracle_dcm2niix.csv").open(newline="") as stream:
        (row,) = (row for row in csv.DictReader(stream) if (row["case"], row["nifti"]) == (place[0], nifti))
    affine = np.array([[float(row[f"a{i}{j}"]) for j in range(4)] for i in range(3)])
    shape = tuple(int(n) for n in row["shape"].split("x"))
    columns = [np.array([-1, -1, 1]) * affine[:, j] for j in range(4)]  # from RAS to LPS, still (x, y, z)
    spacing = [float(np.linalg.norm(column)) for column in columns[2::-1]]
    axes = np.array([column[::-1] / np.linalg.norm(column) for column in columns[2::-1]]).T
    oracle_grid = Geometry(shape[::-1], tuple(spacing), tuple(columns[3][::-1]), tuple(map(tuple, axes)))
    mask, _ = place_frames(read_segment(zoo(shared, *place), region)[0], oracle_grid)
    # dcm2niix's rows run from the front to the back of the array: that is what its affine says.
    stored = np.ascontiguousarray(mask.transpose(2, 1, 0)).astype(np.uint8)
    assert hashlib.sha256(stored.tobytes()).hexdigest() == row["sha256_of_C_order_data"]


@pytest.mark.shared
def test_a_segmentation_lies_on_the_image_it_refers_to(shared):
    frames, _ = read_segment(zoo(shared, "seg_variants", "seg_image_ct_binary_single_frame.dcm"), "first segment")
    _, grid, _ = read_series([Held(Path(get_testdata_file("CT_small.dcm")).read_bytes())])
    mask, notes = place_frames(frames, grid)
    np.testing.assert_array_equal(mask[0], frames[0].inside)
    assert notes == []
