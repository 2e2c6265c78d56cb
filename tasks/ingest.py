"""From source files to volumes and masks: list, scan, read, and decide which scans a study keeps."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from data_catalog.errors import BadData
from data_catalog.kinds import CONTENTS, MASK, STUDY, VOLUME, geometry_of, mask, volume
from data_catalog.refs import Ref, Refusal, Scan, Study
from tasks.formats.dicom import read_header, read_series
from tasks.formats.nifti import read_image as read_nifti_image
from tasks.formats.nifti import read_labels as read_nifti_labels
from tasks.formats.png import read_image as read_png_image
from tasks.formats.png import read_mask as read_png_mask
from tasks.formats.rtstruct import read_contours
from tasks.methods.regions.scanline import rasterise
from tasks.sources.files import content_digest, walk
from tasks.sources.found import SCAN, Contents, FileFacts, Named
from tasks.sources.pattern import NamePattern
from tasks.stage import Listing, stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import xarray as xr

    from tasks.formats.identities import Identities
    from tasks.sources.files import SourceFile

UNREAD = "0" * 64
"""Stands for the SHA-256 of a file that could not be read."""
FILES_PER_LISTING = 500
"""Files scanned as one item: a change of one makes this many be read again."""


def list_files(root: Path, identities: Identities) -> tuple[list[Listing], list[Refusal]]:
    """Return the files below a folder, or in zip files, in listings of a subfolder or zip each."""
    found = walk(root)
    groups: dict[str, list[SourceFile]] = defaultdict(list)
    for file in found.files:
        groups[file.name.partition("/")[0] if "/" in file.name else ""].append(file)
    listings = [
        _listing(files[start : start + FILES_PER_LISTING], identities)
        for _, files in sorted(groups.items())
        for start in range(0, len(files), FILES_PER_LISTING)
    ]
    return listings, [_file_refusal(problem, ()) for problem in found.problems]


def _listing(files: list[SourceFile], identities: Identities) -> Listing:
    text = "\n".join(f"{file.name}\0{file.size}\0{file.modified_ns}" for file in files)
    return Listing(tuple(files), hashlib.sha256(identities.opaque(text).encode()).hexdigest())


def _file_refusal(problem: BadData, files: tuple[str, ...]) -> Refusal:
    name = f"file {files[0][:12]}" if files else "file"
    return Refusal(
        item=name,
        stage=SCAN,
        verdict=problem.verdict,
        expected=problem.expected,
        came=problem.came,
        remedy=problem.remedy,
        files=files,
    )


@stage(CONTENTS, keeps_parameters=False)
def scan_dicom(listing: Iterable[tuple[SourceFile, bytes | BadData]], *, identities: Identities) -> Contents:
    """Return the header of each file, identities replaced, or why it has none."""

    def facts() -> Iterator[FileFacts]:
        for _, content in listing:
            if isinstance(content, BadData):
                yield FileFacts(digest=UNREAD, refusal=_file_refusal(content, ()))
                continue
            digest = content_digest(content)
            try:
                yield FileFacts(digest=digest, dicom=read_header(content, identities))
            except BadData as problem:
                yield FileFacts(digest=digest, refusal=_file_refusal(problem, (digest,)))

    return Contents(files=tuple(facts()))


@stage(CONTENTS, keeps_parameters=False)
def scan_named(
    listing: Iterable[tuple[SourceFile, bytes | BadData]], *, images: str, masks: str | None, identities: Identities
) -> Contents:
    """Return what the name of each file tells, the patient replaced by the pseudonym."""
    roles: list[tuple[Literal["image", "mask"], NamePattern]] = [("image", NamePattern(images))]
    if masks is not None:
        roles.insert(0, ("mask", NamePattern(masks)))  # `{patient}.png` would take `7_tumour.png` for a patient

    def facts() -> Iterator[FileFacts]:
        for file, content in listing:
            if isinstance(content, BadData):
                yield FileFacts(digest=UNREAD, refusal=_file_refusal(content, ()))
                continue
            digest = content_digest(content)
            matches = ((role, pattern.match(file.name)) for role, pattern in roles)
            role, fields = next(((role, fields) for role, fields in matches if fields), (None, None))
            if role is None or fields is None:
                problem = BadData(
                    "name_not_named",
                    "The names of files follow a pattern of the plan",
                    "this one follows none",
                    "Correct the patterns `images` and `masks`, or leave the file out.",
                )
                yield FileFacts(digest=digest, refusal=_file_refusal(problem, (digest,)))
                continue
            known = {name: fields[name] for name in ("visit", "modality", "region", "reader") if name in fields}
            yield FileFacts(
                digest=digest,
                named=Named(
                    role=role,
                    patient=identities.pseudonym(fields["patient"]),
                    series=identities.opaque(file.name),
                    **known,
                ),
            )

    return Contents(files=tuple(facts()))


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


@stage(MASK)
def draw_region(files: list[bytes], image: xr.DataArray, *, source_name: str, region: str) -> xr.DataArray:
    """Return the region that a structure set outlines, on its image's grid."""
    geometry = geometry_of(image)
    return mask(rasterise(read_contours(files[0], source_name), geometry), geometry, {1: region})


@stage(MASK)
def read_label_map(files: list[bytes], image: xr.DataArray, *, labels: dict[str, str], region: str) -> xr.DataArray:
    """Return the regions of a NIfTI label map, or the single one it holds, on its image's grid."""
    values, geometry, _ = read_nifti_labels(files[0])
    geometry_of(image).require_same_grid(geometry)
    if not labels:
        return mask(values > 0, geometry, {1: region})
    return mask(values, geometry, {int(value): name for value, name in labels.items()})


@stage(MASK)
def read_mask(files: list[bytes], image: xr.DataArray, *, region: str) -> xr.DataArray:
    """Return the region that a PNG mask holds, on its image's grid."""
    geometry = geometry_of(image)
    values, _, attrs = read_png_mask(files[0], geometry.spacing_mm[1:])
    if values.shape != geometry.shape:
        raise BadData(
            "other_grid",
            "Image and mask must share a grid",
            f"shapes {geometry.shape} and {values.shape} differ",
            "Export the mask again from the image it was drawn on.",
        )
    return mask(values, geometry, {1: region}, corrections=attrs["corrections"])


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
