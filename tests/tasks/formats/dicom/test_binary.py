from __future__ import annotations

import pytest
from pydicom.uid import ExplicitVRBigEndian

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.binary import number, numbers, private, private_decimals, private_floats
from tasks.formats.dicom.parse import parse_header


def header_of(make, private_elements=(), **options):
    ds = make.dataset(EchoTime=2.5, EffectiveEchoTime=7.25, TemporalPositionIndex=3, InstanceNumber=4)
    ds.DiffusionGradientOrientation = [0.0, 0.6, 0.8]
    for group, creator, element, vr, value in private_elements:
        ds.private_block(group, creator, create=True).add_new(element, vr, value)
    return parse_header(Held(make.written(ds, **options))).dataset


@pytest.mark.parametrize("options", [{}, {"syntax": ExplicitVRBigEndian, "little": False}])
def test_binary_and_decimal_numbers_are_read_alike(make, options):
    header = header_of(make, **options)
    assert number(header, "EchoTime") == 2.5
    assert number(header, "EffectiveEchoTime") == 7.25
    assert number(header, "TemporalPositionIndex") == 3
    assert number(header, "InstanceNumber") == 4
    assert numbers(header, "DiffusionGradientOrientation", count=3) == (0.0, 0.6, 0.8)
    assert number(header, "TriggerTime") is None
    assert numbers(header, "SliceVector") == ()


def test_numbers_of_another_count_or_length_are_refused(make):
    header = header_of(make)
    with pytest.raises(BadData, match="holds 2 numbers"):
        numbers(header, "DiffusionGradientOrientation", count=2)
    start, stop = header.place(0x00189082)
    header.places[0x00189082] = (start, stop - 3)
    with pytest.raises(BadData, match="finite binary numbers"):
        numbers(header, "EffectiveEchoTime")


def test_private_elements_are_found_by_the_name_of_their_block(make):
    elements = [(0x19, "OTHER", 0x0C, "IS", "1"), (0x19, "SIEMENS MR HEADER", 0x0C, "IS", "800"),
                (0x19, "SIEMENS MR HEADER", 0x0E, "FD", [0.0, 0.0, 1.0])]  # fmt: skip
    header = header_of(make, elements)
    assert private_decimals(header, 0x19, "Siemens MR header", 0x0C) == (800.0,)
    assert private_decimals(header, 0x19, "OTHER", 0x0C) == (1.0,)
    assert private_floats(header, 0x19, "SIEMENS MR HEADER", 0x0E, "d") == (0.0, 0.0, 1.0)
    assert private(header, 0x19, "NOBODY", 0x0C) is None
    assert private_floats(header, 0x19, "SIEMENS MR HEADER", 0x0C, "d") == ()
