"""What every method is: frozen parameters that can be called, and the digest of the code behind them."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

OWN_PACKAGES = ("tasks", "data_catalog")


class Method(BaseModel):
    """Frozen parameters that can be called on arrays; unknown fields are errors.

    A subclass has a field `method` of one literal, its tag, and a `__call__` that is pure: no
    files, no network, inputs unchanged. A method whose result at a voxel depends only on voxels
    within some distance returns that distance from `reach`, and may then run over chunks.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, ser_json_inf_nan="strings"
    )
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    """The dimensions the method works in; an image of a single plane is 2-D."""

    def reach(self) -> tuple[int, int, int] | None:
        """Return how many voxels (z, y, x) away a result can see, or None for the whole volume."""
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


def code_digest(modules: Iterable[str]) -> str:
    """Return the SHA-256 of the code behind some modules, comments and docstrings left out.

    Followed are the modules of this project that they import by name (a package's `__init__`, which
    only lists the methods of a family, is not). Versions of the libraries these import count as code.
    """
    seen = _closure(frozenset(modules))
    libraries = sorted({library for module in seen for library in _parse(module)[2]})
    lines = [f"{module} {_parse(module)[0]}" for module in sorted(seen)]
    lines += [f"{library} {library_version(library)}" for library in libraries]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def code_modules(modules: Iterable[str]) -> list[str]:
    """Return the names of this project's modules that `code_digest` of `modules` covers, sorted."""
    return sorted(_closure(frozenset(modules)))


@cache
def _closure(modules: frozenset[str]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = set(modules)
    while waiting:
        module = waiting.pop()
        seen.add(module)
        waiting |= _parse(module)[1] - seen
    return frozenset(seen)


@cache
def _parse(module: str) -> tuple[str, frozenset[str], frozenset[str]]:
    """Return a module's digest, the own modules it imports, and the libraries it imports."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    own: set[str] = set()
    libraries: set[str] = set()
    for name in _imported_names(tree):
        top = name.split(".")[0]
        if top in OWN_PACKAGES:
            own |= _own_module(name)
        elif top not in sys.stdlib_module_names:
            libraries.add(top)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), frozenset(own), frozenset(libraries)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _imported_names(tree: ast.Module) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _own_module(dotted: str) -> set[str]:
    """Return the module that `package.module.name` or `package.module` is of, unless it is a package."""
    parts = dotted.split(".")
    for end in (len(parts), len(parts) - 1):
        name = ".".join(parts[:end])
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            continue
        if spec is not None:
            return set() if spec.submodule_search_locations is not None else {name}
    return set()


@cache
def library_version(name: str) -> str:
    """Return the installed version of the distribution that provides the import `name`."""
    owners = _distributions().get(name)
    return version(owners[0]) if owners else "unknown"


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: list(owners) for name, owners in packages_distributions().items()}
