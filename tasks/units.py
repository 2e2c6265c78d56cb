"""Which unit the scans of a study are measured in: one for each modality, or their features could not be compared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from data_catalog.kinds import UNIT_OF_CHANNELS
from data_catalog.refs import Refusal, Scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from data_catalog.store import Store


def units_of(scan: Scan, store: Store) -> dict[str, str]:
    """Return the unit of what a scan measures: of its modality, or of each of its channels."""
    unit = str(store.attrs(scan.image)["unit"])
    named = [(name, own) for name, own in zip(scan.channels, unit.split(UNIT_OF_CHANNELS), strict=False) if name]
    return dict(named) or {scan.modality: unit}


def of_one_unit(scans: Sequence[Scan], units: Sequence[Mapping[str, str]]) -> tuple[list[Scan], list[Refusal]]:
    """Return the scans in the unit that most of their modality have, and the others as refusals.

    A scan is as likely to be of either where as many have each of two units: then the last by its name counts, which
    takes SUV rather than Bq/ml. Only scans that have regions count, and are refused.

    Parameters
    ----------
    scans : sequence of Scan
        The scans of a study as they are measured, after any preprocessing.
    units : sequence of mapping of str to str
        The unit of each scan's modality, or of each of its channels (`units_of`).
    """
    counts: dict[str, Counter[str]] = {}
    for scan, named in zip(scans, units, strict=True):
        for name, unit in named.items() if scan.regions else ():
            counts.setdefault(name, Counter())[unit] += 1
    usual = {name: max(held, key=lambda unit: (held[unit], unit)) for name, held in counts.items()}
    kept, refusals = [], []
    for scan, named in zip(scans, units, strict=True):
        odd = [name for name, unit in named.items() if unit != usual.get(name, unit)]
        if odd and scan.regions:
            refusals.append(_mixed(scan, odd[0], named[odd[0]], usual[odd[0]], counts[odd[0]]))
        else:
            kept.append(scan)
    return kept, refusals


def _mixed(scan: Scan, name: str, unit: str, usual: str, counts: Counter[str]) -> Refusal:
    return Refusal(
        item=scan.item,
        stage="radiomics",
        verdict="mixed_units",
        expected=f"All scans of {name} that are measured have one unit, as {counts[usual]} of {counts.total()} "
        f"have {_said(usual)}",
        came=f"this one has {_said(unit)}",
        remedy="Export it again with what its unit is computed from, leave it out, or bring all scans of the modality "
        "to one scale in `preprocess` (`z_score`).",
    )


def _said(unit: str) -> str:
    return "no unit" if unit == "1" else unit
