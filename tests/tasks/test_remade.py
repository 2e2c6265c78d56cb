"""From a record back to its job: what another version of a stage cannot take is told, not raised."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from data_catalog.kinds import VOLUME
from tasks.methods.preprocessing.windowing import Clip
from tasks.preprocess import preprocess
from tasks.remade import NotAgain, remade_job, stage_named
from tasks.stage import Stage, perform
from tests.data_catalog.conftest import recorded, small_volume


@pytest.fixture
def record(store):
    """Return the record of a step that was done."""
    scan = store.put(VOLUME, small_volume((3, 4, 5), "float32"), recorded("scan"))
    outcome = perform(store.root, preprocess.job("P-1/v0/CT/a", {"image": scan}, {"steps": (Clip(low=0.0, high=9.0),)}))
    return store.records(outcome.ref)[0]


def test_a_job_comes_back_with_its_key_and_gives_the_same(store, record):
    job = remade_job(record)
    assert job.key == record.key
    np.testing.assert_array_equal(job.again(store).values, store.open(record.output).values)


def now_takes(monkeypatch, function):
    """Let this version have the stage with another function."""
    function.__module__ = preprocess.function.__module__
    function.__annotations__ = preprocess.function.__annotations__
    monkeypatch.setattr("tasks.remade.stage_named", lambda *_: Stage("preprocess", VOLUME, function))


def test_a_stage_that_has_gained_a_parameter_since_is_not_done_again(record, monkeypatch):
    def function(image, *, steps, method):
        raise AssertionError(image, steps, method)

    now_takes(monkeypatch, function)
    with pytest.raises(NotAgain, match="other parameters or inputs"):
        remade_job(record)


def test_a_stage_that_has_lost_an_input_since_is_not_done_again(record, monkeypatch):
    def function(*, steps):
        raise AssertionError(steps)

    now_takes(monkeypatch, function)
    with pytest.raises(NotAgain, match="other parameters or inputs"):
        remade_job(record)


def test_a_parameter_that_has_a_default_may_have_come_since(store, record, monkeypatch):
    def function(image, *, steps, more=0):
        return image + len(steps) + more

    now_takes(monkeypatch, function)
    assert remade_job(record).again(store).shape == (3, 4, 5)


def test_no_module_is_imported_because_a_record_names_it():
    sys.modules.pop("this", None)
    with pytest.raises(NotAgain, match="no stage"):
        stage_named("poem", ("this:poem",))
    assert "this" not in sys.modules
