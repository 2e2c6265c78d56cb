"""Which DICOM files are recordings and reports, and at which of the patient's visits."""

from __future__ import annotations

from hashlib import sha256

from tasks.formats.dicom.header import DicomHeader
from tasks.formats.dicom.planes import Plane
from tasks.sources.files import SourceFile
from tasks.sources.found import FileFacts, dicom_found

PLANE = Plane((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0), None, 1.0, 0.0)


def of_kind(word, kind, day=100, **changes):
    digest = sha256(word.encode()).hexdigest()
    facts = {
        "fingerprint": digest, "head": 1, "kind": kind, "patient": "P-1", "day": day, "study": "study",
        "series": f"s {word}", "instance": word, "frame_of_reference": None, "sop_class": "1.2.840.10008.5.1.4",
        "modality": {"image": "CT", "waveform": "ECG", "report": "SR"}.get(kind, "OT"), "manufacturer": "Acme",
        "model": "", "station": None, "rows": 4, "columns": 4, "frames": 1,
        "plane": PLANE if kind == "image" else None, **changes,
    }  # fmt: skip
    header = DicomHeader(**facts)
    return SourceFile(f"/scans/{word}", None, 1, 0, word), FileFacts(digest=digest, head=1, dicom=header)


def found_in(*scanned, modalities=()):
    return dicom_found(scanned, modalities, {}, 0)


def test_each_group_of_a_waveform_file_is_a_recording_of_its_own():
    found = found_in(of_kind("ecg", "waveform", groups=2))
    assert sorted((one.modality, one.role, one.group) for one in found.recordings) == [
        ("ECG", "waveform", 0),
        ("ECG", "waveform", 1),
    ]
    assert len({one.item for one in found.recordings}) == 2
    assert [[file.name for file in one.files.files] for one in found.recordings] == [["ecg"], ["ecg"]]
    assert (found.series, found.reports) == ([], [])
    assert found_in(of_kind("ecg", "waveform", groups=0)).recordings == []


def test_a_report_is_a_report_and_a_copy_counts_once():
    report = of_kind("sr", "report")
    found = found_in(report, (report[0], report[1]))
    assert [(one.modality, one.role, one.patient) for one in found.reports] == [("SR", "report", "P-1")]


def test_visits_are_counted_over_images_recordings_and_reports():
    found = found_in(
        of_kind("sr", "report", day=90), of_kind("ct", "image"), of_kind("ecg", "waveform", day=120, groups=1)
    )
    visits = [(one.role, one.visit, one.days) for one in (*found.reports, *found.series, *found.recordings)]
    assert visits == [("report", 0, 0), ("image", 1, 10), ("waveform", 2, 30)]


def test_a_plan_may_take_some_modalities_and_patients_only():
    scanned = (of_kind("ecg", "waveform", groups=1), of_kind("sr", "report", patient="P-2"), of_kind("ct", "image"))
    found = found_in(*scanned, modalities=("ECG",))
    assert (len(found.recordings), found.reports, found.series) == (1, [], [])
    second = found_in(*scanned).of_patients({"P-2"})
    assert (second.recordings, len(second.reports), second.series) == ([], 1, [])
