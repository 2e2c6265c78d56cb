"""A stage of about a millisecond: with so little work, what an item costs beside its work is easy to see."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel

from data_catalog.kinds import CONTENTS
from flows.plan import Plan
from flows.runtime import run_stage, study_flow, work
from tasks.stage import stage

HASHES = 5000
"""Rounds of SHA-256 that take a core of today about a millisecond."""


class Digest(BaseModel):
    """What a tiny item gives."""

    text: str


@stage(CONTENTS)
def derive(*, number: int) -> Digest:
    """Return a number's digest after many rounds."""
    return Digest(text=hashlib.pbkdf2_hmac("sha256", str(number).encode(), b"voxmine", HASHES).hex())


@study_flow("tiny-items")
def tiny_items(plan: Plan, items: int) -> int:
    """Work on many tiny items; return how many were done."""
    with work(plan):
        return len(run_stage([derive.job(f"item {number}", parameters={"number": number}) for number in range(items)]))
