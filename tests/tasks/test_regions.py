"""From what readers drew to masks on the grid of their image: structure sets, segmentations, label maps, pictures."""

from __future__ import annotations

import gzip

import nibabel
import nrrd
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.kinds import MASK, geometry_of
from data_catalog.verdicts import catalogue
from tasks.formats.content import Held
from tasks.regions import draw_region, read_mask, read_named_segment, read_segment
from tests.tasks.conftest import dicom, image, outlined, png

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:nrrd")
"""pynrrd, which writes files to be read here, asks the time in a way that Python 3.12 has deprecated."""
GRID = Geometry((3, 4, 5), (3.0, 2.0, 1.0))
"""That of the slices of the tests' CT."""
CT = image(np.arange(60.0).reshape(3, 4, 5), grid=GRID)
LABELS = np.zeros((3, 4, 5), dtype=np.uint8)
LABELS[0, 0, :2] = (1, 4)
LABELS[2, 3, 4] = 2


def item(**elements):
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def segmentation(frames, zs, labels=("Liver",)):
    """Return a binary segmentation of frames (n, 4, 5), all of the first segment."""
    groups = [
        item(
            PlanePositionSequence=Sequence([item(ImagePositionPatient=[0.0, 0.0, z])]),
            SegmentIdentificationSequence=Sequence([item(ReferencedSegmentNumber=1)]),
        )
        for z in zs
    ]
    shared = item(
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[2.0, 1.0])]),
    )
    data = np.packbits(np.asarray(frames, bool).ravel(), bitorder="little").tobytes()
    return dicom(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4",
        Modality="SEG",
        SegmentationType="BINARY",
        SegmentSequence=Sequence([item(SegmentNumber=n, SegmentLabel=label) for n, label in enumerate(labels, 1)]),
        Rows=4,
        Columns=5,
        NumberOfFrames=len(zs),
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelRepresentation=0,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(groups),
        PixelData=data + b"\0" * (len(data) % 2),
    )


def nifti(labels=LABELS, affine=(-1.0, -2.0, 3.0, 1.0), origin=(0.0, 0.0, 0.0)):
    """Return a label map in NIfTI; RAS turns the signs of x and y."""
    matrix = np.diag(affine)
    matrix[:3, 3] = origin
    written = nibabel.Nifti1Image(np.asarray(labels).T, matrix)
    written.header.set_xyzt_units("mm")
    return written.to_bytes()


def written_nrrd(tmp_path, labels=LABELS, directions=((1, 0, 0), (0, 2, 0), (0, 0, 3)), origin=(0, 0, 0), **fields):
    header = {"space": "left-posterior-superior", "space directions": np.array(directions, float)}
    path = tmp_path / "labels.nrrd"
    nrrd.write(str(path), np.asarray(labels).T, {**header, "space origin": np.array(origin, float), **fields})
    return path.read_bytes()


def notes_of(mask):
    return [note["name"] for note in mask.attrs["corrections"]]


def refusal_of(stage, *contents, **parameters):
    with pytest.raises(BadData) as refusal:
        stage.function([Held(content) for content in contents], CT, **parameters)
    assert refusal.value.verdict in catalogue()
    return refusal.value


def made(stage, *contents, on=CT, **parameters):
    mask = stage.function([Held(content) for content in contents], on, **parameters)
    MASK.check(mask)
    assert geometry_of(mask) == geometry_of(on)
    assert set(notes_of(mask)) <= set(catalogue())
    return mask


def test_a_contour_becomes_a_region_on_the_grid_of_its_image():
    mask = made(draw_region, outlined(), source_name="GTV", region="tumour")
    assert mask.attrs["names"] == {"1": "tumour"}
    assert np.argwhere(mask.values).tolist() == [[1, y, x] for y in (1, 2) for x in (1, 2)]
    assert notes_of(mask) == []


def test_contours_that_enclose_no_centre_of_a_voxel_are_an_empty_mask():
    contour, drawn, roi = Dataset(), Dataset(), Dataset()
    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 3
    contour.ContourData = [0.1, 0.1, 3.0, 0.2, 0.1, 3.0, 0.2, 0.2, 3.0]
    drawn.ReferencedROINumber, drawn.ContourSequence = 1, Sequence([contour])
    roi.ROINumber, roi.ROIName = 1, "GTV"
    sets = {"StructureSetROISequence": Sequence([roi]), "ROIContourSequence": Sequence([drawn])}
    data = dicom(SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT", **sets)
    assert refusal_of(draw_region, data, source_name="GTV", region="tumour").verdict == "empty_mask"


def test_a_segmentation_becomes_a_region_though_it_holds_some_slices_only():
    frames = np.stack([LABELS[2] > 0, LABELS[0] > 0])
    mask = made(read_segment, segmentation(frames, (6.0, 0.0)), source_name="Liver", region="liver")
    np.testing.assert_array_equal(mask.values, LABELS > 0)
    assert mask.attrs["names"] == {"1": "liver"}


def test_a_segmentation_between_the_slices_is_refused():
    data = segmentation(LABELS[:1] > 0, (1.5,))
    refusal = refusal_of(read_segment, data, source_name="Liver", region="liver")
    assert refusal.verdict == "frame_off_grid"
    assert "1.500 mm off" in refusal.came


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_a_label_map_becomes_its_named_regions(packed):
    mask = made(read_mask, packed(nifti()), region="", labels={"1": "core", "4": "rim", "2": "node"})
    assert mask.attrs["names"] == {"1": "core", "2": "node", "4": "rim"}
    np.testing.assert_array_equal(mask.values, LABELS)
    assert notes_of(mask) == []


def test_labels_may_be_whole_numbers_and_only_some_of_them():
    mask = made(read_mask, nifti(), region="", labels={4: "rim", 9: "vessel"})
    assert mask.attrs["names"] == {"4": "rim"}
    assert mask.values.sum() == 4
    assert notes_of(mask) == ["labels_left_out"]


def test_a_label_map_without_names_is_one_region():
    mask = made(read_mask, nifti(), region="tumour")
    assert mask.attrs["names"] == {"1": "tumour"}
    np.testing.assert_array_equal(mask.values, LABELS > 0)
    assert notes_of(mask) == ["labels_merged"]


def test_the_format_is_told_by_the_content(tmp_path):
    for data in (nifti(), written_nrrd(tmp_path)):
        np.testing.assert_array_equal(made(read_mask, data, region="t").values, LABELS > 0)
    assert refusal_of(read_mask, b"neither of them", region="t").verdict == "unknown_format"


def test_a_label_map_with_its_axes_the_other_way_is_put_into_order(tmp_path):
    mask = made(read_mask, nifti(LABELS[:, ::-1, ::-1], (1.0, 2.0, 3.0, 1.0), (-4.0, -6.0, 0.0)), region="t")
    np.testing.assert_array_equal(mask.values, LABELS > 0)
    assert "axes_reordered" in notes_of(mask)
    turned = written_nrrd(tmp_path, LABELS.transpose(2, 0, 1), ((0, 2, 0), (0, 0, 3), (1, 0, 0)))
    np.testing.assert_array_equal(made(read_mask, turned, region="t").values, LABELS > 0)


def test_a_label_map_of_a_box_is_placed(tmp_path):
    box = written_nrrd(tmp_path, LABELS[2:, 2:, 3:], origin=(3, 4, 6))
    mask = made(read_mask, box, region="t")
    assert np.argwhere(mask.values).tolist() == [[2, 3, 4]]
    assert notes_of(mask) == ["box_placed"]


@pytest.mark.parametrize(
    ("data", "came"),
    [
        (nifti(origin=(0.0, 0.0, 1.0)), "it begins (1.000, 0.000, 0.000) mm"),
        (nifti(affine=(1.0, -2.0, 3.0, 1.0)), "its x axis runs the other way"),
        (nifti(affine=(-1.0, -2.0, 6.0, 1.0)), "voxels of 6.000 x 2.000 x 1.000 and 3.000 x 2.000 x 1.000 mm differ"),
        (nifti(np.ones((3, 4, 6), np.uint8)), "shapes (3, 4, 6) and (3, 4, 5) differ"),
    ],
)
def test_a_label_map_on_another_grid_is_refused_with_the_difference(data, came):
    refusal = refusal_of(read_mask, data, region="t")
    assert refusal.verdict == "other_grid"
    assert refusal.expected == "Image and mask must share a grid"
    assert came in refusal.came


def test_a_refused_label_map_is_shown_in_small_but_no_refused_picture():
    shifted = nifti(origin=(0.0, 0.0, 1.0))
    shown = refusal_of(read_mask, shifted, region="t").picture
    assert shown.shape == (5, 3), "the slice of 4 x 5 voxels of 2 x 1 mm in which most is inside"
    assert shown.max() == 255
    with pytest.raises(BadData) as refusal:
        read_mask.function([Held(shifted)], CT.assign_attrs(modality="US"), region="t")
    assert refusal.value.picture is None


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (nifti(np.zeros((3, 4, 5), np.uint8)), "empty_mask"),
        (nifti(np.full((3, 4, 5), 0.5, np.float32)), "not_labels"),
    ],
)
def test_a_label_map_without_labels_is_refused(data, verdict):
    assert refusal_of(read_mask, data, region="t").verdict == verdict


def test_segments_of_one_file_may_overlap(tmp_path):
    layers = np.stack([LABELS > 0, LABELS == 4]).astype(np.uint8)
    directions = ((np.nan, np.nan, np.nan), (1, 0, 0), (0, 2, 0), (0, 0, 3))
    fields = {
        "kinds": ["list", "domain", "domain", "domain"],
        "Segment0_Name": "whole",
        "Segment0_LabelValue": "1",
        "Segment0_Layer": "0",
        "Segment1_Name": "rim",
        "Segment1_LabelValue": "1",
        "Segment1_Layer": "1",
    }
    header = {"space": "left-posterior-superior", "space directions": np.array(directions, float), **fields}
    path = tmp_path / "two.seg.nrrd"
    nrrd.write(str(path), layers.transpose(0, 3, 2, 1), {**header, "space origin": np.zeros(3)})
    whole = made(read_named_segment, path.read_bytes(), source_name="whole", region="tumour")
    rim = made(read_named_segment, path.read_bytes(), source_name="rim", region="rim")
    np.testing.assert_array_equal(whole.values, LABELS > 0)
    np.testing.assert_array_equal(rim.values, LABELS == 4)
    assert whole.attrs["names"] == {"1": "tumour"}


PICTURE = image(np.arange(12.0).reshape(1, 3, 4), unit="1", modality="US", grid=Geometry((1, 3, 4), (1.0, 0.1, 0.1)))


def test_a_picture_of_a_mask_has_the_grid_of_its_image():
    pixels = np.arange(12).reshape(3, 4)
    mask = made(read_mask, png((pixels > 5) * 255), on=PICTURE, region="lesion")
    np.testing.assert_array_equal(mask.values[0], pixels > 5)
    smooth = made(read_mask, png(pixels * 20), on=PICTURE, region="lesion")
    assert notes_of(smooth) == ["decided_at_half"]


def test_a_picture_of_labels_has_several_regions():
    pixels = np.array([[0, 1, 1, 0], [2, 2, 0, 0], [0, 0, 0, 3]])
    mask = made(read_mask, png(pixels), on=PICTURE, region="", labels={1: "lesion", 2: "cyst"})
    assert mask.attrs["names"] == {"1": "lesion", "2": "cyst"}
    assert mask.values.sum() == 2 + 4


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(BadData, match=r"shapes \(1, 3, 4\) and \(1, 3, 5\) differ"):
        read_mask.function([Held(png(np.ones((3, 5)) * 255))], PICTURE, region="lesion")
