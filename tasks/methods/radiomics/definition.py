"""What a column of radiomic features means."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FeatureDefinition(BaseModel):
    """Say what one column holds, for a reader who was not there when it was computed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    column: str
    """Name of the column: `<family>_<feature>[_<unit>][_<aggregation>]`."""
    label: str
    """What a radiologist would call it, as in "GLCM contrast"."""
    ibsi: str | None
    """Code of the feature in IBSI's reference manual, or None if IBSI does not define it."""
    aggregation: str | None
    """Code of IBSI's way of putting directions together, or None where there is one way only."""
    unit: str
    """Unit of the values: `mm`, `1` for a pure number, `image` for the image's own unit."""
    conformant: bool
    """Whether the values agree with IBSI's reference values."""
    meaning: str
    """What a high or a low value says, in one sentence."""
