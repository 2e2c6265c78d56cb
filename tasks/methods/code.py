"""The digest of the code behind a method or a stage: of what it consists, comments and docstrings left out."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import platform
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.methods.compiled import writable_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN_PACKAGES = ("tasks", "data_catalog")
POLICY = {"tasks.stage", "data_catalog.store", "data_catalog.layout", "data_catalog.frames"}
"""Modules that carry results but do not decide them: a change of theirs makes nothing stale."""
OTHERWISE_NAMED = {"PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "PyYAML"}
"""Distributions that are not named as what they provide. Of another one all that is installed has to be looked at."""
MOST_KEPT = 20_000
"""Parts of code that are kept before it is begun anew."""


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


def keep_code() -> None:
    """Keep what was found out of the code since this process began, for the next process that runs it."""
    if _KEPT.is_new:
        _KEPT.write()


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
    digest, names = _KEPT.facts(module, function)
    own: set[str] = set()
    libraries: set[str] = set()
    for name in names:
        top = name.split(".")[0]
        if top in OWN_PACKAGES:
            own |= _own_module(name)
        elif top not in sys.stdlib_module_names:
            libraries.add(top)
    return _Piece(place, digest, frozenset(own - POLICY), frozenset(libraries))


class _Kept:
    """What was found out of source texts, each by its own SHA-256: to parse all of them takes a second."""

    def __init__(self) -> None:
        self.is_new = False

    def facts(self, module: str, function: str) -> tuple[str, list[str]]:
        """Return the digest of a module, or of what one function uses of it, and the names that it imports."""
        key = f"{hashlib.sha256(_source(module).read_bytes()).hexdigest()} {function}"
        if key not in self._held:
            body = _statements(module)
            if function:
                body = _used_by(function, body)
            text = "\n".join(ast.dump(statement) for statement in body)
            self._held[key] = (hashlib.sha256(text.encode()).hexdigest(), sorted(set(_imported_names(body))))
            self.is_new = True
        digest, names = self._held[key]
        return digest, names

    def write(self) -> None:
        """Write it down; who writes at the same time may win, and what cannot be written is found out again."""
        held = self._held if len(self._held) < MOST_KEPT else {}
        aside = self._file.with_suffix(f".{uuid.uuid4().hex}")
        with suppress(OSError):
            try:
                aside.write_text(json.dumps(held), encoding="utf-8")
                aside.replace(self._file)
            finally:
                aside.unlink(missing_ok=True)
        self.is_new = False

    @cached_property
    def _held(self) -> dict[str, tuple[str, list[str]]]:
        try:
            held = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return held if isinstance(held, dict) else {}

    @cached_property
    def _file(self) -> Path:
        """Its name changes with this module and with Python, whose trees differ."""
        here = Path(__file__)
        state = hashlib.sha256(here.read_bytes() + platform.python_version().encode()).hexdigest()
        return writable_folder(here.parent, "voxmine-code") / f"{state[:12]}.json"


_KEPT = _Kept()


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
    try:
        return version(OTHERWISE_NAMED.get(name, name))
    except PackageNotFoundError:
        owners = _distributions().get(name)
        return version(owners[0]) if owners else "unknown"


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: list(owners) for name, owners in packages_distributions().items()}
