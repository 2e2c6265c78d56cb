"""Small values that name what is stored or refused."""

import hashlib

import pytest
from pydantic import ValidationError

from data_catalog.refs import Ref, Refusal, Region, Scan, Study, combined_digest

DIGEST = "3f9a1c2b7d04" + 52 * "0"
IMAGE = Ref(kind="volume", digest=DIGEST)


def scan(patient="P-1", **changes):
    return Scan(**{"patient": patient, "modality": "CT", "series": "abcdef0123456789", "image": IMAGE, **changes})


def test_a_ref_is_shown_short_and_can_be_a_key():
    assert IMAGE.short == "volume-3f9a1c2b7d04"
    assert {IMAGE: 1}[Ref(kind="volume", digest=DIGEST)] == 1
    assert Ref(kind="mask", digest=DIGEST) != IMAGE


@pytest.mark.parametrize("digest", ["", "abc", DIGEST.upper(), "z" * 64, DIGEST + "0"])
def test_a_ref_takes_a_digest_and_nothing_else(digest):
    with pytest.raises(ValidationError):
        Ref(kind="volume", digest=digest)


def test_a_ref_is_frozen_and_has_no_other_field():
    with pytest.raises(ValidationError):
        IMAGE.kind = "mask"
    with pytest.raises(ValidationError, match="path"):
        Ref(kind="volume", digest=DIGEST, path="/scans/smith")


def test_a_scan_has_an_opaque_name():
    assert scan(visit=1).item == "P-1/v1/CT/abcdef"


def test_a_study_comes_back_from_json():
    study = Study(
        scans=(scan(regions=(Region(name="tumour", reader="A", mask=IMAGE, label=2),), channels=(None, "PT on CT")),),
        refusals=(Refusal(item="i", stage="s", verdict="v", expected="e", came="c", remedy="r", files=(DIGEST,)),),
        found=2,
    )
    assert Study.model_validate_json(study.model_dump_json()) == study


def test_the_patients_of_a_study_are_named_once_and_sorted():
    assert Study(scans=(scan("P-2"), scan("P-1"), scan("P-2", visit=1))).patients() == ["P-1", "P-2"]
    assert Study(scans=()).patients() == []


def test_a_refusal_gives_its_reason_as_a_sentence():
    refusal = Refusal(item="i", stage="s", verdict="v", expected="A file is whole", came="it ends", remedy="Copy it.")
    assert refusal.reason == "A file is whole: it ends. Copy it."


def test_digests_are_combined_in_their_order():
    assert combined_digest(["a", "b"]) == hashlib.sha256(b"a\nb").hexdigest()
    assert combined_digest(["a", "b"]) != combined_digest(["b", "a"]) != combined_digest(["ab"])
