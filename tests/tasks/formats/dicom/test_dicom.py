from __future__ import annotations

import pickle
from datetime import date

import numpy as np
import pytest

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.header import read_header

BLANK = np.zeros((3, 4), np.int16)


def refusal_of(function, *arguments):
    with pytest.raises(BadData) as refusal:
        function(*arguments)
    return refusal.value


def header_of(data, identities):
    return read_header(Held(data), identities)


# --- headers


def test_a_header_tells_physical_facts_and_keyed_names_only(make, identities):
    header = header_of(make.slice(BLANK, 7.5), identities)
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
    header = header_of(make.written(make.structure([[(0, 0, 0)] * 3], names=names)), identities)
    assert header.kind == "rtstruct"
    assert header.regions == ("GTV Mass", "ROI 2", "ROI 3")
    assert header.referenced_series == (identities.opaque(make.series),)
    assert header.label == "GTV first"
    assert header.reader == identities.opaque(make.operator)
    assert (header.rows, header.plane) == (0, None)


@pytest.mark.parametrize("label", ["by Quagga", "lemur 2", "a/b", "", "7744110"])
def test_a_label_that_could_name_someone_is_left_out(make, identities, label):
    data = make.written(make.structure([[(0, 0, 0)] * 3], StructureSetLabel=label))
    assert header_of(data, identities).label is None


def test_the_frame_of_reference_of_a_structure_set_may_stand_in_its_references(make, identities):
    ds = make.structure([[(0, 0, 0)] * 3])
    image = header_of(make.slice(BLANK), identities)
    del ds.FrameOfReferenceUID
    assert header_of(make.written(ds), identities).frame_of_reference == image.frame_of_reference


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
    ],
)
def test_a_header_that_cannot_be_trusted_is_refused_by_name(make, identities, elements, verdict):
    refusal = refusal_of(header_of, make.slice(BLANK, **elements), identities)
    assert refusal.verdict == verdict


def test_a_study_without_a_date_has_no_day_and_another_date_stands_in(make, identities):
    assert header_of(make.slice(BLANK, StudyDate=""), identities).day is None
    later = header_of(make.slice(BLANK, StudyDate="", ContentDate="20240201"), identities)
    assert later.day == header_of(make.slice(BLANK), identities).day + 1


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [("1.2.840.10008.5.1.4.1.1.66.4", "seg"), ("1.2.840.10008.5.1.4.1.1.481.2", "other"), ("1.2.3", "image")],
)
def test_segmentations_and_doses_are_no_images_and_private_classes_stay_private(make, identities, sop_class, kind):
    header = header_of(make.slice(BLANK, sop_class=sop_class), identities)
    assert header.kind == kind
    assert (header.sop_class == "other") == (sop_class == "1.2.3")


def test_a_file_cut_off_within_its_pixels_tells_its_series_and_refuses_its_voxels(make, identities):
    whole = make.slice(BLANK, 7.5)
    cut = whole[:-10]
    assert header_of(cut, identities).series == header_of(whole, identities).series
    refusal = refusal_of(make.read, [cut])
    assert refusal.verdict == "corrupt_file"
    assert "before its pixels" in refusal.came


def test_a_file_cut_off_within_its_header_is_refused_whole(make, identities):
    assert refusal_of(header_of, make.slice(BLANK, 7.5)[:300], identities).verdict == "corrupt_file"
