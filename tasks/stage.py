"""The one policy of every step on one item: cache key, retries, quarantine, record."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
import platform
import random
import time
import traceback
from dataclasses import dataclass, field, is_dataclass, replace
from functools import cache, cached_property
from importlib.metadata import version
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

import tasks
from data_catalog.compression import DEFAULT
from data_catalog.errors import BadData, PlanError
from data_catalog.kinds import REFUSAL
from data_catalog.lineage import Code, Record
from data_catalog.refs import Ref, Refusal, combined_digest
from data_catalog.store import Store
from tasks.formats.content import Fingerprint, fingerprint
from tasks.methods.code import OWN_PACKAGES, code_digest, code_places, keep_code
from tasks.methods.gate.thumbnail import encoded
from tasks.methods.method import Method
from tasks.sources.files import read_each
from tasks.sources.refusals import SourceMoved
from tasks.spending import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from data_catalog.compression import Compression
    from data_catalog.kinds import Kind
    from data_catalog.places import Place
    from tasks.formats.content import Content
    from tasks.sources.files import SourceFile

ATTEMPTS = 3
"""Tries of one item whose input or output failed."""
WAIT_SECONDS = 0.5
"""Wait before the second try; doubled before each further one, with jitter."""
PLAIN = frozenset({str, int, float, bool, bytes, NoneType})
"""Types of parameters that have no parts."""


@dataclass(frozen=True)
class Sources:
    """Files of a source as an input: known by a fingerprint, found by a path that is never written down."""

    files: tuple[SourceFile, ...] = field(repr=False)
    digests: tuple[str, ...]
    """What the files were known by at the scan: SHA-256 of the bytes at their beginning and of their size."""
    heads: tuple[int, ...] = field(repr=False)
    """How many bytes at the beginning these are."""

    @classmethod
    def known_by(cls, files: Iterable[tuple[SourceFile, Fingerprint]]) -> Sources:
        """Return files that were scanned."""
        held = list(files)
        return cls(
            tuple(file for file, _ in held),
            tuple(known.digest for _, known in held),
            tuple(known.head for _, known in held),
        )

    @classmethod
    def read_whole(cls, files: Iterable[SourceFile]) -> Sources:
        """Return small files that nobody has scanned, known by all their bytes."""
        return cls.known_by((file, fingerprint(file.read(), file.size)) for file in files)

    @property
    def stamps(self) -> tuple[str, ...]:
        """What makes the files be read again: another fingerprint or, unless it is of all bytes, another change."""
        each = zip(self.files, self.digests, self.heads, strict=True)
        return tuple(f"{digest} {file.stamp}" if head < file.size else digest for file, digest, head in each)

    def read(self) -> list[Content]:
        """Return the files' contents, in order; what is read of them raises `SourceMoved` where it is another."""
        known = (Fingerprint(*pair) for pair in zip(self.digests, self.heads, strict=True))
        return [file.content(one) for file, one in zip(self.files, known, strict=True)]


@dataclass(frozen=True)
class Listing:
    """Files of a source that nobody has read yet: known by a stamp of their names, sizes and times."""

    files: tuple[SourceFile, ...] = field(repr=False)
    stamp: str
    """SHA-256 that changes when a file is added, removed, renamed or written to, and tells no name."""

    @property
    def stamps(self) -> tuple[str, ...]:
        """The stamp of all."""
        return (self.stamp,)

    def read(self) -> Iterator[tuple[SourceFile, Content | BadData]]:
        """Yield each file with its content, to be read, or the reason it cannot be."""
        return read_each(self.files)


Input = Ref | tuple[Ref, ...] | Sources | Listing


@dataclass(frozen=True)
class Stage:
    """One step: the function that does it, and the kind of what it makes.

    The function takes each input opened (a volume, a table, the contents of source files) and the
    parameters by name, and returns a value of the kind. Its own code, the modules it uses, and those of
    the methods and of what else acts among the parameters make up the cache key.
    """

    name: str
    kind: Kind
    function: Callable[..., Any]
    keeps_parameters: bool = True
    """Whether the record lists the parameters; not where the artefact itself holds them, or they are secret."""
    opens: bool = True
    """Whether the function takes artefacts opened; else it takes their names."""

    def __reduce__(self) -> tuple[Callable[[str, str], Stage], tuple[str, str]]:
        return _stage_of, (self.function.__module__, self.function.__name__)

    def job(
        self, item: str, inputs: Mapping[str, Input] | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Job:
        """Return the work of this stage on one item."""
        return Job(self, item, dict(inputs or {}), dict(parameters or {}))


_PLACES: dict[str, str] = {}
"""Where the function of each stage stands that was imported, by the stage's name."""


def read_code() -> None:
    """Read the code behind the stages of this project, which the first job of each would wait for."""
    code_digest(place for place in _PLACES.values() if place.partition(".")[0] in OWN_PACKAGES)
    keep_code()


def require_stages(names: Collection[str]) -> None:
    """Raise `PlanError` where one of some names is that of no stage."""
    if not names:
        return
    for module in pkgutil.iter_modules(tasks.__path__, "tasks."):
        importlib.import_module(module.name)  # a flow imports the stages that it needs itself
    unknown = sorted(set(names) - _PLACES.keys())
    if unknown:
        raise PlanError(
            "compute.refresh names stages",
            f"{', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} none",
            f"Name some of these: {', '.join(sorted(_PLACES))}.",
        )


def stage(kind: Kind, *, keeps_parameters: bool = True, opens: bool = True) -> Callable[[Callable[..., Any]], Stage]:
    """Make a function a stage that gives artefacts of a kind."""

    def decorate(function: Callable[..., Any]) -> Stage:
        _PLACES[function.__name__] = f"{function.__module__}:{function.__name__}"
        return Stage(function.__name__, kind, function, keeps_parameters, opens)

    return decorate


def _stage_of(module: str, name: str) -> Stage:
    found: Stage = getattr(importlib.import_module(module), name)
    return found


@dataclass(frozen=True)
class Job:
    """A stage on one item: what is read, and with which parameters."""

    stage: Stage
    item: str
    inputs: Mapping[str, Input]
    parameters: Mapping[str, Any] = field(repr=False)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Where the code stands that decides the result: the stage's function, and the modules of its parameters."""
        function = f"{self.stage.function.__module__}:{self.stage.function.__name__}"
        modules = {type(one).__module__ for one in _acting_in(tuple(self.parameters.values()))}
        return (function, *sorted(modules))

    @cached_property
    def key(self) -> str:
        """The SHA-256 of all that decides the result: stage, inputs, parameters, code."""
        parts = {
            "stage": self.stage.name,
            "kind": self.stage.kind.name,
            "inputs": {name: _digests(given) for name, given in self.inputs.items()},
            "parameters": to_jsonable_python(self.parameters, bytes_mode="hex"),
            "code": _code(self.places),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def again(self, store: Store) -> Any:  # noqa: ANN401 - each kind has a type of its own
        """Return what the stage's function gives, whether the store holds it or not; nothing is kept."""
        opened = {name: _open(store, given, self.stage) for name, given in self.inputs.items()}
        return self.stage.function(**opened, **self.parameters)


@dataclass(frozen=True)
class Outcome:
    """What became of one item: an artefact, or a refusal."""

    item: str
    how: Literal["computed", "reused", "failed"]
    ref: Ref | None = None
    refusal: Refusal | None = None
    tries: tuple[str, ...] = ()
    """Why the worker had to try again, once for each time: the system's words for the fault, without a path."""

    def of(self, job: Job, *, again: bool) -> Outcome:
        """Return what became of a job that asks for the same: under its own name, and not computed once more."""
        refusal = None if self.refusal is None else self.refusal.model_copy(update={"item": job.item})
        how = "reused" if again and self.how == "computed" else self.how
        return Outcome(job.item, how, self.ref, refusal)


@cache
def _code(places: tuple[str, ...]) -> str:
    return code_digest(places)


def _digests(given: Input) -> list[str]:
    if isinstance(given, Sources | Listing):
        return [combined_digest(list(given.stamps))]
    return [ref.digest for ref in ([given] if isinstance(given, Ref) else given)]


def _acting_in(value: object) -> Iterator[object]:
    """Yield the methods and the objects with behaviour (the keyed identities) among some parameters."""
    if isinstance(value, Method) or is_dataclass(value):
        yield value
    for part in _parts_of(value):
        if type(part) not in PLAIN:  # nearly all are: to ask them for their parts would take most of the time
            yield from _acting_in(part)


def _parts_of(value: object) -> Iterable[object]:
    if isinstance(value, BaseModel):
        return (getattr(value, name) for name in type(value).model_fields)
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, tuple | list) else ()


def perform(root: Place, job: Job, compression: Compression = DEFAULT, *, again: bool = False) -> Outcome:
    """Do one item's work unless the store holds its result; the function that runs on a worker.

    With `again` it is done whatever the store holds, and what it gives now counts from then on.

    Bad data becomes a refusal, which is stored like a result: the same data is refused again without
    work. Input and output is tried again. A defect of the code is reported as a failed item, never stored.
    """
    store = Store(root, compression)
    if not again and (held := look_up(store, job)):
        return held
    tries: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return replace(_compute(store, job), tries=tuple(tries))
        except OSError as fault:
            if attempt == ATTEMPTS:
                raise
            tries.append(fault.strerror or type(fault).__name__)
            time.sleep(WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
    raise AssertionError  # the last attempt returns or raises


def look_up(store: Store, job: Job) -> Outcome | None:
    """Return what the store holds for a job, or None."""
    ref = store.find(job.key)
    if ref is None:
        return None
    if ref.kind == REFUSAL.name:
        return Outcome(job.item, "reused", refusal=store.open(ref)).of(job, again=True)
    return Outcome(job.item, "reused", ref=ref)


def _compute(store: Store, job: Job) -> Outcome:
    meter = Meter.begin()
    read: dict[str, list[Content]] = {}
    try:
        opened = {name: _open(store, given, job.stage) for name, given in job.inputs.items()}
        read = {name: opened[name] for name, given in job.inputs.items() if isinstance(given, Sources)}
        value = job.stage.function(**opened, **job.parameters)
        ref = store.put(job.stage.kind, value, lambda ref: _record(job, ref, meter, read))
    except SourceMoved as moved:
        return Outcome(job.item, "computed", refusal=refusal_of(job, moved))
    except BadData as bad:
        return _refused(store, job, bad, meter, read)
    except OSError:
        raise
    except Exception as defect:  # noqa: BLE001 - one item's defect must not end the cohort; it is reported by name
        return Outcome(job.item, "failed", refusal=_defect(job, defect))
    return Outcome(job.item, "computed", ref=ref)


def _refused(store: Store, job: Job, bad: BadData, meter: Meter, read: Mapping[str, list[Content]]) -> Outcome:
    """Keep the refusal of an item, unless its files are moved while their digests are taken."""
    try:
        files = tuple(content.digest() for contents in read.values() for content in contents)
        refusal = refusal_of(job, bad, files)
        store.put(REFUSAL, refusal, lambda ref: _record(job, ref, meter, read))
    except BadData as moved:
        refusal = refusal_of(job, moved)
    return Outcome(job.item, "computed", refusal=refusal)


def _open(store: Store, given: Input, of: Stage) -> Any:  # noqa: ANN401 - each kind has a type of its own
    if isinstance(given, Sources | Listing):
        return given.read()
    if not of.opens:
        return given
    return store.open(given) if isinstance(given, Ref) else [store.open(ref) for ref in given]


def _record(job: Job, output: Ref, meter: Meter, read: Mapping[str, list[Content]]) -> Record:
    """Return the record of what was written; by now the files were read, so that few bytes are left to be hashed."""
    as_refs = {name: given for name, given in job.inputs.items() if not isinstance(given, Sources | Listing)}
    listed = {name: given.stamps for name, given in job.inputs.items() if isinstance(given, Listing)}
    hashed = {name: tuple(content.digest() for content in contents) for name, contents in read.items()}
    return Record(
        key=job.key,
        output=output,
        stage=job.stage.name,
        item=job.item,
        inputs={name: (given,) if isinstance(given, Ref) else given for name, given in as_refs.items()},
        sources={name: (listed | hashed)[name] for name in job.inputs if name in listed | hashed},
        parameters=to_jsonable_python(job.parameters) if job.stage.keeps_parameters else {},
        code=Code(version=version("voxmine"), digest=_code(job.places), places=tuple(code_places(job.places))),
        python=platform.python_version(),
        started=meter.started,
        **meter.spent()._asdict(),
    )


def refusal_of(job: Job, bad: BadData, files: tuple[str, ...] = ()) -> Refusal:
    """Return the refusal of an item, with what was expected, what came, and what to do."""
    return Refusal(
        item=job.item,
        stage=job.stage.name,
        verdict=bad.verdict,
        expected=bad.expected,
        came=bad.came,
        remedy=bad.remedy,
        files=files,
        thumbnail=None if bad.picture is None else encoded(bad.picture),
    )


def _defect(job: Job, defect: Exception) -> Refusal:
    """Name a defect by its type and place alone: its message may hold a patient's values."""
    frame = traceback.extract_tb(defect.__traceback__)[-1]
    place = "/".join(frame.filename.split("/")[-3:])
    return refusal_of(
        job,
        BadData(
            "unexpected_error",
            "The step runs on this item",
            f"{type(defect).__name__} at {place}:{frame.lineno}",
            "This is a defect of the program: please report the place. The item is tried again at the next run.",
        ),
    )
