"""The store of a plan: whether it can be written to, and how its workspace remembers where it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError, StoreError
from data_catalog.places import place
from data_catalog.store import Store

if TYPE_CHECKING:
    from flows.plan import Plan

FOLDER = "store"
"""Where a workspace keeps the artefacts when the plan names no other place."""
NOTE = "store.url"
"""Names the place of the artefacts in a workspace that does not keep them itself."""


def open_store(plan: Plan) -> Store:
    """Return the store of a plan, and note in the workspace where it is, for `voxmine why`.

    Raises
    ------
    PlanError
        When the store cannot be written to.
    """
    root = plan.store_folder
    store = Store(root.absolute() if isinstance(root, Path) else root, plan.compute.compression)
    try:
        store.probe()
    except OSError as fault:
        in_bucket = not isinstance(store.root, Path)
        raise PlanError(
            f"`{'store' if plan.store else 'workspace'}` is a place that can be written to",
            f"{plan.store_folder} is not ({type(fault).__name__}: {fault})",
            "Check the bucket's name, the right to write there, and the environment (AWS_ACCESS_KEY_ID,"
            " AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL)."
            if in_bucket
            else "Check the folder's name and the right to write there, or name another.",
        ) from None
    note = plan.workspace / NOTE
    if plan.store:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(plan.store if "://" in plan.store else str(place(plan.store).absolute()), encoding="utf-8")
    else:
        note.unlink(missing_ok=True)
    return store


def store_of(workspace: Path) -> Store:
    """Return the store of the studies that were run in a workspace.

    Raises
    ------
    StoreError
        When none was.
    """
    note = workspace / NOTE
    if note.is_file():
        return Store(place(note.read_text(encoding="utf-8")))
    if (workspace / FOLDER).is_dir():
        return Store(workspace / FOLDER)
    raise StoreError(
        "The workspace is the folder of a study that was run", f"{workspace} is none", "Name it with --workspace."
    )
