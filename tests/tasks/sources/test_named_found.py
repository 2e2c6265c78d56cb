"""Which images, masks, recordings and reports the names of files make up, and at which visit."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.refs import Refusal
from tasks.sources.files import SourceFile
from tasks.sources.found import FileFacts, FoundRegion
from tasks.sources.named import Named
from tasks.sources.named_found import named_found


def digest_of(word):
    return sha256(word.encode()).hexdigest()


def file_of(word):
    return SourceFile(f"/scans/{word}", None, 1, 0, word)


def named(word, role="image", patient="P-1", **known):
    told = Named(role=role, patient=patient, series=word, **known)
    return file_of(word), FileFacts(digest=digest_of(word), head=1, name=word, named=told)


def refused(word):
    refusal = Refusal(item=word, stage="scan", verdict="name_not_named", expected="e", came="c", remedy="r")
    return file_of(word), FileFacts(digest=digest_of(word), head=1, name=word, refusal=refusal)


def found_in(*scanned, modality="US", wanted=None, labels=None, visits=()):
    return named_found(scanned, modality, wanted or {}, labels or {}, visits)


def words_of(sources):
    return [file.name for file in sources.files]


def test_an_image_and_its_masks_find_each_other():
    found = found_in(
        named("image"),
        named("mask", "mask", region="tumor", reader="B"),
        named("other", patient="P-2"),
        wanted={"lesion": "tum*"},
    )
    assert [(series.patient, series.modality, series.visit, series.series) for series in found.series] == [
        ("P-1", "US", 0, "image"),
        ("P-2", "US", 0, "other"),
    ]
    (region,) = found.regions
    assert region == FoundRegion(found.series[0], region.files, "lesion", "tumor", "B")
    assert words_of(region.files) == ["mask"]
    assert (found.refusals, found.recordings, found.reports) == ([], [], [])


def test_the_modality_of_a_name_comes_before_that_of_the_plan():
    found = found_in(named("a", modality="T1"), named("b"), named("m", "mask", modality="T1"), modality="MR")
    assert [series.modality for series in found.series] == ["T1", "MR"]
    assert found.regions[0].series.modality == "T1"


def test_a_region_without_a_name_is_the_region_and_without_a_reader_the_reader():
    region = found_in(named("a"), named("m", "mask")).regions[0]
    assert (region.name, region.source_name, region.reader, region.kind) == ("region", "", "reader", "mask")


def test_a_label_map_names_its_regions_itself():
    (region,) = found_in(named("a"), named("m", "mask"), wanted={"tumour": "GTV*"}, labels={"1": "tumour"}).regions
    assert (region.name, region.kind) == ("", "mask")


def test_segments_are_regions_of_their_own():
    found = found_in(named("a"), named("m", "mask", reader="B"), labels={"GTV": "tumour", "Heart": "heart"})
    assert [(one.name, one.source_name, one.reader, one.kind) for one in found.regions] == [
        ("tumour", "GTV", "B", "segment"),
        ("heart", "Heart", "B", "segment"),
    ]


def test_masks_of_regions_that_nobody_asks_for_are_left_out():
    found = found_in(named("a"), named("m", "mask", region="axilla"), wanted={"lesion": "tumor"})
    assert (found.regions, found.refusals) == ([], [])


@pytest.mark.parametrize("where", [{"patient": "P-2"}, {"visit": "2"}, {"modality": "MR"}])
@pytest.mark.parametrize("labels", [{}, {"1": "tumour"}, {"GTV": "tumour"}])
def test_a_mask_without_its_image_is_refused(where, labels):
    found = found_in(named("a"), named("m", "mask", **where), labels=labels)
    assert found.regions == []
    (refusal,) = found.refusals
    assert refusal.verdict == "regions_without_image"
    assert refusal.files == (digest_of("m"),)


def test_a_header_takes_the_file_of_its_voxels_with_it():
    header = named("header", voxels="voxels")
    for beside in (refused("voxels"), named("voxels")):
        found = found_in(header, beside)
        assert [words_of(series.files) for series in found.series] == [["header", "voxels"]]
        assert found.refusals == [], "the file of the voxels needs no name that fits"
    mask = named("mask", "mask", voxels="labels")
    found = found_in(named("image"), mask, refused("labels"))
    assert words_of(found.regions[0].files) == ["mask", "labels"]


def test_a_header_whose_voxels_are_not_there_is_refused():
    found = found_in(named("header", voxels="voxels"), refused("other"))
    assert found.series == []
    assert sorted(refusal.verdict for refusal in found.refusals) == ["missing_voxels", "name_not_named"]
    assert found.refusals[0].files == (digest_of("header"),)


def test_recordings_and_reports_are_kept_apart_from_images():
    found = found_in(named("wav", "sound"), named("heart", "sound", modality="heart"), named("txt", "text"))
    assert [(one.series, one.modality) for one in found.recordings] == [("wav", "US"), ("heart", "heart")]
    assert [(one.series, one.modality, one.visit) for one in found.reports] == [("txt", "text", 0)]
    assert found.series == []


def visits_of(names, visits=()):
    found = found_in(*[named(f"{number} {name}", visit=name) for number, name in enumerate(names)], visits=visits)
    return {series.visit_name: series.visit for series in found.series}, found.refusals


def test_visits_in_names_are_counted_as_numbers_where_they_are_numbers():
    assert visits_of(["10", "9", "base", "2"])[0] == {"2": 0, "9": 1, "10": 2, "base": 3}


def test_the_plan_may_say_the_order_of_the_visits():
    order = ("baseline", "followup", "end")
    assert visits_of(["end", "baseline"], order)[0] == {"end": 2, "baseline": 0}
    known, (refusal,) = visits_of(["end", "screening"], order)
    assert known == {"end": 2}
    assert refusal.verdict == "unknown_visit"
    assert "screening" not in str(refusal.model_dump())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 30)), min_size=1, unique=True), st.randoms())
def test_visits_do_not_depend_on_the_order_of_files_and_are_counted_for_each_patient(rows, random):
    scanned = [named(f"{patient}{visit}", patient=patient, visit=str(visit)) for patient, visit in rows]
    random.shuffle(scanned)
    found = {(one.patient, int(one.visit_name)): one.visit for one in found_in(*scanned).series}
    for patient in "AB":
        own = sorted(visit for who, visit in rows if who == patient)
        assert [found[patient, visit] for visit in own] == list(range(len(own)))
