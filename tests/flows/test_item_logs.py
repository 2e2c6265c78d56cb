"""What a worker had to say of an item stands in the run's log, by opaque keys, and never drowns the server."""

from __future__ import annotations

import logging

import pytest

from data_catalog.refs import Ref, Refusal
from flows import item_logs
from tasks.stage import Outcome

DIGEST = "0" * 64


@pytest.fixture
def lines(monkeypatch, caplog):
    logger = logging.getLogger("tests.item_logs")
    monkeypatch.setattr(item_logs, "get_run_logger", lambda: logger)
    return lambda: [record.getMessage() for record in caplog.records if record.name == logger.name]


def refused(item, how="computed"):
    return Outcome(item, how, refusal=Refusal(item=item, stage="s", verdict="bad", expected="a", came="b", remedy="c"))


def test_what_was_tried_again_and_what_was_refused_is_told(lines):
    item_logs.log_outcomes(
        "read",
        [
            Outcome("P-1/v0", "computed", ref=Ref(kind="volume", digest=DIGEST), tries=("Stale file handle",)),
            refused("P-2/v0"),
            refused("P-3/v0", "failed"),
            refused("P-4/v0", "reused"),
        ],
    )
    assert lines() == [
        'stage=read item="P-1/v0" event=tried_again try=1 why="Stale file handle"',
        'stage=read item="P-2/v0" event=refused verdict=bad why="b"',
        'stage=read item="P-3/v0" event=failed verdict=bad why="b"',
    ]


def test_a_cohort_that_is_wrong_in_every_file_is_told_of_in_few_lines(lines, monkeypatch):
    monkeypatch.setattr(item_logs, "MOST", 2)
    item_logs.log_outcomes("read", [refused(f"P-{number}") for number in range(5)])
    assert len(lines()) == 3
    assert lines()[-1] == "stage=read event=more lines=3"
