"""The server that a run brings along is started ahead of it, and none is left over."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import httpx
import pytest

from flows import own_server
from flows.api import api
from flows.own_server import ahead, app


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder and a home of Prefect in which nothing is configured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_PROFILES_PATH", raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def processes(monkeypatch):
    """The servers that are started."""
    started = []
    start = own_server._start

    def counted():
        started.append(start())
        return started[-1]

    monkeypatch.setattr(own_server, "_start", counted)
    return started


def test_the_server_that_was_started_ahead_is_the_one_that_the_run_uses(here, processes):
    with ahead():
        (server,) = processes
        with api() as url:
            assert url == server.url
            assert httpx.get(f"{url}/health").is_success
        assert server.process.poll() is not None
        with api() as another:
            assert another != url
    assert len(processes) == 2


def test_a_server_that_nobody_has_taken_ends(here, processes):
    with pytest.raises(ValueError, match="a fault"), ahead():
        raise ValueError("a fault")
    assert processes[0].process.poll() is not None


def test_where_another_api_is_wanted_the_one_that_was_started_ahead_ends_at_once(here, processes, monkeypatch):
    with api() as url, monkeypatch.context() as unset:
        unset.delenv("PREFECT_API_URL")
        with ahead():
            assert [one.process.poll() is None for one in processes] == [True, True]
            with api(wanted=url):
                assert [one.process.poll() is None for one in processes] == [True, False]


@pytest.fixture(autouse=True)
def _nothing_is_left_over():
    """See that the tests of the other modules, whose processes inherit it, are told of no server that is gone."""
    before = os.environ.get("PREFECT_API_URL")
    yield
    assert os.environ.get("PREFECT_API_URL") == before


@pytest.mark.parametrize(
    ("file", "text", "starts"),
    [
        ("prefect.toml", "", False),
        ("home/profiles.toml", "", False),
        (".env", "PREFECT_API_URL=http://127.0.0.1:1/api", False),
        (".env", "OTHER=1", True),
        ("pyproject.toml", "[tool.prefect]", False),
        ("pyproject.toml", "[project]\ndependencies = ['prefect']", True),
    ],
)
def test_where_prefect_may_be_configured_nothing_is_started_ahead(here, monkeypatch, file, text, starts):
    started = []
    monkeypatch.setattr(own_server, "_start", lambda: started.append(1))
    monkeypatch.setattr(own_server, "end_ahead", own_server._AHEAD.clear)
    (here / file).write_text(text, encoding="utf-8")
    with ahead():
        assert bool(started) is starts


def test_where_an_api_is_configured_nothing_is_started_ahead(here, processes, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with ahead():
        assert processes == []


def test_what_the_database_could_not_take_is_to_be_asked_again_soon(monkeypatch):
    async def busy(_, __, send):
        await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def fine(_, __, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def sent_by(inner):
        messages = []

        async def send(message):
            messages.append(message)

        monkeypatch.setattr("prefect.server.api.server.create_app", lambda: inner)
        asyncio.run(app()({"type": "http"}, None, send))
        return messages

    assert [message.get("headers") for message in sent_by(busy)] == [
        [(b"content-length", b"0"), (b"retry-after", b"0.2")],
        None,
    ]
    assert sent_by(fine) == [{"type": "http.response.start", "status": 200, "headers": []}]


def test_the_command_starts_the_server_before_it_imports_what_takes_time():
    code = "import sys; import flows.cli; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "flows.own_server" in imported
    assert not {"prefect", "numpy", "pydantic", "yaml", "httpx"} & set(imported)
