"""Look for lesions in the images of a study."""

from __future__ import annotations

from data_catalog.refs import Ref, Study
from flows.plan import Plan, is_of
from flows.runtime import keep, refusals_in, run_stage, study_flow, work
from flows.segment_study import segment_study
from tasks.detect import detect


@study_flow("detect-study")
def detect_study(plan: Plan, study: Ref | None = None) -> Ref:
    """Look for the lesions that the plan asks for. Without a study, in the segmented images of its sources.

    Returns the study with a table of detections beside each image.
    """
    with work(plan) as here:
        held: Study = here.store.open(study or segment_study(plan))
        for entry in plan.detect:
            wanted = [scan for scan in held.scans if is_of(entry.modality, scan.modality)]
            outcomes = run_stage(
                [detect.job(scan.item, {"image": scan.image}, {"detector": entry.detector}) for scan in wanted]
            )
            found = {outcome.item: outcome.ref for outcome in outcomes}
            scans = [
                scan.model_copy(update={"detections": found.get(scan.item, scan.detections)}) for scan in held.scans
            ]
            held = held.model_copy(update={"scans": tuple(scans), "refusals": (*held.refusals, *refusals_in(outcomes))})
        return keep(plan, held, "detect")
