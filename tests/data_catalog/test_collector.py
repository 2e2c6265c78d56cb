"""The collector is as it was after a pause."""

import gc

import pytest

from data_catalog import collector
from data_catalog.collector import paused


def test_the_collector_rests_in_the_block_and_goes_on_after_it():
    assert gc.isenabled()
    with paused():
        assert not gc.isenabled()
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_in_the_block_lets_the_collector_go_on():
    with pytest.raises(ValueError, match="x"), paused():
        raise ValueError("x")
    assert gc.isenabled()


def test_what_there_was_before_the_first_pause_of_a_process_is_left_alone_from_then_on(monkeypatch):
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(gc.isenabled()))
    collector._leave_alone.cache_clear()
    for _ in range(3):
        with paused():
            assert frozen == [True]
