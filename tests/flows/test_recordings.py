"""Sound, waveforms and reports of a study become columns, and their text stays where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from scipy.io import wavfile

from data_catalog.store import Store
from flows.cohort_study import cohort_study
from flows.plan_files import parse_plan

pytestmark = pytest.mark.slow

SECRET = "ZEBRAFISH"
TIME = np.arange(0, 1, 1 / 2000)


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """Return the store of a study of recordings and reports alone, its cohort, and the study."""
    folder = tmp_path_factory.mktemp("recordings")
    for name in ("sound", "text", "dicom"):
        (folder / name).mkdir()
    for number, (tone, words) in enumerate(((100, "No mass. Possible effusion."), (300, "A mass is seen."), (200, ""))):
        wavfile.write(
            folder / "sound" / f"{SECRET}{number}.wav", 2000, np.sin(2 * np.pi * tone * TIME).astype(np.float32)
        )
        (folder / "text" / f"{SECRET}{number}.txt").write_text(f"Of {SECRET}: {words}", encoding="utf-8")
    (folder / "sound" / f"{SECRET}3.wav").write_bytes(b"no sound")
    for name in ("waveform_ecg.dcm", "test-SR.dcm"):
        header = pydicom.dcmread(get_testdata_file(name))
        header.PatientID, header.StudyDate = f"{SECRET}2", "20240131"
        header.save_as(folder / "dicom" / name)
    plan = parse_plan(
        {
            "workspace": str(folder / "out"),
            "sources": [
                {"method": "sound", "path": "sound", "recordings": "{patient}.wav"},
                {"method": "text", "path": "text", "reports": "{patient}.txt"},
                {"method": "dicom", "path": "dicom"},
            ],
            "findings": {"method": "finding_terms", "terms": {"mass": ["mass"], "effusion": ["effusion"]}},
            "compute": {"workers": 0},
        },
        folder,
    )
    tables = cohort_study(plan)
    store = Store(plan.store_folder)
    return store, store.open(tables.cohort), store.open(tables.features.study), Path(folder / "out")


def test_every_patient_has_a_row_with_what_was_recorded_and_said(studied):
    _, cohort, _, _ = studied
    assert len(cohort) == 3
    by_tone = cohort.set_index("sound.spec_dominant_hz")
    assert by_tone.loc[100.0, "text.mass"] == "absent"
    assert by_tone.loc[100.0, "text.effusion"] == "uncertain"
    assert by_tone.loc[300.0, "text.mass"] == "present"
    assert by_tone["text.effusion"].isna().sum() == 2, "silence is no absence"
    assert cohort["ECG.I.sig_rms"].notna().sum() == cohort["SR.Diameter (cm)"].notna().sum() == 1
    assert "ECG[2].aVR.spec_centroid_hz" in cohort, "the second group of the file"


def test_what_cannot_be_read_is_refused_and_the_study_holds_the_rest(studied):
    _, _, study, _ = studied
    assert [(refusal.stage, refusal.verdict) for refusal in study.refusals] == [("read_sound", "not_wav")]
    assert sorted(one.modality for one in study.recordings) == ["ECG", "ECG[2]", "sound", "sound", "sound"]
    assert len(study.reports) == 4
    assert len(study.patients()) == 3


def test_nothing_of_a_name_or_a_text_is_kept(studied):
    _, _, _, workspace = studied
    held = [path.read_bytes() for path in workspace.rglob("*") if path.is_file()]
    assert held
    assert not [1 for content in held if SECRET.encode() in content]
