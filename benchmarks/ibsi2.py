"""The tests of IBSI-2: which filter each row of its tables asks for, and how far a map may be from its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.methods.radiomics.filters.gabor import Gabor
from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.laws import Laws
from tasks.methods.radiomics.filters.mean import Mean
from tasks.methods.radiomics.filters.riesz import Riesz
from tasks.methods.radiomics.filters.separable_wavelet import SeparableWavelet
from tasks.methods.radiomics.filters.simoncelli import Simoncelli

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from tasks.methods.radiomics.filters.image_filter import ImageFilter

    Row = Mapping[str, str]


def phase1_filter(row: Row) -> ImageFilter:
    """Return the filter of a row of `ibsi2_phase1.csv`, given as text, empty where a parameter does not apply."""
    return BUILDERS[row["filter"]](row)


def phase2_filter(row: Row) -> ImageFilter | None:
    """Return the filter of a row of `ibsi2_phase2.csv`; None for the rows on the image itself."""
    return None if row["filter"] == "none" else BUILDERS[row["filter"]](row)


def largest_error(response: NDArray[np.float32], reference: NDArray[np.float64]) -> float:
    """Return the largest difference from a reference map as a fraction of its range; IBSI-2 allows 0.01."""
    return float(np.abs(response - reference).max() / np.ptp(reference))


def _boundary(row: Row) -> str:
    return row.get("padding") or row.get("boundary_condition") or "mirror"


def _rotations(row: Row) -> str:
    return {"": "none", "average": "mean", "max": "max"}[row["pooling"]]


def _degrees(text: str) -> float:
    """Return in degrees what a table writes in radians, as `pi/3` or `5*pi/4`."""
    times, _, parts = text.partition("/")
    return float(times.removesuffix("pi").removesuffix("*") or 1) * 180 / float(parts)


def _mean(row: Row) -> ImageFilter:
    return Mean.model_validate(
        {"support": int(row["support_voxels"]), "dimension": row["filter_dim"].lower(), "boundary": _boundary(row)}
    )


def _log(row: Row) -> ImageFilter:
    return LaplacianOfGaussian.model_validate(
        {
            "sigma_mm": float(row["sigma_mm"]),
            "cutoff_sigma": float(row["cutoff_sigma"]),
            "dimension": row["filter_dim"].lower(),
            "boundary": _boundary(row),
        }
    )


def _laws(row: Row) -> ImageFilter:
    return Laws.model_validate(
        {
            "kernel": row["laws_kernel"],
            "rotations": _rotations(row),
            "energy_distance": int(row["energy_distance_voxels"]) if row["response"] == "energy" else None,
            "boundary": _boundary(row),
        }
    )


def _gabor(row: Row) -> ImageFilter:
    theta, step = row.get("gabor_theta_rad"), row["gabor_dtheta_rad"]
    return Gabor.model_validate(
        {
            "sigma_mm": float(row["sigma_mm"]),
            "lambda_mm": float(row["gabor_lambda_mm"]),
            "gamma": float(row["gabor_gamma"]),
            "theta_deg": _degrees(theta) if theta else 0.0,
            "theta_step_deg": _degrees(step) if step else None,
            "orthogonal_planes": row["average_over_orthogonal_planes"] == "yes",
            "boundary": _boundary(row),
        }
    )


def _separable_wavelet(row: Row) -> ImageFilter:
    return SeparableWavelet.model_validate(
        {
            "wavelet": row["wavelet"],
            "subband": row["subband"],
            "level": int(row["decomposition_level"]),
            "rotations": _rotations(row),
            "boundary": _boundary(row),
        }
    )


def _simoncelli(row: Row) -> ImageFilter:
    return Simoncelli.model_validate({"level": int(row["decomposition_level"]), "dimension": row["filter_dim"].lower()})


def _riesz_of(inner: Callable[[Row], ImageFilter]) -> Callable[[Row], ImageFilter]:
    def riesz(row: Row) -> ImageFilter:
        order = tuple(int(each) for each in row["riesz_order"].strip("()").split(","))
        return Riesz.model_validate({"order": order, "of": inner(row), "boundary": _boundary(row)})

    return riesz


BUILDERS: dict[str, Callable[[Row], ImageFilter]] = {
    "mean": _mean,
    "LoG": _log,
    "Laws": _laws,
    "Gabor": _gabor,
    "separable wavelet": _separable_wavelet,
    "non-separable wavelet": _simoncelli,
    "Riesz-transformed LoG": _riesz_of(_log),
    "Riesz-transformed Simoncelli": _riesz_of(_simoncelli),
}
