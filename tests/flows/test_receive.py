"""Standing by as a receiver until Ctrl-C."""

from __future__ import annotations

import threading

import pytest

from flows import receive as module
from flows.receive import listening, receive


def test_it_says_where_it_listens_and_ends_with_ctrl_c(tmp_path, monkeypatch):
    told = []

    class Interrupted(threading.Event):
        def wait(self, timeout=None):
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "Event", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        receive(tmp_path / "drop", listening("US", 0, (), ()), told.append)
    assert (tmp_path / "drop").stat().st_mode & 0o777 == 0o700
    assert "Receiving as US at port" in told[0]


@pytest.mark.parametrize(
    ("hosts", "address", "listened", "allowed"),
    [
        ((), "", "127.0.0.1", ("127.0.0.1",)),
        (("localhost",), "", "127.0.0.1", ("localhost",)),
        (("10.0.0.5",), "", "", ("10.0.0.5",)),
        (("10.0.0.5",), "10.0.0.1", "10.0.0.1", ("10.0.0.5",)),
    ],
)
def test_it_listens_no_further_than_those_who_may_send_need(hosts, address, listened, allowed):
    where = listening("US", 104, hosts, ("PACS",), address)
    assert (where.address, where.hosts, where.titles, where.port) == (listened, allowed, ("PACS",), 104)
