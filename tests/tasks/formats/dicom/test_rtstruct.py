from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData
from tasks.formats.dicom.rtstruct import read_contours, region_names
from tasks.formats.dicom.volume import read_series
from tasks.methods.regions.scanline import rasterise

SQUARE = [(0.0, 1.0, 5.0), (2.0, 1.0, 5.0), (2.0, 3.5, 5.0), (0.0, 3.5, 5.0)]


def refusal_of(data, region="tumour"):
    with pytest.raises(BadData) as refusal:
        read_contours(data, region)
    return refusal.value


def test_points_come_as_z_y_x(make):
    (contour,) = read_contours(make.written(make.structure([SQUARE])), "tumour")
    assert contour[2].tolist() == [5.0, 3.5, 2.0]
    assert contour.shape == (4, 3)


def test_a_region_is_drawn_onto_the_series_it_was_made_on(make):
    image = [make.slice(np.zeros((3, 4), np.int16), z) for z in (0.0, 2.0)]
    # Columns lie at x = 10, 10.5, 11, 11.5 and rows at y = 20, 22, 24.
    box = [(9.9, 19, 2), (10.6, 19, 2), (10.6, 23, 2), (9.9, 23, 2)]
    _, geometry, _ = read_series(image)
    mask = rasterise(read_contours(make.written(make.structure([box])), "tumour"), geometry)
    assert mask.astype(int).tolist() == [[[0] * 4] * 3, [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]]


def test_regions_are_told_apart_by_name(make):
    data = make.written(make.structure([SQUARE], names=("tumour", "Quagga's node")))
    assert region_names(data) == ["tumour", "ROI 2"]
    assert len(read_contours(data, "ROI 2")) == 1


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
