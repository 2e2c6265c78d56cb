"""Draw regions by a method, where no reader has drawn any or as the plan asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.refs import Ref, Region, Study
from flows.plan import Plan, is_of
from flows.preprocess_study import preprocess_study
from flows.runtime import keep, refusals_in, run_stage, study_flow, work
from tasks.segment import segment

if TYPE_CHECKING:
    from data_catalog.refs import Scan
    from flows.plan import Segmentation


@study_flow("segment-study")
def segment_study(plan: Plan, study: Ref | None = None) -> Ref:
    """Draw the regions that the plan asks for. Without a study, on the cleaned images of the plan's sources.

    Returns the study with the drawn regions beside those of the readers.
    """
    with work(plan) as here:
        held: Study = here.store.open(study or preprocess_study(plan))
        for entry in plan.segment:
            held = _segmented(held, entry)
        return keep(plan, held, "segment")


def _segmented(study: Study, entry: Segmentation) -> Study:
    wanted = [scan for scan in study.scans if is_of(entry.modality, scan.modality) and _asks(entry, scan)]
    outcomes = run_stage(
        [
            segment.job(scan.item, {"image": scan.image}, {"segmenter": entry.segmenter, "region": entry.region})
            for scan in wanted
        ]
    )
    drawn = {outcome.item: outcome.ref for outcome in outcomes if outcome.ref is not None}
    scans = [_with(scan, entry, drawn.get(scan.item)) for scan in study.scans]
    return study.model_copy(update={"scans": tuple(scans), "refusals": (*study.refusals, *refusals_in(outcomes))})


def _asks(entry: Segmentation, scan: Scan) -> bool:
    return entry.when == "always" or not scan.regions


def _with(scan: Scan, entry: Segmentation, mask: Ref | None) -> Scan:
    if mask is None:
        return scan
    region = Region(name=entry.region, reader=entry.segmenter.method, mask=mask)
    return scan.model_copy(update={"regions": (*scan.regions, region)})
