"""Runs whose process or server was killed do not show as running for ever."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prefect.settings import PREFECT_HOME, temporary_settings

from flows.left_runs import FOLDER, alive, end_left_runs


@pytest.fixture
def home(tmp_path):
    with temporary_settings({PREFECT_HOME: tmp_path}):
        yield tmp_path / FOLDER


@pytest.fixture
def server():
    """Answer like Prefect's API: every run is running until its state is set."""
    states = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self._say({"state_type": states.get(self.path.rpartition("/")[2], "RUNNING")})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            states[self.path.split("/")[-2]] = body["state"]["type"]
            self._say({"status": "ACCEPT"})

        def _say(self, answer):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    listening = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}/api", states
    listening.shutdown()
    thread.join()
    listening.server_close()


KILLED = """
import os, sys, uuid
from prefect.settings import PREFECT_HOME, temporary_settings
from flows.left_runs import alive
with temporary_settings({PREFECT_HOME: sys.argv[1]}), alive(uuid.UUID(sys.argv[2]), "own"):
    print("alive", flush=True)
    sys.stdin.read()
"""


def test_a_run_whose_process_was_killed_is_marked_as_crashed(home, server):
    url, states = server
    run = uuid.uuid4()
    command = [sys.executable, "-c", KILLED, str(home.parent), str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "alive\n"
        assert end_left_runs(url, "own") == 0, "it is alive"
        os.kill(process.pid, signal.SIGKILL)
    assert end_left_runs(url, "http://elsewhere/api") == 0, "it reported to another server"
    assert end_left_runs(url, "own") == 1
    assert states == {str(run): "CRASHED"}
    assert end_left_runs(url, "own") == 0, "it is told once"


def test_a_run_that_ended_is_left_as_it_is(home, server):
    url, states = server
    run = uuid.uuid4()
    with alive(run, "own"):
        assert end_left_runs(url, "own") == 0
        assert (home / str(run)).exists()
    assert list(home.iterdir()) == []
    (home / str(run)).write_text("own")
    states[str(run)] = "COMPLETED"
    assert end_left_runs(url, "own") == 0
    assert states == {str(run): "COMPLETED"}
    assert list(home.iterdir()) == []


def test_a_run_that_fails_because_its_server_was_killed_is_marked_as_crashed_by_the_next(home, server):
    url, states = server
    run, told = uuid.uuid4(), uuid.uuid4()
    for one in (run, told):
        with pytest.raises(ConnectionError), alive(one, "own"):
            raise ConnectionError
    states[str(told)] = "FAILED"
    assert end_left_runs(url, "own") == 1
    assert states == {str(run): "CRASHED", str(told): "FAILED"}
    assert list(home.iterdir()) == []


def test_what_is_no_run_of_prefect_is_not_shown(home):
    with alive(None, "own"):
        assert not home.exists()
