"""The kinds of data there are, and the promise that each keeps at read and write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import BaseModel

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

SPACE = ("z", "y", "x")
LEADING = ("t", "c")
"""Axes that may stand before the spatial ones: time, and channel."""

UNIT_OF_CHANNELS = ", "
"""Stands between the units of a volume's channels, where each has its own."""

Form = Literal["array", "table", "document", "page", "model"]


@dataclass(frozen=True)
class Kind:
    """A kind of artefact: its name, the form it is stored in, and the check of its promise."""

    name: str
    form: Form
    check: Callable[[Any], None]


def volume(values: NDArray[Any], geometry: Geometry, *, unit: str, modality: str, **attrs: object) -> xr.DataArray:
    """Build a volume: voxels (..., z, y, x) with their place in space, unit and modality.

    Coordinates are the voxel centres in mm, projected on each axis.
    """
    leading = LEADING[-(values.ndim - 3) :] if values.ndim > len(SPACE) else ()
    return xr.DataArray(
        values,
        dims=(*leading, *SPACE),
        coords={name: geometry.axis_positions_mm(axis) for axis, name in enumerate(SPACE)},
        attrs={**geometry.to_attrs(), "unit": unit, "modality": modality, **attrs},
        name="voxels",
    )


def mask(labels: NDArray[Any], geometry: Geometry, names: Mapping[int, str], **attrs: object) -> xr.DataArray:
    """Build a mask: labels (z, y, x) of the regions named in `names`; 0 is outside."""
    values = np.asarray(labels)
    fits_a_byte = values.min() >= 0 and values.max() <= np.iinfo(np.uint8).max
    return xr.DataArray(
        values.astype(np.uint8 if fits_a_byte else np.int64),
        dims=SPACE,
        coords={name: geometry.axis_positions_mm(axis) for axis, name in enumerate(SPACE)},
        attrs={**geometry.to_attrs(), "names": {str(label): name for label, name in sorted(names.items())}, **attrs},
        name="voxels",
    )


def geometry_of(array: xr.DataArray) -> Geometry:
    """Return where the voxels of a volume or a mask lie."""
    z, y, x = (array.sizes[name] for name in SPACE)
    return Geometry.from_attrs((z, y, x), array.attrs)


def _check_grid(array: Any) -> None:  # noqa: ANN401 - anything may be handed to a check
    axes = array.dims if isinstance(array, xr.DataArray) else ()
    leading = tuple(name for name in LEADING if name in axes)
    if axes != (*leading, *SPACE):
        came = f"axes {axes}" if axes else type(array).__name__
        raise BadData("not_a_volume", "An array with axes (t, c, z, y, x), t and c as wanted", came, "Use `volume`.")
    missing = {"spacing_mm", "origin_mm", "direction"} - set(array.attrs)
    if missing:
        raise BadData("no_geometry", "A place in space", f"{sorted(missing)} missing", "Build it with `volume`.")
    geometry_of(array)


def _check_volume(array: Any) -> None:  # noqa: ANN401
    _check_grid(array)
    if array.dtype.kind not in "iuf":
        raise BadData("not_numeric", "Numeric voxels", f"dtype {array.dtype}", "Convert before storing.")
    missing = {"unit", "modality"} - set(array.attrs)
    if missing:
        raise BadData("no_unit", "A unit and a modality", f"{sorted(missing)} missing", "Build it with `volume`.")


def _check_mask(array: Any) -> None:  # noqa: ANN401
    _check_grid(array)
    if array.dtype.kind not in "iu" or "names" not in array.attrs:
        raise BadData("not_a_mask", "Whole labels with names", f"dtype {array.dtype}", "Build it with `mask`.")
    present = {str(int(label)) for label in np.unique(array.values)} - {"0"}
    if not present:
        raise BadData("empty_mask", "At least one voxel inside", "none", "Draw the region again or leave it out.")
    if not present <= set(array.attrs["names"]):
        raise BadData("unnamed_label", "A name for every label", f"labels {sorted(present)}", "Name each label.")


def _check_table(table: Any) -> None:  # noqa: ANN401
    if not isinstance(table, pd.DataFrame) or not all(isinstance(name, str) for name in table.columns):
        raise BadData("not_a_table", "A data frame with named columns", f"{type(table).__name__}", "Name the columns.")
    if not table.columns.is_unique:
        twice = sorted(set(table.columns[table.columns.duplicated()]))
        raise BadData("column_twice", "Columns with different names", f"{twice} stand twice", "Rename one.")


def _check_document(document: Any) -> None:  # noqa: ANN401
    if not isinstance(document, BaseModel):
        raise BadData("not_a_document", "A pydantic model", f"{type(document).__name__}", "Declare its fields.")


def _check_page(page: Any) -> None:  # noqa: ANN401
    if not isinstance(page, str) or not page:
        raise BadData("not_a_page", "A text that is not empty", f"{type(page).__name__}", "Render it first.")


def _check_model(model: Any) -> None:  # noqa: ANN401
    if not hasattr(model, "predict"):
        raise BadData("not_a_model", "A fitted model with `predict`", f"{type(model).__name__}", "Fit it first.")


VOLUME = Kind("volume", "array", _check_volume)
MASK = Kind("mask", "array", _check_mask)
TABLE = Kind("table", "table", _check_table)
DETECTIONS = Kind("detections", "table", _check_table)
FEATURES = Kind("features", "table", _check_table)
COHORT = Kind("cohort", "table", _check_table)
CONTENTS = Kind("contents", "document", _check_document)
STUDY = Kind("study", "document", _check_document)
REFUSAL = Kind("refusal", "document", _check_document)
EVALUATION = Kind("evaluation", "document", _check_document)
CONTROL = Kind("control", "document", _check_document)
RULES = Kind("rules", "document", _check_document)
MODEL = Kind("model", "model", _check_model)
PICTURE = Kind("picture", "document", _check_document)
REPORT = Kind("report", "page", _check_page)

KINDS = {
    kind.name: kind
    for kind in (
        VOLUME,
        MASK,
        TABLE,
        DETECTIONS,
        FEATURES,
        COHORT,
        CONTENTS,
        STUDY,
        REFUSAL,
        EVALUATION,
        CONTROL,
        RULES,
        MODEL,
        PICTURE,
        REPORT,
    )
}
