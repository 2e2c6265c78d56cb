"""The study's secret, from which pseudonyms and date shifts are made."""

from __future__ import annotations

import hashlib
import os
import secrets
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from tasks.formats.identities import Identities

if TYPE_CHECKING:
    from pathlib import Path

    from flows.plan import Plan

VARIABLE = "VOXMINE_KEY"
FILE = "study.key"


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _publish(secrets.token_hex(32), path)
    except OSError as fault:
        raise PlanError(
            "workspace is a folder that can be written to",
            f"{path.parent} cannot ({type(fault).__name__})",
            "Name another folder, or get the right to write there.",
        ) from None


def _publish(text: str, path: Path) -> None:
    """Let a file of the owner's alone appear with its whole text, unless one is there: the first process counts."""
    aside = path.with_name(f".{FILE}.{uuid.uuid4().hex}")
    try:
        _write_new(aside, text)
        with suppress(FileExistsError):
            try:
                path.hardlink_to(aside)
            except FileExistsError:
                raise
            except OSError:  # a file system without links; who reads in this very instant is refused an empty key
                _write_new(path, text)
    finally:
        aside.unlink(missing_ok=True)


def _write_new(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def identities(plan: Plan) -> Identities:
    """Return what replaces the identities of a study, made from `VOXMINE_KEY` or the key file of its workspace.

    The file is made, for the owner alone, when neither is there. Whoever has the key can find out which
    pseudonym is whose; without it nobody can, and the same key gives the same pseudonyms on every machine.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Identities(hashlib.sha256(given.encode()).digest(), site=plan.site)
    path = plan.workspace / FILE
    if not path.exists():
        _make(path)
    return Identities(bytes.fromhex(path.read_text(encoding="ascii").strip()), site=plan.site)
