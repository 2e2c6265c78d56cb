"""The standard cohort, written once, and what another reader than ours finds in it."""

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from skimage.measure import points_in_poly

from tasks.synthetic.cohort import write_cohort


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its path, those in archives too."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found |= {f"scans/{name}": archive.read(name) for name in archive.namelist()}
        elif path.is_file():
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def vector(texts) -> np.ndarray:
    return np.array([float(text) for text in texts])


class Image:
    """A series as a stack, sorted by position, with what is needed to draw contours on it."""

    def __init__(self, slices):
        rows, columns = np.split(vector(slices[0].ImageOrientationPatient), 2)
        self.axes = np.array([np.cross(rows, columns), columns, rows])
        self.slices = sorted(slices, key=lambda s: self.axes[0] @ vector(s.ImagePositionPatient))
        self.positions = np.array([vector(s.ImagePositionPatient) for s in self.slices])
        self.heights = self.positions @ self.axes[0]
        self.voxels = np.array([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in self.slices])

    def mask(self, structures) -> np.ndarray:
        mask = np.zeros(self.voxels.shape, dtype=bool)
        lattice = np.argwhere(np.ones(self.voxels.shape[1:]))
        for contour in structures.ROIContourSequence[0].ContourSequence:
            points = vector(contour.ContourData).reshape(-1, 3)
            index = int(np.abs(self.heights - points[0] @ self.axes[0]).argmin())
            assert np.abs(points @ self.axes[0] - self.heights[index]).max() < 1e-3
            inplane = (points - self.positions[index]) @ self.axes[1:].T / vector(self.slices[0].PixelSpacing)
            mask[index] ^= points_in_poly(lattice, inplane).reshape(mask.shape[1:])
        return mask


class Reading:
    """All of a cohort's files, parsed; the corrupt one is left out."""

    def __init__(self, folder: Path, truths):
        self.files = contents(folder)
        self.images, self.structures = {}, {}
        slices = {}
        for path, content in self.files.items():
            if not path.endswith(".dcm") or path == truths.corrupt_file.file:
                continue
            dataset = pydicom.dcmread(io.BytesIO(content))
            key = (str(dataset.PatientID), str(dataset.StudyID), dataset.Modality)
            if dataset.Modality == "RTSTRUCT":
                self.structures[*key[:2], dataset.SeriesDescription.split()[1]] = dataset
            else:
                slices.setdefault(key, []).append(dataset)
        self.images = {key: Image(some) for key, some in slices.items()}


@pytest.fixture(scope="session")
def standard(tmp_path_factory):
    """The standard cohort: its folder, its truths."""
    folder = tmp_path_factory.mktemp("standard")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return folder, write_cohort(folder)


@pytest.fixture(scope="session")
def reading(standard):
    return Reading(*standard)


@pytest.fixture(scope="session")
def measured(standard, reading):
    """One row a patient: truths, and what is measured in the baseline voxels inside reader A's contours."""
    rows = []
    for patient in standard[1].patients:
        ct, pet = (reading.images[patient.patient_id, "1", modality] for modality in ("CT", "PT"))
        drawn = {
            label: image.mask(reading.structures[patient.patient_id, "1", label])
            for label, image in (("CT/reader-A", ct), ("CT/reader-B", ct), ("PT/reader-A", pet))
        }
        a, b = drawn["CT/reader-A"], drawn["CT/reader-B"]
        inside, uptake = ct.voxels[a], pet.voxels[drawn["PT/reader-A"]]
        neighbours = [np.diff(ct.voxels, axis=axis)[_both(a, axis)] for axis in range(3)]
        rows.append({
            "voxels": a.sum(),
            "measured_dice": 2 * (a & b).sum() / (a.sum() + b.sum()),
            "mean_hu": inside.mean(),
            "sd_hu": inside.std(),
            "contrast": np.mean(np.concatenate(neighbours) ** 2),
            "mean_suv": uptake.mean(),
            "manufacturer": ct.slices[0].Manufacturer,
            **patient.model_dump(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _both(mask, axis):
    before, after = np.delete(mask, -1, axis), np.delete(mask, 0, axis)
    return before & after
