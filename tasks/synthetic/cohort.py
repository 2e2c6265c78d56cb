"""Write the invented cohort to a folder: scans, clinical table, events, and the truths planted in them.

Below the folder stand `scans/<FAMILY_GIVEN_ID>/<date>_<modality>/IMnnnn.dcm`, or `<FAMILY_GIVEN_ID>.zip`
of the same, and `clinical.csv`, `events.csv` and `truths.json`. The same seed writes the same bytes.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from data_catalog.errors import PlanError
from tasks.synthetic import phantom, tables
from tasks.synthetic.design import Case, added_case, cases
from tasks.synthetic.dicom_files import SCANNERS, Series, ct_slices, pet_slices, structure_set
from tasks.synthetic.identities import READER_PHYSICIANS, REGISTERED_AGAIN, STAFF, Person, person
from tasks.synthetic.truths import CorruptFile, Duplicate, MissingSlice, PatientTruth, ScannerEffect, Truths

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple
    from tasks.synthetic.phantom import Grid, Tumour

SCANS, TRUTHS = "scans", "truths.json"
MISSING_SLICE_OF, CORRUPT_FILE_OF, TWICE_THERE = 1, 2, 3
"""Numbers of the patients with a planted fault; their values are as random as everyone's."""
MISSING_SLICE, CORRUPT_SLICE = 10, 6
BYTES_CUT_OFF = 1500
"""The corrupt file ends so many bytes early: less than its pixel data has."""
ARCHIVED_EVERY = 5
"""Of so many patients the last comes as a zip archive."""
TURNED_EVERY, TURN_DEGREES = 9, (6.0, -4.0)
"""Of so many patients the last lies turned in the scanner: about the patient's x axis, then about the z axis."""


@dataclass(frozen=True)
class _Chart:
    """Gather the files of one patient, by their path in the patient's folder."""

    case: Case
    who: Person
    files: dict[str, bytes] = field(default_factory=dict)

    def scan(
        self, series: Series, grid: Grid, tumours: list[Tumour], rng: np.random.Generator
    ) -> list[NDArray[np.bool_]]:
        """Add an image series, and a structure set for each reader's idea of the tumour; return the readers' masks.

        The voxels show the tumour as the first reader drew it.
        """
        drawn = [phantom.outlines_mm(tumour, grid) for tumour in tumours]
        masks = [phantom.rasterised(outlines, grid) for outlines in drawn]
        voxels, files = (phantom.ct_voxels, ct_slices) if series.modality == "CT" else (phantom.pet_voxels, pet_slices)
        order = _file_order(self.case.number, grid.geometry.shape[0])
        self._add(series, files(series, voxels(self.case, grid, masks[0], rng), grid.geometry, order))
        for reader, operator, outlines in zip("AB", READER_PHYSICIANS, drawn, strict=False):
            label = f"{series.modality}/reader-{reader}"
            structures = replace(series, modality="RTSTRUCT", label=label)
            self._add(structures, [structure_set(structures, series, grid, outlines, operator)])
        return masks

    def _add(self, series: Series, contents: list[bytes]) -> None:
        folder = f"{series.day:%Y%m%d}_{series.modality}"
        there = sum(path.startswith(f"{folder}/") for path in self.files)
        self.files.update({f"{folder}/IM{number:04d}.dcm": file for number, file in enumerate(contents, there + 1)})


def write_cohort(folder: Path, seed: int = 7, patients: int = 40) -> Truths:
    """Write an invented cohort and return what was planted in it.

    Parameters
    ----------
    folder : Path
        Where to; made if it is not there. About 0.4 MB a patient.
    seed : int
        Decides everything; the same seed writes the same bytes.
    patients : int
        At least 4. What is planted is sure to be found with 40.

    Raises
    ------
    PlanError
        For fewer than four patients, or where the folder already holds scans.
    """
    everyone = cases(seed, patients)
    if (folder / SCANS).exists():
        raise PlanError("A cohort is written to a folder without scans", "it has some", "Name another folder.")
    people = [person(seed, case.number, case.birth_date) for case in everyone]
    charts = [_patient(case, who, seed) for case, who in zip(everyone, people, strict=True)]
    missing = _remove_slice(charts[MISSING_SLICE_OF][0])
    corrupt = _truncate_slice(charts[CORRUPT_FILE_OF][0])
    twice = everyone[TWICE_THERE]
    again = person(seed, REGISTERED_AGAIN, twice.birth_date)
    for chart in [*(chart for chart, _ in charts), _patient(twice, again, seed)[0]]:
        _write_scans(folder, chart)
    truths = Truths(
        seed=seed,
        patients=tuple(truth for _, truth in charts),
        scanners=_scanner_effect(),
        missing_slice=missing,
        corrupt_file=corrupt,
        duplicate=Duplicate(patient_id=people[TWICE_THERE].patient_id, copy_id=again.patient_id),
        identities=_identities([*people, again]),
    )
    _write_tables(folder, everyone, [*people, again], seed)
    (folder / TRUTHS).write_text(truths.model_dump_json(indent=1), encoding="utf-8")
    return truths


def add_patient(folder: Path, seed: int, number: int) -> Truths:
    """Add one more patient, who has nothing of the planted rule, and return the truths of the cohort as it is now.

    Parameters
    ----------
    folder : Path
        What `write_cohort` wrote.
    seed : int
        The seed that it was written with.
    number : int
        Counts from 0 with the patients that are there: 40 for the first after 40.

    Raises
    ------
    PlanError
        Where the folder holds no cohort of that seed, or already the patient with that number.
    """
    path = folder / TRUTHS
    before = Truths.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None
    if before is None or before.seed != seed:
        raise PlanError("A patient is added to a cohort of the same seed", "there is none", "Write the cohort first.")
    case = added_case(seed, number)
    who = person(seed, number, case.birth_date)
    if who.patient_id in {patient.patient_id for patient in before.patients}:
        raise PlanError("A patient is added once", "the number is taken", "Give the number of patients so far.")
    chart, truth = _patient(case, who, seed)
    _write_scans(folder, chart)
    tables.append_rows(folder / tables.CLINICAL, tables.CLINICAL_COLUMNS, [tables.clinical_row(case, who.patient_id)])
    events = tables.event_rows(tables.timelines([case], seed)[0], who.patient_id)
    tables.append_rows(folder / tables.EVENTS, tables.EVENT_COLUMNS, events)
    identities = tuple(dict.fromkeys([*before.identities, *who.identities()]))
    truths = before.model_copy(update={"patients": (*before.patients, truth), "identities": identities})
    path.write_text(truths.model_dump_json(indent=1), encoding="utf-8")
    return truths


def _patient(case: Case, who: Person, seed: int) -> tuple[_Chart, PatientTruth]:
    """Scan one patient at both visits; the voxels depend on the case, not on the name."""
    rng = np.random.default_rng([seed, 5, case.number])
    chart = _Chart(case, who)
    direction = _direction(turned=case.number % TURNED_EVERY == TURNED_EVERY - 1)
    first_mm, second_mm = _offset_mm(rng), _offset_mm(rng)
    tumour = phantom.tumour_of(case, rng)
    readers = [tumour, phantom.as_reader_b(tumour, rng)]
    grid = phantom.ct_grid(direction, first_mm)
    masks = chart.scan(Series(who, case, 0, "CT"), grid, readers, rng)
    chart.scan(Series(who, case, 0, "PT"), phantom.pet_grid(direction, first_mm), [tumour], rng)
    later = tumour.scaled(case.growth ** (1.0 / 3.0))
    chart.scan(Series(who, case, 1, "CT"), phantom.ct_grid(direction, second_mm), [later], rng)
    truth = PatientTruth(
        patient_id=who.patient_id,
        tumour_volume_mm3=float(masks[0].sum() * np.prod(grid.geometry.spacing_mm)),
        dice=2.0 * float((masks[0] & masks[1]).sum()) / float(masks[0].sum() + masks[1].sum()),
        texture=case.texture,
        texture_hu=case.texture_hu,
        marker=case.marker,
        progression=case.progression,
        scanner=case.scanner,
        first_visit=case.first_visit,
        days_between_visits=case.days_between_visits,
        order=case.order,
    )
    return chart, truth


def _offset_mm(rng: np.random.Generator) -> Triple:
    """Return where the phantom's centre lies in the patient's frame, (z, y, x)."""
    z, y, x = rng.uniform(-80.0, 80.0, 3).round(2)
    return float(z), float(y), float(x)


def _direction(*, turned: bool) -> tuple[Triple, Triple, Triple]:
    """Return the axes of the grids, in columns (z, y, x)."""
    about_x, about_z = np.deg2rad(TURN_DEGREES) * turned
    tilt = np.array([[np.cos(about_x), np.sin(about_x), 0], [-np.sin(about_x), np.cos(about_x), 0], [0, 0, 1]])
    spin = np.array([[1, 0, 0], [0, np.cos(about_z), np.sin(about_z)], [0, -np.sin(about_z), np.cos(about_z)]])
    rows = [(float(z), float(y), float(x)) for z, y, x in spin @ tilt]
    return rows[0], rows[1], rows[2]


def _file_order(number: int, slices: int) -> list[int]:
    """Return the slice that each file shows: shuffled, from the head, or from the feet, in turn by patient."""
    upwards = list(range(slices))
    shuffled = [int(index) for index in np.random.default_rng(number).permutation(slices)]
    return (shuffled, upwards[::-1], upwards)[number % 3]


def _slice_path(case: Case, index: int) -> str:
    """Return the path of the file that shows one slice of the follow-up CT."""
    file = _file_order(case.number, phantom.CT_SHAPE[0]).index(index) + 1
    return f"{case.follow_up:%Y%m%d}_CT/IM{file:04d}.dcm"


def _remove_slice(chart: _Chart) -> MissingSlice:
    del chart.files[_slice_path(chart.case, MISSING_SLICE)]
    return MissingSlice(patient_id=chart.who.patient_id, slice_index=MISSING_SLICE, slices_expected=phantom.CT_SHAPE[0])


def _truncate_slice(chart: _Chart) -> CorruptFile:
    path = _slice_path(chart.case, CORRUPT_SLICE)
    chart.files[path] = chart.files[path][:-BYTES_CUT_OFF]
    return CorruptFile(patient_id=chart.who.patient_id, file=f"{SCANS}/{chart.who.folder}/{path}")


def _scanner_effect() -> ScannerEffect:
    offset_hu = phantom.SCANNER_OFFSET_HU["B"] - phantom.SCANNER_OFFSET_HU["A"]
    return ScannerEffect(
        manufacturer_a=SCANNERS["A"].manufacturer, manufacturer_b=SCANNERS["B"].manufacturer, offset_hu=offset_hu
    )


def _identities(people: list[Person]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*STAFF, *(text for who in people for text in who.identities())]))


def _write_scans(folder: Path, chart: _Chart) -> None:
    """Write a patient's files, as a folder or as an archive."""
    scans = folder / SCANS
    scans.mkdir(parents=True, exist_ok=True)
    if chart.case.number % ARCHIVED_EVERY == ARCHIVED_EVERY - 1:
        with zipfile.ZipFile(scans / f"{chart.who.folder}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in chart.files.items():
                # Without a ZipInfo of its own an entry would carry the time of writing.
                entry = zipfile.ZipInfo(f"{chart.who.folder}/{path}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        return
    for path, content in chart.files.items():
        target = scans / chart.who.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _write_tables(folder: Path, everyone: list[Case], people: list[Person], seed: int) -> None:
    """Write both tables; the last of the people is the second registration of a patient."""
    registered = list(zip([*everyone, everyone[TWICE_THERE]], people, strict=True))
    dated = tables.timelines(everyone, seed)
    clinical = [tables.clinical_row(case, who.patient_id) for case, who in registered]
    events = [row for case, who in registered for row in tables.event_rows(dated[case.number], who.patient_id)]
    tables.write_rows(folder / tables.CLINICAL, tables.CLINICAL_COLUMNS, clinical)
    tables.write_rows(folder / tables.EVENTS, tables.EVENT_COLUMNS, events)
