from __future__ import annotations

import numpy as np
import pytest

from tasks.formats.content import Held
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.roles import role_of
from tasks.formats.dicom.series import group_series

BLANK = np.zeros((3, 4), np.int16)


def headers_of(files, identities):
    return [read_header(Held(data), identities) for data in files]


def groups_of(files, identities):
    return sorted(series.members for series in group_series(headers_of(files, identities)))


def test_slices_form_a_series_in_the_order_of_their_positions(make, identities):
    headers = headers_of(make.stack([4.0, 0.0, 2.0]), identities)
    (series,) = group_series(headers)
    assert series.members == (1, 2, 0)
    assert series.first == headers[1]


def test_the_key_of_a_series_depends_neither_on_the_order_of_files_nor_on_copies(make, identities):
    headers = headers_of(make.stack([4.0, 0.0, 2.0]), identities)
    key = group_series(headers)[0].key
    assert group_series(headers[::-1])[0].key == group_series([*headers, headers[1]])[0].key == key


def test_files_known_as_identical_are_members_to_be_confirmed_by_their_pixels(make, identities):
    stack = make.stack([0.0, 1.0])
    assert groups_of([*stack, stack[1]], identities) == [(0, 1, 2)]


@pytest.mark.parametrize(
    "elements",
    [
        {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
        {"SeriesInstanceUID": "1.2.3"},
        {"StudyInstanceUID": "1.2.3"},
        {"FrameOfReferenceUID": "1.2.3"},
        {"Modality": "PT"},
        {"PixelSpacing": [2.0, 0.6]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]},
        {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]},
    ],
)
def test_images_of_other_content_are_series_of_their_own(make, identities, elements):
    files = [*make.stack([0.0, 1.0]), make.slice(BLANK, 2.0, **elements)]
    assert groups_of(files, identities) == [(0, 1), (2,)]


@pytest.mark.parametrize(
    ("elements", "is_alone"),
    [
        ({"ConvolutionKernel": "B70f"}, True),
        ({"KVP": "80"}, True),
        ({"KVP": "120.0"}, False),
        ({"KVP": None}, False),
        ({"ConvolutionKernel": None}, False),
        ({"ConvolutionKernel": "b30F"}, False),
    ],
)
def test_two_kernels_or_voltages_are_two_series_but_what_is_not_stated_parts_nothing(
    make, identities, elements, is_alone
):
    usual = {"ConvolutionKernel": "B30f", "KVP": "120"}
    other = {name: value for name, value in {**usual, **elements}.items() if value is not None}
    files = [*(make.slice(BLANK, z, **usual) for z in (0.0, 1.0)), make.slice(BLANK, 2.0, **other)]
    assert groups_of(files, identities) == ([(0, 1), (2,)] if is_alone else [(0, 1, 2)])


def test_the_kernel_is_told_in_plain_words(make, identities):
    files = [
        make.slice(BLANK, ConvolutionKernel=["I40f", "3"]),
        make.slice(BLANK, Modality="MR", ConvolutionKernel="B"),
    ]
    assert [header.reconstruction.kernel for header in headers_of(files, identities)] == ["I40f 3", ""]


def test_images_of_other_sizes_are_series_of_their_own(make, identities):
    assert groups_of([make.slice(BLANK), make.slice(np.zeros((4, 4), np.int16), 1.0)], identities) == [(0,), (1,)]


def test_echoes_times_and_sizes_written_with_fewer_digits_are_one_series(make, identities):
    files = [
        make.slice(BLANK, 0.0, EchoTime=2, AcquisitionNumber=1),
        make.slice(BLANK, 0.0, EchoTime=5, AcquisitionNumber=2),
        make.slice(BLANK, 1.0, PixelSpacing=[2.00001, 0.5]),
    ]
    assert groups_of(files, identities) == [(0, 1, 2)]


def test_images_without_a_position_are_no_stack(make, identities):
    films = [
        make.slice(BLANK, ImagePositionPatient=None, ImageOrientationPatient=None, SOPInstanceUID=f"1.2.{n}")
        for n in (1, 2)
    ]
    assert groups_of(films, identities) == [(0,), (1,)]


def test_structure_sets_are_not_grouped(make, identities):
    assert groups_of([make.written(make.structure([[(0, 0, 0)] * 3]))], identities) == []


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ([], ()),
        (["ORIGINAL", "PRIMARY", "AXIAL"], ()),
        (["original", "primary", "m", "nd"], ()),
        (["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND"], ("DERIVED", "TRACEW")),
        (["DERIVED", "SECONDARY"], ("DERIVED", "SECONDARY")),
        (["ORIGINAL", "PRIMARY", "LOCALIZER"], ("LOCALIZER",)),
    ],
)
def test_the_role_of_an_image_is_what_sets_it_apart(words, role):
    assert role_of(words) == role
