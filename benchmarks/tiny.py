"""A stage of about a millisecond: with so little work, what an item costs beside its work is easy to see."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from data_catalog.kinds import EXTENT
from flows.plan import Plan
from flows.runtime import run_stage, study_flow, work
from tasks.cards import Extent
from tasks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_catalog.refs import Ref
    from tasks.stage import Job

HASHES = 5000
"""Rounds of SHA-256 that take a core of today about a millisecond."""


@stage(EXTENT)
def derive(*, number: int) -> Extent:
    """Return three numbers that many rounds make of one: the smallest document that a store holds."""
    return _hashed(str(number), "0")


@stage(EXTENT)
def follow(before: Extent, *, stage: int) -> Extent:
    """Return what many rounds make of what the stage before has given."""
    return _hashed(before.model_dump_json(), str(stage))


def _hashed(text: str, salt: str) -> Extent:
    digest = hashlib.pbkdf2_hmac("sha256", text.encode(), salt.encode(), HASHES)
    first, last, slices = (int.from_bytes(digest[at : at + 4]) for at in (0, 4, 8))
    return Extent(first_slice=first, last_slice=last, slices=slices)


def first_jobs(items: int) -> list[Job]:
    """Return the jobs of the first stage."""
    return [derive.job(f"item {number}", parameters={"number": number}) for number in range(items)]


def next_jobs(refs: Sequence[Ref], number: int) -> list[Job]:
    """Return the jobs of a further stage on what the stage before has made."""
    return [follow.job(f"item {at}", {"before": ref}, {"stage": number}) for at, ref in enumerate(refs)]


@study_flow("tiny-items")
def tiny_items(plan: Plan, items: int, stages: int = 1) -> int:
    """Work on many tiny items in stages one after the other; return how many were done in all."""
    with work(plan):
        done = run_stage(first_jobs(items))
        count = len(done)
        for number in range(1, stages):
            done = run_stage(next_jobs([one.ref for one in done if one.ref is not None], number))
            count += len(done)
        return count
