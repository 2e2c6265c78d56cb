"""The tables of the report: the gate, columns by outcome, what scanners and readers do to features."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """Be frozen, strict about fields and free of infinities, so that it is the same after JSON."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )


class Spread(Part):
    """Hold the middle half of some values."""

    n: Count
    """Values that are known."""
    median: float | None = None
    """Half of them are smaller; None where none is known."""
    low: float | None = None
    """First quartile."""
    high: float | None = None
    """Third quartile."""


class NumberSummary(Part):
    """Summarise a column of numbers, by outcome."""

    kind: Literal["number"] = "number"
    label: str
    """The column's name in words."""
    unit: str = ""
    """Unit of the values, empty where there is none."""
    n: Count
    """Rows with a value."""
    missing: Count
    """Rows without."""
    event: Spread
    """Values of the rows with the event."""
    other: Spread
    """Values of the rows without."""
    difference: float | None
    """Standardised difference, event less other; None where it does not exist."""


class LevelCount(Part):
    """Count one category, by outcome."""

    level: str
    """The category."""
    event: Count
    """Rows with the event."""
    other: Count
    """Rows without."""


class CategorySummary(Part):
    """Summarise a column of categories, by outcome."""

    kind: Literal["categories"] = "categories"
    label: str
    """The column's name in words."""
    n: Count
    """Rows with a value."""
    missing: Count
    """Rows without."""
    levels: tuple[LevelCount, ...]
    """The categories, sorted by name."""


ColumnSummary = Annotated[NumberSummary | CategorySummary, Field(discriminator="kind")]


class CohortSummary(Part):
    """Count the rows of the cohort, and summarise its clinical columns."""

    rows: Count
    """Rows of the table."""
    patients: Count
    """Patients among them."""
    events: Count
    """Rows with the event."""
    others: Count
    """Rows without."""
    unknown: Count = 0
    """Rows whose outcome is not known: they teach nothing and are counted nowhere else."""
    columns: tuple[ColumnSummary, ...] = ()
    """The clinical columns."""


class FeatureSummary(NumberSummary):
    """Summarise a feature, by outcome."""

    ibsi: str | None = None
    """IBSI's code, or None where IBSI does not define the feature."""


class ScannerEffect(Part):
    """Hold how far one feature tells the scanners apart."""

    label: str
    """The feature in words."""
    scanners: Count
    """Scanners compared."""
    rows: Count
    """Patients compared."""
    epsilon_squared: float | None
    """Part of the ranks' variance between scanners; None where it could not be tested."""
    p: float | None
    """P-value of Kruskal and Wallis."""
    adjusted_p: float | None
    """The same, adjusted for the features tested (Benjamini and Hochberg)."""


class ReaderPair(Part):
    """Hold how far two readers' outlines of one region overlap."""

    region: str
    """What was outlined."""
    modality: str
    """On which images."""
    first: str
    """One reader."""
    second: str
    """The other."""
    dice: Spread
    """Dice coefficients of the cases both read."""
    lowest: float | None = None
    """The worst case."""


class FeatureAgreement(Part):
    """Hold how far readers, or measurements under perturbation, agree on one feature."""

    label: str
    """The feature in words."""
    icc: float | None
    """ICC(A,1) of readers, ICC(1,1) under perturbation; None where it could not be computed."""
    low: float | None
    """Lower end of its interval."""
    high: float | None
    """Upper end."""
    subjects: Count
    """Subjects read by every reader, or measured again."""
    readers: Count
    """Number of readers, or of measurements."""


class CorrectionCount(Part):
    """Count the items that were accepted with one kind of correction."""

    name: str
    """Name of the verdict."""
    meaning: str
    """What it means, in a sentence."""
    items: tuple[str, ...]
    """Opaque names of the scans and regions."""


class GateSummary(Part):
    """Count what became of the scans and regions at the gate."""

    accepted: Count
    """Scans and regions that were accepted as they are."""
    corrected: Count
    """Those that were accepted with a recorded correction."""
    quarantined: Count
    """Items that were refused."""
    corrections: tuple[CorrectionCount, ...] = ()
    """The corrections, the most frequent first."""
