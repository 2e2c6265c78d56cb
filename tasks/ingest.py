"""From series to volumes, and which scans a study keeps."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol

from data_catalog.errors import BadData
from data_catalog.kinds import SPACE, STUDY, VOLUME, volume
from data_catalog.refs import Ref, Refusal, Scan, Study
from data_catalog.verdicts import Correction
from tasks.formats.dicom.glance import glance
from tasks.formats.dicom.volume import read_series
from tasks.formats.tiff_scale import Scale
from tasks.formats.volume_files import read_image
from tasks.methods.gate.plausible import plausible
from tasks.methods.gate.thumbnail import axial_plane
from tasks.sources.found import SCAN
from tasks.stage import stage

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from data_catalog.geometry import Geometry
    from tasks.formats.content import Content
    from tasks.sources.named import Space


TAKEN_APART = "series_taken_apart"
"""Correction of a scan that is a part of its series."""


@stage(VOLUME)
def read_dicom(
    files: list[Content], *, pixel_size_mm: float | None = None, lost: int = 0, lost_beside: int = 0
) -> xr.DataArray:
    """Return a DICOM series as a volume, read slab by slab; the pixel size counts where the files state none.

    `lost` files of the series could not be read; nor could `lost_beside` files of the same folders, which may be of it.
    """
    pixel = None if pixel_size_mm is None else (pixel_size_mm, pixel_size_mm)
    try:
        values, geometry, attrs = read_series(files, pixel_size_mm=pixel)
        intercept = attrs.pop("intercept")
        notes = plausible(values, geometry.spacing_mm, attrs["unit"], attrs["modality"], intercept=intercept)
    except BadData as refusal:
        raise refusal.showing(glance(files)) from None
    leading = [name for name in attrs.pop("dims") if name not in SPACE]
    notes += [_lost(lost)] if lost else []
    notes += [_lost_beside(lost_beside)] if lost_beside else []
    corrections = [*attrs.pop("corrections"), *(note.model_dump() for note in notes)]
    return volume(values, geometry, leading=leading, corrections=corrections, **attrs)


def _lost(files: int) -> Correction:
    came = "a file of the series" if files == 1 else f"{files} files of the series"
    return Correction(name="files_lost", text=f"{came} could not be read: slices at its ends may be missing")


def _lost_beside(files: int) -> Correction:
    came = "a file beside it could not be read" if files == 1 else f"{files} files beside it could not be read"
    text = f"{came}, and nothing tells whether they are of this series: slices at its ends may be missing"
    return Correction(name="files_lost_beside", text=text)


@stage(VOLUME)
def read_volume(
    files: list[Content],
    *,
    modality: str,
    unit: str,
    pixel_size_mm: float | None = None,
    slice_distance_mm: float | None = None,
    space: Space | None = None,
) -> xr.DataArray:
    """Return an image in NIfTI, NRRD, MetaImage, TIFF, PNG or JPEG as a volume.

    A second file holds the voxels of a header that stands alone.
    """
    scale = None
    if pixel_size_mm is not None or slice_distance_mm is not None:
        scale = Scale(pixel_size_mm, pixel_size_mm, slice_distance_mm)
    beside = files[1] if len(files) > 1 else None
    values, geometry, attrs = read_image(files[0], beside, scale=scale, space=space)
    notes = _passed(values, geometry, unit, modality)
    return volume(
        values,
        geometry,
        unit=unit,
        modality=modality,
        leading=[name for name in attrs["dims"] if name not in SPACE],
        coords=attrs["coords"],
        corrections=[*attrs["corrections"], *notes],
    )


def _passed(values: NDArray[Any], geometry: Geometry, unit: str, modality: str) -> list[dict[str, str]]:
    """Return what the gate notes of an image; a refusal shows it where that is safe."""
    try:
        return [note.model_dump() for note in plausible(values, geometry.spacing_mm, unit, modality)]
    except BadData as refusal:
        raise refusal.showing(axial_plane(values, geometry, modality)) from None


@stage(STUDY, keeps_parameters=False, opens=False)
def keep_study(made: list[Ref], *, study: Study) -> Study:  # noqa: ARG001 - named for the record
    """Return the study as it stands after a step; its record names all the volumes and masks it is made of."""
    return study


class Known(Protocol):
    """Tells of a scan what decides which of several counts, and what a reader is told of the others."""

    def voxels(self, scan: Scan) -> str:
        """Return a digest of its voxels, wherever they lie."""

    def size(self, scan: Scan) -> int:
        """Return how many voxels it has."""

    def kernel(self, scan: Scan) -> str:
        """Return the kernel that a CT was reconstructed with; empty where it is not known."""

    def source(self, scan: Scan) -> str:
        """Return what its series is called in the source, of which it may be a part; empty where that is not known."""

    def files(self, scan: Scan) -> tuple[str, ...]:
        """Return the digests of the files it was read from."""


def without_doubles(scans: list[Scan], known: Known) -> tuple[list[Scan], list[Refusal]]:
    """Return the scans of which each is held once, and the others as refusals.

    The same voxels under two patients would leak from the training folds into the test folds: only the
    first by pseudonym keeps them. Of several series of one modality at one visit, the one with regions
    counts, then the one with the most voxels: a scout stands for no stack. Among equals the first by kernel counts, so
    that it is the same one for all patients. Where what is left is a part of a
    series that was taken apart, it says so.
    """
    kept: dict[str, Scan] = {}
    refusals = []
    for scan in sorted(scans, key=lambda scan: (scan.patient, scan.visit, scan.modality, scan.series)):
        first = kept.setdefault(known.voxels(scan), scan)
        if first is not scan:
            refusals.append(_double(scan, first, known.files(scan)))
    by_place: dict[tuple[str, int, str], list[Scan]] = defaultdict(list)
    for scan in kept.values():
        by_place[scan.patient, scan.visit, scan.modality].append(scan)
    result = []
    for place in sorted(by_place):
        held = by_place[place]
        if len(held) > 1:
            held.sort(key=lambda scan: (-len(scan.regions), -known.size(scan), known.kernel(scan), scan.series))
        best, *others = held
        parts = [scan for scan in others if known.source(scan) and known.source(scan) == known.source(best)]
        if parts:
            best = best.model_copy(update={"corrections": (*best.corrections, TAKEN_APART)})
        result.append(best)
        refusals += [_second(scan, known.files(scan), is_part=scan in parts) for scan in others]
    return result, refusals


def _double(scan: Scan, first: Scan, files: tuple[str, ...]) -> Refusal:
    same = scan.patient == first.patient
    return Refusal(
        item=scan.item,
        stage=SCAN,
        verdict="duplicate_series" if same else "duplicate_patient",
        expected="Every series is there once" if same else "Two patients have two different scans",
        came=f"all voxels equal those of {first.item}",
        remedy="Remove the copy." if same else "Find out which of the two is right, and remove the other.",
        files=files,
    )


def _second(scan: Scan, files: tuple[str, ...], *, is_part: bool) -> Refusal:
    if is_part:
        came = (
            "another part of the same series has more regions or voxels: its images differ in size, spacing, direction,"
            " kind, kernel, tube voltage, study or frame of reference"
        )
        remedy = "Export the series again, or leave these files out if the other part is all that should count."
    else:
        came = "another one has more regions or voxels, or comes first"
        remedy = (
            "Name the modalities, the kernels or the folder in the plan so that one is left, if the other should count."
        )
    return Refusal(
        item=scan.item,
        stage=SCAN,
        verdict="second_series",
        expected="A visit has one series of a modality",
        came=came,
        remedy=remedy,
        files=files,
    )
