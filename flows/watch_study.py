"""One look for new scans, as a flow that a schedule or an event starts."""

from __future__ import annotations

from flows.full_study import full_study
from flows.plan import Plan
from flows.results import Results
from flows.runtime import say, study_flow
from flows.watch import watch


@study_flow("watch-study")
def watch_study(plan: Plan) -> Results | None:
    """Look once for new complete studies in the plan's drop folders and archives; run the whole study if there are.

    Only what the new scans touch is computed. Returns the names of all that was made, and nothing where nothing new
    has come.
    """
    made: list[Results] = []
    watch(plan, lambda: made.append(full_study(plan)), say, once=True)
    return made[-1] if made else None
