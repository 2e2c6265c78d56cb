"""The commented plan that `voxmine init` writes."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING

from data_catalog.errors import PlanError

if TYPE_CHECKING:
    from pathlib import Path


_CLINICAL_PART = re.compile(r"^clinical:(\n .*)+", re.MULTILINE)
CLINICAL = "clinical.csv"
"""The name of a clinical table in a plan that has none yet."""


def write_template(path: Path, *, scans: str, clinical: str | None = None) -> None:
    """Write a commented plan for a folder of scans and a clinical table; without one its part is an example.

    Raises
    ------
    PlanError
        When the file is there already: nothing is written over.
    """
    if path.exists():
        raise PlanError("A new plan has a name of its own", f"{path} exists", "Choose another name, or remove it.")
    text = (files("deployments") / "plans" / "template.yaml").read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    if clinical is None:
        text = _CLINICAL_PART.sub(lambda part: "# " + part[0].replace("\n", "\n# "), text)
    for mark, given in (("@SCANS@", scans), ("@CLINICAL@", clinical or CLINICAL)):
        text = text.replace(mark, json.dumps(given, ensure_ascii=False))  # quoted as YAML quotes too
    path.write_text(text, encoding="utf-8")
