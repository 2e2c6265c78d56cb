import io

import numpy as np
import pydicom
import pytest

from tasks.synthetic.design import cases
from tasks.synthetic.dicom_files import Series, pet_slices, uid
from tasks.synthetic.identities import person
from tasks.synthetic.phantom import pet_grid


def test_a_uid_is_always_the_same_and_valid():
    assert uid("a", 1) == uid("a", 1) != uid("a", 2)
    assert pydicom.uid.UID(uid("a", 1)).is_valid


def test_every_file_is_part_10_in_explicit_little_endian(reading):
    for path, content in reading.files.items():
        if path.endswith(".dcm"):
            assert content[128:132] == b"DICM"
    for image in reading.images.values():
        assert image.slices[0].file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian


def test_uids_of_files_differ_and_all_are_valid(reading):
    files = [s for image in reading.images.values() for s in image.slices] + list(reading.structures.values())
    uids = [file.SOPInstanceUID for file in files]
    assert len(set(uids)) == len(uids)
    assert all(one.is_valid for file in files for one in (file.StudyInstanceUID, file.SeriesInstanceUID))


def test_pixel_spacing_is_row_then_column_and_unequal(reading):
    for (_, _, modality), image in reading.images.items():
        assert [float(v) for v in image.slices[0].PixelSpacing] == {"CT": [1.25, 1.0], "PT": [2.3, 2.1]}[modality]


def test_pet_is_in_suv_with_a_slope_for_each_slice_on_the_ct_frame(standard, reading):
    for patient in standard[1].patients:
        pet, ct = (reading.images[patient.patient_id, "1", modality] for modality in ("PT", "CT"))
        later = reading.images[patient.patient_id, "2", "CT"]
        assert pet.slices[0].Units == "GML"
        assert len({str(s.RescaleSlope) for s in pet.slices}) > 1
        assert pet.slices[0].FrameOfReferenceUID == ct.slices[0].FrameOfReferenceUID
        assert later.slices[0].FrameOfReferenceUID != ct.slices[0].FrameOfReferenceUID


def test_some_series_are_numbered_out_of_order_and_some_lie_oblique(reading):
    orders = {tuple(np.sign(np.diff([s.InstanceNumber for s in image.slices]))) for image in reading.images.values()}
    assert any(len(set(order)) == 2 for order in orders)
    assert any(set(order) == {1} for order in orders)
    assert any(set(order) == {-1} for order in orders)
    oblique = [image for image in reading.images.values() if abs(image.axes[0, 2]) < 0.999]
    assert 0 < len(oblique) < len(reading.images) / 4
    for image in reading.images.values():
        np.testing.assert_allclose(image.axes @ image.axes.T, np.eye(3), atol=1e-9)


def test_structure_sets_name_reader_region_and_the_slices_they_lie_on(standard, reading):
    labels = {key[1:] for key in reading.structures}
    assert labels == {("1", "CT/reader-A"), ("1", "CT/reader-B"), ("1", "PT/reader-A"), ("2", "CT/reader-A")}
    missing = standard[1].missing_slice.patient_id, "2", "CT"
    for (who, visit, label), structures in reading.structures.items():
        modality, reader = label.split("/")
        image = reading.images[who, visit, modality]
        assert structures.StructureSetLabel == reader
        assert [roi.ROIName for roi in structures.StructureSetROISequence] == ["GTV"]
        positions = {s.SOPInstanceUID: s.ImagePositionPatient for s in image.slices}
        for contour in structures.ROIContourSequence[0].ContourSequence:
            reference = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
            if reference not in positions:
                assert (who, visit, modality) in {missing, (standard[1].corrupt_file.patient_id, "2", "CT")}
                continue
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            off = (points - np.array(positions[reference], float)) @ image.axes[0]
            assert np.abs(off).max() < 1e-3


def test_both_scanners_read_the_same_air(reading):
    corners = {}
    for (_, _, modality), image in reading.images.items():
        if modality == "CT":
            corners.setdefault(image.slices[0].Manufacturer, []).append(image.voxels[:, 0, 0].mean())
    assert len(corners) == 2
    for values in corners.values():
        assert np.mean(values) == pytest.approx(-1000.0, abs=1.0)


def test_an_empty_pet_slice_reads_back_as_zero():
    case = cases(7, 4)[0]
    grid = pet_grid(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (0.0, 0.0, 0.0))
    series = Series(person(7, 0, case.birth_date), case, 0, "PT")
    file = pet_slices(series, np.zeros(grid.geometry.shape), grid.geometry, [0])[0]
    dataset = pydicom.dcmread(io.BytesIO(file))
    assert not dataset.pixel_array.any()
    assert float(dataset.RescaleSlope) > 0
