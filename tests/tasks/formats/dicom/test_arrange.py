from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats.dicom.images import Layer
from tasks.formats.dicom.moments import PHILIPS_MR

ZS = (0.0, 2.0, 4.0)
PLANE = np.arange(12, dtype=np.int16).reshape(3, 4)


def refusal_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value


def names_of(attributes):
    return [correction["name"] for correction in attributes["corrections"]]


def grid(make, steps, zs=ZS, modality="MR", **common):
    """Return a file for each step and z; values of step k, slice j are 1000 k + 100 j + 0, 1, 2, ..."""
    return [
        make.slice(PLANE + 1000 * k + 100 * j, z, Modality=modality, **common, **step)
        for k, step in enumerate(steps)
        for j, z in enumerate(zs)
    ]


def shuffled(files, seed=0):
    return [files[k] for k in np.random.default_rng(seed).permutation(len(files))]


def expected(steps):
    return np.array([[PLANE + 1000 * k + 100 * j for j in range(len(ZS))] for k in range(steps)])


PUBLIC_B = [{"DiffusionBValue": b, "DiffusionGradientOrientation": g} for b, g in [
    (0.0, [0, 0, 0]), (1000.0, [1, 0, 0]), (1000.0, [0, 1, 0]), (1000.0, [0, 0, 1]),
]]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "axis", "coordinate"),
    [
        ([{"EchoTime": 2.5}, {"EchoTime": 7.5}], "echo", [2.5, 7.5]),
        ([{"EchoNumbers": 1}, {"EchoNumbers": 2}], "echo", [1, 2]),
        ([{"InversionTime": 700.0}, {"InversionTime": 2500.0}], "inversion_time", [700, 2500]),
        ([{"InversionTime": 700.0, "FlipAngle": 4.0}, {"InversionTime": 2500.0, "FlipAngle": 5.0}], "inversion_time",
         [700, 2500]),
        ([{"FlipAngle": 2.0}, {"FlipAngle": 15.0}, {"FlipAngle": 26.0}], "flip_angle", [2, 15, 26]),
        ([{"ImageType": ["ORIGINAL", "PRIMARY", word]} for word in "MPRI"], "part",
         ["magnitude", "phase", "real", "imaginary"]),
        ([{"ComplexImageComponent": word} for word in ("MAGNITUDE", "PHASE")], "part", ["magnitude", "phase"]),
        (PUBLIC_B, "b_value", [0, 1000, 1000, 1000]),
        ([{"TemporalPositionIdentifier": k} for k in (1, 2, 3)], "t", [0, 1, 2]),
        ([{"AcquisitionNumber": k, "AcquisitionTime": f"1200{10 * k:02}"} for k in (1, 2, 3)], "t", [0, 10, 20]),
        ([{"AcquisitionTime": t} for t in ("235959.5", "235959.75")], "t", [0, 0.25]),
        ([{"ContentTime": t} for t in ("100000", "100130")], "t", [0, 90]),
        ([{"AcquisitionDateTime": t} for t in ("20240131235950", "20240201000010")], "t", [0, 20]),
        ([{"FrameReferenceTime": t} for t in (500.0, 60500.0)], "t", [0, 60]),
        ([{"TriggerTime": t} for t in (0, 2000)], "t", [0, 2]),
        ([{"TriggerTime": t, "CardiacNumberOfImages": 2} for t in (10, 410)], "phase", [10, 410]),
        ([{"NominalPercentageOfCardiacPhase": t} for t in (30.0, 70.0)], "phase", [30, 70]),
        ([{"InstanceNumber": 3}, {"InstanceNumber": 9}], "t", None),
    ],
)  # fmt: skip
def test_slices_at_one_position_are_set_apart_along_a_named_axis(make, steps, axis, coordinate):
    files = grid(make, steps)
    if coordinate is None:
        files = [
            make.slice(PLANE + 1000 * k + 100 * j, z, Modality="MR", InstanceNumber=3 * k + j)
            for k in range(2)
            for j, z in enumerate(ZS)
        ]
        coordinate = [0, 1]
    values, geometry, attributes = make.read(shuffled(files))
    assert attributes["dims"] == [axis, "z", "y", "x"]
    assert attributes["coords"] == {axis: coordinate}
    assert geometry.shape == (3, 3, 4)
    assert np.array_equal(values, expected(len(steps)))


def test_clock_times_are_told_as_differences_only(make):
    steps = [{"AcquisitionTime": "131500"}, {"AcquisitionTime": "131502"}]
    _, _, attributes = make.read(grid(make, steps))
    assert attributes["coords"] == {"t": [0.0, 2.0]}
    assert "1315" not in repr(attributes)
    assert "477" not in repr(attributes)


def test_times_that_no_file_states_are_counted_and_told(make):
    _, _, attributes = make.read(grid(make, [{"TemporalPositionIdentifier": k} for k in (5, 9)]))
    assert attributes["coords"] == {"t": [0.0, 1.0]}
    assert "time_counted" in names_of(attributes)


def test_the_directions_of_diffusion_stand_beside_the_b_values(make):
    _, _, attributes = make.read(shuffled(grid(make, PUBLIC_B)))
    assert attributes["gradient_direction"] == [None, [0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_images_of_diffusion_stay_in_the_order_they_were_taken(make):
    taken = [(1000.0, [0, 0, 1]), (0.0, [0, 0, 0]), (1000.0, [1, 0, 0]), (0.0, [0, 0, 0])]
    steps = [
        {
            "DiffusionBValue": b,
            "DiffusionGradientOrientation": g,
            "AcquisitionNumber": k,
            "AcquisitionTime": f"10000{k}",
        }
        for k, (b, g) in enumerate(taken)
    ]
    values, _, attributes = make.read(shuffled(grid(make, steps)))
    assert attributes["coords"] == {"b_value": [b for b, _ in taken]}
    assert np.array_equal(values, expected(4))


def test_two_things_that_vary_freely_are_two_axes(make):
    steps = [{"EchoTime": e, "TemporalPositionIdentifier": t} for t in (1, 2, 3) for e in (2.0, 5.0)]
    values, _, attributes = make.read(shuffled(grid(make, steps)))
    assert attributes["dims"] == ["t", "echo", "z", "y", "x"]
    assert attributes["coords"]["echo"] == [2.0, 5.0]
    assert np.array_equal(values, expected(6).reshape(3, 2, 3, 3, 4))


def test_combinations_of_which_some_were_not_taken_are_counted_along_one_axis(make):
    b_values = [(0.0, 1), (500.0, 1), (1000.0, 1), (500.0, 2), (1000.0, 2), (1000.0, 3)]
    steps = [{"DiffusionBValue": b, "AcquisitionNumber": n} for b, n in b_values]
    values, _, attributes = make.read(shuffled(grid(make, steps)))
    assert attributes["dims"] == ["b_value", "z", "y", "x"]
    assert attributes["coords"]["b_value"] == [b for b, _ in b_values]
    assert attributes["stated_of_steps"]["b_value"][-1] == {"b_value": 1000.0, "acquisition": 3.0}
    assert np.array_equal(values, expected(6))


def test_numbers_that_go_along_with_the_position_are_no_time(make):
    files = [make.slice(PLANE + 100 * j, z, AcquisitionNumber=j, AcquisitionTime=f"12000{j}") for j, z in enumerate(ZS)]
    values, _, attributes = make.read(files)
    assert attributes["dims"] == ["z", "y", "x"]
    assert np.array_equal(values, expected(1)[0])


def test_acquisitions_that_are_numbered_through_are_ranked_at_each_position(make):
    files = [
        make.slice(PLANE + 1000 * k + 100 * j, z, AcquisitionNumber=3 * k + j)
        for k in range(2)
        for j, z in enumerate(ZS)
    ]
    values, _, attributes = make.read(shuffled(files))
    assert attributes["dims"] == ["t", "z", "y", "x"]
    assert np.array_equal(values, expected(2))


def test_images_numbered_position_by_position_are_taken_apart_too(make):
    files = [
        make.slice(PLANE + 1000 * k + 100 * j, z, Modality="MR", InstanceNumber=2 * j + k)
        for k in range(2)
        for j, z in enumerate(ZS)
    ]
    values, _, attributes = make.read(shuffled(files))
    assert np.array_equal(values, expected(2))
    assert names_of(attributes) == ["time_counted"]


def test_images_numbered_without_a_system_conflict(make):
    numbers = iter([1, 3, 4, 2, 6, 5])
    files = [
        make.slice(PLANE + 1000 * k + 100 * j, z, InstanceNumber=next(numbers))
        for k in range(2)
        for j, z in enumerate(ZS)
    ]
    assert refusal_of(make.read, files).verdict == "conflicting_slices"


# --- copies and holes


def test_a_whole_series_stored_twice_is_read_once(make):
    files = grid(make, [{"InstanceNumber": 1}])
    again = [make.slice(PLANE + 100 * j, z, Modality="MR", InstanceNumber=7 + j, SOPInstanceUID=f"1.2.{j}")
             for j, z in enumerate(ZS)]  # fmt: skip
    values, _, attributes = make.read([*files, *again])
    assert np.array_equal(values, expected(1)[0])
    text = "3 slices stored twice were read once"
    assert {"name": "duplicate_slices", "text": text} in attributes["corrections"]


def test_a_copy_with_a_later_time_is_a_copy(make):
    files = [
        *grid(make, [{"ContentTime": "100000"}]),
        make.slice(PLANE + 100, 2.0, Modality="MR", ContentTime="110000"),
    ]
    values, _, attributes = make.read(files)
    assert values.shape == (3, 3, 4)
    assert names_of(attributes) == ["duplicate_slices"]


def test_points_in_time_that_are_alike_outside_the_body_are_no_copies(make):
    files = [
        make.slice(
            np.zeros((3, 4), np.int16) if j != 1 else PLANE + 1000 * k, z, Modality="MR", ContentTime=f"10000{k}"
        )
        for k in range(2)
        for j, z in enumerate(ZS)
    ]
    values, _, attributes = make.read(files)
    assert attributes["dims"] == ["t", "z", "y", "x"]
    assert values[1, 1, 0, 0] == 1000


def test_a_step_without_all_its_slices_is_refused_and_counted(make):
    steps = [{"EchoTime": e} for e in (2.0, 5.0, 9.0)]
    refusal = refusal_of(make.read, grid(make, steps)[:-1])
    assert refusal.verdict == "incomplete_series"
    assert "1 of 9 slices are missing: step 3 has 2 of 3" in refusal.came


def test_a_point_in_time_without_all_its_slices_is_refused(make):
    refusal = refusal_of(make.read, grid(make, [{"ContentTime": f"10000{k}"} for k in range(4)])[:-1])
    assert refusal.verdict == "incomplete_series"
    assert "1 of 12" in refusal.came


def test_many_steps_with_holes_are_not_all_listed(make):
    steps = [{"EchoTime": float(e)} for e in range(1, 10)]
    files = grid(make, steps, zs=(0.0, 1.0))
    assert "and further ones" in refusal_of(make.read, files[:2] + files[3::2]).came


def test_one_slice_of_other_values_among_many_conflicts(make):
    files = [*grid(make, [{"ContentTime": "100000"}]), make.slice(PLANE, 2.0, Modality="MR", ContentTime="110000")]
    refusal = refusal_of(make.read, files)
    assert refusal.verdict == "conflicting_slices"
    assert "4 slices lie at 3 positions, 1 of them" in refusal.came


def test_copies_beside_a_slice_of_other_values_do_not_make_a_series_incomplete(make):
    zs = tuple(2.0 * j for j in range(10))
    stack = grid(make, [{}], zs=zs)
    refusal = refusal_of(make.read, [*stack, *stack, make.slice(PLANE + 7, 4.0, Modality="MR")])
    assert refusal.verdict == "conflicting_slices"
    assert "11 slices beside 10 copies lie at 10 positions, 1 of them with other values" in refusal.came


def test_each_slice_is_read_once_to_find_its_copies(make, monkeypatch):
    asked = []
    values = Layer.values
    monkeypatch.setattr(Layer, "values", lambda layer: asked.append(layer) or values(layer))
    steps = [make.slice(PLANE + k, z, Modality="MR") for k in range(20) for z in ZS]
    assert refusal_of(make.read, steps[:-1]).verdict == "incomplete_series"
    assert len(asked) == len(set(map(id, asked))) == 59


def test_an_inversion_time_of_each_slice_is_an_axis_at_the_mean_of_its_slices(make):
    files = [
        make.slice(PLANE + 1000 * k + 100 * j, z, Modality="MR", InversionTime=100.0 + 80 * k + 3 * j)
        for k in range(3)
        for j, z in enumerate(ZS)
    ]
    values, _, attributes = make.read(shuffled(files))
    assert attributes["dims"][0] == "inversion_time"
    assert attributes["coords"] == {"inversion_time": [103, 183, 263]}
    assert np.array_equal(values, expected(3))


def test_what_a_step_does_not_state_is_unknown_and_what_a_slice_does_not_counts_not(make):
    steps = [{"InversionTime": t} for t in (None, 400.0)]
    *_, attributes = make.read(grid(make, [{k: v for k, v in step.items() if v is not None} for step in steps]))
    unknown, known = attributes["coords"]["inversion_time"]
    assert np.isnan(unknown)
    assert known == 400
    files = grid(make, [{"InversionTime": 50.0}, {"InversionTime": 400.0}])
    files[1] = make.slice(PLANE + 100, ZS[1], Modality="MR")
    assert make.read(files)[2]["coords"] == {"inversion_time": [50, 400]}


def test_times_of_slices_that_jitter_and_flip_angles_are_two_axes(make):
    files = [
        make.slice(PLANE + 1000 * (2 * i + k), z, Modality="MR", InversionTime=t + 1.5 * j, FlipAngle=f)
        for i, t in enumerate((50.0, 400.0))
        for k, f in enumerate((3.0, 9.0))
        for j, z in enumerate(ZS)
    ]
    values, _, attributes = make.read(shuffled(files))
    assert attributes["coords"] == {"inversion_time": [51.5, 401.5], "flip_angle": [3, 9]}
    assert values[:, :, 0, 0, 0].ravel().tolist() == [0, 1000, 2000, 3000]


def test_what_changes_along_with_an_axis_is_told_beside_it(make):
    steps = [{"InversionTime": 700.0, "FlipAngle": 4.0}, {"InversionTime": 2500.0, "FlipAngle": 5.0}]
    *_, attributes = make.read(grid(make, steps))
    told = attributes["stated_of_steps"]["inversion_time"]
    assert told == [{"inversion_time": 700, "flip_angle": 4}, {"inversion_time": 2500, "flip_angle": 5}]


@pytest.mark.parametrize(
    "stated",
    [
        lambda k: {"AcquisitionTime": f"1200{5 * k:02}"},
        lambda k: {"TemporalPositionIdentifier": k + 1, "AcquisitionTime": "120000"},
        lambda k: {"AcquisitionNumber": k + 1, "AcquisitionTime": "120000"},
        lambda k: {"FrameReferenceTime": 5000.0 * k},
        lambda k: {},
    ],
)
def test_times_are_in_seconds_by_whatever_they_are_told(make, stated):
    steps = [{"TriggerTime": 5000.0 * k, **stated(k)} for k in range(3)]
    assert make.read(grid(make, steps))[2]["coords"] == {"t": [0, 5, 10]}


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ({"EchoTime": 5.0}, {"EchoTime": 10.0}, "mixed_series"),
        ({"EchoTime": 5.0}, {"EchoTime": 5.2}, None),
        ({"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}, "mixed_series"),
        ({"ComplexImageComponent": "MAGNITUDE"}, {"ComplexImageComponent": "PHASE"}, "mixed_series"),
        ({"NominalPercentageOfCardiacPhase": 30.0}, {"NominalPercentageOfCardiacPhase": 75.0}, "mixed_series"),
        ({"FlipAngle": 60.0}, {"FlipAngle": 180.0}, "settings_differ_by_slice"),
        ({"InversionTime": 60.0}, {"InversionTime": 180.0}, "settings_differ_by_slice"),
    ],
)
def test_contrasts_that_take_turns_from_slice_to_slice_are_no_stack(make, first, second, verdict):
    files = [make.slice(PLANE + j, 2.0 * j, Modality="MR", **(second if j % 2 else first)) for j in range(6)]
    if verdict == "mixed_series":
        assert refusal_of(make.read, files).verdict == verdict
    else:
        assert names_of(make.read(files)[2]) == ([verdict] if verdict else [])


@pytest.mark.parametrize(
    ("elements", "is_one"), [({"KVP": "80"}, False), ({"ConvolutionKernel": "B"}, False), ({}, True)]
)
def test_slices_of_two_reconstructions_are_no_stack(make, elements, is_one):
    usual = {"KVP": "120", "ConvolutionKernel": "A"}
    files = [make.slice(PLANE + j, 2.0 * j, **{**usual, **(elements if j % 2 else {})}) for j in range(4)]
    if is_one:
        assert make.read(files)[2]["reconstruction_kernel"] == "A"
    else:
        assert refusal_of(make.read, files).verdict == "mixed_series"


def test_a_number_of_an_image_that_is_none_matters_to_nobody(make):
    files = [make.slice(PLANE + j, 2.0 * j) for j in range(3)]
    broken = [data.replace(b"IS\x02\x001 ", b"IS\x02\x00xy") for data in files]
    assert np.array_equal(make.read(broken)[0], make.read(files)[0])


def test_flip_angles_and_echoes_are_axes_of_their_own(make):
    steps = [{"EchoTime": e, "FlipAngle": f} for e in (2.0, 5.0) for f in (3.0, 20.0)]
    values, _, attributes = make.read(shuffled(grid(make, steps)))
    assert attributes["dims"] == ["echo", "flip_angle", "z", "y", "x"]
    assert attributes["coords"] == {"echo": [2, 5], "flip_angle": [3, 20]}
    assert np.array_equal(values.reshape(4, 3, 3, 4), expected(4))


def test_slices_at_one_height_that_are_shifted_sideways_are_refused(make):
    files = [
        make.slice(PLANE + k, z, ImagePositionPatient=[x, 0, z], EchoTime=1.0 + k, Modality="MR")
        for k, x in enumerate((0, 30))
        for z in ZS
    ]
    assert refusal_of(make.read, files).verdict == "uneven_slices"


def test_a_gap_is_found_in_every_step(make):
    files = grid(make, [{"EchoTime": e} for e in (2.0, 5.0)], zs=(0.0, 1.0, 3.0, 4.0))
    assert refusal_of(make.read, files).verdict == "missing_slice"


def test_a_single_position_may_have_steps(make):
    values, geometry, attributes = make.read(grid(make, [{"EchoTime": e} for e in (2.0, 5.0)], zs=(1.0,)))
    assert (values.shape, geometry.shape, attributes["dims"][0]) == ((2, 1, 3, 4), (1, 3, 4), "echo")


def test_positions_closer_than_a_hundredth_of_a_pixel_are_one(make):
    zs = [0.0, 0.004, 2.0, 2.004]
    files = [make.slice(PLANE + k, z, Modality="MR", EchoTime=1.0 + k % 2) for k, z in enumerate(zs)]
    assert make.read(files)[0].shape == (2, 2, 3, 4)
    chain = [make.slice(PLANE, z) for z in np.arange(0, 0.05, 0.0045)]
    assert make.read(chain)[1].shape == (6, 3, 4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(2, 4),
    st.integers(1, 3),
    st.sampled_from(["EchoTime", "TemporalPositionIdentifier", "DiffusionBValue", "AcquisitionNumber"]),
    st.integers(0, 2**32 - 1),
)
def test_the_order_of_files_never_matters(make, depth, steps, keyword, seed):
    zs = tuple(2.0 * j for j in range(depth))
    files = grid(make, [{keyword: k + 1} for k in range(steps)], zs=zs)
    first, geometry, attributes = make.read(files)
    again, same, alike = make.read(shuffled(files, seed))
    assert np.array_equal(first, again)
    assert (geometry, attributes) == (same, alike)
    assert all(a < b for a, b in pairwise(first.reshape(-1, depth, 3, 4)[0, :, 0, 0]))


# --- private b-values


def private_block(ds, group, creator, elements):
    block = ds.private_block(group, creator, create=True)
    for element, vr, value in elements:
        block.add_new(element, vr, value)
    return ds


@pytest.mark.parametrize(
    ("blocks", "has_direction"),
    [
        (lambda b, g: [(0x19, "SIEMENS MR HEADER", [(0x0C, "IS", str(b)), (0x0E, "FD", g)])], True),
        (lambda b, g: [(0x43, "GEMS_PARM_01", [(0x39, "IS", [str(10**9 + b), "8", "0", "0"])]),
                       (0x19, "GEMS_ACQU_01", [(0xBB + k, "DS", str(one)) for k, one in enumerate(g)])], False),
        (lambda b, g: [(0x2001, "Philips Imaging DD 001", [(0x03, "FL", float(b))]),
                       (0x2005, PHILIPS_MR, [(0xB0 + k, "FL", one) for k, one in enumerate(g)])], True),
    ],
)  # fmt: skip
def test_well_known_private_b_values_are_read(make, blocks, has_direction):
    files = []
    for k, (b, gradient) in enumerate([(0, [0, 0, 0]), (800, [0.0, 0.0, 1.0]), (800, [1.0, 0.0, 0.0])]):
        for j, z in enumerate(ZS):
            ds = make.dataset(PLANE + 1000 * k + 100 * j, z=z, Modality="MR")
            for group, creator, elements in blocks(b, gradient):
                private_block(ds, group, creator, elements)
            files.append(make.written(ds))
    values, _, attributes = make.read(shuffled(files))
    assert attributes["coords"] == {"b_value": [0, 800, 800]}
    directions = [None, [0, 0, 1], [1, 0, 0]] if has_direction else [None, None, None]
    assert attributes["gradient_direction"] == directions
    assert set(values[:, 0, 0, 0].tolist()) == {0, 1000, 2000}


def test_times_that_do_not_tell_all_slices_apart_conflict(make):
    files = [
        make.slice(PLANE + 1000 * k + 100 * j, z, Modality="MR", ContentTime="100000" if j else f"10000{k}")
        for k in range(2)
        for j, z in enumerate(ZS)
    ]
    assert refusal_of(make.read, files).verdict == "conflicting_slices"
