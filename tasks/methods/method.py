"""What every method is: frozen parameters that can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from data_catalog.geometry import Triple


class Parameters(BaseModel):
    """Frozen parameters, a part of a method's; unknown fields are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, ser_json_inf_nan="strings"
    )


class Method(Parameters):
    """Frozen parameters that can be called on arrays; unknown fields are errors.

    A subclass has a field `method` of one literal, its tag, and a `__call__` that is pure: no
    files, no network, inputs unchanged. A method whose result at a voxel depends only on voxels
    within some distance returns that distance from `reach`, and may then run over chunks.
    """

    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    """The dimensions the method works in; an image of a single plane is 2-D."""

    def reach(self, spacing_mm: Triple) -> tuple[int, int, int] | None:  # noqa: ARG002 - reaches in mm need it
        """Return how many voxels (z, y, x) away a result can see at a spacing, or None for the whole volume."""
        return None


class Choice:
    """Mark a union of methods as told apart by their `method` tag.

    Validation is by tag; the JSON schema spells `anyOf`, because Prefect's form cannot show `oneOf`.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Validate by the tag `method`."""
        return handler.generate_schema(Annotated[source, Field(discriminator="method")])

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Spell the schema `anyOf` without a discriminator."""
        schema = handler(core_schema)
        schema.pop("discriminator", None)
        schema["anyOf"] = schema.pop("oneOf")
        return schema
