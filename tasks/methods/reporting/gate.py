"""What became of the scans and regions of a study at the gate, counted by verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.verdicts import catalogue
from tasks.methods.reporting.parts import CorrectionCount, GateSummary

if TYPE_CHECKING:
    from data_catalog.refs import Study

GATE = frozenset({"scan", "read", "draw", "fetch"})
"""First words of the stages that are the gate; what later steps refuse was accepted."""


def gate_summary(study: Study) -> GateSummary:
    """Return how many scans and regions were accepted as they are, with which corrections, and how many refused."""
    said = {scan.item: scan.corrections for scan in study.scans} | {
        f"{scan.item}/{region.name}/{region.reader}": region.corrections
        for scan in study.scans
        for region in scan.regions
    }
    by_name: dict[str, list[str]] = {}
    for item, names in said.items():
        for name in dict.fromkeys(names):
            by_name.setdefault(name, []).append(item)
    known = catalogue()
    return GateSummary(
        accepted=sum(not names for names in said.values()),
        corrected=sum(bool(names) for names in said.values()),
        quarantined=sum(refusal.stage.partition("_")[0] in GATE for refusal in study.refusals),
        corrections=tuple(
            CorrectionCount(name=name, meaning=known[name].meaning if name in known else "", items=tuple(items))
            for name, items in sorted(by_name.items(), key=lambda held: (-len(held[1]), held[0]))
        ),
    )
