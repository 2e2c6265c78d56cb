"""A recipe of radiomic features as a paper would tell it, filled from its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.methods.radiomics.columns import FAMILIES
from tasks.methods.reporting.words import listing

if TYPE_CHECKING:
    from collections.abc import Mapping

AGGREGATIONS = {
    "2d_avg": "within slices, averaged",
    "2d_mrg": "within slices, directions merged",
    "2.5d_avg": "within slices, slices merged, averaged over directions",
    "2.5d_mrg": "within slices, all merged",
    "3d_avg": "in the volume, averaged over directions",
    "3d_mrg": "in the volume, directions merged",
}
"""IBSI's ways of putting directions and slices together, in words."""


def recipe_sentences(on: str, parameters: Mapping[str, Any]) -> str:
    """Return what was done to measure regions in images of a modality."""
    families = [str(name).replace("_", " ") for name in parameters["families"]]
    measured = listing(families) if len(families) < len(FAMILIES) else "all families of IBSI-1"
    said = [
        f"Regions in images of {on} were {_grid(parameters['resampling'])}.",
        _left_out(parameters["resegmentation"]),
        f"Measured were {measured}, with {_levels(parameters['binning'])}; texture was counted "
        f"{listing([AGGREGATIONS[name] for name in parameters['aggregations']])}.",
        _filters(parameters["filters"]),
    ]
    return " ".join(sentence for sentence in said if sentence)


def _grid(resampling: Mapping[str, Any] | None) -> str:
    if resampling is None:
        return "measured on the grid of the image"
    spacing = resampling["spacing_mm"]
    size = " x ".join("own" if mm is None else f"{mm:g}" for mm in spacing) if isinstance(spacing, list) else spacing
    what = f"{size} mm (z, y, x)" if isinstance(spacing, list) else f"{spacing:g} mm"
    rounded = ", rounded to whole numbers" if resampling["round_to_integers"] else ""
    return (
        f"read off at {what} ({resampling['interpolation']} interpolation{rounded}; the mask "
        f"{resampling['mask_interpolation']}, inside from {resampling['mask_threshold']:g})"
    )


def _left_out(resegmentation: Mapping[str, Any]) -> str:
    said = [
        text.format(resegmentation[name])
        for name, text in (
            ("lowest", "below {:g}"),
            ("highest", "above {:g}"),
            ("outlier_sigma", "more than {:g} standard deviations from the region's mean"),
        )
        if resegmentation[name] is not None
    ]
    return f"Intensities {listing(said)} were left out of all but its form." if said else ""


def _levels(binning: Mapping[str, Any]) -> str:
    if binning["method"] == "fixed_size":
        start = binning["start"]
        begin = "the lowest intensity kept" if start is None else f"{start:g}"
        return f"grey levels of a fixed width of {binning['size']:g} from {begin}"
    if binning["method"] == "fixed_number":
        return f"{binning['number']} grey levels between each region's extremes"
    return "intensities as grey levels"


def _filters(filters: list[Mapping[str, Any]]) -> str:
    if not filters:
        return ""
    names = list(dict.fromkeys(str(one["method"]).replace("_", " ") for one in filters))
    return f"The same was measured after {len(filters)} filters ({listing(names)})."
