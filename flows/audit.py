"""Whether what a store holds is as it was written, and whether the code that made it is still the code there is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from data_catalog.errors import StoreError
from data_catalog.runs import Runs
from data_catalog.store import folder_name
from tasks.methods.code import code_digest, code_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from data_catalog.catalog import Catalog, Made
    from data_catalog.refs import Ref
    from data_catalog.store import Store

GONE = "is no longer there"


class Damage(NamedTuple):
    """Something in a store that is not as it was written."""

    what: str
    """Name of the artefact, or its digest where it has lost its manifest."""
    fault: str
    remedy: str = ""
    """What to do; empty where nothing is to be done."""

    def __str__(self) -> str:
        return f"{self.what}: {self.fault}. {self.remedy}".rstrip()


def verify(store: Store, refs: Sequence[Ref] | None = None, done: Callable[[Ref], None] | None = None) -> list[Damage]:
    """Read every byte of some artefacts, or of all, and compare it with what was written.

    Compared are the files with the manifest, the manifest with the artefact's name, and each record with the artefact
    it lies beside and with its own name; of its key it is looked whether the index has it.

    Parameters
    ----------
    store : Store
        The store.
    refs : sequence of Ref, optional
        The artefacts; without any, all that have a manifest, and what has lost it.
    done : callable, optional
        Told of each artefact that was read.
    """
    tell = done or (lambda _: None)
    damages = (
        []
        if refs is not None
        else [
            Damage(name, "its manifest is missing or cut (or it is just being sent to a bucket)")
            for name in store.without_manifest()
        ]
    )
    for ref in [ref for ref, _ in store.sizes()] if refs is None else refs:
        damages += _damages_of(store, ref)
        tell(ref)
    return damages


def _damages_of(store: Store, ref: Ref) -> Iterator[Damage]:
    try:
        store.verify(ref)
    except StoreError as fault:
        yield Damage(ref.short, fault.came, fault.remedy)
    for name, record in store.records_by_name(ref).items():
        if record is None:
            yield Damage(ref.short, f"its record {name[:12]} is cut or overwritten", _without(ref))
        elif record.output != ref or record.key != name:
            yield Damage(ref.short, f"its record {name[:12]} is of something else", _without(ref))
        elif store.given(record.key) is None:
            yield Damage(ref.short, f"the index of keys has lost {name[:12]}: it is computed again when it is needed")


def _without(ref: Ref) -> str:
    return f"Delete {folder_name(ref.digest)} in the store, and run the plan again."


class Stale(NamedTuple):
    """Artefacts made by code that has changed since."""

    code: str
    """Digest of the code as it was."""
    version: str
    changed: tuple[str, ...]
    """Modules, functions and libraries that have changed; empty where it was not noted what the code consisted of."""
    made: tuple[Made, ...]


def stale(store: Store, catalog: Catalog) -> list[Stale]:
    """Return what was made by code that has changed: the next run that needs it makes it anew.

    A change of comments, docstrings, or of a module that only carries results is none. What the code as it is has made
    as well is left out.
    """
    runs, found = Runs(store), []
    codes = [(digest, json.loads(places), version) for digest, places, version in catalog.codes()]
    present = {digest for digest, places, _ in codes if _is_present(digest, places)}
    for digest, places, version in codes:
        made = () if digest in present else tuple(catalog.made_by_code(digest, present))
        if not made:
            continue
        then = runs.code(digest)
        changed = () if then is None else tuple(changes(then.parts, parts_now(places) or {}))
        found.append(Stale(digest, version, changed, made))
    return found


def changes(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return in words which parts of a code have changed."""
    words = []
    for name in sorted(then.keys() | now.keys()):
        before, after = then.get(name), now.get(name)
        if before == after:
            continue
        if before is None:
            words.append(f"{name} is new")
        elif after is None:
            words.append(f"{name} {GONE}")
        else:
            is_library = len(before) < len("0" * 64)
            words.append(f"{name} {before} became {after}" if is_library else f"{name} has changed")
    return words


def _is_present(digest: str, places: list[str]) -> bool:
    return parts_now(places) is not None and code_digest(places) == digest


def parts_now(places: Sequence[str]) -> dict[str, str] | None:
    """Return what some code consists of today, or None where a module of it is gone."""
    try:
        return code_parts(places)
    except ModuleNotFoundError:
        return None
