"""From series to volumes, and which scans a study keeps."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from data_catalog.kinds import STUDY, VOLUME, volume
from data_catalog.refs import Ref, Refusal, Scan, Study
from tasks.formats.dicom.volume import read_series
from tasks.formats.nifti import read_image as read_nifti_image
from tasks.formats.png import read_image as read_png_image
from tasks.sources.found import SCAN
from tasks.stage import stage

if TYPE_CHECKING:
    import xarray as xr


@stage(VOLUME)
def read_dicom(files: list[bytes]) -> xr.DataArray:
    """Return a DICOM series as a volume."""
    values, geometry, attrs = read_series(files)
    return volume(values, geometry, unit=attrs["unit"], modality=attrs["modality"], corrections=attrs["corrections"])


@stage(VOLUME)
def read_nifti(files: list[bytes], *, modality: str, unit: str) -> xr.DataArray:
    """Return a NIfTI image as a volume."""
    values, geometry, attrs = read_nifti_image(files[0])
    return volume(values, geometry, unit=unit, modality=modality, corrections=attrs["corrections"])


@stage(VOLUME)
def read_png(files: list[bytes], *, modality: str, pixel_size_mm: float | None) -> xr.DataArray:
    """Return a PNG or JPEG image as a volume of one plane."""
    if pixel_size_mm is None:
        raise BadData(
            "no_pixel_size",
            "The size of a pixel is known",
            "neither the plan nor a row of the clinical table says it",
            "Give `pixel_size_mm`, or `pixel_size_column` and a row for the patient.",
        )
    values, geometry, attrs = read_png_image(files[0], (pixel_size_mm, pixel_size_mm))
    return volume(values, geometry, unit=attrs["unit"], modality=modality, corrections=attrs["corrections"])


@stage(STUDY, keeps_parameters=False, opens=False)
def keep_study(made: list[Ref], *, study: Study) -> Study:  # noqa: ARG001 - named for the record
    """Return the study as it stands after a step; its record names all the volumes and masks it is made of."""
    return study


def without_doubles(scans: list[Scan]) -> tuple[list[Scan], list[Refusal]]:
    """Return the scans of which each is held once, and the others as refusals.

    The same voxels under two patients would leak from the training folds into the test folds: only the
    first by pseudonym keeps them. Of several series of one modality at one visit, the one with regions
    counts, then the first.
    """
    kept: dict[str, Scan] = {}
    refusals = []
    for scan in sorted(scans, key=lambda scan: (scan.patient, scan.visit, scan.modality, scan.series)):
        first = kept.setdefault(scan.image.digest, scan)
        if first is not scan:
            refusals.append(_double(scan, first))
    by_place: dict[tuple[str, int, str], list[Scan]] = defaultdict(list)
    for scan in kept.values():
        by_place[scan.patient, scan.visit, scan.modality].append(scan)
    result = []
    for place in sorted(by_place):
        best, *others = sorted(by_place[place], key=lambda scan: (-len(scan.regions), scan.series))
        result.append(best)
        refusals += [_second(scan) for scan in others]
    return result, refusals


def _double(scan: Scan, first: Scan) -> Refusal:
    same = scan.patient == first.patient
    return Refusal(
        item=scan.item,
        stage=SCAN,
        verdict="duplicate_series" if same else "duplicate_patient",
        expected="Every series is there once" if same else "Two patients have two different scans",
        came=f"all voxels equal those of {first.item}",
        remedy="Remove the copy." if same else "Find out which of the two is right, and remove the other.",
    )


def _second(scan: Scan) -> Refusal:
    return Refusal(
        item=scan.item,
        stage=SCAN,
        verdict="second_series",
        expected="A visit has one series of a modality",
        came="another one has more regions, or comes first",
        remedy="Name the modalities or the folder in the plan so that one is left, if the other should count.",
    )
