"""Watching: a run for each new complete study, and none for nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from data_catalog.errors import BadData, PlanError
from flows import watch as module
from flows.plan import Plan
from flows.watch import watch
from tasks.sources.dicom import DicomSource
from tasks.sources.drop import DropFolderSource


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def plan(drop, tmp_path):
    made = Plan(sources=[DicomSource(path=tmp_path)], workspace=tmp_path / "results")
    return made.model_copy(update={"sources": (DropFolderSource(path=drop, quiet_s=3600),)})


class Ended(Exception):
    """Stands for Ctrl-C."""


@pytest.fixture
def look(plan, monkeypatch):
    """Return the function that watches, an event between each two looks; it gives the runs made at each look."""

    def looked(*events, run=None, once=False):
        told, runs, looks = [], [0], iter(events)

        def nap(seconds):
            told.append(seconds)
            event = next(looks, None)
            if event is None:
                raise Ended
            runs.append(0)
            event()

        def act():
            runs[-1] += 1
            if run is not None:
                run()

        monkeypatch.setattr(module, "sleep", nap)
        with suppress(Ended):
            watch(plan, act, told.append, every_s=7, once=once)
        looked.told = told
        return runs

    return looked


def deliver(drop, name, content=b"x"):
    def act():
        (drop / name).mkdir(exist_ok=True)
        (drop / name / "a.dcm").write_bytes(content)
        (drop / f"{name}.done").write_bytes(b"")

    return act


def nothing():
    pass


def test_each_new_study_brings_a_run_and_nothing_new_brings_none(look, drop):
    assert look(nothing, deliver(drop, "one"), nothing, deliver(drop, "two")) == [0, 0, 1, 0, 1]
    assert [seconds for seconds in look.told if seconds == 7]


def test_a_study_that_is_not_complete_brings_no_run(look, drop):
    (drop / "one").mkdir()
    (drop / "one" / "a.dcm").write_bytes(b"x")
    assert look(nothing) == [0, 0]


def test_a_study_that_changes_is_run_again(look, drop):
    deliver(drop, "one")()
    assert look(nothing, deliver(drop, "one", b"more")) == [1, 0, 1]


def test_a_study_to_which_files_are_added_brings_a_run_only_once_it_is_complete_again(look, drop):
    deliver(drop, "one")()
    deliver(drop, "two")()

    def more():
        (drop / "one" / "b.dcm").write_bytes(b"more")  # later than `one.done`

    assert look(more, nothing, deliver(drop, "one")) == [1, 0, 0, 1]


def test_what_was_run_is_remembered_over_a_restart(look, drop, plan):
    deliver(drop, "one")()
    assert look() == [1]
    assert look() == [0]
    texts = [path.read_text(encoding="ascii") for path in plan.workspace.glob(".*watched")]
    assert [len(text) for text in texts] == [16], "an opaque name and nothing else"


def test_a_run_that_fails_is_told_of_and_tried_again_when_something_new_has_come(look, drop):
    def failing():
        raise BadData("too_few", "There are 10 patients", "there is 1", "Wait for more.")

    deliver(drop, "one")()
    assert look(nothing, deliver(drop, "two"), run=failing) == [1, 0, 1]
    assert "there is 1" in " ".join(map(str, look.told))
    assert look() == [1], "and after a restart"


def test_once_looks_once_and_raises_what_goes_wrong(look, drop):
    def failing():
        raise BadData("too_few", "There are 10 patients", "there is 1", "Wait for more.")

    assert look(once=True) == [0]
    deliver(drop, "one")()
    with pytest.raises(BadData):
        look(once=True, run=failing)
    assert look(once=True) == [1]
    assert look(once=True) == [0]
    assert 7 not in look.told


def test_ctrl_c_is_passed_on(plan, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        watch(plan, nothing, print)


def test_a_plan_that_nothing_new_can_come_to_is_not_watched(plan, tmp_path):
    still = plan.model_copy(update={"sources": (DicomSource(path=tmp_path),)})
    with pytest.raises(PlanError, match="drop folder"):
        watch(still, nothing, print)


def test_a_fault_of_the_program_ends_the_watching(look, drop):
    def broken():
        raise ZeroDivisionError

    deliver(drop, "one")()
    with pytest.raises(ZeroDivisionError):
        look(run=broken)


SWALLOWED = """if True:
    import os, signal
    from pathlib import Path
    from types import SimpleNamespace
    from flows import watch

    def run():
        before = signal.signal(signal.SIGTERM, lambda *_: print("swallowed", flush=True))
        os.kill(os.getpid(), signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)

    watch.is_elsewhere = lambda plan: True
    watch._state = lambda plan: frozenset({"new"})
    watch.watch(SimpleNamespace(workspace=Path(), study="s"), run, print, every_s=600)
"""


def test_a_signal_that_was_lost_in_the_run_ends_the_watching_after_it(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", SWALLOWED], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.stdout.split()[-1] == "swallowed"
    assert ran.returncode == -signal.SIGTERM, ran.stderr


def test_the_watching_can_be_done_in_a_thread_which_gets_no_signals(look, drop):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(look, deliver(drop, "a")).result() == [0, 1]
