from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.rtstruct import read_contours
from tasks.formats.dicom.volume import read_series

FRAGMENTS = ("ZEBRA", "QUAGG", "77441", "OKAPI", "LEMUR", "ROOM7", "1.2.826", "19310", "20240", "-131.25")
"""Parts of the values below long enough not to come by chance."""


@pytest.fixture(scope="module")
def originals(make):
    pixels = np.arange(12, dtype=np.int16).reshape(3, 4)
    image = make.dataset(pixels, RescaleSlope=-131.25, RescaleIntercept=0)
    native = make.written(image)
    implicit = make.written(image, ImplicitVRLittleEndian, implicit=True)
    big = make.written(image, ExplicitVRBigEndian, little=False)
    struct = make.written(make.structure([[(-131.25, 0, 1), (4, 0, 1), (4, 4, 1)]]))
    image = make.dataset(pixels)
    make.written(image)
    image.compress(RLELossless, generate_instance_uid=False)
    return [native, implicit, big, struct, make.written(image, RLELossless)]


def mutated(data, seed, cut):
    """Flip up to six bits, mostly behind the preamble, and cut one file in three."""
    chance = random.Random(seed)
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        out[chance.randrange(128, len(out))] ^= 1 << chance.randrange(8)
    return bytes(out[: chance.randrange(len(out))] if cut else out)


def read_all(data, identities):
    read_header(Held(data), identities)
    read_series([Held(data)])


def read_structure(data, identities):
    read_header(Held(data), identities)
    read_contours(data, "tumour")


def refusal_of(reader, data, identities):
    try:
        reader(data, identities)
    except BadData as refusal:
        return refusal
    return None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4), st.integers(0, 2**32), st.integers(0, 2))
def test_a_mutated_file_is_read_or_refused_without_telling_a_value(originals, identities, which, seed, cut):
    data = mutated(originals[which], seed, cut == 0)
    for reader in (read_all, read_structure):
        refusal = refusal_of(reader, data, identities)
        if refusal is not None:
            assert refusal.__suppress_context__ or refusal.__context__ is None
            assert not any(fragment in str(refusal) for fragment in FRAGMENTS)


def test_the_originals_are_read(originals, identities):
    for data in (*originals[:3], originals[4]):
        read_all(data, identities)
    read_structure(originals[3], identities)
