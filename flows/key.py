"""The study's secret, from which pseudonyms and date shifts are made."""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError
from tasks.formats.identities import Identities

if TYPE_CHECKING:
    from pathlib import Path

    from flows.plan import Plan

VARIABLE = "VOXMINE_KEY"
FILE = "study.key"


def _make(workspace: Path) -> None:
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        (workspace / f".{FILE}").touch(mode=0o600)
        (workspace / f".{FILE}").unlink()
    except OSError as fault:
        raise PlanError(
            "workspace is a folder that can be written to",
            f"{workspace} cannot ({type(fault).__name__})",
            "Name another folder, or get the right to write there.",
        ) from None


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
        _make(plan.workspace)
        aside = path.with_name(f".{FILE}.{os.getpid()}")
        aside.touch(mode=0o600)
        aside.write_text(secrets.token_hex(32), encoding="ascii")
        aside.replace(path)
    return Identities(bytes.fromhex(path.read_text(encoding="ascii").strip()), site=plan.site)
