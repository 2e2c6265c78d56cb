"""The collector is as it was after a pause."""

import gc

import pytest

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
