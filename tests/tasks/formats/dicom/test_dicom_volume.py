from __future__ import annotations

import numpy as np
import pytest

from data_catalog.errors import BadData

BLANK = np.zeros((3, 4), np.int16)


def refusal_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value


def names_of(attributes):
    return [correction["name"] for correction in attributes["corrections"]]


def test_a_stack_drawn_by_hand_lies_where_its_headers_say(make):
    values, geometry, attributes = make.read(make.stack([0.0, 2.5, 5.0])[::-1])
    assert values.dtype == np.int16
    assert values[:, 0, :2].tolist() == [[0, 1], [100, 101], [200, 201]]
    assert (geometry.shape, geometry.spacing_mm) == ((3, 3, 4), (2.5, 2.0, 0.5))
    assert geometry.origin_mm == (0.0, 20.0, 10.0)
    assert geometry.direction == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    expected = {"modality": "CT", "unit": "HU", "dims": ["z", "y", "x"], "coords": {}, "corrections": []}
    assert attributes == {**expected, "intercept": 0.0}


def test_the_highest_intercept_of_the_slices_is_told(make):
    files = [make.slice(BLANK + z, float(z), RescaleSlope=1, RescaleIntercept=-1024 + z) for z in range(3)]
    assert make.read(files)[2]["intercept"] == -1022


def test_rows_go_down_by_the_first_number_of_pixel_spacing(make):
    _, geometry, _ = make.read(make.stack([0.0, 1.0]))
    assert geometry.to_mm(np.array([0, 1, 0])).tolist() == [0.0, 22.0, 10.0]
    assert geometry.to_mm(np.array([0, 0, 1])).tolist() == [0.0, 20.0, 10.5]


def test_a_sagittal_stack_is_ordered_along_its_own_normal(make):
    across, down = [0, 1, 0], [0, 0, -1]
    files = [
        make.slice(BLANK + k, ImageOrientationPatient=across + down, ImagePositionPatient=[x, 0, 0])
        for k, x in enumerate([3.0, 1.0, 2.0])
    ]
    values, geometry, _ = make.read(files)
    normal_x = np.cross(across, down)[0]
    assert values[:, 0, 0].tolist() == ([1, 2, 0] if normal_x > 0 else [0, 2, 1])
    assert geometry.to_mm(np.array([1, 2, 3])).tolist() == [-4.0, 1.5, 2.0]


def test_a_gantry_tilt_stays_a_shear_and_is_told(make):
    down = [0, np.cos(np.radians(10)), -np.sin(np.radians(10))]
    files = [
        make.slice(BLANK, z, ImageOrientationPatient=[1, 0, 0, *[f"{c:.10f}" for c in down]]) for z in (0.0, 5.0, 10.0)
    ]
    _, geometry, attributes = make.read(files)
    assert geometry.spacing_mm[0] == 5.0
    assert np.array(geometry.direction)[:, 0].tolist() == [1.0, 0.0, 0.0]
    text = "a gantry tilt of 10.0 degrees is kept as a shear"
    assert attributes["corrections"] == [{"name": "gantry_tilt", "text": text}]


def test_a_single_slice_takes_its_depth_from_the_header(make):
    _, geometry, _ = make.read([make.slice(BLANK, 3.0, SliceThickness=4)])
    assert (geometry.shape, geometry.spacing_mm[0], geometry.origin_mm[0]) == ((1, 3, 4), 4.0, 3.0)


def test_one_missing_slice_is_counted_and_placed(make):
    refusal = refusal_of(make.read, make.stack([0.0, 2.0, 4.0, 8.0, 10.0, 16.0]))
    assert refusal.verdict == "missing_slice"
    assert "3 of 9 are missing: between slices 3 and 4, 5 and 6" in str(refusal)


def test_many_gaps_are_not_all_listed(make):
    zs = np.cumsum([0, 1, *[2] * 8])
    assert "and further on" in str(refusal_of(make.read, make.stack(zs.tolist())))


@pytest.mark.parametrize(
    ("step", "digits"), [(1 / 3, 1), (0.45, 1), (0.625, 1), (0.75, 1), (1.25, 1), (0.333, 2), (0.0625, 2)]
)
def test_thin_slices_whose_positions_were_rounded_are_even_and_it_is_told(make, step, digits):
    zs = [round(-3.0 + k * step, digits) for k in range(30)]
    values, geometry, attributes = make.read(make.stack(zs))
    assert values.shape == (30, 3, 4)
    assert abs(geometry.spacing_mm[0] - step) < 10.0**-digits / 29
    assert names_of(attributes) in (["slice_positions_rounded"], [])
    assert "slice_positions_rounded" in names_of(attributes) or digits > 1
    if names_of(attributes):
        at = geometry.origin_mm[0] + np.arange(30) * geometry.spacing_mm[0]
        assert np.abs(at - zs).max() <= 10.0**-digits / 2 + 1e-6


def test_an_oblique_stack_whose_positions_were_rounded_is_not_taken_for_tilted(make):
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    down = [0, float(f"{c:.10f}"), float(f"{s:.10f}")]
    files = []
    for k in range(30):
        position = [-100.3, round(12.3 - 0.45 * k * s, 1), round(7.1 + 0.45 * k * c, 1)]
        files.append(make.slice(BLANK + k, k, ImageOrientationPatient=[1, 0, 0, *down], ImagePositionPatient=position))
    _, geometry, attributes = make.read(files)
    assert names_of(attributes) == ["slice_positions_rounded"]
    assert abs(geometry.spacing_mm[0] - 0.45) < 0.01


def test_rounded_positions_give_a_plain_step_and_origin(make):
    _, geometry, _ = make.read(make.stack([round(k * 1.25, 1) for k in range(30)]))
    assert (geometry.spacing_mm[0], abs(geometry.origin_mm[0]) <= 0.05) == (1.25, True)


@pytest.mark.parametrize("step", [0.625, 0.7, 0.75, 0.8])
def test_a_gap_among_rounded_positions_is_a_missing_slice(make, step):
    refusal = refusal_of(make.read, make.stack([round(k * step, 1) for k in range(20) if k != 9]))
    assert (refusal.verdict, "1 of 20 are missing: between slices 9 and 10" in refusal.came) == ("missing_slice", True)


@pytest.mark.parametrize("gap", [1, 7, 14, 28])
@pytest.mark.parametrize("step", [0.3, 1 / 3, 0.45, 0.5, 0.625, 0.75, 1.25, 2.5])
def test_a_missing_slice_is_never_taken_for_rounding(make, step, gap):
    zs = [round(k * step, 1) for k in range(30) if k != gap]
    assert refusal_of(make.read, make.stack(zs)).verdict in {"missing_slice", "uneven_slices"}


@pytest.mark.parametrize(
    "zs", [[0.0, 1.0, 2.0, 4.0], [0.0, 2.0, 5.0, 8.0, 10.0], [0.0, 0.1, 0.3, 0.4], [0.0, 0.45001, 1.0, 1.4]]
)
def test_unevenness_that_rounding_does_not_explain_is_refused(make, zs):
    assert refusal_of(make.read, make.stack(zs)).verdict in {"missing_slice", "uneven_slices"}


@pytest.mark.parametrize("zs", [[0.0, 2.0, 4.3, 6.0], [0.0, 1.0, 2.5, 3.5]])
def test_uneven_slices_are_refused(make, zs):
    assert refusal_of(make.read, make.stack(zs)).verdict == "uneven_slices"


def test_slices_beside_the_line_are_refused(make):
    files = [make.slice(BLANK, ImagePositionPatient=[x, 0, z]) for x, z in [(0, 0), (1, 2), (0, 4)]]
    assert refusal_of(make.read, files).verdict == "uneven_slices"


def test_rounded_positions_are_even_enough(make):
    _, geometry, _ = make.read(make.stack([0.0, 3.27, 6.5401, 9.81]))
    assert geometry.spacing_mm[0] == pytest.approx(3.27)


def test_a_slice_stored_twice_is_read_once_and_told(make):
    files = [make.slice(BLANK, 0.0), make.slice(BLANK + 1, 1.0), make.slice(BLANK, 0.0, SOPInstanceUID="1.2.9")]
    values, _, attributes = make.read(files)
    assert values[:, 0, 0].tolist() == [0, 1]
    text = "1 slices stored twice were read once"
    assert attributes["corrections"] == [{"name": "duplicate_slices", "text": text}]
    single, _, _ = make.read([files[0], files[2]])
    assert single.shape == (1, 3, 4)


def test_two_slices_of_other_values_at_one_position_conflict(make):
    files = [make.slice(BLANK, 0.0), make.slice(BLANK + 1, 0.0)]
    refusal = refusal_of(make.read, files)
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
    assert refusal_of(make.read, files).verdict == verdict


@pytest.mark.parametrize("silent", [{}, {"RescaleSlope": 1}])
def test_a_slice_of_ct_that_states_no_intercept_among_others_that_do_is_refused(make, silent):
    stated = {"RescaleSlope": 1, "RescaleIntercept": -1024}
    files = [make.slice(BLANK, float(k), **(silent if k == 2 else stated)) for k in range(5)]
    refusal = refusal_of(make.read, files)
    assert refusal.verdict == "mixed_series"
    assert "1 of 5 state no rescale intercept" in refusal.came


def test_slices_of_other_sizes_are_refused(make):
    files = [make.slice(BLANK), make.slice(np.zeros((4, 4), np.int16), 1.0)]
    assert refusal_of(make.read, files).verdict == "mixed_series"


def test_no_files_are_no_series(make):
    assert refusal_of(make.read, []).verdict == "empty_series"


def test_a_single_slice_of_ct_must_say_where_it_lies(make):
    data = make.slice(BLANK, ImagePositionPatient=None, ImageOrientationPatient=None)
    assert refusal_of(make.read, [data]).verdict == "unknown_position"


def film(make, **elements):
    return make.slice(BLANK, Modality="DX", ImagePositionPatient=None, ImageOrientationPatient=None, **elements)


def test_a_film_lies_at_the_origin_with_its_own_pixel_size(make):
    _, geometry, attributes = make.read([film(make)])
    assert (geometry.origin_mm, geometry.spacing_mm) == ((0.0, 0.0, 0.0), (1.0, 2.0, 0.5))
    assert attributes["unit"] == "1"


def test_a_pixel_size_at_the_detector_is_told_and_none_is_refused(make):
    _, geometry, attributes = make.read([film(make, PixelSpacing=None, ImagerPixelSpacing=[0.2, 0.1])])
    assert geometry.spacing_mm == (1.0, 0.2, 0.1)
    assert names_of(attributes) == ["detector_pixel_size"]
    assert refusal_of(make.read, [film(make, PixelSpacing=None)]).verdict == "unknown_pixel_size"


@pytest.mark.parametrize("spacing", [[0.0002, 0.0002], [2000.0, 0.5]])
def test_a_slice_of_a_patient_that_is_too_small_or_too_wide_is_refused(make, spacing):
    refusal = refusal_of(make.read, make.stack([0.0, 1.0], PixelSpacing=spacing))
    assert refusal.verdict == "implausible_size"
    assert "1 to 3000 mm" in refusal.expected
    small = make.slice(BLANK, Modality="SM", PixelSpacing=[0.0002, 0.0002])
    assert make.read([small])[1].spacing_mm[1] == 0.0002


def test_equal_pixels_of_another_scale_are_no_copies(make):
    files = [make.slice(BLANK + 1, 0.0, RescaleSlope=slope, RescaleIntercept=0) for slope in (1, 2)]
    assert refusal_of(make.read, files).verdict == "conflicting_slices"


def test_a_single_slice_that_does_not_state_its_depth_is_1_mm_and_told(make):
    _, geometry, attributes = make.read([make.slice(BLANK)])
    assert geometry.spacing_mm[0] == 1.0
    assert names_of(attributes) == ["slice_depth_assumed"]


def test_a_distance_of_slices_below_0_counts_by_its_size(make):
    _, geometry, _ = make.read([make.slice(BLANK, SpacingBetweenSlices=-3)])
    assert geometry.spacing_mm[0] == 3.0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
@pytest.mark.parametrize("cosines", [[1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1], [0, -1, 0, 1, 0, 0],
                                     [-1, 0, 0, 0, -1, 0], [0.6, 0.8, 0, 0, 0, -1]])  # fmt: skip
def test_every_voxel_lies_where_its_slice_says_whatever_the_orientation(make, cosines, order):
    across, down = np.array(cosines[:3], float), np.array(cosines[3:], float)
    normal, first = np.cross(across, down), np.array([-7.0, 11.0, 23.0])
    pixels = np.random.default_rng(0).integers(0, 1000, (3, 3, 4)).astype(np.int16)
    corners = [first + 2.5 * k * normal for k in range(3)]
    files = [
        make.slice(
            pixels[k], ImageOrientationPatient=cosines, ImagePositionPatient=corners[k].tolist(), InstanceNumber=k
        )
        for k in order
    ]
    values, geometry, _ = make.read(files)
    for k, j, i in np.ndindex(*values.shape):
        x, y, z = geometry.to_mm(np.array([k, j, i]))[::-1]
        slice_ = int(np.argmin([abs((np.array([x, y, z]) - corner) @ normal) for corner in corners]))
        offset = np.array([x, y, z]) - corners[slice_]
        row, column = round(float(offset @ down) / 2.0), round(float(offset @ across) / 0.5)
        assert np.allclose(corners[slice_] + row * 2.0 * down + column * 0.5 * across, [x, y, z])
        assert values[k, j, i] == pixels[slice_, row, column]


def test_a_tilted_stack_with_an_uneven_gap_is_refused(make):
    down = [0, np.cos(np.radians(15)), -np.sin(np.radians(15))]
    turned = {"ImageOrientationPatient": [1, 0, 0, *[f"{c:.10f}" for c in down]]}
    files = [make.slice(BLANK, z, **turned) for z in (0.0, 2.5, 5.0, 10.0, 14.2)]
    assert refusal_of(make.read, files).verdict == "uneven_slices"
