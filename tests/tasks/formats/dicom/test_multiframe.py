from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData

FILM = np.arange(4 * 12, dtype=np.uint8).reshape(4, 3, 4)


def refusal_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value


def names_of(attributes):
    return [correction["name"] for correction in attributes["corrections"]]


def film(make, pixels=FILM, modality="US", **elements):
    plain = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    return make.slice(pixels, Modality=modality, NumberOfFrames=len(pixels), **{**plain, **elements})


# --- frames in time


@pytest.mark.parametrize(
    ("elements", "seconds"),
    [
        ({"FrameTime": 40}, [0, 0.04, 0.08, 0.12]),
        ({"FrameTimeVector": [0, 40, 20, 60]}, [0, 0.04, 0.06, 0.12]),
        ({"CineRate": 10}, [0, 0.1, 0.2, 0.3]),
        ({"RecommendedDisplayFrameRate": 2}, [0, 0.5, 1.0, 1.5]),
        ({"FrameTime": 0}, [0, 1, 2, 3]),
        ({}, [0, 1, 2, 3]),
    ],
)
@pytest.mark.parametrize("modality", ["US", "XA", "RF", "OT"])
def test_frames_of_a_film_are_steps_in_time(make, modality, elements, seconds):
    values, geometry, attributes = make.read([film(make, modality=modality, **elements)])
    assert attributes["dims"] == ["t", "z", "y", "x"]
    assert attributes["coords"] == {"t": pytest.approx(seconds)}
    assert np.array_equal(values[:, 0], FILM)
    assert geometry.shape == (1, 3, 4)
    assert ("time_counted" in names_of(attributes)) == (seconds == [0, 1, 2, 3])


def test_a_film_in_colour_has_both_axes(make):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype(np.uint8)
    values, _, attributes = make.read([film(make, pixels, FrameTime=10)])
    assert attributes["dims"] == ["t", "c", "z", "y", "x"]
    assert np.array_equal(np.moveaxis(values[:, :, 0], 1, -1), pixels)


@pytest.mark.parametrize("vector", [[0, 40, 20], [0, 40, 0, 10]])
def test_a_vector_of_times_that_makes_no_sense_is_refused(make, vector):
    assert refusal_of(make.read, [film(make, FrameTimeVector=vector)]).verdict == "bad_element"


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_frames_of_a_tomograph_that_do_not_say_where_they_lie_are_refused(make, modality):
    assert refusal_of(make.read, [film(make, modality=modality)]).verdict == "multiframe_not_supported"


def test_frames_with_one_position_for_all_are_refused(make):
    data = make.slice(FILM, Modality="US", NumberOfFrames=4)
    assert refusal_of(make.read, [data]).verdict == "multiframe_not_supported"


# --- the size of a pixel


def region(kind=1, data=1, units=3, dx=0.02, dy=0.03):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = kind, data
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = dx, dy
    return item


def test_the_calibrated_region_of_an_ultrasound_image_gives_its_pixel_size(make):
    regions = Sequence([region(), region(kind=3, data=4, units=4, dx=1.0, dy=1.0)])
    _, geometry, attributes = make.read([film(make, PixelSpacing=None, SequenceOfUltrasoundRegions=regions)])
    assert geometry.spacing_mm[1:] == pytest.approx((0.3, 0.2))
    assert names_of(attributes) == ["time_counted"]


@pytest.mark.parametrize(
    "regions", [[region(units=4)], [region(kind=2)], [region(data=3)], [region(dx=0.0)], [region(), region(dx=0.04)]]
)
def test_regions_that_are_no_calibrated_image_or_differ_give_none(make, regions):
    data = film(make, PixelSpacing=None, SequenceOfUltrasoundRegions=Sequence(regions))
    assert refusal_of(make.read, [data]).verdict == "unknown_pixel_size"


@pytest.mark.parametrize(
    ("elements", "spacing", "correction"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.1]}, (0.2, 0.1), "detector_pixel_size"),
        ({"ImagerPixelSpacing": [0.3, 0.15], "EstimatedRadiographicMagnificationFactor": 1.5}, (0.2, 0.1),
         "magnification_divided"),
        ({"ImagerPixelSpacing": [0.2, 0.1], "EstimatedRadiographicMagnificationFactor": 0.5}, (0.2, 0.1),
         "detector_pixel_size"),
        ({"NominalScannedPixelSpacing": [0.2, 0.1]}, (0.2, 0.1), "scanner_pixel_size"),
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.2, 0.1]}, (0.2, 0.1), "detector_pixel_size"),
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.2, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"},
         (0.2, 0.1), None),
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.3, 0.15]}, (0.2, 0.1), None),
    ],
)  # fmt: skip
def test_the_pixel_size_of_a_projection_tells_by_what_it_is_known(make, elements, spacing, correction):
    data = make.slice(FILM[0], Modality="DX", ImagePositionPatient=None, ImageOrientationPatient=None,
                      **{"PixelSpacing": None, **elements})  # fmt: skip
    _, geometry, attributes = make.read([data])
    assert geometry.spacing_mm[1:] == pytest.approx(spacing)
    assert names_of(attributes) == ([] if correction is None else [correction])


def test_a_pixel_size_that_no_file_states_may_be_given(make):
    data = make.slice(
        FILM[0], Modality="OT", ImagePositionPatient=None, ImageOrientationPatient=None, PixelSpacing=None
    )
    assert refusal_of(make.read, [data]).verdict == "unknown_pixel_size"
    _, geometry, attributes = make.read([data], pixel_size_mm=(0.4, 0.3))
    assert geometry.spacing_mm == (1.0, 0.4, 0.3)
    assert names_of(attributes) == ["pixel_size_given"]
    stated, _, _ = make.read([make.slice(FILM[0])]), None, None
    assert make.read([make.slice(FILM[0])], pixel_size_mm=(9.0, 9.0))[1] == stated[1]


# --- enhanced multi-frame


def macro(**elements):
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return Sequence([item])


def enhanced(make, positions, *, shared=True, groups=None, extras=None, orientation=(1, 0, 0, 0, 1, 0), **elements):
    ds = make.dataset(np.arange(12 * len(positions), dtype=np.int16).reshape(-1, 3, 4), **elements)
    common = Dataset()
    common.PixelMeasuresSequence = macro(PixelSpacing=[2.0, 0.5], SliceThickness=3)
    common.PlaneOrientationSequence = macro(ImageOrientationPatient=list(orientation))
    common.PixelValueTransformationSequence = macro(RescaleSlope=2, RescaleIntercept=1)
    del ds.PixelSpacing, ds.ImageOrientationPatient, ds.ImagePositionPatient
    frames = []
    for k, z in enumerate(positions):
        frame = Dataset()
        if z is not None:
            frame.PlanePositionSequence = macro(ImagePositionPatient=[0, 0, z])
        if not shared:
            frame.update(common)
        if extras:
            frame.update(extras[k])
        frames.append(frame)
    ds.NumberOfFrames = len(positions)
    if shared:
        ds.SharedFunctionalGroupsSequence = Sequence([common])
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames[:groups])
    return make.written(ds)


def group(**sequences):
    item = Dataset()
    for keyword, value in sequences.items():
        setattr(item, keyword, value)
    return item


@pytest.mark.parametrize(
    "extra",
    [
        lambda k: group(CTReconstructionSequence=macro(ConvolutionKernel="AB"[k % 2])),
        lambda k: group(CTXRayDetailsSequence=macro(KVP=(80.0, 140.0)[k % 2])),
        lambda k: group(UnassignedPerFrameConvertedAttributesSequence=macro(ConvolutionKernel="AB"[k % 2])),
    ],
)
def test_frames_of_two_reconstructions_are_no_volume_and_no_steps_in_time(make, extra):
    for positions in ([0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 2.0, 3.0]):
        data = enhanced(make, positions, extras=[extra(k) for k in range(4)], Modality="CT")
        assert refusal_of(make.read, [data]).verdict == "mixed_series"
    same = enhanced(make, [0.0, 1.0], extras=[extra(0), extra(2)], Modality="CT")
    assert make.read([same])[0].shape == (2, 3, 4)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("modality", ["CT", "MR", "MG"])
def test_frames_lie_where_their_functional_groups_say(make, modality, shared):
    values, geometry, _ = make.read([enhanced(make, [4.0, 0.0, 2.0], shared=shared, Modality=modality)])
    assert values.dtype == np.int16
    assert values[:, 0, 0].tolist() == [25, 49, 1]
    assert (geometry.spacing_mm, geometry.origin_mm[0]) == ((2.0, 2.0, 0.5), 0.0)


def test_each_frame_has_its_own_scale(make):
    extras = [
        group(PixelValueTransformationSequence=macro(RescaleSlope=slope, RescaleIntercept=0)) for slope in (0.5, 4)
    ]
    values, _, _ = make.read([enhanced(make, [0.0, 1.0], shared=False, extras=extras)])
    assert values[:, 0, 1].tolist() == [0.5, 52.0]


@pytest.mark.parametrize(
    ("extra", "axis", "coordinate"),
    [
        (lambda k: group(MREchoSequence=macro(EffectiveEchoTime=2.0 + k)), "echo", [2.0, 3.0]),
        (lambda k: group(FrameContentSequence=macro(TemporalPositionIndex=k + 1)), "t", [0, 1]),
        (lambda k: group(FrameContentSequence=macro(FrameAcquisitionDateTime=f"2024013112000{4 * k}.5")), "t", [0, 4]),
        (lambda k: group(TemporalPositionSequence=macro(TemporalPositionTimeOffset=1.5 * k)), "t", [0, 1.5]),
        (lambda k: group(MRDiffusionSequence=macro(DiffusionBValue=1000.0 * k)), "b_value", [0, 1000]),
        (lambda k: group(CardiacSynchronizationSequence=macro(NominalCardiacTriggerDelayTime=50.0 * k)), "phase",
         [0, 50]),
        (lambda k: group(MRImageFrameTypeSequence=macro(ComplexImageComponent="REAL" if k else "MAGNITUDE")), "part",
         ["magnitude", "real"]),
    ],
)  # fmt: skip
def test_frames_at_one_position_are_set_apart_by_their_groups(make, extra, axis, coordinate):
    extras = [extra(k) for k in (0, 0, 1, 1)]
    values, _, attributes = make.read([enhanced(make, [0.0, 1.0] * 2, extras=extras, Modality="MR")])
    assert attributes["dims"] == [axis, "z", "y", "x"]
    assert attributes["coords"] == {axis: coordinate}
    assert values[:, :, 0, 0].tolist() == [[1, 25], [49, 73]]


@pytest.mark.parametrize("pointer", [0x200110C8, 0x00209128])
def test_frames_may_be_set_apart_by_a_dimension_whatever_it_means(make, pointer):
    dimensions = Sequence([Dataset(), Dataset(), Dataset()])
    for item, tag in zip(dimensions, (0x00209056, 0x00209057, pointer), strict=True):
        item.DimensionIndexPointer = tag
    extras = [
        group(FrameContentSequence=macro(DimensionIndexValues=[1, k % 2 + 1, index]))
        for k, index in enumerate((2, 2, 7, 7))
    ]
    data = enhanced(make, [0.0, 1.0] * 2, extras=extras, Modality="MR", DimensionIndexSequence=dimensions)
    values, _, attributes = make.read([data])
    assert attributes["coords"] == {"t": [0, 1]}
    assert names_of(attributes) == ["time_counted"]
    assert values[:, :, 0, 0].tolist() == [[1, 25], [49, 73]]


def test_a_converted_legacy_file_keeps_what_has_no_macro_in_a_sequence_of_its_own(make):
    extras = [group(UnassignedPerFrameConvertedAttributesSequence=macro(EchoTime=e)) for e in (2.5, 2.5, 6, 6)]
    values, _, attributes = make.read([enhanced(make, [0.0, 1.0] * 2, extras=extras, Modality="MR")])
    assert attributes["coords"] == {"echo": [2.5, 6.0]}
    assert values[:, :, 0, 0].tolist() == [[1, 25], [49, 73]]


def test_the_direction_of_diffusion_stands_in_a_sequence_of_its_own(make):
    def extra(b, gradient):
        item = macro(DiffusionBValue=b)
        item[0].DiffusionGradientDirectionSequence = macro(DiffusionGradientOrientation=gradient)
        return group(MRDiffusionSequence=item)

    extras = [extra(0.0, [0, 0, 0]), extra(900.0, [1, 0, 0]), extra(900.0, [0, 1, 0])]
    _, _, attributes = make.read([enhanced(make, [0.0] * 3, extras=extras, Modality="MR")])
    assert attributes["coords"] == {"b_value": [0, 900, 900]}
    assert sorted(map(str, attributes["gradient_direction"])) == ["None", "[0.0, 0.0, 1.0]", "[0.0, 1.0, 0.0]"]


def test_several_enhanced_files_of_a_series_are_one_volume(make, identities):
    from tasks.formats.content import Held
    from tasks.formats.dicom.header import read_header
    from tasks.formats.dicom.series import group_series

    files = [
        enhanced(make, [0.0, 1.0], Modality="MR", AcquisitionNumber=k, AcquisitionDateTime=f"2024013112000{k}")
        for k in (1, 3)
    ]
    (series,) = group_series([read_header(Held(data), identities) for data in files])
    assert series.members in {(0, 1), (1, 0)}
    values, _, attributes = make.read(files[::-1])
    assert values.shape == (2, 2, 3, 4)
    assert attributes["coords"] == {"t": [0.0, 2.0]}


def test_parts_of_one_volume_in_several_files_are_joined(make):
    values, geometry, _ = make.read([enhanced(make, [4.0, 6.0]), enhanced(make, [0.0, 2.0, 8.0])])
    assert geometry.shape[0] == 5
    assert values[:, 0, 0].tolist() == [1, 25, 1, 25, 49]


def test_each_frame_needs_its_functional_group(make):
    assert refusal_of(make.read, [enhanced(make, [0.0, 1.0, 2.0], groups=2)]).verdict == "bad_element"


def test_frames_of_several_orientations_are_no_volume(make):
    turned = group(PlaneOrientationSequence=macro(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]))
    straight = group(PlaneOrientationSequence=macro(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]))
    data = enhanced(make, [0.0, 1.0], shared=False, extras=[straight, turned])
    assert refusal_of(make.read, [data]).verdict == "mixed_orientation"


def test_enhanced_frames_without_a_position_are_steps_in_time_unless_of_a_tomograph(make):
    _, _, attributes = make.read([enhanced(make, [None] * 3, Modality="XA", FrameTime=100)])
    assert attributes["coords"] == {"t": pytest.approx([0, 0.1, 0.2])}
    data = enhanced(make, [None] * 3, Modality="MR")
    assert refusal_of(make.read, [data]).verdict == "multiframe_not_supported"
    volume = [group(PlanePositionVolumeSequence=macro(ImagePositionVolume=[0, 0, k])) for k in range(3)]
    ultrasound = enhanced(make, [None] * 3, Modality="US", extras=volume)
    assert refusal_of(make.read, [ultrasound]).verdict == "multiframe_not_supported"


def test_tiles_of_a_slide_are_refused(make):
    tiles = [group(PlanePositionSlideSequence=macro(ColumnPositionInTotalImagePixelMatrix=1))] * 2
    data = enhanced(make, [0.0, 1.0], Modality="SM", extras=tiles)
    assert refusal_of(make.read, [data]).verdict == "multiframe_not_supported"


def test_a_numeric_element_of_a_wrong_length_is_refused(make):
    extras = [group(MREchoSequence=macro(EffectiveEchoTime=2.0)), group(MREchoSequence=macro(EffectiveEchoTime=3.0))]
    data = enhanced(make, [0.0, 0.0], extras=extras, Modality="MR")
    at = data.find(np.float64(3.0).tobytes())
    broken = data[:at] + np.float64(np.nan).tobytes() + data[at + 8 :]
    assert refusal_of(make.read, [broken]).verdict == "bad_element"


# --- nuclear medicine


def nuclear(make, frames=3, kind="RECON TOMO", step=4.0, detector=True, **elements):
    pixels = np.arange(12 * frames, dtype=np.uint16).reshape(frames, 3, 4)
    where = {"ImagePositionPatient": [5.0, 6.0, 7.0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    ds = make.dataset(pixels, Modality="NM", ImagePositionPatient=None, ImageOrientationPatient=None, **elements)
    ds.ImageType, ds.NumberOfFrames = ["ORIGINAL", "PRIMARY", kind], frames
    if step is not None:
        ds.SpacingBetweenSlices = step
    if detector:
        ds.DetectorInformationSequence = macro(**where)
    return make.written(ds)


@pytest.mark.parametrize(("step", "first", "order"), [(4.0, 7.0, [0, 12, 24]), (-4.0, -1.0, [24, 12, 0])])
def test_slices_of_a_reconstruction_follow_each_other_along_or_against_the_normal(make, step, first, order):
    values, geometry, attributes = make.read([nuclear(make, step=step, SliceVector=[1, 2, 3])])
    assert attributes["dims"] == ["z", "y", "x"]
    assert (geometry.origin_mm, geometry.spacing_mm) == ((first, 6.0, 5.0), (4.0, 2.0, 0.5))
    assert values[:, 0, 0].tolist() == order


def test_slots_of_a_gated_reconstruction_are_phases(make):
    data = nuclear(make, 4, "RECON GATED TOMO", SliceVector=[1, 2, 1, 2], TimeSlotVector=[1, 1, 2, 2])
    values, _, attributes = make.read([data])
    assert attributes["dims"] == ["phase", "z", "y", "x"]
    assert values[:, :, 0, 0].tolist() == [[0, 12], [24, 36]]


def test_a_dynamic_of_one_detector_is_a_film(make):
    data = nuclear(make, 3, "DYNAMIC", TimeSliceVector=[1, 2, 3], ActualFrameDuration=2000)
    values, geometry, attributes = make.read([data])
    assert attributes["coords"] == {"t": [0, 2, 4]}
    assert (values.shape, geometry.origin_mm) == ((3, 1, 3, 4), (0, 0, 0))


def test_a_dynamic_of_phases_of_unlike_length_is_counted(make):
    phases = Sequence([Dataset(), Dataset()])
    phases[0].ActualFrameDuration, phases[1].ActualFrameDuration = 1000, 5000
    data = nuclear(
        make, 3, "DYNAMIC", PhaseVector=[1, 1, 2], TimeSliceVector=[1, 2, 1], PhaseInformationSequence=phases
    )
    _, _, attributes = make.read([data])
    assert attributes["coords"] == {"t": [0, 1, 2]}
    assert "time_counted" in names_of(attributes)


@pytest.mark.parametrize(
    ("elements", "verdict"),
    [
        ({"kind": "TOMO"}, "multiframe_not_supported"),
        ({"kind": "STATIC"}, "multiframe_not_supported"),
        ({"kind": "DYNAMIC"}, "multiframe_not_supported"),
        ({"DetectorVector": [1, 2, 1]}, "multiframe_not_supported"),
        ({"EnergyWindowVector": [1, 1, 2]}, "multiframe_not_supported"),
        ({"SliceVector": [1, 2]}, "bad_element"),
        ({"detector": False}, "unknown_position"),
        ({"step": None}, "unknown_position"),
    ],
)
def test_other_nuclear_frames_are_refused_by_name(make, elements, verdict):
    assert refusal_of(make.read, [nuclear(make, **elements)]).verdict == verdict


def test_a_position_of_two_numbers_is_refused(make):
    data = enhanced(
        make, [0.0, 1.0], Modality="MR", extras=[group(FrameContentSequence=macro(TemporalPositionIndex=1))] * 2
    )
    at = data.find(b"\x20\x00\x28\x91UL\x04\x00")
    broken = data[: at + 6] + b"\x03\x00" + data[at + 8 : at + 11] + data[at + 12 :]
    assert refusal_of(make.read, [broken]).verdict in {"bad_element", "corrupt_file"}
