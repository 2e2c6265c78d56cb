"""How large a pixel is, where a table beside the images says so for each patient, or each patient and visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from data_catalog.kinds import TABLE
from tasks.formats.table import infer, read_table
from tasks.stage import stage
from tasks.tables import patient_ids

if TYPE_CHECKING:
    import pandas as pd

    from tasks.formats.content import Content
    from tasks.formats.identities import Identities
    from tasks.sources.tables import PixelUnit

MM_PER_UNIT = {"mm": 1.0, "cm": 10.0}
EVERY_VISIT = ""
"""Stands for the visit of a row that holds for all visits of a patient."""


@stage(TABLE, keeps_parameters=False)
def read_pixel_sizes(
    files: list[Content],
    *,
    sheet: str | None,
    patient: str,
    pattern: str,
    visit: str | None,
    pixel_size: str,
    slice_distance: str | None,
    unit: PixelUnit,
    identities: Identities,
) -> pd.DataFrame:
    """Return one row a patient and visit: the edge of a pixel and the distance between slices, in mm.

    Visits are spelt as in the files' names; without a column of them a row holds for every visit. A distance is
    missing where the table has no column of it.

    Raises `BadData`: those of `read_table` and `infer`, `no_such_column`, `bad_pixel_size` for one that is not above
    0, `pixel_size_twice` where two rows hold for one visit.
    """
    import pandas as pd

    written = read_table(files[0].read(), sheet)
    wanted = [column for column in (pixel_size, slice_distance) if column is not None]
    _require(written, [column for column in (patient, visit, *wanted) if column is not None])
    lengths = infer(written[wanted], dict.fromkeys(wanted, "number")) * MM_PER_UNIT[unit]
    ids = patient_ids(written, patient, pattern)
    rows = pd.DataFrame(
        {
            "patient": [None if one is None else identities.pseudonym(one) for one in ids],
            "visit": EVERY_VISIT if visit is None else written[visit].to_numpy(),
            "pixel_size_mm": lengths[pixel_size].to_numpy(),
            "slice_distance_mm": float("nan") if slice_distance is None else lengths[slice_distance].to_numpy(),
        }
    )
    known = rows.dropna(subset=["patient", "pixel_size_mm"]).reset_index(drop=True)
    _require_sizes(known)
    return known


def size_of(sizes: pd.DataFrame, patient: str, visit: str) -> tuple[float | None, float | None]:
    """Return the edge of a pixel and the distance between slices of a patient's visit, in mm; None where unknown.

    A row of the visit comes before one that holds for every visit.
    """
    import pandas as pd

    for name in (visit, EVERY_VISIT):
        rows = sizes[(sizes["patient"] == patient) & (sizes["visit"] == name)]
        if len(rows):
            pixel, distance = rows[["pixel_size_mm", "slice_distance_mm"]].to_numpy(dtype=float)[0].tolist()
            return pixel, None if pd.isna(distance) else distance
    return None, None


def _require(written: pd.DataFrame, columns: list[str]) -> None:
    missing = [column for column in columns if column not in written.columns]
    if missing:
        raise BadData(
            "no_such_column",
            f"The table has the columns {', '.join(columns)}",
            f"it lacks {', '.join(missing)}",
            "Correct the plan, or the table's head.",
        )


def _require_sizes(rows: pd.DataFrame) -> None:
    if (rows[["pixel_size_mm", "slice_distance_mm"]] <= 0).to_numpy().any():
        raise BadData("bad_pixel_size", "The size of a pixel is above 0", "some are not", "Correct the table.")
    twice = int(rows.duplicated(["patient", "visit"]).sum())
    if twice:
        raise BadData(
            "pixel_size_twice",
            "A table of pixel sizes has one row a patient and visit",
            f"{twice} rows stand again",
            "Keep one, or name the column of the visit.",
        )
