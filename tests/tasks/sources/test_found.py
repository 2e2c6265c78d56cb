"""Which files form a series or a region, whose it is, and at which visit."""

from __future__ import annotations

import math
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog import layout
from data_catalog.kinds import CONTENTS
from data_catalog.refs import Refusal
from tasks.formats.dicom.header import DicomHeader, Whose
from tasks.formats.dicom.planes import Plane
from tasks.formats.dicom.reconstruction import Reconstruction
from tasks.sources.drawings import study_region
from tasks.sources.files import SourceFile
from tasks.sources.found import (
    Contents,
    FileFacts,
    Found,
    FoundSeries,
    dicom_found,
    with_visits,
)
from tasks.sources.named import Named
from tasks.stage import Sources


def digest_of(word):
    return sha256(word.encode()).hexdigest()


def file_of(word):
    return SourceFile(f"/scans/{word}", None, 1, 0, word)


def plane(z):
    return Plane((float(z), 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0), None, 1.0, 0.0)


def image(word, z=0, **changes):
    """Return a file with the header of an axial slice."""
    facts = {
        "fingerprint": digest_of(word),
        "kind": "image",
        "patient": "P-1",
        "day": 100,
        "study": "study",
        "series": "s1",
        "instance": word,
        "frame_of_reference": "space",
        "sop_class": "1.2.840.10008.5.1.4.1.1.2",
        "modality": "CT",
        "manufacturer": "Acme",
        "model": "Scan 3",
        "station": "0123456789abcdef",
        "rows": 4,
        "columns": 4,
        "frames": 1,
        "plane": plane(z),
        **changes,
    }
    return file_of(word), FileFacts(digest=facts["fingerprint"], dicom=DicomHeader(**facts))


def structure(word, regions=("GTV",), referenced=("s1",), **changes):
    return image(
        word,
        **{
            "kind": "rtstruct",
            "modality": "RTSTRUCT",
            "rows": 0,
            "columns": 0,
            "frames": 0,
            "plane": None,
            "regions": regions,
            "referenced_series": referenced,
            "series": f"of {word}",
            **changes,
        },
    )


def refused(word):
    refusal = Refusal(item=word, stage="scan", verdict="corrupt_file", expected="e", came="c", remedy="r")
    return file_of(word), FileFacts(digest=digest_of(word), refusal=refusal)


def dicom(*scanned, modalities=(), wanted=None, near=0):
    return dicom_found(scanned, modalities, wanted or {}, near)


STACK = (image("a", 2), image("b", 0), image("c", 1))


def words_of(sources):
    return [file.name for file in sources.files]


def test_slices_of_a_series_are_one_series_in_the_order_of_their_place():
    found = dicom(*STACK)
    (series,) = found.series
    assert words_of(series.files) == ["b", "c", "a"]
    assert series.files.digests == tuple(map(digest_of, "bca"))
    assert (series.patient, series.modality, series.visit, series.days) == ("P-1", "CT", 0, 0)
    assert series.scanner == "Acme Scan 3 (0123)"
    assert series.uid == "s1"
    assert series.item == f"P-1/v0/CT/{series.series[:6]}"
    assert (found.regions, found.refusals) == ([], [])


def test_a_machine_without_a_name_is_known_by_its_station_or_not_at_all():
    nameless = {"manufacturer": "", "model": ""}
    assert dicom(image("a", **nameless)).series[0].scanner == "(0123)"
    assert dicom(image("a", **nameless, station=None)).series[0].scanner is None
    assert dicom(image("a", model="", station=None)).series[0].scanner == "Acme"


def test_files_that_were_refused_are_kept_as_refusals_beside_the_others():
    found = dicom(refused("x"), *STACK)
    assert [refusal.item for refusal in found.refusals] == ["x"]
    assert len(found.series) == 1


def refused_of(word, series, modality="CT"):
    file, facts = refused(word)
    of = Whose("P-1", modality, series)
    refusal = facts.refusal.model_copy(update={"item": of.item, "files": (digest_of(word),)})
    return file, FileFacts(digest=digest_of(word), refusal=refusal, whose=of)


def test_files_of_a_series_that_are_refused_alike_are_one_refusal_with_all_their_files():
    found = dicom(*(refused_of(word, series) for word, series in (("x", "s1"), ("y", "s1"), ("z", "s2"))), *STACK)
    first, second = found.refusals
    assert (first.item, first.files) == (found.series[0].item, (digest_of("x"), digest_of("y")))
    assert second.item == "P-1/CT/s2", "nothing is left of that one"
    assert first.came == "c (in 2 files)"
    assert (second.files, second.came) == ((digest_of("z"),), "c")
    assert found.series[0].lost == 2


def test_what_another_series_lost_is_not_lost_beside_this_one():
    scanned = [refused_of("p/ct/x", "s2"), *(image(f"p/ct/{word}", z) for z, word in enumerate("abc"))]
    (series,) = dicom(*scanned).series
    assert (series.lost, series.lost_beside) == (0, 0)


def test_refused_files_of_modalities_that_are_not_asked_for_are_no_refusals():
    scanned = [refused_of("x", "s1"), refused_of("y", "s2", "MR"), refused_of("z", "s3", "SEG"), refused("w"), *STACK]
    files = [one.item for one in dicom(*scanned, modalities=("CT",)).refusals]
    assert len(files) == 3
    assert "P-1/MR/s2" not in files


def test_modalities_that_were_not_asked_for_are_told():
    found = dicom(*STACK, image("m", modality="MR", series="s2"), modalities=("CT", "PT"))
    assert (found.other_modalities, len(found.series)) == ({"MR"}, 1)


@pytest.mark.parametrize(
    ("patterns", "taken", "others"),
    [
        ((), {"B30f", "B70f", "", "MR"}, set()),
        (("B30*",), {"B30f", "MR"}, {"B70f", ""}),
        (("B70f", "B3?f"), {"B30f", "B70f", "MR"}, {""}),
        (("b30f",), {"MR"}, {"B30f", "B70f", ""}),
    ],
)
def test_ct_is_taken_by_its_kernel(patterns, taken, others):
    kernels = {"s1": "B30f", "s2": "B70f", "s3": ""}
    scanned = [image(word, series=word, reconstruction=Reconstruction(kernel)) for word, kernel in kernels.items()]
    scanned += [image("m", series="s4", modality="MR"), structure("r", referenced=("s2",))]
    found = dicom_found(scanned, (), {}, 0, (), patterns)
    assert {one.kernel or ("MR" if one.modality == "MR" else "") for one in found.series} == taken
    assert found.other_kernels == others
    assert len(found.regions) == ("B70f" in taken)
    assert [one.verdict for one in found.refusals] == ([] if found.regions else ["regions_without_image"])


def test_a_region_of_a_series_of_two_kernels_lies_on_the_images_it_names_else_on_the_first_kernel():
    parts = [image(word, series="s1", reconstruction=Reconstruction(word[0])) for word in ("A1", "B1")]
    for named, kernel in ((("B1",), "B"), (("A1",), "A"), ((), "A")):
        found = dicom(*parts, structure("r", referenced_instances=named))
        assert [one.series.kernel for one in found.regions] == [kernel]
    (region,) = dicom_found([*parts, structure("r")], (), {}, 0, (), ("B",)).regions
    assert region.series.kernel == "B", "that of the first is not taken"


@pytest.mark.parametrize(
    ("lost", "count"),
    [
        ("p/ct/x", 1),  # of the same folder
        ("p/x", 0),
        ("p/ct/deep/x", 0),
        ("p/ct2/x", 0),
    ],
)
def test_a_series_says_how_many_files_of_its_folder_could_not_be_read(lost, count):
    (series,) = dicom(refused(lost), *(image(f"p/ct/{word}", z) for z, word in enumerate("abc"))).series
    assert series.lost_beside == count


@pytest.mark.parametrize(
    ("place", "count"), [("p/", 1), ("p/ct/", 1), ("p/ct", 1), ("", 0), ("p", 0), ("p/c/", 0), ("p/ct/a/", 0)]
)
def test_what_an_archive_held_may_be_of_every_series_in_it(place, count):
    scanned = [image(f"p/ct/{word}", z) for z, word in enumerate("abc")]
    (series,) = dicom_found(scanned, (), {}, 0, (place,)).series
    assert series.lost_beside == count


def test_a_file_that_is_no_dicom_holds_no_slice():
    file, facts = refused("x")
    other = facts.refusal.model_copy(update={"verdict": "not_dicom"})
    (series,) = dicom((file, facts.model_copy(update={"refusal": other})), *STACK).series
    assert series.lost_beside == 0


def test_files_that_are_neither_image_nor_regions_are_left_out():
    assert dicom(image("a", kind="other")) == Found()


@pytest.mark.parametrize(("modalities", "kept"), [((), ["CT", "PT"]), (("PT",), ["PT"]), (("MR",), [])])
def test_modalities_that_the_plan_leaves_out_are_not_there(modalities, kept):
    found = dicom(
        *STACK,
        image("p", modality="PT", series="s2"),
        structure("r"),
        structure("q", referenced=("s2",)),
        modalities=modalities,
    )
    assert sorted(series.modality for series in found.series) == kept
    assert sorted(region.series.modality for region in found.regions) == kept
    assert found.refusals == [], "regions of a series that was left out are left out too"


def test_regions_lie_on_the_series_they_refer_to():
    found = dicom(*STACK, image("p", modality="PT", series="s2"), structure("r", ("GTV", "Heart"), ("s2",)))
    assert [(region.series.modality, region.name, region.source_name) for region in found.regions] == [
        ("PT", "GTV", "GTV"),
        ("PT", "Heart", "Heart"),
    ]
    assert words_of(found.regions[0].files) == ["r"]


def test_regions_get_the_names_of_the_study_and_others_are_left_out():
    found = dicom(
        *STACK, structure("r", ("GTV_Mass", "gtv", "Heart", "GTV2")), wanted={"tumour": "GTV*", "heart": "Heart"}
    )
    assert [(region.name, region.source_name) for region in found.regions] == [
        ("tumour", "GTV_Mass"),
        ("heart", "Heart"),
        ("tumour 2", "GTV2"),
    ], "another part of the tumour is another region, not another reading of the first"


@pytest.mark.parametrize(
    ("changes", "reader"),
    [
        ({"label": "reader-A", "reader": "f" * 16}, "reader-A"),
        ({"label": None, "reader": "abcdef0123456789"}, "reader abcd"),
        ({"label": None, "reader": None}, "reader"),
    ],
)
def test_the_reader_is_the_label_of_the_structure_set_or_a_keyed_name(changes, reader):
    assert dicom(*STACK, structure("r", **changes)).regions[0].reader == reader


def test_of_a_series_cut_in_two_the_larger_part_has_the_regions():
    tilted = replace(plane(0), down=(0.0, 0.0, 1.0), across=(0.0, 1.0, 0.0))
    found = dicom(*STACK, image("scout", plane=tilted), structure("r"))
    assert len(found.series) == 2
    assert len(found.regions[0].series.files.files) == 3


def test_regions_without_a_reference_lie_on_the_only_series_of_their_space():
    free = structure("r", referenced=())
    assert dicom(*STACK, free).regions[0].series.uid == "s1"
    elsewhere = image("p", modality="PT", series="s2", frame_of_reference="another")
    assert dicom(*STACK, elsewhere, free).regions[0].series.uid == "s1"


@pytest.mark.parametrize(
    "others",
    [
        (*STACK, image("p", modality="PT", series="s2"), structure("r", referenced=())),  # two series in one space
        (*STACK, structure("r", referenced=(), frame_of_reference="another")),
        (image("a", frame_of_reference=None), structure("r", referenced=(), frame_of_reference=None)),
        (*STACK, structure("r", referenced=("s9",), frame_of_reference="another")),
        (*STACK, structure("r", patient="P-2")),
        (structure("r"),),
    ],
)
def test_regions_whose_image_is_not_there_are_refused(others):
    found = dicom(*others)
    assert found.regions == []
    (refusal,) = found.refusals
    assert refusal.verdict == "regions_without_image"
    assert refusal.item.startswith(others[-1][1].dicom.patient)
    assert refusal.files == (digest_of("r"),)


def test_regions_that_nobody_asks_for_need_no_image_and_are_told_by_name():
    found = dicom(structure("r", ("Heart", "Lesion [1]", "Lesion [2]")), wanted={"tumour": "GTV*"})
    assert found == Found(region_names=frozenset({"Heart", "Lesion"}))
    assert found.of_patients({"P-9"}).of_modalities(("MR",)).region_names == {"Heart", "Lesion"}


def test_a_copy_of_a_structure_set_counts_once():
    first, copy = structure("r"), structure("r")
    assert len(dicom(*STACK, first, (file_of("copy"), copy[1])).regions) == 1


@pytest.mark.parametrize(
    ("name", "wanted", "found"),
    [
        ("GTV_1", {}, "GTV_1"),
        ("GTV_1", {"tumour": "GTV*"}, "tumour"),
        ("gtv_1", {"tumour": "GTV*"}, None),
        ("GTV_1", {"first": "*_1", "tumour": "GTV*"}, "first"),
        ("Heart", {"tumour": "GTV*"}, None),
    ],
)
def test_a_region_is_named_by_the_first_pattern_that_fits(name, wanted, found):
    assert study_region(name, wanted) == found


def one(day, patient="P-1", series="s"):
    return FoundSeries(patient=patient, modality="CT", series=series, files=Sources((), (), ()), day=day)


def visits(series, near=0):
    return [(found.patient, found.day, found.visit, found.days) for found in with_visits(series, near)]


def test_visits_are_counted_by_date_and_days_from_the_first():
    assert visits([one(130), one(100), one(107)]) == [("P-1", 100, 0, 0), ("P-1", 107, 1, 7), ("P-1", 130, 2, 30)]


def test_studies_near_the_first_of_a_visit_belong_to_it():
    # 100 and 107 are one visit, 108 is 8 days after its first: a visit does not grow along a chain of days
    assert [visit for *_, visit, _ in visits([one(100), one(107), one(108), one(115)], near=7)] == [0, 0, 1, 1]


def test_patients_are_counted_apart():
    assert visits([one(5, "P-2"), one(900, "P-1"), one(8, "P-2")]) == [
        ("P-1", 900, 0, 0),
        ("P-2", 5, 0, 0),
        ("P-2", 8, 1, 3),
    ]


def test_a_series_without_a_date_is_of_the_first_visit():
    assert visits([one(50), one(None)]) == [("P-1", None, 0, None), ("P-1", 50, 0, 0)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=12), st.integers(0, 30), st.randoms())
def test_visits_do_not_depend_on_the_order_of_files_and_grow_with_the_days(days, near, random):
    series = [one(day, series=f"s{number}") for number, day in enumerate(days)]
    found = visits(series, near)
    random.shuffle(series)
    assert visits(series, near) == found
    numbers = [visit for *_, visit, _ in found]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(max(numbers) + 1))
    assert [since for *_, since in found] == [day - min(days) for _, day, *_ in found]
    for number in set(numbers):
        of_visit = [day for _, day, visit, _ in found if visit == number]
        assert max(of_visit) - min(of_visit) <= near


def named(word, role="image", patient="P-1", **known):
    return file_of(word), FileFacts(
        digest=digest_of(word), named=Named(role=role, patient=patient, series=word, **known)
    )


def test_some_patients_are_taken_with_their_regions_and_refusals_are_kept():
    found = dicom(*STACK, image("d", patient="P-2", series="s2"), structure("r"), refused("x"))
    kept = found.of_patients({"P-2"})
    assert [series.patient for series in kept.series] == ["P-2"]
    assert kept.regions == []
    assert kept.refusals == found.refusals
    assert (kept.left_out, found.left_out) == ({"P-1"}, frozenset())
    assert len(found.of_patients({"P-1"}).regions) == 1


def test_no_representation_holds_a_path():
    found = dicom(*STACK, structure("r"))
    assert "/scans" not in repr(found)


def test_contents_come_back_as_they_were(tmp_path):
    endless = image("e", moment=(("b_value", math.inf), ("echo", 1e-300)))
    files = (STACK[0][1], structure("r")[1], refused("x")[1], named("m", "mask")[1], endless[1])
    layout.write(CONTENTS, Contents(files=files), tmp_path)
    assert layout.read(CONTENTS, tmp_path) == Contents(files=files)


def test_contents_hold_no_mapping_and_no_set_so_that_their_fields_have_one_order():
    schema = Contents.model_json_schema()
    parts = [schema, *schema["$defs"].values()]
    fields = [field for part in parts for field in part["properties"].values()]
    assert len(fields) > 40
    assert not any(word in str(field) for field in fields for word in ("uniqueItems", "additionalProperties"))
    assert all("type" in field or "$ref" in str(field) or "anyOf" in field for field in fields)
