"""The demo: an invented cohort with planted truths, and whether the study has found them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from rich.table import Table

from data_catalog.store import Store
from flows.key import FILE, identities
from flows.results import last_results
from tasks.synthetic.cohort import write_cohort
from tasks.synthetic.findings import Findings, planted_and_found
from tasks.synthetic.truths import Truths

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from flows.plan import Plan
    from tasks.methods.reporting.data import PlantedFound

COHORT = "cohort"
PLAN = "plan.yaml"
RESULTS = "results"
KEY = "766f786d696e65" * 4
"""Nobody has to be hidden here: with one key for all, everybody's demo gives the same numbers."""


def prepare(folder: Path) -> Path:
    """Write the invented cohort and its plan into a folder, unless they are there; return the plan's file."""
    if not (folder / COHORT / "truths.json").exists():
        write_cohort(folder / COHORT)
    text = (files("deployments") / "plans" / "demo.yaml").read_text(encoding="utf-8")
    plan = folder / PLAN
    plan.write_text(text, encoding="utf-8")
    key = folder / RESULTS / FILE
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True)
        key.touch(mode=0o600)
        key.write_text(KEY, encoding="ascii")
    return plan


@dataclass(frozen=True)
class Compared:
    """What was planted, and what was found of it."""

    rows: tuple[PlantedFound, ...]

    @property
    def all_found(self) -> bool:
        """Whether every truth was found and nothing else was claimed."""
        return all(row.ok for row in self.rows)

    def table(self) -> Table:
        """Return the comparison as a table for the terminal."""
        table = Table("planted", "found", "", title="Planted and found")
        for row in self.rows:
            table.add_row(row.planted, row.found, "yes" if row.ok else "NO")
        return table


def leaks(truths: Truths, folder: Path) -> tuple[str, ...]:
    """Return the files below a folder that hold one of the invented identities, in their content or name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return leaking(truths, ((path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths))


def leaking(truths: Truths, files: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
    """Return which of some files, given by name and content, hold one of the invented identities."""
    anyone = re.compile(b"|".join(re.escape(one.encode()) for one in truths.identities))
    found = []
    for name, content in files:
        whole = name.encode() + content
        if anyone.search(whole) and truths.identities_in(whole):
            found.append(name.rpartition("/")[2])
    return tuple(found)


def compare(folder: Path, plan: Plan) -> Compared:
    """Compare the truths planted in a cohort with what the last run of its plan found."""
    truths = Truths.model_validate_json((folder / COHORT / "truths.json").read_bytes())
    results = last_results(plan)
    store = Store(plan.store_folder)
    tables, learnt, mined = results.cohort, results.learnt, results.mined

    def held(ref: object) -> object:
        return None if ref is None else store.open(ref)  # type: ignore[arg-type]

    findings = Findings(
        study=store.open(tables.features.study),
        cohort=store.open(tables.cohort),
        scanners=held(tables.scanners),  # type: ignore[arg-type]
        overlaps=held(tables.overlaps),  # type: ignore[arg-type]
        models={} if learnt is None else {name: store.open(ref) for name, ref in learnt.models.items()},
        controls={} if learnt is None else {name: store.open(ref) for name, ref in learnt.controls.items()},
        permuted=held(learnt and learnt.permuted),  # type: ignore[arg-type]
        rules=held(mined and mined.rules),  # type: ignore[arg-type]
        sequences=held(mined and mined.sequences),  # type: ignore[arg-type]
        leaked=leaks(truths, plan.workspace) + (leaking(truths, store.files()) if plan.store else ()),
    )
    return Compared(planted_and_found(truths, identities(plan).pseudonym, findings))
