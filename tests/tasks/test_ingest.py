"""From source files to volumes and masks, and which scans a study keeps."""

from __future__ import annotations

import hashlib

import nibabel
import numpy as np
import pytest

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.kinds import VOLUME, geometry_of
from data_catalog.refs import Ref, Region, Scan, Study
from tasks.formats.content import Held
from tasks.ingest import keep_study, read_dicom, without_doubles
from tasks.stage import perform
from tests.tasks.conftest import axial

SLICES = [axial(z, value) for z, value in ((6.0, 30), (0.0, 10), (3.0, 20))]


def held(*contents):
    return [Held(content) for content in contents]


def nifti(values):
    image = nibabel.Nifti1Image(np.asarray(values).T, np.diag([-1.0, -2.0, 3.0, 1.0]))
    return image.to_bytes()


def test_a_dicom_series_becomes_a_volume_from_the_feet_to_the_head():
    image = read_dicom.function(held(*SLICES))
    VOLUME.check(image)
    assert image.values[:, 0, 0].tolist() == [-990, -980, -970]
    assert geometry_of(image) == Geometry((3, 4, 5), (3.0, 2.0, 1.0))
    assert (image.attrs["unit"], image.attrs["modality"]) == ("HU", "CT")


@pytest.mark.parametrize(("lost", "said"), [(1, "a file beside it"), (3, "3 files beside it")])
def test_a_series_beside_files_that_could_not_be_read_says_so(lost, said):
    usual = read_dicom.function(held(*SLICES)).attrs["corrections"]
    *others, note = read_dicom.function(held(*SLICES), lost_beside=lost).attrs["corrections"]
    assert others == usual
    assert note["name"] == "files_lost_beside"
    assert note["text"].startswith(said)


@pytest.mark.parametrize(("lost", "said"), [(1, "a file of the series"), (3, "3 files of the series")])
def test_a_series_of_which_files_could_not_be_read_says_so(lost, said):
    *_, note = read_dicom.function(held(*SLICES), lost=lost).attrs["corrections"]
    assert note["name"] == "files_lost"
    assert note["text"].startswith(said)


def test_what_tells_slices_apart_becomes_a_named_axis_with_its_coordinates():
    files = [axial(z, 10 * k + int(z), Modality="MR", EchoTime=e) for k, e in enumerate((2.5, 8.0)) for z in (0.0, 3.0)]
    image = read_dicom.function(held(*files))
    VOLUME.check(image)
    assert image.dims == ("echo", "z", "y", "x")
    assert image["echo"].values.tolist() == [2.5, 8.0]
    assert image["echo"].attrs == {"units": "ms"}
    assert image.sel(echo=8.0).values[:, 0, 0].tolist() == [-990, -987]


def test_a_pixel_size_counts_where_the_files_state_none():
    unplaced = {"PixelSpacing": None, "ImagePositionPatient": None, "ImageOrientationPatient": None}
    film = axial(0.0, 5, Modality="US", PixelData=np.arange(20, dtype=np.int16).tobytes(), **unplaced)
    with pytest.raises(BadData) as refusal:
        read_dicom.function(held(film))
    assert refusal.value.verdict == "unknown_pixel_size"
    image = read_dicom.function(held(film), pixel_size_mm=0.25)
    assert geometry_of(image).spacing_mm == (1.0, 0.25, 0.25)
    assert [correction["name"] for correction in image.attrs["corrections"]] == ["pixel_size_given"]


def ref(word, kind="volume"):
    return Ref(kind=kind, digest=hashlib.sha256(word.encode()).hexdigest())


def scan(word, patient="P-1", regions=0, **changes):
    drawn = tuple(Region(name=f"r{n}", reader="A", mask=ref(f"{word}{n}", "mask")) for n in range(regions))
    return Scan(
        **{"patient": patient, "modality": "CT", "series": word, "image": ref(word), "regions": drawn} | changes
    )


class Known:
    """Know scans by their series: equal digests are equal voxels, unless it is told otherwise."""

    def __init__(self, voxels=None, sizes=None, sources=None, kernels=None):
        self._kernels = kernels or {}
        self._voxels, self._sizes, self._sources = voxels or {}, sizes or {}, sources or {}

    def voxels(self, scan):
        return self._voxels.get(scan.series, scan.image.digest)

    def size(self, scan):
        return self._sizes.get(scan.series, 1)

    def kernel(self, scan):
        return self._kernels.get(scan.series, "")

    def source(self, scan):
        return self._sources.get(scan.series, "")

    def files(self, scan):
        return (f"files of {scan.series}",)


def kept(*scans, **facts):
    held, refusals = without_doubles(list(scans), Known(**facts))
    assert all(refusal.files == (f"files of {refusal.item.rpartition('/')[2]}",) for refusal in refusals)
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


def test_of_series_without_regions_the_one_with_the_most_voxels_counts():
    assert kept(scan("a"), scan("b"), sizes={"a": 100, "b": 1200}) == (["b"], [("second_series", "P-1/v0/CT/a")])
    assert kept(scan("a", regions=1), scan("b"), sizes={"a": 100, "b": 1200})[0] == ["a"]


def test_of_series_that_differ_in_their_kernel_only_all_patients_keep_the_same():
    kernels = {"a": "B70f", "b": "B30f", "c": "B30f", "d": "B70f"}
    held, _ = without_doubles([scan(word, "P-1" if word in "ab" else "P-2") for word in "abcd"], Known(kernels=kernels))
    assert [one.series for one in held] == ["b", "c"]


def test_equal_voxels_are_doubles_wherever_they_lie():
    same = {"a": "the same", "b": "the same"}
    assert kept(scan("a"), scan("b", "P-2"), voxels=same) == (["a"], [("duplicate_patient", "P-2/v0/CT/b")])


def test_what_is_left_of_a_series_that_was_taken_apart_says_so():
    parts = {"a": "one", "b": "one", "c": "another"}
    held, refusals = without_doubles([scan(word) for word in "abc"], Known(sizes={"b": 9}, sources=parts))
    assert [(one.series, one.corrections) for one in held] == [("b", ("series_taken_apart",))]
    assert ["another part of the same series" in refusal.came for refusal in refusals] == [True, False]
    alone, _ = without_doubles([scan("b"), scan("c")], Known(sizes={"b": 9}, sources=parts))
    assert alone[0].corrections == ()


def test_what_is_kept_does_not_depend_on_the_order_of_files():
    scans = [scan("a"), scan("b", "P-2", image=ref("a")), scan("c", regions=2), scan("d", "P-3")]
    assert kept(*scans) == kept(*scans[::-1])


def test_the_refusal_of_a_double_names_the_other_and_the_remedy():
    _, (refusal,) = without_doubles([scan("a"), scan("b", "P-2", image=ref("a"))], Known())
    assert "P-1/v0/CT/a" in refusal.came
    assert "which of the two" in refusal.remedy


def test_a_study_is_kept_with_the_names_of_what_it_is_made_of(store):
    study = Study(scans=(scan("a"),))
    outcome = perform(store.root, keep_study.job("study/ingest", {"made": (ref("a"),)}, {"study": study}))
    assert store.open(outcome.ref) == study
    (record,) = store.records(outcome.ref)
    assert record.parents() == [ref("a")]
    assert record.parameters == {}, "the artefact itself holds the study"
