"""Recipes that were published, by name, and which of them an image of a modality is measured by."""

from __future__ import annotations

from typing import Literal

from tasks.methods.radiomics.binning import AsIs, FixedNumber, FixedSize
from tasks.methods.radiomics.preparation import Resampling, Resegmentation
from tasks.methods.radiomics.recipe import Recipe

RecipeName = Literal[
    "by_modality",
    "ct",
    "pet",
    "mr",
    "arbitrary_units",
    "ibsi_a",
    "ibsi_b",
    "ibsi_c",
    "ibsi_d",
    "ibsi_e",
    "ibsi_validation_ct",
    "ibsi_validation_pet",
    "ibsi_validation_mr",
]
WITHIN_SLICES = ("2d_avg", "2d_mrg", "2.5d_avg", "2.5d_mrg")
IN_THE_VOLUME = ("3d_avg", "3d_mrg")
SOFT_TISSUE = Resegmentation(lowest=-500, highest=400)
BODY = Resegmentation(lowest=-1000, highest=400)
COARSE = Resampling(spacing_mm=2.0, round_to_integers=True)

IBSI_A = Recipe(
    resegmentation=SOFT_TISSUE,
    binning=FixedSize(size=25),
    volume_histogram_binning=AsIs(),
    aggregations=WITHIN_SLICES,
)
IBSI_B = Recipe(
    resampling=Resampling(spacing_mm=(None, 2.0, 2.0), round_to_integers=True),
    resegmentation=SOFT_TISSUE,
    binning=FixedNumber(number=32),
    volume_histogram_binning=AsIs(),
    aggregations=WITHIN_SLICES,
)
IBSI_C = Recipe(
    resampling=COARSE,
    resegmentation=BODY,
    binning=FixedSize(size=25),
    volume_histogram_binning=FixedSize(size=2.5),
    aggregations=IN_THE_VOLUME,
)
IBSI_D = Recipe(
    resampling=COARSE,
    resegmentation=Resegmentation(outlier_sigma=3),
    binning=FixedNumber(number=32),
    volume_histogram_binning=AsIs(),
    aggregations=IN_THE_VOLUME,
)
IBSI_E = Recipe(
    resampling=Resampling(spacing_mm=2.0, interpolation="cubic", round_to_integers=True),
    resegmentation=Resegmentation(lowest=-1000, highest=400, outlier_sigma=3),
    binning=FixedNumber(number=32),
    volume_histogram_binning=FixedNumber(number=1000),
    aggregations=IN_THE_VOLUME,
)
VALIDATION_CT = Recipe(
    resampling=Resampling(spacing_mm=1.0, interpolation="cubic", round_to_integers=True),
    resegmentation=Resegmentation(lowest=-200, highest=200),
    binning=FixedSize(size=10),
    volume_histogram_binning=AsIs(),
)
VALIDATION_PET = Recipe(
    resampling=Resampling(spacing_mm=3.0, interpolation="cubic"),
    resegmentation=Resegmentation(lowest=0),
    binning=FixedSize(size=0.25),
    volume_histogram_binning=FixedSize(size=0.10),
)
VALIDATION_MR = Recipe(
    resampling=Resampling(spacing_mm=1.0, interpolation="cubic"),
    resegmentation=Resegmentation(lowest=0),
    binning=FixedSize(size=10),
    volume_histogram_binning=FixedSize(size=1),
)
ARBITRARY_UNITS = Recipe()
"""Nothing is resampled and nothing is left out; each region's own range makes 32 grey levels: for images whose
numbers mean nothing by themselves, as ultrasound and X-rays."""
MR = Recipe(resampling=Resampling(spacing_mm=1.0, interpolation="cubic"))
"""The grid of IBSI's validation study, and 32 grey levels from each region's own range: IBSI's advice for images in
arbitrary units; the study's bins of 10 ask for images normalised to fat."""

RECIPES: dict[str, Recipe] = {
    "ct": IBSI_C.model_copy(update={"aggregations": ("3d_mrg",)}),
    "pet": VALIDATION_PET,
    "mr": MR,
    "arbitrary_units": ARBITRARY_UNITS,
    "ibsi_a": IBSI_A,
    "ibsi_b": IBSI_B,
    "ibsi_c": IBSI_C,
    "ibsi_d": IBSI_D,
    "ibsi_e": IBSI_E,
    "ibsi_validation_ct": VALIDATION_CT,
    "ibsi_validation_pet": VALIDATION_PET,
    "ibsi_validation_mr": VALIDATION_MR,
}
"""Published recipes: IBSI-1's configurations A to E (reference manual, chapter 5) and those of its validation study
(Zwanenburg et al., Radiology 295 (2020) 328-338, supplement)."""
OF_MODALITY = {"CT": "ct", "PT": "pet", "MR": "mr"}
"""Recipe of a modality; every other one is measured in arbitrary units."""


def named(name: RecipeName, modality: str) -> Recipe:
    """Return a published recipe; `by_modality` is that of the modality (`CT`, `PT`, `MR`, any other)."""
    return RECIPES[OF_MODALITY.get(modality, "arbitrary_units") if name == "by_modality" else name]
