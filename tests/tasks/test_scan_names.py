"""What names tell without an identity, and how a header finds the file of its voxels."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import SimpleITK

from data_catalog.errors import BadData
from tasks.scan import list_files
from tasks.scan_names import UNREAD, scan_names
from tasks.sources.files import walk
from tasks.sources.named_found import named_found
from tests.tasks.conftest import NAME, PATIENT

RAMP = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


def put_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def scanned(root, who, *patterns):
    listings, *_ = list_files(root, who)
    return [
        pair
        for listing in listings
        for pair in zip(
            listing.files,
            scan_names.function(listing.read(), patterns=patterns, identities=who).files,
            strict=True,
        )
    ]


def test_names_are_read_without_identities(tmp_path, who):
    root = put_files(tmp_path / "in", {f"{PATIENT}.png": b"1", f"{PATIENT}_tumor_B.png": b"2", "notes.txt": b"3"})
    patterns = (("mask", "{patient}_{region}_{reader}.png"), ("image", "{patient}.png"))
    image, mask, notes = [facts for _, facts in scanned(root, who, *patterns)]
    assert (image.named.role, image.named.patient) == ("image", who.pseudonym(PATIENT))
    assert (mask.named.role, mask.named.region, mask.named.reader) == ("mask", "tumor", "B")
    assert (notes.named, notes.refusal.verdict) == (None, "name_not_named")
    assert image.named.voxels == ""
    text = "".join(facts.model_dump_json() for facts in (image, mask, notes))
    assert not [secret for secret in (NAME, PATIENT, "notes", ".png") if secret in text]


def test_the_first_pattern_that_fits_counts(tmp_path, who):
    root = put_files(tmp_path / "in", {"7_2_CT.nii": b"1"})
    ((_, facts),) = scanned(root, who, ("image", "{patient}_{visit}_{modality}.nii"), ("mask", "{patient}.nii"))
    assert (facts.named.role, facts.named.visit, facts.named.modality) == ("image", "2", "CT")


def test_a_file_that_cannot_be_read_is_refused(tmp_path, who):
    root = put_files(tmp_path / "in", {"7.nii": b"1"})
    ((file,),) = (walk(root).files,)
    gone = [(file, BadData("gone", "e", "c", "r"))]
    (facts,) = scan_names.function(gone, patterns=(("image", "{patient}.nii"),), identities=who).files
    assert (facts.digest, facts.refusal.verdict, facts.named) == (UNREAD, "gone", None)


@pytest.fixture(params=["nhdr", "mhd", "hdr"])
def detached(request, tmp_path):
    """Return a folder with an image whose voxels are in a file of their own, beside a file that fits no name."""
    folder = tmp_path / "in" / "scans"
    folder.mkdir(parents=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(RAMP), str(folder / f"{PATIENT}.{request.param}"))
    (folder / "notes.md").write_bytes(b"x")
    return tmp_path / "in", request.param


def test_a_header_finds_the_file_of_its_voxels(detached, who):
    root, ending = detached
    found = named_found(scanned(root, who, ("image", f"{{patient}}.{ending}")), "MR", {}, {})
    (series,) = found.series
    assert len(series.files.files) == 2
    header, voxels = series.files.read()
    assert header.size < 500
    assert voxels.size == RAMP.nbytes
    assert [refusal.verdict for refusal in found.refusals] == ["name_not_named"]


def test_a_header_finds_the_file_of_its_voxels_in_an_archive_and_across_listings(detached, who, monkeypatch):
    root, ending = detached
    with zipfile.ZipFile(root / "all.zip", "w") as archive:
        for path in sorted((root / "scans").iterdir()):
            archive.write(path, path.name)
            path.unlink()
    monkeypatch.setattr("tasks.scan.FILES_PER_LISTING", 1)
    found = named_found(scanned(root, who, ("image", f"{{patient}}.{ending}")), "MR", {}, {})
    assert [len(series.files.files) for series in found.series] == [2]
    assert [refusal.verdict for refusal in found.refusals] == ["name_not_named"]


def test_a_pattern_may_fit_the_file_of_the_voxels_too(detached, who):
    root, _ = detached
    found = named_found(scanned(root, who, ("image", "{patient}.{any}")), "MR", {}, {})
    assert sorted(len(series.files.files) for series in found.series) == [1, 2], "the notes, and the image"


def test_sound_and_text_have_no_voxels(tmp_path, who):
    root = put_files(tmp_path / "in", {"7.txt": b"NRRD0004\ndata file: 8.txt\n\n", "8.txt": b"No mass."})
    facts = [facts for _, facts in scanned(root, who, ("text", "{patient}.txt"))]
    assert [one.named.role for one in facts] == ["text", "text"]
    assert [one.named.voxels for one in facts] == ["", ""]
