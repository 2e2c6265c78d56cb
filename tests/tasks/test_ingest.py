"""From source files to volumes and masks, and which scans a study keeps."""

from __future__ import annotations

import zipfile

import nibabel
import numpy as np
import pytest

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.kinds import MASK, VOLUME, geometry_of
from data_catalog.refs import Ref, Region, Scan, Study
from tasks import scan as scanning
from tasks.formats.identities import Identities
from tasks.ingest import keep_study, read_dicom, read_nifti, read_png, without_doubles
from tasks.regions import draw_region, read_label_map, read_mask
from tasks.scan import UNREAD, list_files, scan_dicom, scan_named
from tasks.sources.files import content_digest, walk
from tasks.stage import perform
from tests.tasks.conftest import NAME, PATIENT, axial, outlined, png

SLICES = [axial(z, value) for z, value in ((6.0, 30), (0.0, 10), (3.0, 20))]


def nifti(values):
    image = nibabel.Nifti1Image(np.asarray(values).T, np.diag([-1.0, -2.0, 3.0, 1.0]))
    return image.to_bytes()


def put_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def sizes_of(listings):
    return sorted(len(listing.files) for listing in listings)


def test_a_folder_is_listed_by_subfolders_and_archives(tmp_path, who):
    root = put_files(tmp_path / "in", {"a/1": b"1", "a/deep/2": b"2", "b/3": b"3", "loose": b"4"})
    with zipfile.ZipFile(root / "z.zip", "w") as archive:
        archive.writestr("5", b"5")
    listings, refusals = list_files(root, who)
    assert sizes_of(listings) == [1, 1, 1, 2]
    assert refusals == []
    assert len({listing.stamp for listing in listings}) == 4
    assert "/" not in repr(listings)


def test_a_large_folder_is_several_listings(tmp_path, who, monkeypatch):
    monkeypatch.setattr(scanning, "FILES_PER_LISTING", 2)
    root = put_files(tmp_path / "in", {f"a/{number}": b"1" for number in range(5)})
    assert sizes_of(list_files(root, who)[0]) == [1, 2, 2]


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a/1").write_bytes(b"11"),
        lambda root: (root / "a/3").write_bytes(b"3"),
        lambda root: (root / "a/1").unlink(),
        lambda root: (root / "a/1").rename(root / "a/0"),
    ],
    ids=["written", "added", "removed", "renamed"],
)
def test_the_stamp_of_a_listing_tells_a_change_and_no_name(tmp_path, who, change):
    root = put_files(tmp_path / "in", {"a/1": b"1", "a/2": b"2", "b/1": b"1"})
    before = [listing.stamp for listing in list_files(root, who)[0]]
    assert [listing.stamp for listing in list_files(root, who)[0]] == before
    change(root)
    after = [listing.stamp for listing in list_files(root, who)[0]]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_the_stamp_depends_on_the_key_of_the_study(tmp_path, who):
    root = put_files(tmp_path / "in", {"a": b"1"})
    (mine,), _ = list_files(root, who)
    (other,), _ = list_files(root, Identities(b"another key for tests, 32 bytes."))
    assert mine.stamp != other.stamp


def test_what_cannot_be_listed_is_a_refusal(tmp_path, who):
    root = put_files(tmp_path / "in", {f"{NAME}.zip": b"no archive", "kept": b"1"})
    listings, (refusal,) = list_files(root, who)
    assert sizes_of(listings) == [1]
    assert (refusal.verdict, refusal.item, refusal.files) == ("corrupt_file", "file", ())
    assert NAME not in refusal.model_dump_json()


def test_headers_are_read_without_identities(who):
    files = [(None, SLICES[0]), (None, b"no dicom"), (None, BadData("gone", "e", "c", "r"))]
    contents = scan_dicom.function(files, identities=who)
    first, second, third = contents.files
    assert first.dicom.patient == who.pseudonym(PATIENT)
    assert first.digest == content_digest(SLICES[0])
    assert second.dicom is None
    assert second.refusal.files == (second.digest,)
    assert second.refusal.item == f"file {second.digest[:12]}"
    assert (third.digest, third.refusal.verdict, third.refusal.files) == (UNREAD, "gone", ())
    text = contents.model_dump_json()
    assert not [secret for secret in (NAME, PATIENT, "ZEBRA", "20240131") if secret in text]


def test_names_are_read_without_identities(tmp_path, who):
    root = put_files(tmp_path / "in", {f"{PATIENT}.png": b"1", f"{PATIENT}_tumor_B.png": b"2", "notes.txt": b"3"})
    listing = [*((file, file.read()) for file in walk(root).files), (None, BadData("gone", "e", "c", "r"))]
    contents = scan_named.function(
        listing, images="{patient}.png", masks="{patient}_{region}_{reader}.png", identities=who
    )
    image, mask, other, gone = contents.files
    assert (image.named.role, image.named.patient) == ("image", who.pseudonym(PATIENT))
    assert (mask.named.role, mask.named.patient) == ("mask", who.pseudonym(PATIENT))
    assert (mask.named.region, mask.named.reader, mask.named.visit) == ("tumor", "B", "")
    assert image.named.series == who.opaque(f"{PATIENT}.png") != mask.named.series
    assert (other.named, other.refusal.verdict) == (None, "name_not_named")
    assert (gone.digest, gone.refusal.verdict) == (UNREAD, "gone")
    assert PATIENT not in contents.model_dump_json()


def test_without_a_pattern_for_masks_every_fitting_name_is_an_image(tmp_path, who):
    root = put_files(tmp_path / "in", {"7_2_CT.nii": b"1"})
    ((file,),) = (walk(root).files,)
    (facts,) = scan_named.function(
        [(file, b"1")], images="{patient}_{visit}_{modality}.nii", masks=None, identities=who
    ).files
    assert (facts.named.role, facts.named.visit, facts.named.modality) == ("image", "2", "CT")


def test_a_dicom_series_becomes_a_volume_from_the_feet_to_the_head():
    image = read_dicom.function(SLICES)
    VOLUME.check(image)
    assert image.values[:, 0, 0].tolist() == [-990, -980, -970]
    assert geometry_of(image) == Geometry((3, 4, 5), (3.0, 2.0, 1.0))
    assert (image.attrs["unit"], image.attrs["modality"]) == ("HU", "CT")


def test_a_contour_becomes_a_region_on_the_grid_of_its_image():
    labels = draw_region.function([outlined()], read_dicom.function(SLICES), source_name="GTV", region="tumour")
    MASK.check(labels)
    assert labels.attrs["names"] == {"1": "tumour"}
    assert np.argwhere(labels.values).tolist() == [[1, y, x] for y in (1, 2) for x in (1, 2)]


def test_a_nifti_image_becomes_a_volume():
    values = np.arange(24, dtype="int16").reshape(2, 3, 4)
    image = read_nifti.function([nifti(values)], modality="MR", unit="1")
    VOLUME.check(image)
    np.testing.assert_array_equal(image.values, values)
    assert image.attrs["modality"] == "MR"
    assert geometry_of(image).spacing_mm == (3.0, 2.0, 1.0)


def test_a_label_map_becomes_its_named_regions_or_the_one_it_holds():
    values = np.zeros((2, 3, 4), dtype="uint8")
    values[0, 0, :2] = (1, 4)
    image = read_nifti.function([nifti(values.astype("int16"))], modality="MR", unit="1")
    labels = read_label_map.function([nifti(values)], image, labels={"1": "core", "4": "rim"}, region="")
    MASK.check(labels)
    assert labels.attrs["names"] == {"1": "core", "4": "rim"}
    assert labels.values[0, 0].tolist() == [1, 4, 0, 0]
    whole = read_label_map.function([nifti(values)], image, labels={}, region="tumour")
    assert whole.values[0, 0].tolist() == [1, 1, 0, 0]
    assert whole.attrs["names"] == {"1": "tumour"}


def test_a_label_map_on_another_grid_is_refused():
    image = read_nifti.function([nifti(np.ones((2, 3, 4), dtype="int16"))], modality="MR", unit="1")
    with pytest.raises(BadData, match="share a grid"):
        read_label_map.function([nifti(np.ones((2, 3, 5), dtype="uint8"))], image, labels={}, region="t")


def test_a_picture_and_its_mask_share_the_size_of_a_pixel():
    pixels = np.arange(12).reshape(3, 4)
    image = read_png.function([png(pixels)], modality="US", pixel_size_mm=0.1)
    VOLUME.check(image)
    np.testing.assert_array_equal(image.values, pixels[None])
    assert geometry_of(image).spacing_mm[1:] == (0.1, 0.1)
    labels = read_mask.function([png(pixels * 20 > 100)], image, region="lesion")
    MASK.check(labels)
    np.testing.assert_array_equal(labels.values[0], pixels > 5)
    assert geometry_of(labels) == geometry_of(image)


def test_a_picture_without_a_pixel_size_is_refused(store):
    with pytest.raises(BadData, match="neither the plan nor a row") as refusal:
        read_png.function([png(np.ones((2, 2)))], modality="US", pixel_size_mm=None)
    assert refusal.value.verdict == "no_pixel_size"


def test_a_mask_of_another_size_is_refused():
    image = read_png.function([png(np.ones((3, 4)))], modality="US", pixel_size_mm=0.1)
    with pytest.raises(BadData, match=r"shapes \(1, 3, 4\) and \(1, 3, 5\) differ"):
        read_mask.function([png(np.ones((3, 5)) * 255)], image, region="lesion")


def ref(word, kind="volume"):
    return Ref(kind=kind, digest=content_digest(word.encode()))


def scan(word, patient="P-1", regions=0, **changes):
    drawn = tuple(Region(name=f"r{n}", reader="A", mask=ref(f"{word}{n}", "mask")) for n in range(regions))
    return Scan(
        **{"patient": patient, "modality": "CT", "series": word, "image": ref(word), "regions": drawn} | changes
    )


def kept(*scans):
    held, refusals = without_doubles(list(scans))
    return [one.series for one in held], [(refusal.verdict, refusal.item) for refusal in refusals]


def test_different_scans_are_all_kept_in_the_order_of_patients_visits_and_modalities():
    scans = [scan("d", "P-2"), scan("c", modality="PT"), scan("b", visit=1), scan("a")]
    assert kept(*scans) == (["a", "c", "b", "d"], [])


def test_a_patient_who_is_there_twice_is_kept_once():
    series, refusals = kept(scan("b", "P-2", image=ref("a")), scan("a", "P-1"), scan("c", "P-2", visit=1))
    assert series == ["a", "c"]
    assert refusals == [("duplicate_patient", "P-2/v0/CT/b")]


def test_a_series_that_is_there_twice_is_kept_once():
    assert kept(scan("a"), scan("b", image=ref("a"), visit=1)) == (["a"], [("duplicate_series", "P-1/v1/CT/b")])


def test_of_several_series_of_a_visit_the_one_with_regions_counts_then_the_first():
    assert kept(scan("a"), scan("b", regions=1), scan("c")) == (
        ["b"],
        [("second_series", "P-1/v0/CT/a"), ("second_series", "P-1/v0/CT/c")],
    )
    assert kept(scan("b"), scan("a"))[0] == ["a"]


def test_what_is_kept_does_not_depend_on_the_order_of_files():
    scans = [scan("a"), scan("b", "P-2", image=ref("a")), scan("c", regions=2), scan("d", "P-3")]
    assert kept(*scans) == kept(*scans[::-1])


def test_the_refusal_of_a_double_names_the_other_and_the_remedy():
    _, (refusal,) = without_doubles([scan("a"), scan("b", "P-2", image=ref("a"))])
    assert "P-1/v0/CT/a" in refusal.came
    assert "which of the two" in refusal.remedy


def test_a_study_is_kept_with_the_names_of_what_it_is_made_of(store):
    study = Study(scans=(scan("a"),))
    outcome = perform(store.root, keep_study.job("study/ingest", {"made": (ref("a"),)}, {"study": study}))
    assert store.open(outcome.ref) == study
    (record,) = store.records(outcome.ref)
    assert record.parents() == [ref("a")]
    assert record.parameters == {}, "the artefact itself holds the study"
