"""The catalogue of a workspace: where it is, and how a run writes into it without depending on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.catalog import Catalog
from data_catalog.catalog_engine import sqlite_url
from data_catalog.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from flows.plan import Plan

FILE = "catalog.sqlite"
"""The catalogue of a workspace whose plan names no database."""
NOTE = "catalog.url"
"""Names the database in a workspace that has no such file."""


def note_catalog(plan: Plan) -> str:
    """Return the URL of a plan's catalogue, and note in the workspace where it is."""
    plan.workspace.mkdir(parents=True, exist_ok=True)
    note = plan.workspace / NOTE
    if plan.catalog:
        note.write_text(plan.catalog, encoding="utf-8")
    else:
        note.unlink(missing_ok=True)
    return url_of(plan.workspace)


def url_of(workspace: Path) -> str:
    """Return the URL of the catalogue of a workspace, there or not."""
    note = workspace / NOTE
    return note.read_text(encoding="utf-8").strip() if note.is_file() else sqlite_url(workspace / FILE)


def is_there(workspace: Path) -> bool:
    """Return whether a workspace has a catalogue."""
    return (workspace / NOTE).is_file() or (workspace / FILE).is_file()


def catalog_of(workspace: Path) -> Catalog:
    """Return the catalogue of a workspace.

    Raises
    ------
    StoreError
        When it has none.
    CatalogError
        When its database cannot be reached.
    """
    if not is_there(workspace):
        raise StoreError("The workspace has a catalogue", "it has none", "Make it: voxmine catalog rebuild")
    return Catalog(url_of(workspace))
