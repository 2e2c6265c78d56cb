"""One small picture of a refused series, where it may be shown."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.glance import glance
from tasks.methods.gate.thumbnail import thumbnail

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)
SAGITTAL = [0, 1, 0, 0, 0, -1]


def series(make, **elements):
    """Return three slices of 2.0 x 0.5 mm pixels; only the middle one has the changes."""
    shown = make.slice(PIXELS, 3.0, **elements)
    return [Held(make.slice(PIXELS * 0, z)) if z != 3.0 else Held(shown) for z in (0.0, 3.0, 6.0)]


def test_the_middle_slice_is_shown_in_its_proportions(make):
    np.testing.assert_array_equal(glance(series(make)), thumbnail(PIXELS, (2.0, 0.5)))


def test_a_negative_is_turned(make):
    shown = glance(series(make, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(shown, thumbnail(-PIXELS, (2.0, 0.5)))


@pytest.mark.parametrize(
    "elements",
    [
        {"Modality": "US"},
        {"Modality": "DX"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"ImageType": ["DERIVED", "SECONDARY"]},
        {"BurnedInAnnotation": "YES"},
        {"RecognizableVisualFeatures": "YES"},
        {"ImageOrientationPatient": SAGITTAL},
        {"ImageOrientationPatient": None},
    ],
)
def test_what_may_tell_a_person_is_not_shown(make, elements):
    assert glance(series(make, **elements)) is None


def test_colours_are_not_shown(make):
    colours = make.slice(np.zeros((3, 4, 3), np.uint8))
    assert glance([Held(colours)]) is None


def test_of_several_frames_the_middle_one_is_shown(make):
    frames = np.stack([PIXELS * k for k in range(3)])
    ds = make.dataset(frames, PixelSpacing=None, ImageOrientationPatient=None, ImagePositionPatient=None)
    ds.NumberOfFrames = 3
    groups = []
    for z in range(3):
        group = Dataset()
        for name, keyword, value in (
            ("PlanePositionSequence", "ImagePositionPatient", [0.0, 0.0, z]),
            ("PlaneOrientationSequence", "ImageOrientationPatient", [1, 0, 0, 0, 1, 0]),
            ("PixelMeasuresSequence", "PixelSpacing", [1.0, 1.0]),
        ):
            item = Dataset()
            setattr(item, keyword, value)
            setattr(group, name, Sequence([item]))
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    np.testing.assert_array_equal(glance([Held(make.written(ds))]), thumbnail(frames[1], (1.0, 1.0)))


def test_what_cannot_be_read_has_no_picture(make):
    assert glance([]) is None
    assert glance([Held(b"no dicom")]) is None
    whole = make.slice(PIXELS)
    assert glance([Held(whole[:-10])]) is None


def test_a_refusal_carries_its_picture():
    refusal = BadData("missing_slice", "e", "c", "r")
    assert refusal.picture is None
    assert refusal.showing(PIXELS) is refusal
    assert refusal.showing(PIXELS * 2).picture is PIXELS, "the first picture is kept"
    assert refusal.showing(None).picture is PIXELS
