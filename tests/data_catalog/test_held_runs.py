"""Whether a run's process lives is seen at once on its own machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data_catalog import held_runs
from data_catalog.collecting import collect
from data_catalog.errors import StoreError
from data_catalog.held_runs import LIFE, held, is_killed, machine
from data_catalog.runs import Run, Runs, moment
from data_catalog.store import RUNS, Store

NAME = "lungs-20261128T221904-3f9a1c"
HOLDING = (
    "import sys, time; from pathlib import Path; from data_catalog.held_runs import held;"
    "from data_catalog.store import Store\n"
    "with held(Store(Path(sys.argv[1])), sys.argv[2]):\n    print('held', flush=True); time.sleep(600)"
)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    begun = moment()
    Runs(store).write(Run(name=NAME, study="lungs", flow="", version="1", started=begun, beat=begun))
    return store


@pytest.fixture
def killed(store, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path), NAME], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"held\n"
        assert not is_killed(store, NAME), "it lives"
        assert [run.name for run in Runs(store).going()] == [NAME]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return NAME


def test_a_run_whose_process_was_killed_is_not_going(store, killed):
    assert is_killed(store, killed)
    assert Runs(store).going() == []


def test_it_does_not_keep_garbage_from_being_collected(store, killed):
    with pytest.raises(StoreError, match="the store knows none"):  # it has looked what is garbage
        collect(store)


def test_one_whose_process_lives_does(store):
    with held(store, NAME), pytest.raises(StoreError, match="while a run is going"):
        collect(store)


def test_of_a_run_of_another_machine_nobody_can_say(store, killed, monkeypatch):
    monkeypatch.setattr(held_runs, "machine", lambda: "another")
    assert not is_killed(store, killed)
    assert [run.name for run in Runs(store).going()] == [NAME]


def test_a_run_that_was_never_held_counts_as_before(store):
    assert not is_killed(store, NAME)


def test_what_holds_a_run_is_gone_with_it(store, tmp_path):
    with held(store, NAME):
        assert (tmp_path / RUNS / NAME / LIFE).read_text() == machine()
    assert not (tmp_path / RUNS / NAME / LIFE).exists()
    with pytest.raises(ZeroDivisionError), held(store, NAME):
        1 / 0  # noqa: B018
    assert not (tmp_path / RUNS / NAME / LIFE).exists()


def test_a_run_goes_on_in_a_store_that_cannot_be_locked(store, monkeypatch):
    def no_locks(file, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(held_runs.fcntl, "flock", no_locks)
    with held(store, NAME):
        assert not is_killed(store, NAME)


def test_the_machine_names_nobody(monkeypatch):
    machine.cache_clear()
    monkeypatch.setattr(held_runs, "BOOT", Path("/nowhere"))
    monkeypatch.setattr(held_runs.platform, "node", lambda: "dr-smiths-laptop")
    try:
        assert "smith" not in machine()
        assert len(machine()) == 16
    finally:
        machine.cache_clear()
