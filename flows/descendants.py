"""All that was made from an artefact or a source file, by the catalogue."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from data_catalog.errors import StoreError
from flows.catalogs import catalog_of
from flows.explain import find_artefact
from flows.stores import store_of

if TYPE_CHECKING:
    from pathlib import Path

    from data_catalog.catalog import Made


def descendants(workspace: Path, name: str) -> list[Made]:
    """Return all that was made from something, directly or through others, the oldest first.

    Parameters
    ----------
    workspace : Path
        Folder of the study's results.
    name : str
        `cohort`, ... of the last run, the name of an artefact, the beginning of its digest, or that of the SHA-256 of a
        source file (`voxmine why` names them).

    Raises
    ------
    StoreError
        When the name is of nothing, or of several artefacts; or when there is no catalogue.
    """
    with closing(catalog_of(workspace)) as catalog:
        if of_file := catalog.made_of_file(name):
            return of_file
        try:
            ref = find_artefact(workspace, store_of(workspace), name)
        except StoreError as fault:
            raise StoreError(
                f"{name!r} names one artefact, or a source file that was read", fault.came, fault.remedy
            ) from None
        return catalog.descendants(ref)
