"""What Dask's workers tell of single items, as lines of a run's log in Prefect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import get_run_logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.stage import Outcome

MOST = 100
"""Lines of one batch: a cohort that is wrong in every file must not drown the server."""


def log_outcomes(stage: str, outcomes: Sequence[Outcome]) -> None:
    """Log, as words `name=value`, what was refused, what failed, and what was tried again; items by opaque keys.

    What was reused is not told again: it stands in the log of the run that computed it.
    """
    lines = [line for outcome in outcomes if outcome.how != "reused" for line in _lines(stage, outcome)]
    logger = get_run_logger()
    for line in lines[:MOST]:
        logger.warning(line)
    if len(lines) > MOST:
        logger.warning("stage=%s event=more lines=%d", stage, len(lines) - MOST)


def _lines(stage: str, outcome: Outcome) -> Iterator[str]:
    head = f'stage={stage} item="{outcome.item}"'
    for number, fault in enumerate(outcome.tries, 1):
        yield f'{head} event=tried_again try={number} why="{fault}"'
    if outcome.refusal is not None:
        event = "failed" if outcome.how == "failed" else "refused"
        yield f'{head} event={event} verdict={outcome.refusal.verdict} why="{outcome.refusal.came}"'
