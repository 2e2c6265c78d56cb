"""What the tests of tasks share: a package to write and edit, invented files, volumes small enough to check by eye."""

from __future__ import annotations

import hashlib
import importlib
import sys
from io import BytesIO
from itertools import chain
from textwrap import dedent

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage

from data_catalog.geometry import Geometry
from data_catalog.kinds import volume
from data_catalog.lineage import Code, Record
from data_catalog.store import Store
from tasks import stage as stage_module
from tasks.formats.identities import Identities
from tasks.methods import code as code_module
from tasks.sources.files import walk
from tasks.stage import Sources, perform


class Workbench:
    """A package `workbench` on `sys.path`; what is written anew is imported and digested anew."""

    def __init__(self, folder):
        self.folder = folder / "workbench"
        self.folder.mkdir()
        self.write("__init__", "")

    def write(self, name, text):
        """Write a module and forget what was known of the package."""
        (self.folder / f"{name}.py").write_text(dedent(text), encoding="utf-8")
        self.forget()

    def edit(self, name, old, new):
        """Change a module's text, which must hold `old`."""
        text = (self.folder / f"{name}.py").read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def load(self, name):
        return importlib.import_module(f"workbench.{name}")

    @staticmethod
    def forget():
        for name in [name for name in sys.modules if name.split(".")[0] == "workbench"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        for cached in ("_closure", "_piece", "_statements", "_own_folder"):
            getattr(code_module, cached).cache_clear()
        stage_module._code.cache_clear()


@pytest.fixture
def workbench(tmp_path, monkeypatch):
    folder = tmp_path / "code"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two edits in one second would share a .pyc
    monkeypatch.setattr(code_module, "OWN_PACKAGES", ("workbench", *code_module.OWN_PACKAGES))
    bench = Workbench(folder)
    yield bench
    bench.forget()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def who():
    return Identities(b"a key for tests only, 32 bytes..")


def sources_of(*paths):
    """Return files as a stage's input, by the content they have now."""
    return Sources.read_whole(file for path in paths for file in walk(path).files)


def joined(*sources):
    """Return the files of several inputs as one."""
    return Sources(*(tuple(chain.from_iterable(getattr(one, name) for one in sources)) for name in PARTS))


PARTS = ("files", "digests", "heads")
GRID = Geometry((4, 6, 8), (2.0, 1.0, 1.0), (5.0, 0.0, -1.0))


def ball(centre=(2, 3, 4), radius=2.0, inside=100.0, grid=GRID):
    """Return the voxels of a ball, its radius and centre in voxels, 0 around it."""
    offsets = np.indices(grid.shape) - np.reshape(centre, (3, 1, 1, 1))
    return np.where((offsets**2).sum(axis=0) <= radius**2, inside, 0.0)


def image(values=None, unit="HU", modality="CT", grid=GRID, **attrs):
    """Return a volume, of a ball where no voxels are given."""
    return volume(ball() if values is None else values, grid, unit=unit, modality=modality, **attrs)


def kept(store, kind, value):
    """Return the name of a value that is put into a store, as if a stage had made it."""
    key = hashlib.sha256(repr(value).encode()).hexdigest()
    code = Code(version="0", digest="0" * 64, places=())
    facts = {
        "stage": "given",
        "item": "given",
        "code": code,
        "python": "3",
        "started": "",
        "seconds": 0,
        "cpu_seconds": 0,
    }
    return store.put(kind, value, lambda ref: Record(key=key, output=ref, **facts))


NAME, PATIENT = "ZEBRAFISH^QUAGGA", "MRN-7744110"


def dicom(**elements):
    """Return a DICOM file of an invented patient."""
    header = Dataset()
    number = int(hashlib.sha256(repr(elements).encode()).hexdigest()[:8], 16)
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, f"1.2.3.{number}"
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = "1.2.3", "1.2.4", "1.2.5"
    header.PatientName, header.PatientID, header.StudyDate, header.Modality = NAME, PATIENT, "20240131", "CT"
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = BytesIO()
    header.save_as(stream, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return stream.getvalue()


def axial(z, value, **elements):
    """Return a slice of 4 x 5 pixels of 2 x 1 mm; elements that are None are left out."""
    pixels = np.full((4, 5), value, dtype="int16")
    stated = {
        "Rows": 4,
        "Columns": 5,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "PixelSpacing": [2.0, 1.0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0.0, 0.0, z],
        "RescaleSlope": 1,
        "RescaleIntercept": -1000,
        "PixelData": pixels.tobytes(),
        **elements,
    }
    return dicom(**{keyword: value for keyword, value in stated.items() if value is not None})


def outlined():
    """Return a structure set whose tumour is 2 x 2 voxels of the middle slice."""
    corners = [(0.5, 1.0), (2.5, 1.0), (2.5, 5.0), (0.5, 5.0)]
    contour, drawn, roi = Dataset(), Dataset(), Dataset()
    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
    contour.ContourData = [float(v) for x, y in corners for v in (x, y, 3.0)]
    drawn.ReferencedROINumber, drawn.ContourSequence = 1, Sequence([contour])
    roi.ROINumber, roi.ROIName = 1, "GTV"
    return dicom(
        SOPClassUID=RTStructureSetStorage,
        Modality="RTSTRUCT",
        StructureSetROISequence=Sequence([roi]),
        ROIContourSequence=Sequence([drawn]),
    )


def png(pixels):
    stream = BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


MATHS = '''
"""Maths."""

from typing import Literal

from tasks.methods.method import Method


class Scale(Method):
    """Multiply."""

    method: Literal["scale"] = "scale"
    factor: float = 2.0
    """By how much."""

    def __call__(self, value):
        """Return the product."""
        return value * self.factor
'''

STEPS = '''
"""Steps."""

import pandas as pd

from data_catalog.errors import BadData
from data_catalog.kinds import TABLE
from tasks.stage import stage

CALLS = []
TROUBLE = []


@stage(TABLE)
def measure(files, *, scale=None, words=None):
    """Count bytes."""
    CALLS.append("measure")
    if TROUBLE:
        raise TROUBLE.pop()
    if files[0].read() == b"bad":
        raise BadData("bad_file", "A file is good", "it says bad", "Write it again.")
    if files[0].read() == b"odd":
        return "no table"
    return pd.DataFrame({"n": [_weight(file, scale) for file in files]})


def _weight(file, scale):
    return float(file.size if scale is None else scale(file.size))


@stage(TABLE, keeps_parameters=False)
def total(tables, single, *, who=None):
    """Add up."""
    CALLS.append("total")
    return pd.DataFrame({"n": [sum(table["n"].sum() for table in tables) + single["n"].sum()]})


@stage(TABLE, opens=False)
def names(tables, single, files):
    """Name what came."""
    return pd.DataFrame({"name": [*(ref.short for ref in tables), single.short, str(len(files))]})


@stage(TABLE)
def listed(listing):
    """Say what a listing holds."""
    return pd.DataFrame({"size": [content.size for _, content in listing]})
'''


@pytest.fixture
def steps(workbench):
    """The module of steps; edit it through `steps.bench`."""
    workbench.write("maths", MATHS)
    workbench.write("steps", STEPS)

    class Steps:
        bench = workbench

        def __getattr__(self, name):
            module = "maths" if name == "Scale" else "steps"
            return getattr(workbench.load(module), name)

    return Steps()


@pytest.fixture
def source(tmp_path):
    """Return a function that writes a source file under a patient's name and gives it as an input."""
    folder = tmp_path / NAME

    def written(content, name="one"):
        folder.mkdir(exist_ok=True)
        path = folder / f"{NAME}_{name}.dcm"
        path.write_bytes(content)
        return sources_of(path)

    return written


@pytest.fixture
def waits(monkeypatch):
    """Take the place of sleeping; return how long was slept."""
    slept = []
    monkeypatch.setattr(stage_module.time, "sleep", slept.append)
    return slept


def run(store, job):
    """Do one item's work as a worker does."""
    return perform(store.root, job)
