"""From the record of a step back to the job it was: its stage, and its parameters as the types they are of."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import operator
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from tasks.methods.method import Method
from tasks.stage import Stage

if TYPE_CHECKING:
    from types import ModuleType

    from data_catalog.lineage import Record
    from tasks.stage import Input, Job


UNIONS = (Union, UnionType)


class NotAgain(Exception):
    """Say why a step cannot be done again from its record."""


def remade_job(record: Record) -> Job:
    """Return the job that a record is of.

    Where the code is what it was, the key of the job is that of the record.

    Raises
    ------
    NotAgain
        When it read source files; when its record does not list its parameters; when this version has no such stage,
        or one with other parameters or inputs.
    """
    if record.sources:
        raise NotAgain("they read source files")
    stage = stage_named(record.stage, record.code.places)
    if not stage.keeps_parameters:
        raise NotAgain("their parameters are secret, or the artefact itself holds them")
    hints = _hints(stage)
    inputs: dict[str, Input] = {
        name: refs if _takes_many(hints.get(name), len(refs)) else refs[0] for name, refs in record.inputs.items()
    }
    try:
        adapters = {name: TypeAdapter(_concrete(hints[name])) for name in record.parameters}
        parameters = {name: adapter.validate_python(record.parameters[name]) for name, adapter in adapters.items()}
        inspect.signature(stage.function).bind(**inputs, **parameters)
    except (KeyError, TypeError, ValidationError):
        raise NotAgain("this version has the stage with other parameters or inputs") from None
    return stage.job(record.item, inputs, parameters)


def stage_named(name: str, places: tuple[str, ...]) -> Stage:
    """Return a stage by its name and the places of its code, one of which is its function.

    Raises
    ------
    NotAgain
        When this version has none.
    """
    for place in places:
        module, _, function = place.partition(":")
        if function == name and module.partition(".")[0] == "tasks":  # a record may be a stranger's
            try:
                held = getattr(importlib.import_module(module), name, None)
            except ModuleNotFoundError:
                held = None
            if isinstance(held, Stage):
                return held
    raise NotAgain(f"this version has no stage {name}")


@cache
def _hints(stage: Stage) -> dict[str, Any]:
    """Return the types of a stage's inputs and parameters, those too that are imported for types alone."""
    module = importlib.import_module(stage.function.__module__)
    return get_type_hints(stage.function, {**vars(module), **_for_types(module)}, include_extras=True)


def _for_types(module: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            for part in statement.body:
                if isinstance(part, ast.ImportFrom):
                    of = importlib.import_module(part.module or "")
                    found |= {one.asname or one.name: getattr(of, one.name) for one in part.names}
                elif isinstance(part, ast.Import):
                    found |= {one.asname or one.name: importlib.import_module(one.name) for one in part.names}
    return found


def _concrete(hint: Any) -> Any:  # noqa: ANN401 - any type
    """Return a type with the methods of the family in place of each abstract one."""
    if isinstance(hint, type) and issubclass(hint, Method) and inspect.isabstract(hint):
        importlib.import_module(hint.__module__.rpartition(".")[0])  # the family's package names all of them
        return functools.reduce(operator.or_, sorted(_methods_below(hint), key=lambda method: method.__name__))
    members = tuple(_concrete(member) for member in get_args(hint))
    if not members or get_origin(hint) in {Literal, Annotated}:
        return hint
    if get_origin(hint) in UNIONS:
        return functools.reduce(operator.or_, members)
    return get_origin(hint)[members]


def _methods_below(of: type[Method]) -> set[type[Method]]:
    below = {method for child in of.__subclasses__() for method in _methods_below(child)}
    return below if inspect.isabstract(of) else {of, *below}


def _takes_many(hint: Any, count: int) -> bool:  # noqa: ANN401 - any type
    """Return whether an input is several artefacts: its type is a list, a tuple or a sequence."""
    members = get_args(hint) if get_origin(hint) in UNIONS else (hint,)
    origins = {get_origin(member) or member for member in members}
    return count != 1 or any(getattr(origin, "__name__", "") in {"list", "tuple", "Sequence"} for origin in origins)
