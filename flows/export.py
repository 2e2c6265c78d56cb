"""Hand the lineage of a run to other programs: to a file, or to a server."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from data_catalog.errors import StoreError
from data_catalog.exports.crate import write_crate
from data_catalog.exports.openlineage import events
from data_catalog.exports.picture import lineage_svg
from data_catalog.exports.prov import prov_json
from data_catalog.exports.run_lineage import lineage_of
from flows.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from data_catalog.exports.run_lineage import RunLineage

KEY = "OPENLINEAGE_API_KEY"
"""Environment variable with the key of a server of OpenLineage, as its own clients have it."""
TIMEOUT_SECONDS = 30.0


def export_prov(workspace: Path, run: str, file: Path) -> None:
    """Write what made the results of a run as PROV-JSON."""
    _write(file, json.dumps(prov_json(_lineage(workspace, run)), indent=1))


def export_picture(workspace: Path, run: str, file: Path) -> None:
    """Draw the lineage of a run, stage by stage, as SVG."""
    _write(file, lineage_svg(step.record for step in _lineage(workspace, run).steps))


def export_crate(workspace: Path, run: str, file: Path, *, images: bool = False, licence: str = "") -> None:
    """Write a run with its results and records as a Workflow Run RO-Crate."""
    store = store_of(workspace)
    with _writable(file):
        write_crate(store, lineage_of(store, run), file, images=images, licence=licence)


def export_openlineage(workspace: Path, run: str, to: str) -> int:
    """Write the events of a run to a file, one a line, or send them to a server; return how many.

    Raises
    ------
    StoreError
        When the server does not take an event; those before it are there, and may be sent again.
    """
    made = list(events(_lineage(workspace, run)))
    if to.startswith(("http://", "https://")):
        _send(made, to)
    else:
        _write(Path(to), "".join(json.dumps(event) + "\n" for event in made))
    return len(made)


def _lineage(workspace: Path, run: str) -> RunLineage:
    return lineage_of(store_of(workspace), run)


def _write(file: Path, text: str) -> None:
    """Write a file that appears when it is whole."""
    aside = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    with _writable(file):
        try:
            aside.write_text(text, encoding="utf-8")
            aside.replace(file)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def _writable(file: Path) -> Iterator[None]:
    """Raise `StoreError` where a file cannot be written."""
    try:
        yield
    except OSError as fault:
        raise StoreError(
            "A file can be written where it was asked for",
            f"{file}: {fault.strerror or type(fault).__name__}",
            "Name another, in a folder that is there and that you may write to.",
        ) from None


def _send(made: Iterable[dict[str, Any]], url: str) -> None:
    key = os.environ.get(KEY)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    where = url if url.endswith("/lineage") else f"{url.rstrip('/')}/api/v1/lineage"
    with httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS) as client:
        for number, event in enumerate(made, 1):
            try:
                answer = client.post(where, json=event)
                came = f"it answered {answer.status_code} to event {number}"
                taken = answer.is_success
            except httpx.TransportError as fault:
                came, taken = f"{type(fault).__name__} at event {number}", False
            if not taken:
                raise StoreError(
                    "The server takes events of OpenLineage", came, f"Check its address, and the key in {KEY}."
                )
