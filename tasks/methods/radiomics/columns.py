"""The columns of a recipe: how they are named, in which order they come, and what each means.

A column is named `[<filter>__]<family>_<feature>[_<unit>][_<aggregation>]`, in small letters: `stat_mean`,
`morph_volume_mm3`, `cm_contrast_3d_mrg`, `log_3mm__szm_zone_percentage_3d`. Families are IBSI's: `morph` morphology,
`loc` local intensity, `stat` intensity statistics, `ih` intensity histogram, `ivh` intensity-volume histogram, `cm`
grey level co-occurrence, `rlm` run length, `szm` size zone, `dzm` distance zone, `ngt` neighbourhood grey tone
difference, `ngl` neighbouring grey level dependence. A unit stands in a name when it does not depend on the image; an
aggregation where IBSI has several, 2.5d as `25d`. Features of one plane's shape are the family `morph2d`, which IBSI
does not define.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from tasks.methods.radiomics import (
    glcm,
    gldzm,
    glrlm,
    glszm,
    intensity_histogram,
    intensity_statistics,
    local_intensity,
    morphology,
    morphology_2d,
    ngldm,
    ngtdm,
    spatial,
    volume_histogram,
)
from tasks.methods.radiomics.definition import BETWEEN, FeatureDefinition
from tasks.methods.radiomics.texture import ALONG_DIRECTIONS, AROUND_VOXELS, DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import ModuleType

Family = Literal[
    "morphology",
    "spatial",
    "local_intensity",
    "statistics",
    "histogram",
    "volume_histogram",
    "cooccurrence",
    "run_length",
    "size_zone",
    "distance_zone",
    "tone_difference",
    "dependence",
]
Aggregation = Literal["2d_avg", "2d_mrg", "2.5d_avg", "2.5d_mrg", "3d_avg", "3d_mrg"]
TEXTURES: tuple[Family, ...] = (
    "cooccurrence",
    "run_length",
    "size_zone",
    "distance_zone",
    "tone_difference",
    "dependence",
)
FORM: tuple[Family, ...] = ("morphology", "spatial", "local_intensity")
FAMILIES: tuple[Family, ...] = ("statistics", *FORM, "histogram", "volume_histogram", *TEXTURES)
"""All families, in the order of their columns: the plainest first, since of columns that say the same the first is
the one that is shown."""
FILTERED_FAMILIES: tuple[Family, ...] = tuple(name for name in FAMILIES if name not in FORM)
"""Families that can be measured in filtered images; form does not change, and IBSI has no local intensity of them."""
AGGREGATION_CODES = {
    "2d_avg": "BTW3",
    "2d_mrg": "SUJT",
    "25d_avg": "JJUI",
    "25d_mrg": "ZW7Z",
    "3d_avg": "ITBB",
    "3d_mrg": "IAZD",
    "2d": "8QNN",
    "25d": "62GR",
    "3d": "KOBO",
}
"""IBSI's codes of the ways to put directions and slices together, by how a column's name ends."""
ONE_WAY = "DHQ4"
"""IBSI's code where there is one way only: over the whole region."""
ABBREVIATIONS: dict[ModuleType, str] = {
    glcm: "GLCM",
    glrlm: "GLRLM",
    glszm: "GLSZM",
    gldzm: "GLDZM",
    ngtdm: "NGTDM",
    ngldm: "NGLDM",
}
Feature = tuple[str, str, str | None, str, str]
"""Word, label, IBSI's code, unit and meaning of a feature."""


class Part(NamedTuple):
    """Hold the features of a family, and what is said of them all."""

    prefix: str
    features: tuple[Feature, ...]
    undefined: Mapping[str, str]
    unconfirmed: Collection[str]
    """Features without a reference value of IBSI."""


PARTS: dict[str, Part] = {
    "statistics": Part(
        "stat",
        (*intensity_statistics.FEATURES, *intensity_statistics.COUNTS),
        intensity_statistics.UNDEFINED,
        {word for word, *_ in intensity_statistics.COUNTS},
    ),
    "morphology": Part("morph", morphology.FEATURES, morphology.UNDEFINED, morphology.UNCONFIRMED),
    "spatial": Part("morph", spatial.FEATURES, spatial.UNDEFINED, spatial.UNCONFIRMED),
    "local_intensity": Part("loc", local_intensity.FEATURES, local_intensity.UNDEFINED, local_intensity.UNCONFIRMED),
    "histogram": Part(
        "ih", intensity_histogram.FEATURES, intensity_histogram.UNDEFINED, intensity_histogram.UNCONFIRMED
    ),
    "volume_histogram": Part(
        "ivh", volume_histogram.FEATURES, volume_histogram.UNDEFINED, volume_histogram.UNCONFIRMED
    ),
}
PLANAR_MORPHOLOGY = Part("morph2d", morphology_2d.FEATURES, morphology_2d.UNDEFINED, morphology_2d.UNCONFIRMED)


def aggregations_of(wanted: tuple[Aggregation, ...], *, planar: bool) -> tuple[Aggregation, ...]:
    """Return the aggregations of an image; one of one plane has those within slices alone."""
    if not planar:
        return wanted
    ways = {name.partition("_")[2] for name in wanted}
    return tuple(name for name in ("2d_avg", "2d_mrg") if name.partition("_")[2] in ways)


def definitions_of(
    families: Collection[Family],
    aggregations: tuple[Aggregation, ...],
    *,
    planar: bool,
    usual: bool,
    filtered: str = "",
) -> Iterator[FeatureDefinition]:
    """Yield what each column of some families means, in the columns' order.

    Parameters
    ----------
    families, aggregations : collection of str
        What is measured.
    planar : bool
        Whether the images are of one plane.
    usual : bool
        Whether texture is counted as for IBSI's reference values.
    filtered : str
        Name of the filter of the image, empty for the image itself. IBSI has reference values of its statistics.
    """
    for family, part in PARTS.items():
        if family in families:
            known = not filtered or family == "statistics"
            own = PLANAR_MORPHOLOGY if planar and family == "morphology" else part
            yield from _named(own, "", ONE_WAY, known=known, filtered=filtered)
    wanted = aggregations_of(aggregations, planar=planar)
    for part, ending in _textures(families, wanted):
        yield from _named(part, ending, AGGREGATION_CODES[ending], known=usual and not filtered, filtered=filtered)


def _textures(families: Collection[Family], wanted: tuple[Aggregation, ...]) -> Iterator[tuple[Part, str]]:
    """Yield the features of each family of texture and how their names end, in the order of `texture`."""
    for dimension in DIMENSIONS:
        ways = [way for way in ("avg", "mrg") if f"{dimension}_{way}" in wanted]
        short = dimension.replace(".", "")
        for name, module in ALONG_DIRECTIONS.items():
            if name in families:
                yield from ((_texture_part(module), f"{short}_{way}") for way in ways)
        for name, module in AROUND_VOXELS.items():
            if name in families and ways:
                yield _texture_part(module), short


def _texture_part(module: ModuleType) -> Part:
    held = ABBREVIATIONS[module]
    features = tuple((word, f"{held} {label}", *rest) for word, label, *rest in module.FEATURES)
    return Part(module.PREFIX, features, module.UNDEFINED, ())


def _named(part: Part, ending: str, code: str, *, known: bool, filtered: str) -> Iterator[FeatureDefinition]:
    for word, label, ibsi, unit, meaning in part.features:
        column = "_".join(filter(None, (part.prefix, word, ending)))
        yield FeatureDefinition(
            column=f"{filtered}{BETWEEN}{column}" if filtered else column,
            label=f"{label} ({filtered.replace('_', ' ')})" if filtered else label,
            ibsi=ibsi,
            aggregation=code if ibsi else None,
            unit=unit,
            conformant=known and ibsi is not None and word not in part.unconfirmed,
            meaning=meaning,
            undefined=part.undefined.get(word, ""),
            filter=filtered,
        )
