"""What every method is: frozen parameters that can be called, and the digest of the code behind them."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from dataclasses import dataclass
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

    from data_catalog.geometry import Triple

OWN_PACKAGES = ("tasks", "data_catalog")
POLICY = {"tasks.stage", "data_catalog.store", "data_catalog.layout"}
"""Modules that carry results but do not decide them: a change of theirs makes nothing stale."""


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


def code_digest(places: Iterable[str]) -> str:
    """Return the SHA-256 of the code behind some modules, or functions given as `module:function`.

    Comments and docstrings are left out. Followed are the modules of this project that a module imports
    by name (a package's `__init__`, which only lists the methods of a family, is not); of a function,
    those that it and the definitions it uses name. Versions of the libraries these import count as code.
    """
    lines = [f"{name} {what}" for name, what in code_parts(places).items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def code_parts(places: Iterable[str]) -> dict[str, str]:
    """Return what the code of some places consists of: the SHA-256 of each part, then the version of each library."""
    pieces = [_piece(place) for place in sorted(_closure(frozenset(places)))]
    libraries = sorted({library for piece in pieces for library in piece.libraries})
    return {piece.place: piece.digest for piece in pieces} | {name: library_version(name) for name in libraries}


def code_places(places: Iterable[str]) -> list[str]:
    """Return all that `code_digest` of some places covers, sorted."""
    return sorted(_closure(frozenset(places)))


@dataclass(frozen=True)
class _Piece:
    """A module, or the part of it that one function uses: its digest, and what it imports."""

    place: str
    digest: str
    own: frozenset[str]
    libraries: frozenset[str]


@cache
def _closure(places: frozenset[str]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = set(places)
    while waiting:
        place = waiting.pop()
        seen.add(place)
        waiting |= _piece(place).own - seen
    return frozenset(seen)


@cache
def _piece(place: str) -> _Piece:
    module, _, function = place.partition(":")
    body = _statements(module)
    if function:
        body = _used_by(function, body)
    own: set[str] = set()
    libraries: set[str] = set()
    for name in _imported_names(body):
        top = name.split(".")[0]
        if top in OWN_PACKAGES:
            own |= _own_module(name)
        elif top not in sys.stdlib_module_names:
            libraries.add(top)
    text = "\n".join(ast.dump(statement) for statement in body)
    return _Piece(place, hashlib.sha256(text.encode()).hexdigest(), frozenset(own - POLICY), frozenset(libraries))


@cache
def _statements(module: str) -> tuple[ast.stmt, ...]:
    """Return a module's statements without the docstrings."""
    tree = ast.parse(_source(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part) and not _is_for_types(part)]
    return tuple(tree.body)


def _used_by(function: str, body: tuple[ast.stmt, ...]) -> tuple[ast.stmt, ...]:
    """Return the statements of a module that define a function and all that it uses."""
    defines = [(statement, _defined_names(statement)) for statement in body]
    wanted, used = {function}, []
    while fresh := [s for s, names in defines if names & wanted and s not in used]:
        used += fresh
        wanted |= {node.id for s in fresh for node in ast.walk(s) if isinstance(node, ast.Name)}
    return tuple(statement for statement in body if statement in used)


def _defined_names(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    targets = [node for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return {node.id for node in targets}


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_for_types(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.If) and isinstance(statement.test, ast.Name) and statement.test.id == "TYPE_CHECKING"
    )


def _imported_names(body: Iterable[ast.stmt]) -> Iterable[str]:
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _own_module(dotted: str) -> set[str]:
    """Return the module that `package.module.name` or `package.module` is of, unless it is a package."""
    for name in (dotted, dotted.rpartition(".")[0]):
        path = _own_path(name)
        if path is not None and path.is_dir():
            return set()
        if path is not None and path.with_suffix(".py").is_file():
            return {name}
    return set()


def _source(module: str) -> Path:
    """Return the file of a module; one of this project is not imported for that, nor are the libraries it uses."""
    path = _own_path(module)
    if path is not None and path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return Path(spec.origin)


def _own_path(module: str) -> Path | None:
    """Return where a module of this project, or a package, would lie, without a suffix; None of other packages."""
    top, *below = module.split(".")
    return _own_folder(top).joinpath(*below) if top in OWN_PACKAGES else None


@cache
def _own_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(package)
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def library_version(name: str) -> str:
    """Return the installed version of the distribution that provides the import `name`."""
    owners = _distributions().get(name)
    return version(owners[0]) if owners else "unknown"


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: list(owners) for name, owners in packages_distributions().items()}
