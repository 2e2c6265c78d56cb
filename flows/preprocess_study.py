"""Clean the images of a study, take their masks along, and bring images together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.refs import Ref, Region, Scan, Study
from flows.ingest_study import ingest_study
from flows.plan import Plan, of_modality
from flows.runtime import keep, refusals_in, run_stage, study_flow, work
from tasks.fuse import fuse
from tasks.methods.fusion.temporal_difference import TemporalDifference
from tasks.preprocess import moves_grid, preprocess, preprocess_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_catalog.refs import Refusal
    from flows.plan import Fusion
    from tasks.methods.preprocessing.step import Step


@study_flow("preprocess-study")
def preprocess_study(plan: Plan, study: Ref | None = None) -> Ref:
    """Clean the images of a study step by step, and fuse those that the plan pairs.

    Without a study, the one that the plan's sources hold. Returns the study with the cleaned images.
    """
    with work(plan) as here:
        held: Study = here.store.open(study or ingest_study(plan))
        scans, refusals = _clean(plan, held.scans)
        for fusion in plan.fuse:
            fused, refused = _fuse(fusion, scans)
            scans, refusals = [*scans, *fused], [*refusals, *refused]
        kept = held.model_copy(update={"scans": tuple(scans), "refusals": (*held.refusals, *refusals)})
        return keep(plan, kept, "preprocess")


def _clean(plan: Plan, scans: Sequence[Scan]) -> tuple[list[Scan], list[Refusal]]:
    steps = {scan.item: of_modality(plan.preprocess, scan.modality) for scan in scans}
    chosen = {item: entry.steps for item, entry in steps.items() if entry is not None and entry.steps}
    cleaned = run_stage(
        [
            preprocess.job(scan.item, {"image": scan.image}, {"steps": chosen[scan.item]})
            for scan in scans
            if scan.item in chosen
        ]
    )
    images = {outcome.item: outcome.ref for outcome in cleaned}
    masks, refused = _masks([(scan, chosen[scan.item]) for scan in scans if images.get(scan.item) is not None])
    result = []
    for scan in scans:
        image = images.get(scan.item, scan.image)
        if image is not None:
            result.append(scan.model_copy(update={"image": image, "regions": _moved(scan, masks)}))
    return result, [*refusals_in(cleaned), *refused]


def _masks(scans: Sequence[tuple[Scan, tuple[Step, ...]]]) -> tuple[dict[Ref, Ref | None], list[Refusal]]:
    """Return the masks on the grids that the steps give to their images, and those that were refused."""
    wanted = {
        region.mask: (f"{scan.item}/{region.name}/{region.reader}", steps)
        for scan, steps in scans
        if moves_grid(steps)
        for region in scan.regions
    }
    outcomes = run_stage(
        [preprocess_mask.job(item, {"labels": mask}, {"steps": steps}) for mask, (item, steps) in wanted.items()]
    )
    return {mask: outcome.ref for mask, outcome in zip(wanted, outcomes, strict=True)}, refusals_in(outcomes)


def _moved(scan: Scan, masks: dict[Ref, Ref | None]) -> tuple[Region, ...]:
    moved = [(region, masks.get(region.mask, region.mask)) for region in scan.regions]
    return tuple(region.model_copy(update={"mask": mask}) for region, mask in moved if mask is not None)


def _fuse(fusion: Fusion, scans: Sequence[Scan]) -> tuple[list[Scan], list[Refusal]]:
    over_time = isinstance(fusion.fuser, TemporalDifference)
    by_place = {(scan.patient, scan.visit, scan.modality): scan for scan in scans}
    pairs = [
        (scan, other)
        for scan in scans
        if scan.modality == fusion.first
        and (other := by_place.get((scan.patient, scan.visit - over_time, fusion.second))) is not None
        and other is not scan
    ]
    modality = f"{fusion.first}-{fusion.second}" if over_time else f"{fusion.first}+{fusion.second}"
    channels = () if over_time else (None, f"{fusion.second} on {fusion.first}")
    outcomes = run_stage(
        [
            fuse.job(
                f"{scan.item}+{other.modality}",
                {"fixed": scan.image, "moving": other.image},
                {"fuser": fusion.fuser, "modality": modality},
            )
            for scan, other in pairs
        ]
    )
    fused = [
        scan.model_copy(update={"image": outcome.ref, "modality": modality, "channels": channels})
        for (scan, _), outcome in zip(pairs, outcomes, strict=True)
        if outcome.ref is not None
    ]
    return fused, refusals_in(outcomes)
