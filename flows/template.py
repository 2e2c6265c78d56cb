"""The commented plan that `voxmine init` writes."""

from __future__ import annotations

import json
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
    for mark, given in (("@SCANS@", scans), ("@CLINICAL@", clinical)):
        text = text.replace(mark, json.dumps(given, ensure_ascii=False))  # quoted as YAML quotes too
    path.write_text(text, encoding="utf-8")
