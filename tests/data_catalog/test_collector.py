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


def test_the_collector_looks_at_everything_once_in_a_process_before_it_is_paused(monkeypatch):
    looks = []
    monkeypatch.setattr(gc, "collect", lambda: looks.append(1))
    collector._look_once.cache_clear()
    for _ in range(3):
        with paused():
            assert looks == [1]
