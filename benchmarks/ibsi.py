"""How many of the reference values of the Image Biomarker Standardisation Initiative (IBSI) are met.

Run by `make ibsi`, or with data elsewhere: `python -m benchmarks.ibsi --data FOLDER`. The folder holds IBSI's phantoms,
tables and maps as `ibsi/`, and, for the validation study, the patients' DICOM as `sts/dicom/`; their origin and licence
say `voxmine data show ibsi_1_ct_phantom`, `ibsi_1_digital_phantom`, `ibsi_2_phantoms` and `ibsi_validation`.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import nibabel
import numpy as np
import pandas as pd

from benchmarks.ibsi2 import phase1_filter, phase2_filter
from data_catalog.store import Store
from flows.key import identities
from flows.plan import Plan, measures_of
from flows.radiomics_study import radiomics_study
from tasks.methods.radiomics.binning import AsIs
from tasks.methods.radiomics.preparation import Resampling, Resegmentation
from tasks.methods.radiomics.recipe import Recipe
from tasks.methods.radiomics.recipes import IBSI_A, IBSI_B, IBSI_C, IBSI_D, IBSI_E

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ALL = ("2d_avg", "2d_mrg", "2.5d_avg", "2.5d_mrg", "3d_avg", "3d_mrg")
DIGITAL = Recipe(binning=AsIs(), volume_histogram_binning=AsIs(), aggregations=ALL)
CONFIGURATIONS = {"A": IBSI_A, "B": IBSI_B, "C": IBSI_C, "D": IBSI_D, "E": IBSI_E}
CODES = {
    "2D_avg": "BTW3",
    "2D_mrg": "SUJT",
    "2.5D_avg": "JJUI",
    "2.5D_mrg": "ZW7Z",
    "3D_avg": "ITBB",
    "3D_mrg": "IAZD",
    "2D": "8QNN",
    "2.5D": "62GR",
    "3D": "KOBO",
}
"""IBSI's codes of the aggregations in the tables."""
VOLUME_HISTOGRAM = {"ivh_diff_v10_v90": "ivh_v10_v90", "ivh_diff_i10_i90": "ivh_i10_i90"}
"""Columns of features that share a code with another; the other four have their tag as name."""
CLOSE = 0.005
"""Part of the consensus by which a value of the validation study may differ."""
MODALITIES = {"CT": "CT", "PT": "PET", "MR": "MR_T1"}


class Row(NamedTuple):
    """One reference value, and what was found."""

    part: str
    family: str
    feature: str
    aggregation: str
    reference: float
    found: float
    met: bool


@dataclass
class Table:
    """Count reference values and those that were met."""

    rows: list[Row] = field(default_factory=list)

    def __str__(self) -> str:
        frame = pd.DataFrame(self.rows)
        counts = frame.groupby(["part", "family"], sort=False)["met"].agg(["sum", "size"])
        lines = ["| | family | met | of |", "|---|---|--:|--:|"]
        lines += [f"| {part} | {family} | {met} | {of} |" for (part, family), (met, of) in counts.iterrows()]
        return "\n".join(lines)

    def total(self, *parts: str) -> tuple[int, int]:
        """Return how many values of some parts were met, and how many there are."""
        of = [row for row in self.rows if row.part.startswith(parts)]
        return sum(row.met for row in of), len(of)


def read(path: Path) -> tuple[NDArray[np.float64], Triple]:
    """Return voxels (z, y, x) and spacing of a NIfTI file of IBSI."""
    image = nibabel.load(path)
    x, y, z = (float(mm) for mm in image.header.get_zooms()[:3])
    return np.asarray(image.dataobj).T.astype(np.float64), (z, y, x)


def columns_of(recipe: Recipe) -> dict[tuple[str, str], str]:
    """Return the column of each code of a feature and code of an aggregation (`DHQ4` where there is one way only)."""
    held = [one for one in recipe.definitions() if one.ibsi and not one.filter]
    return {(one.ibsi, one.aggregation or "DHQ4"): one.column for one in held if one.ibsi is not None}


def column_of(columns: dict[tuple[str, str], str], tag: str, code: str, aggregation: object) -> str | None:
    """Return the column that a row of a table is about; None where the recipe does not measure it."""
    if tag.startswith("ivh_"):
        return VOLUME_HISTOGRAM.get(tag, tag)
    return columns.get((code, CODES.get(str(aggregation), "DHQ4")))


def meets(value: float, reference: float, tolerance: float) -> bool:
    """Return whether a value, rounded to three digits, is the reference within its tolerance: IBSI's rule."""
    return bool(abs(float(f"{value:.3g}") - reference) <= tolerance + 1e-9 * max(abs(reference), 1.0))


def phantom(data: Path, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_], Triple]:
    """Return image, mask and spacing of a phantom; the CT phantom's numbers are rounded, as IBSI asks."""
    image, spacing_mm = read(data / "ibsi" / name / "phantom.nii.gz")
    mask, _ = read(data / "ibsi" / name / "mask.nii.gz")
    return np.rint(image.astype(np.float32)).astype(np.float64), np.rint(mask) > 0, spacing_mm


def ibsi_1(data: Path) -> Iterator[Row]:
    """Yield the reference values of IBSI-1: the digital phantom, and the CT phantom in configurations A to E."""
    table = pd.read_csv(data / "ibsi" / "ibsi1_reference.csv")
    table = table[table["reference_value"].notna()]
    recipes = {"digital": DIGITAL, **CONFIGURATIONS}
    for config, of_config in table.groupby("config", sort=False):
        recipe = recipes[str(config)]
        name = "ibsi1_digital_phantom" if config == "digital" else "ibsi1_ct_phantom"
        found = recipe(*phantom(data, name))
        columns = columns_of(recipe)
        for row in of_config.itertuples():
            column = column_of(columns, str(row.tag), str(row.ibsi_id), row.aggregation)
            value = float("nan") if column is None else found[column]
            met = meets(value, float(row.reference_value), float(row.tolerance))
            yield Row(
                f"IBSI-1 {config}",
                str(row.family),
                str(row.feature),
                str(row.aggregation),
                float(row.reference_value),
                value,
                met,
            )


def ibsi_2_maps(data: Path) -> Iterator[Row]:
    """Yield the reference maps of IBSI-2, phase 1; the value is the largest error as a part of the tolerance."""
    table = pd.read_csv(data / "ibsi" / "ibsi2_phase1.csv", dtype=str, keep_default_na=False)
    for _, row in table[table["reference_map"] != ""].iterrows():
        image, spacing_mm = read(data / "ibsi" / str(row["phantom_path"]))
        expected, _ = read(data / "ibsi" / str(row["reference_map"]))
        error = np.abs(phase1_filter(row)(image, spacing_mm) - expected).max() / float(row["tolerance_abs"])
        yield Row("IBSI-2 maps", str(row["filter"]), str(row["test_id"]), "", 1.0, float(error), bool(error <= 1))


FILTERED_GRID = Resampling(spacing_mm=1.0, interpolation="cubic", round_to_integers=True)
CONSIDERED = Resegmentation(lowest=-1000, highest=400)


def ibsi_2_values(data: Path) -> Iterator[Row]:
    """Yield the reference values of IBSI-2, phase 2: statistics of filtered images of the CT phantom."""
    table = pd.read_csv(data / "ibsi" / "ibsi2_phase2.csv", dtype=str, keep_default_na=False)
    table = table[table["reference_value"] != ""]
    image, mask, spacing_mm = phantom(data, "ibsi1_ct_phantom")
    for (config, filter_id), of_filter in table.groupby(["config", "filter_id"], sort=False):
        chosen = phase2_filter(of_filter.iloc[0])
        recipe = Recipe(
            resampling=FILTERED_GRID if config == "B" else None,
            resegmentation=CONSIDERED,
            families=("statistics",) if chosen is None else (),
            filters=() if chosen is None else (chosen,),
            filtered_families=("statistics",),
        )
        found = recipe(image, mask, spacing_mm)
        columns = {one.ibsi: one.column for one in recipe.definitions() if one.ibsi}
        for row in of_filter.itertuples():
            value = found[columns[str(row.ibsi_id)]]
            met = abs(value - float(row.reference_value)) <= float(row.tolerance)
            yield Row(f"IBSI-2 {config}", str(filter_id), str(row.feature), "", float(row.reference_value), value, met)


def validation(data: Path, workspace: Path, patients: int | None = None) -> Iterator[Row]:
    """Yield the consensus values of IBSI's validation study for the patients whose DICOM is there, or some of them.

    They come the whole way: DICOM and RTSTRUCT through ingest and the flow that measures.
    """
    plan = Plan.model_validate(
        {
            "study": "ibsi-validation",
            "workspace": workspace,
            "sources": [{"method": "dicom", "path": data / "sts" / "dicom"}],
            "regions": {"tumour": "GTV_Mass*"},
            "first_patients": patients,
            "radiomics": [
                {"modality": "CT", "extractor": "ibsi_validation_ct"},
                {"modality": "PT", "extractor": "ibsi_validation_pet"},
                {"modality": "MR", "extractor": "ibsi_validation_mr"},
            ],
        }
    )
    measured = Store(plan.store_folder).open(radiomics_study(plan).table)
    by_place = {(row["patient"], MODALITIES[row["modality"]]): row for _, row in measured.iterrows()}
    who = identities(plan)
    table = pd.read_csv(data / "ibsi" / "ibsi_validation.csv")
    columns = {modality: columns_of(recipe) for modality, recipe in _validation_recipes(plan).items()}
    table = table[table["majority"] & (table["family"] != "diagnostics")]
    for row in table.itertuples():
        found = by_place.get((who.pseudonym(str(row.patient)), str(row.modality)))
        if found is None:
            continue
        column = column_of(columns[str(row.modality)], str(row.tag), str(row.ibsi_id), row.aggregation)
        value = float(found.get(column, float("nan")))
        met = bool(abs(value - row.consensus) <= CLOSE * abs(row.consensus))
        yield Row(
            f"validation {row.modality}",
            str(row.family),
            f"{row.feature} {row.patient}",
            str(row.aggregation),
            float(row.consensus),
            value,
            met,
        )


def _validation_recipes(plan: Plan) -> dict[str, Recipe]:
    return {MODALITIES[name]: measures_of(plan, name)[0].extractor for name in MODALITIES}


def main() -> None:
    """Measure everything and print what is met; exit with 1 where less is met than is claimed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with `ibsi` and `sts`")
    parser.add_argument("--misses", action="store_true", help="print every value that is not met")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="voxmine-ibsi-") as workspace:
        table = Table(
            [
                *ibsi_1(chosen.data),
                *ibsi_2_maps(chosen.data),
                *ibsi_2_values(chosen.data),
                *validation(chosen.data, Path(workspace)),
            ]
        )
    print(table)
    if chosen.misses:
        print(pd.DataFrame([row for row in table.rows if not row.met]).to_string())
    print("\n| reference | met | of |\n|---|--:|--:|")
    totals = {
        "IBSI-1: phantom values": table.total("IBSI-1"),
        "IBSI-2 phase 1: filtered maps within 1 %": table.total("IBSI-2 maps"),
        "IBSI-2 phase 2: values": table.total("IBSI-2 A", "IBSI-2 B"),
        "IBSI-1 validation: values within 0.5 % of the consensus, from DICOM": table.total("validation"),
    }
    for name, (met, of) in totals.items():
        print(f"| {name} | {met:,} | {of:,} |")


if __name__ == "__main__":
    main()
