from __future__ import annotations

import pickle
from datetime import date

import numpy as np
import pytest

from data_catalog.errors import BadData
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.series import group_series
from tasks.formats.dicom.volume import read_series

BLANK = np.zeros((3, 4), np.int16)


def refusal_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value


# --- headers


def test_a_header_tells_physical_facts_and_keyed_names_only(make, identities):
    header = read_header(make.slice(BLANK, 7.5), identities)
    assert (header.kind, header.modality, header.rows, header.columns, header.frames) == ("image", "CT", 3, 4, 1)
    assert header.patient == identities.pseudonym(make.patient_id)
    assert header.series == identities.opaque(make.series)
    assert header.day == identities.shifted_day(make.patient_id, date(2024, 1, 31))
    assert (header.manufacturer, header.model) == ("Acme Inc", "Scan 3")
    assert header.sop_class == "1.2.840.10008.5.1.4.1.1.2"
    assert header.plane.position_mm == (7.5, 20.0, 10.0)
    assert header.plane.spacing_mm == (2.0, 0.5)
    shown = repr(header)
    for secret in ("ZEBRA", "QUAGGA", "7744110", "ROOM7", "1.2.826", "2024", "1931"):
        assert secret not in shown
    assert pickle.loads(pickle.dumps(header)) == header


def test_a_structure_set_tells_its_regions_its_series_and_a_keyed_reader(make, identities):
    names = ("GTV Mass", "Zebrafish node", "a;b")
    header = read_header(make.written(make.structure([[(0, 0, 0)] * 3], names=names)), identities)
    assert header.kind == "rtstruct"
    assert header.regions == ("GTV Mass", "ROI 2", "ROI 3")
    assert header.referenced_series == (identities.opaque(make.series),)
    assert header.label == "GTV first"
    assert header.reader == identities.opaque(make.operator)
    assert (header.rows, header.plane) == (0, None)


@pytest.mark.parametrize("label", ["by Quagga", "lemur 2", "a/b", "", "7744110"])
def test_a_label_that_could_name_someone_is_left_out(make, identities, label):
    data = make.written(make.structure([[(0, 0, 0)] * 3], StructureSetLabel=label))
    assert read_header(data, identities).label is None


def test_the_frame_of_reference_of_a_structure_set_may_stand_in_its_references(make, identities):
    ds = make.structure([[(0, 0, 0)] * 3])
    image = read_header(make.slice(BLANK), identities)
    del ds.FrameOfReferenceUID
    assert read_header(make.written(ds), identities).frame_of_reference == image.frame_of_reference


@pytest.mark.parametrize(
    ("elements", "verdict"),
    [
        ({"PatientID": ""}, "no_patient_id"),
        ({"SeriesInstanceUID": None}, "missing_element"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "bad_element"),
        ({"ImageOrientationPatient": [2, 0, 0, 0, 1, 0]}, "bad_element"),
        ({"ImagePositionPatient": [1, 2]}, "bad_element"),
        ({"PixelSpacing": [0, 1]}, "bad_element"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "bad_element"),
        ({"NumberOfFrames": 0}, "bad_element"),
        ({"NumberOfFrames": 2}, "multiframe_not_supported"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "multiframe_not_supported"),
    ],
)
def test_a_header_that_cannot_be_trusted_is_refused_by_name(make, identities, elements, verdict):
    refusal = refusal_of(read_header, make.slice(BLANK, **elements), identities)
    assert refusal.verdict == verdict


def test_a_study_without_a_date_has_no_day_and_another_date_stands_in(make, identities):
    assert read_header(make.slice(BLANK, StudyDate=""), identities).day is None
    later = read_header(make.slice(BLANK, StudyDate="", ContentDate="20240201"), identities)
    assert later.day == read_header(make.slice(BLANK), identities).day + 1


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [("1.2.840.10008.5.1.4.1.1.66.4", "other"), ("1.2.840.10008.5.1.4.1.1.481.2", "other"), ("1.2.3", "image")],
)
def test_segmentations_and_doses_are_no_images_and_private_classes_stay_private(make, identities, sop_class, kind):
    header = read_header(make.slice(BLANK, sop_class=sop_class), identities)
    assert header.kind == kind
    assert (header.sop_class == "other") == (sop_class == "1.2.3")


# --- groups


def test_slices_form_a_series_in_the_order_of_their_positions(make, identities):
    headers = [read_header(data, identities) for data in make.stack([4.0, 0.0, 2.0])]
    (series,) = group_series(headers)
    assert series.members == (1, 2, 0)
    assert series.first == headers[1]


def test_the_key_of_a_series_does_not_depend_on_the_order_of_files(make, identities):
    headers = [read_header(data, identities) for data in make.stack([4.0, 0.0, 2.0])]
    assert group_series(headers)[0].key == group_series(headers[::-1])[0].key


def test_identical_files_are_left_out_and_noted(make, identities):
    stack = make.stack([0.0, 1.0])
    (series,) = group_series([read_header(data, identities) for data in [*stack, stack[1]]])
    assert (series.members, series.copies) == ((0, 1), (2,))


def test_orientations_and_sizes_are_series_of_their_own(make, identities):
    files = [
        make.slice(BLANK),
        make.slice(BLANK, ImageOrientationPatient=[0, 1, 0, 0, 0, -1]),
        make.slice(np.zeros((4, 4), np.int16)),
        make.slice(BLANK, SeriesInstanceUID="1.2.3"),
    ]
    found = group_series([read_header(data, identities) for data in files])
    assert sorted(series.members for series in found) == [(0,), (1,), (2,), (3,)]
    assert len({series.key for series in found}) == 4


def test_images_without_a_position_are_no_stack(make, identities):
    films = [
        make.slice(BLANK, ImagePositionPatient=None, ImageOrientationPatient=None, SOPInstanceUID=f"1.2.{n}")
        for n in (1, 2)
    ]
    assert len(group_series([read_header(data, identities) for data in films])) == 2


def test_structure_sets_are_not_grouped(make, identities):
    assert group_series([read_header(make.written(make.structure([[(0, 0, 0)] * 3])), identities)]) == []


# --- volumes


def test_a_stack_drawn_by_hand_lies_where_its_headers_say(make):
    values, geometry, attributes = read_series(make.stack([0.0, 2.5, 5.0])[::-1])
    assert values.dtype == np.int16
    assert values[:, 0, :2].tolist() == [[0, 1], [100, 101], [200, 201]]
    assert (geometry.shape, geometry.spacing_mm) == ((3, 3, 4), (2.5, 2.0, 0.5))
    assert geometry.origin_mm == (0.0, 20.0, 10.0)
    assert geometry.direction == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    assert attributes == {"modality": "CT", "unit": "HU", "dims": ["z", "y", "x"], "corrections": []}


def test_rows_go_down_by_the_first_number_of_pixel_spacing(make):
    _, geometry, _ = read_series(make.stack([0.0, 1.0]))
    assert geometry.to_mm(np.array([0, 1, 0])).tolist() == [0.0, 22.0, 10.0]
    assert geometry.to_mm(np.array([0, 0, 1])).tolist() == [0.0, 20.0, 10.5]


def test_a_sagittal_stack_is_ordered_along_its_own_normal(make):
    across, down = [0, 1, 0], [0, 0, -1]
    files = [
        make.slice(BLANK + k, ImageOrientationPatient=across + down, ImagePositionPatient=[x, 0, 0])
        for k, x in enumerate([3.0, 1.0, 2.0])
    ]
    values, geometry, _ = read_series(files)
    normal_x = np.cross(across, down)[0]
    assert values[:, 0, 0].tolist() == ([1, 2, 0] if normal_x > 0 else [0, 2, 1])
    assert geometry.to_mm(np.array([1, 2, 3])).tolist() == [-4.0, 1.5, 2.0]


def test_a_gantry_tilt_stays_a_shear_and_is_told(make):
    down = [0, np.cos(np.radians(10)), -np.sin(np.radians(10))]
    files = [
        make.slice(BLANK, z, ImageOrientationPatient=[1, 0, 0, *[f"{c:.10f}" for c in down]]) for z in (0.0, 5.0, 10.0)
    ]
    _, geometry, attributes = read_series(files)
    assert geometry.spacing_mm[0] == 5.0
    assert np.array(geometry.direction)[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert attributes["corrections"] == ["a gantry tilt of 10.0 degrees is kept as a shear"]


def test_a_single_slice_takes_its_depth_from_the_header(make):
    _, geometry, _ = read_series([make.slice(BLANK, 3.0, SliceThickness=4)])
    assert (geometry.shape, geometry.spacing_mm[0], geometry.origin_mm[0]) == ((1, 3, 4), 4.0, 3.0)


def test_one_missing_slice_is_counted_and_placed(make):
    refusal = refusal_of(read_series, make.stack([0.0, 2.0, 4.0, 8.0, 10.0, 16.0]))
    assert refusal.verdict == "missing_slice"
    assert "3 of 9 are missing: between slices 3 and 4, 5 and 6" in str(refusal)


def test_many_gaps_are_not_all_listed(make):
    zs = np.cumsum([0, 1, *[2] * 8])
    assert "and further on" in str(refusal_of(read_series, make.stack(zs.tolist())))


@pytest.mark.parametrize("zs", [[0.0, 2.0, 4.3, 6.0], [0.0, 1.0, 2.5, 3.5]])
def test_uneven_slices_are_refused(make, zs):
    assert refusal_of(read_series, make.stack(zs)).verdict == "uneven_slices"


def test_slices_beside_the_line_are_refused(make):
    files = [make.slice(BLANK, ImagePositionPatient=[x, 0, z]) for x, z in [(0, 0), (1, 2), (0, 4)]]
    assert refusal_of(read_series, files).verdict == "uneven_slices"


def test_rounded_positions_are_even_enough(make):
    _, geometry, _ = read_series(make.stack([0.0, 3.27, 6.5401, 9.81]))
    assert geometry.spacing_mm[0] == pytest.approx(3.27)


def test_a_slice_stored_twice_is_read_once_and_told(make):
    files = [make.slice(BLANK, 0.0), make.slice(BLANK + 1, 1.0), make.slice(BLANK, 0.0, SOPInstanceUID="1.2.9")]
    values, _, attributes = read_series(files)
    assert values[:, 0, 0].tolist() == [0, 1]
    assert attributes["corrections"] == ["1 slices stored twice were read once"]
    single, _, _ = read_series([files[0], files[2]])
    assert single.shape == (1, 3, 4)


def test_two_slices_of_other_values_at_one_position_conflict(make):
    files = [make.slice(BLANK, 0.0), make.slice(BLANK + 1, 0.0)]
    refusal = refusal_of(read_series, files)
    assert refusal.verdict == "conflicting_slices"
    assert "2 slices lie at 1 positions, 1 of them" in str(refusal)


@pytest.mark.parametrize(
    ("elements", "verdict"),
    [
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "mixed_orientation"),
        ({"ImageOrientationPatient": None}, "mixed_orientation"),
        ({"PixelSpacing": [2.0, 0.6]}, "mixed_pixel_size"),
        ({"FrameOfReferenceUID": "1.2.3"}, "mixed_series"),
        ({"Modality": "MR"}, "mixed_series"),
        ({"ImagePositionPatient": None}, "unknown_position"),
    ],
)
def test_slices_that_do_not_belong_together_are_refused_by_name(make, elements, verdict):
    files = [make.slice(BLANK, 0.0), make.slice(BLANK, 1.0, **elements)]
    assert refusal_of(read_series, files).verdict == verdict


def test_slices_of_other_sizes_are_refused(make):
    files = [make.slice(BLANK), make.slice(np.zeros((4, 4), np.int16), 1.0)]
    assert refusal_of(read_series, files).verdict == "mixed_series"


def test_no_files_are_no_series():
    assert refusal_of(read_series, []).verdict == "empty_series"


def test_a_single_slice_of_ct_must_say_where_it_lies(make):
    data = make.slice(BLANK, ImagePositionPatient=None, ImageOrientationPatient=None)
    assert refusal_of(read_series, [data]).verdict == "unknown_position"


def film(make, **elements):
    return make.slice(BLANK, Modality="DX", ImagePositionPatient=None, ImageOrientationPatient=None, **elements)


def test_a_film_lies_at_the_origin_with_its_own_pixel_size(make):
    _, geometry, attributes = read_series([film(make)])
    assert (geometry.origin_mm, geometry.spacing_mm) == ((0.0, 0.0, 0.0), (1.0, 2.0, 0.5))
    assert attributes["unit"] == "1"


def test_a_pixel_size_at_the_detector_is_told_and_none_is_refused(make):
    _, geometry, attributes = read_series([film(make, PixelSpacing=None, ImagerPixelSpacing=[0.2, 0.1])])
    assert geometry.spacing_mm == (1.0, 0.2, 0.1)
    assert attributes["corrections"] == ["the pixel size is that of the detector, not of the patient"]
    assert refusal_of(read_series, [film(make, PixelSpacing=None)]).verdict == "unknown_pixel_size"


def test_a_file_cut_off_within_its_pixels_tells_its_series_and_refuses_its_voxels(make, identities):
    whole = make.slice(BLANK, 7.5)
    cut = whole[:-10]
    assert read_header(cut, identities).series == read_header(whole, identities).series
    refusal = refusal_of(read_series, [cut])
    assert refusal.verdict == "corrupt_file"
    assert "before its pixels" in refusal.came


def test_a_file_cut_off_within_its_header_is_refused_whole(make, identities):
    assert refusal_of(read_header, make.slice(BLANK, 7.5)[:300], identities).verdict == "corrupt_file"
