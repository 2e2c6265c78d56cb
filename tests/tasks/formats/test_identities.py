from __future__ import annotations

import hashlib
import hmac
import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import PlanError
from tasks.formats.identities import MAX_SHIFT_DAYS, Identities

KEY = b"0123456789abcdef0123456789abcdef"


def test_a_pseudonym_is_the_hmac_under_the_key_of_its_purpose():
    sub_key = hmac.new(KEY, b"voxmine pseudonym", hashlib.sha256).digest()
    expected = hmac.new(sub_key, b"clinic\0P1", hashlib.sha256).hexdigest()[:12]
    assert Identities(KEY, site="clinic").pseudonym("P1") == f"P-{expected}"


def test_names_have_the_promised_shape():
    identities = Identities(KEY)
    assert re.fullmatch(r"P-[0-9a-f]{12}", identities.pseudonym("P1"))
    assert re.fullmatch(r"[0-9a-f]{16}", identities.opaque("1.2.3"))


def test_padding_around_an_id_makes_no_second_patient():
    assert Identities(KEY).pseudonym("P1 ") == Identities(KEY).pseudonym("P1")


def test_other_patients_keys_sites_and_purposes_give_other_names():
    one = Identities(KEY)
    names = {one.pseudonym("P1"), one.pseudonym("P2"), Identities(KEY[::-1]).pseudonym("P1")}
    names |= {Identities(KEY, site="b").pseudonym("P1"), "P-" + one.opaque("P1")[:12]}
    assert len(names) == 5


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1), st.dates(date(1950, 1, 1), date(2050, 1, 1)), st.integers(-5000, 5000))
def test_intervals_between_days_of_a_patient_stay(patient, day, later):
    identities = Identities(KEY)
    first, second = identities.shifted_day(patient, day), identities.shifted_day(patient, day + timedelta(days=later))
    assert second - first == later
    assert abs(first - day.toordinal()) <= MAX_SHIFT_DAYS


def test_patients_are_shifted_differently():
    shifts = {Identities(KEY).shifted_day(f"P{n}", date(2024, 1, 1)) for n in range(50)}
    assert len(shifts) > 45


def test_the_key_is_not_shown():
    assert "0123" not in repr(Identities(KEY))


def test_a_short_key_is_refused_without_being_printed():
    with pytest.raises(PlanError, match="at least 16 bytes") as refusal:
        Identities(b"secret")
    assert "secret" not in str(refusal.value).replace("secrets.token_bytes", "")
