"""A whole study: scans and a clinical table in; features, validated models, rules and one report out."""

from __future__ import annotations

from flows.cohort_study import cohort_study
from flows.detect_study import detect_study
from flows.ingest_study import ingest_study
from flows.learn_cohort import learn_cohort
from flows.mine_cohort import mine_cohort
from flows.plan import Plan
from flows.preprocess_study import preprocess_study
from flows.radiomics_study import radiomics_study
from flows.report_study import report_study
from flows.results import Results
from flows.runtime import study_flow, work
from flows.segment_study import segment_study


@study_flow("full-study")
def full_study(plan: Plan) -> Results:
    """Run a whole study: ingest, preprocess, segment, detect, measure, learn, mine, report.

    What was computed before is reused; what cannot be trusted goes to quarantine, and the rest goes on.
    Returns the names of all that was made; the report lies in the plan's workspace.
    """
    with work(plan):
        study = ingest_study(plan)
        study = preprocess_study(plan, study)
        study = segment_study(plan, study)
        study = detect_study(plan, study)
        features = radiomics_study(plan, study)
        tables = cohort_study(plan, features)
        learnt = learn_cohort(plan, tables) if plan.learn is not None and plan.outcome is not None else None
        mined = mine_cohort(plan, tables) if plan.mine is not None else None
        results: Results = report_study(plan, tables, learnt, mined)
        return results
