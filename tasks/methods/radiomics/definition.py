"""What a column of radiomic features means."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

BETWEEN = "__"
"""Stands between the name of a filter, or of a way of measuring, and the column that it is put before."""


class FeatureDefinition(BaseModel):
    """Say what one column holds, for a reader who was not there when it was computed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    column: str
    """Name of the column: `[<filter>__]<family>_<feature>[_<unit>][_<aggregation>]`."""
    label: str
    """What a radiologist would call it, as in "GLCM contrast"."""
    ibsi: str | None
    """Code of the feature in IBSI's reference manual, or None if IBSI does not define it."""
    aggregation: str | None
    """Code of IBSI's way of putting directions together, or None where there is one way only."""
    unit: str
    """Unit of the values: `mm`, `1` for a pure number, `image` for the image's own unit."""
    conformant: bool
    """Whether the values agree with IBSI's reference values; False where IBSI has none."""
    meaning: str
    """What a high or a low value says, in one sentence."""
    undefined: str = ""
    """When the value is missing although the region was measured; empty where it never is."""
    filter: str = ""
    """Filter of the image in which it was measured; empty for the image itself."""

    def facts(self) -> dict[str, str]:
        """Return what stands beside the column in a file: all but its name, as text."""
        held = self.model_dump(exclude={"column"})
        return {name: str(value).lower() if value in (True, False) else value or "" for name, value in held.items()}
