"""The maps of features that a plan asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.plan import ANY, is_of
from flows.runtime import refusals_in, run_stage
from tasks.feature_maps import map_features

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from data_catalog.refs import Ref, Refusal, Scan
    from flows.plan import FeatureMapping, Plan
    from tasks.stage import Job


def feature_maps(plan: Plan, scans: Iterable[Scan]) -> tuple[dict[str, Ref], list[Refusal]]:
    """Return the maps of scans by name (`P-3f9a1c2b/v0/CT/1a2b3c/tumour/A`), and those that were refused."""
    jobs = [job for scan in scans for entry in plan.feature_maps if _asks(entry, scan) for job in _jobs(entry, scan)]
    outcomes = run_stage(jobs)
    return {outcome.item: outcome.ref for outcome in outcomes if outcome.ref is not None}, refusals_in(outcomes)


def _asks(entry: FeatureMapping, scan: Scan) -> bool:
    return entry.modality == scan.modality or (entry.modality == ANY and not scan.channels)


def _jobs(entry: FeatureMapping, scan: Scan) -> Iterator[Job]:
    ending = f"/{entry.name}" if entry.name else ""
    if entry.region is None:
        yield map_features.job(f"{scan.item}{ending}", {"image": scan.image}, {"feature_map": entry.feature_map})
        return
    for region in scan.regions:
        if is_of(entry.region, region.name):
            yield map_features.job(
                f"{scan.item}/{region.name}/{region.reader}{ending}",
                {"image": scan.image, "labels": region.mask},
                {"label": region.label, "feature_map": entry.feature_map},
            )
