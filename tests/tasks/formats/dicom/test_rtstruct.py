from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.parse import parse
from tasks.formats.dicom.rtstruct import read_contours, region_names
from tasks.formats.dicom.volume import read_series
from tasks.methods.regions.contours import place_contours

SQUARE = [(0.0, 1.0, 5.0), (2.0, 1.0, 5.0), (2.0, 3.5, 5.0), (0.0, 3.5, 5.0)]


def refusal_of(data, region="tumour"):
    with pytest.raises(BadData) as refusal:
        read_contours(data, region)
    return refusal.value


def test_points_come_as_z_y_x(make):
    (contour,), notes = read_contours(make.written(make.structure([SQUARE])), "tumour")
    assert notes == []
    assert contour[2].tolist() == [5.0, 3.5, 2.0]
    assert contour.shape == (4, 3)


def test_a_region_is_drawn_onto_the_series_it_was_made_on(make):
    image = [Held(make.slice(np.zeros((3, 4), np.int16), z)) for z in (0.0, 2.0)]
    # Columns lie at x = 10, 10.5, 11, 11.5 and rows at y = 20, 22, 24.
    box = [(9.9, 19, 2), (10.6, 19, 2), (10.6, 23, 2), (9.9, 23, 2)]
    _, geometry, _ = read_series(image)
    mask, _ = place_contours(read_contours(make.written(make.structure([box])), "tumour")[0], geometry)
    assert mask.astype(int).tolist() == [[[0] * 4] * 3, [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]]


def test_regions_are_told_apart_by_name(make):
    data = make.written(make.structure([SQUARE], names=("tumour", "Quagga's node")))
    assert region_names(data) == ["tumour", "ROI 2"]
    assert len(read_contours(data, "ROI 2")[0]) == 1


def test_a_region_that_is_not_there_is_refused_without_its_name(make):
    refusal = refusal_of(make.written(make.structure([SQUARE])), "Quagga")
    assert refusal.verdict == "unknown_region"
    assert "Quagga" not in str(refusal)


def test_two_regions_of_one_name_are_ambiguous(make):
    assert refusal_of(make.written(make.structure([SQUARE], names=("tumour",) * 2))).verdict == "ambiguous_region"


def test_a_region_without_contours_is_empty(make):
    assert refusal_of(make.written(make.structure([]))).verdict == "empty_region"


def changed(make, **elements):
    ds = make.structure([SQUARE])
    contour = ds.ROIContourSequence[0].ContourSequence[0]
    for keyword, value in elements.items():
        setattr(contour, keyword, value)
    return make.written(ds)


@pytest.mark.parametrize(
    ("elements", "verdict"),
    [
        ({"ContourGeometricType": "POINT"}, "not_a_closed_contour"),
        ({"NumberOfContourPoints": 3}, "bad_element"),
        ({"ContourData": [1.0, 2.0, 3.0, 4.0]}, "bad_element"),
        ({"ContourData": None}, "bad_element"),
    ],
)
def test_a_contour_that_encloses_nothing_sure_is_refused(make, elements, verdict):
    assert refusal_of(changed(make, **elements)).verdict == verdict


def test_a_region_without_a_number_is_refused(make):
    ds = make.structure([SQUARE])
    nameless = Dataset()
    nameless.ROIName = "other"
    ds.StructureSetROISequence = Sequence([*ds.StructureSetROISequence, nameless])
    assert refusal_of(make.written(ds)).verdict == "bad_element"


def with_kinds(make, *kinds):
    """Return a structure set whose contours are squares of several kinds."""
    ds = make.structure([SQUARE for _ in kinds])
    for contour, kind in zip(ds.ROIContourSequence[0].ContourSequence, kinds, strict=True):
        contour.ContourGeometricType = kind
    return ds


def test_points_and_open_lines_beside_closed_contours_are_left_out_and_counted(make):
    ds = with_kinds(make, "CLOSED_PLANAR", "OPEN_PLANAR", "POINT", "CLOSEDPLANAR_XOR", "OPEN_NONPLANAR")
    contours, notes = read_contours(make.written(ds), "tumour")
    assert len(contours) == 2
    assert [note.name for note in notes] == ["open_contours_left_out"]
    assert notes[0].text.startswith("3 of 5 contours")


def test_a_closed_contour_of_two_points_encloses_nothing(make):
    data = make.written(make.structure([SQUARE, SQUARE[:2]]))
    contours, notes = read_contours(data, "tumour")
    assert len(contours) == 1
    assert notes[0].text.startswith("1 of 2 contours")
    assert refusal_of(make.written(make.structure([SQUARE[:1]]))).verdict == "not_a_closed_contour"


def test_a_broken_point_beside_closed_contours_is_not_looked_at(make):
    ds = with_kinds(make, "CLOSED_PLANAR", "POINT")
    ds.ROIContourSequence[0].ContourSequence[1].NumberOfContourPoints = 9
    assert len(read_contours(make.written(ds), "tumour")[0]) == 1


def real(shared, name):
    return (shared / "dicom_zoo" / "rtstruct_ct" / name).read_bytes()


@pytest.mark.shared
def test_real_contours_become_voxels_whatever_images_they_refer_to(shared):
    _, geometry, _ = read_series([Held(real(shared, name)) for name in ("ct_1.dcm", "ct_2.dcm")])
    contours, _ = read_contours(real(shared, "rt.dcm"), "ROI-1")
    mask, notes = place_contours(contours, geometry)
    # A square of 24 mm with an octagon within it, in the first of two slices; pixels are 0.488281 mm wide.
    assert mask.any(axis=(1, 2)).tolist() == [True, False]
    areas = [abs(shoelace(contour[:, 1:])) for contour in contours]
    assert mask.sum() * 0.488281**2 == pytest.approx(max(areas) - min(areas), rel=0.03)
    assert notes == []


def shoelace(points):
    y, x = points.T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["invalid_reference_rt.dcm", "non_existent_reference_rt.dcm"])
def test_real_contours_on_slices_that_are_not_there_are_refused_and_counted(shared, name):
    _, geometry, _ = read_series([Held(real(shared, image)) for image in ("ct_1.dcm", "ct_2.dcm")])
    contours, _ = read_contours(real(shared, name), "ROI-1")
    with pytest.raises(BadData, match="1 of 3 do not") as refusal:
        place_contours(contours, geometry)
    assert refusal.value.verdict == "contour_off_grid"
    inside, _ = place_contours([contour for contour in contours if contour[0, 0] < 70], geometry)
    assert inside.any(axis=(1, 2)).all()


@pytest.mark.shared
def test_real_structure_sets_name_their_regions(shared):
    assert region_names(real(shared, "invalid_reference_rt.dcm")) == ["ROI-1", "ROI-2", "ROI-3", "ROI-4"]
    assert parse(real(shared, "rt.dcm")).dataset.text("Modality") == "RTSTRUCT"
