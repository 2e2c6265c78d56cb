"""How far a run has come, on the terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from data_catalog.refs import Ref, Refusal
from flows import runtime
from flows.progress import shown, words
from flows.tally import Tally
from tasks.stage import Outcome

REF = Ref(kind="table", digest="0" * 64)
REFUSAL = Refusal(item="i", stage="s", verdict="v", expected="e", came="c", remedy="r")
OUTCOMES = [
    Outcome("a", "computed", ref=REF),
    Outcome("b", "reused", ref=REF),
    Outcome("c", "computed", refusal=REFUSAL),
    Outcome("d", "failed", refusal=REFUSAL),
]


def console(*, terminal):
    return Console(file=StringIO(), force_terminal=terminal, width=120, color_system=None)


def run(paper, outcomes=OUTCOMES, stage="read_dicom"):
    """Let a tally tell its listeners what a run would."""
    with shown(paper):
        tally = Tally(listeners=list(runtime.LISTENERS))
        tally.expect(stage, len(outcomes))
        for outcome in outcomes:
            tally.add(stage, outcome)
    return paper.file.getvalue()


def test_without_a_terminal_a_stage_is_one_line_when_it_is_done():
    said = run(console(terminal=False))
    assert said.splitlines() == ["read dicom         4 items 2 computed, 1 reused, 1 refused, 1 failed"]


def test_a_stage_that_is_not_done_says_nothing_without_a_terminal():
    paper = console(terminal=False)
    with shown(paper):
        tally = Tally(listeners=list(runtime.LISTENERS))
        tally.expect("read_dicom", 3)
        tally.add("read_dicom", OUTCOMES[0])
    assert paper.file.getvalue() == ""


def test_a_terminal_shows_a_bar_for_each_stage():
    said = run(console(terminal=True))
    assert "read dicom" in said
    assert "4/4" in said
    assert "2 computed, 1 reused, 1 refused, 1 failed" in said


@pytest.mark.parametrize("terminal", [True, False])
def test_stages_that_only_write_down_are_not_shown(terminal):
    assert "keep" not in run(console(terminal=terminal), OUTCOMES[:1], "keep_study")


@pytest.mark.parametrize("terminal", [True, False])
def test_nobody_listens_before_and_after_whatever_happens_between(terminal):
    before = list(runtime.LISTENERS), list(runtime.SAID)

    def fails():
        with shown(console(terminal=terminal)):
            assert len(runtime.LISTENERS) == len(before[0]) + 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert before == (runtime.LISTENERS, runtime.SAID)


def test_sentences_of_the_run_are_shown_beside_the_progress():
    paper = console(terminal=False)
    with shown(paper):
        for tell in runtime.SAID:
            tell("Two rows have no scans.")
    assert paper.file.getvalue() == "Two rows have no scans.\n"


def test_without_a_console_progress_goes_to_the_standard_error(capsys):
    with shown():
        tally = Tally(listeners=list(runtime.LISTENERS))
        tally.expect("report", 1)
        tally.add("report", OUTCOMES[0])
    out, err = capsys.readouterr()
    assert out == ""
    assert "report" in err


def test_a_stage_is_said_as_words():
    assert words("read_event_rows") == "read event rows"
