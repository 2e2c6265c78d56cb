"""The commented plan that `voxmine init` writes."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError

if TYPE_CHECKING:
    from pathlib import Path


def write_template(path: Path, *, scans: str, clinical: str) -> None:
    """Write a commented plan for a folder of scans and a clinical table.

    Raises
    ------
    PlanError
        When the file is there already: nothing is written over.
    """
    if path.exists():
        raise PlanError("A new plan has a name of its own", f"{path} exists", "Choose another name, or remove it.")
    text = (files("deployments") / "plans" / "template.yaml").read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("@SCANS@", scans).replace("@CLINICAL@", clinical), encoding="utf-8")
