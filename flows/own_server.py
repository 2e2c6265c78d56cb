"""Prefect's server that a run brings along: it starts while the run still imports what it needs.

`python -m flows.own_server SOCKET` is the server. It is given a socket that listens already: no other program can get
its port before it does, and who asks waits until it answers. To import this module takes no time: it knows nothing of
Prefect.
"""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Message, Receive, Send], Awaitable[None]]

KEEP_ALIVE_SECONDS = 600
"""A connection that is idle is kept so long. Prefect's own 5 seconds are those after which its client gives one up:
where both do at once, a request is lost, and tried again after seconds."""
END_SECONDS = 30
SETTINGS_FILES = {"prefect.toml": "", ".env": "PREFECT_", "pyproject.toml": "[tool.prefect"}
"""Where Prefect's settings may stand in the working folder, each with what it then holds."""
DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_API_KEEPALIVE_TIMEOUT": str(KEEP_ALIVE_SECONDS),
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    "PREFECT_CLIENT_MAX_RETRIES": "3",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}
"""Settings that we want where the user has set none: nothing is sent out, records are written in batches, a request is
tried again less often than Prefect would, as each flow and task of a run whose server is gone makes one, and the
terminal shows progress and one message for an error, where Prefect would show a log."""
UNAVAILABLE = 503
SOON = b"0.2"
"""Seconds until a request that the database could not take is made again."""
MANY_OBJECTS = 50_000
"""How many new objects Python's collector waits for. Its own 700 have it look through a hundred thousand objects of
imported code again and again: a tenth of a start."""

_AHEAD: list[OwnServer] = []


@dataclass(frozen=True)
class OwnServer:
    """A server of our own, on the loopback address alone; it ends with this process, however that ends."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self.port}/api"

    def end(self) -> None:
        """Have it end, and wait until it has."""
        self.process.terminate()
        self.process.communicate(timeout=END_SECONDS)


def started() -> OwnServer:
    """Return the server that was started ahead, else one that is started now; it may not answer yet."""
    return _AHEAD.pop() if _AHEAD else _start()


@contextmanager
def ahead() -> Iterator[None]:
    """Start the server that a run in the block will want, unless an API may be configured; what nobody takes, ends."""
    if not _may_be_configured():
        _AHEAD.append(_start())
    try:
        yield
    finally:
        end_ahead()


def end_ahead() -> None:
    """End the server that was started ahead, if nobody has taken it."""
    while _AHEAD:
        _AHEAD.pop().end()


def with_defaults(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with our settings where it has none of its own."""
    return {**DEFAULTS, **environment}


def collect_seldom() -> None:
    """Have Python look for garbage less often, in a process that imports much and ends soon."""
    gc.set_threshold(MANY_OBJECTS, 20, 20)


def _may_be_configured() -> bool:
    """Return whether Prefect may know an API to use; Prefect itself takes a second to tell."""
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml")
    if os.environ.get("PREFECT_API_URL") or profiles.exists():
        return True
    files = ((Path(name), word) for name, word in SETTINGS_FILES.items())
    return any(file.is_file() and word in file.read_text(encoding="utf-8", errors="replace") for file, word in files)


def _start() -> OwnServer:
    own = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.own_server", str(listening.fileno())],
            env={**with_defaults(os.environ), **own},
            pass_fds=(listening.fileno(),),
            start_new_session=True,  # Ctrl-C is for the run; the run then ends its server
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return OwnServer(listening.getsockname()[1], process)


def _end_with_parent() -> None:
    """Leave at once when the parent's end of the pipe closes, as it does when the parent is killed."""
    sys.stdin.buffer.read()
    os._exit(0)


def app() -> Application:
    """Return Prefect's API, which says of a request that can be made again that it can soon.

    Its database, SQLite, refuses a transaction in whose midst another one has written: a request of a flow, while the
    task runs are recorded. Prefect's client would wait two seconds.
    """
    from prefect.server.api.server import create_app

    inner = create_app()

    async def told(scope: Message, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message.get("status") == UNAVAILABLE:
                message["headers"] = [*message.get("headers", ()), (b"retry-after", SOON)]
            await send(message)

        await inner(scope, receive, sent)

    return told


def _serve(descriptor: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    collect_seldom()
    import uvicorn

    config = uvicorn.Config(
        "flows.own_server:app",
        factory=True,
        log_level="error",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    uvicorn.Server(config).run([socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
