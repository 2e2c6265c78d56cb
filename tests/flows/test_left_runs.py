"""Runs whose process or server was killed do not show as running for ever."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from prefect.settings import PREFECT_HOME, temporary_settings

from flows.left_runs import FOLDER, alive, end_left_runs


@pytest.fixture
def home(tmp_path):
    with temporary_settings({PREFECT_HOME: tmp_path}):
        yield tmp_path / FOLDER


@pytest.fixture
def server():  # noqa: C901 - it answers like an API
    """Answer like Prefect's API: every run is running until its state is set."""
    known = SimpleNamespace(states={}, tags={}, parents={}, tasks={})

    def matches(run, wanted):
        if "tags" in wanted:
            return known.tags.get(run) in wanted["tags"]["any_"]
        if "parent_flow_run_id" in wanted:
            return known.parents.get(run) in wanted["parent_flow_run_id"]["any_"]
        return run in wanted["id"]["any_"]

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/task_runs/filter"):
                asked, states = body["flow_runs"]["id"]["any_"], body["task_runs"]["state"]["type"]["any_"]
                found = [task for task, run in known.tasks.items() if run in asked and known.states[task] in states]
                self._say([{"id": task} for task in found[:2]])
                return
            if self.path.endswith("/filter"):
                runs = [run for run in known.states if matches(run, body["flow_runs"])]
                self._say([{"id": run, "state_type": known.states[run]} for run in runs])
                return
            known.states[self.path.split("/")[-2]] = body["state"]["type"]
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
    yield f"http://127.0.0.1:{listening.server_port}/api", known
    listening.shutdown()
    thread.join()
    listening.server_close()


def a_run(known, **facts):
    run = str(uuid.uuid4())
    known.states[run] = "RUNNING"
    for name, value in facts.items():
        getattr(known, name)[run] = value
    return run


KILLED = """
import os, sys
from prefect.context import TagsContext
from prefect.settings import PREFECT_HOME, temporary_settings
from flows.left_runs import process_alive
with temporary_settings({PREFECT_HOME: sys.argv[1]}), process_alive("own"):
    print(*TagsContext.get().current_tags, flush=True)
    sys.stdin.read()
"""


def test_the_runs_of_a_process_that_was_killed_are_marked_as_crashed(home, server):
    url, known = server
    command = [sys.executable, "-c", KILLED, str(home.parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        tag = process.stdout.readline().strip()
        left = [a_run(known, tags=tag) for _ in range(3)]
        known.states[left[2]] = "COMPLETED"
        other = a_run(known, tags="process-0123456789ab")
        tasks = [a_run(known, tasks=left[0]) for _ in range(5)]
        known.states[tasks[4]] = "COMPLETED"
        assert end_left_runs(url, "own") == 0, "it is alive"
        os.kill(process.pid, signal.SIGKILL)
    assert end_left_runs(url, "http://elsewhere/api") == 0, "it reported to another server"
    assert end_left_runs(url, "own") == 2
    assert [known.states[run] for run in left] == ["CRASHED", "CRASHED", "COMPLETED"]
    assert [known.states[task] for task in tasks] == ["CRASHED"] * 4 + ["COMPLETED"]
    assert known.states[other] == "RUNNING"
    assert end_left_runs(url, "own") == 0, "it is told once"


def test_the_runs_inside_one_of_a_deployment_are_marked_with_it(home, server):
    url, known = server
    outer = a_run(known)
    inner = a_run(known, parents=outer)
    innermost = a_run(known, parents=inner)
    other = a_run(known)
    home.mkdir()
    (home / outer).write_text("own")
    assert end_left_runs(url, "own") == 3
    assert {known.states[run] for run in (outer, inner, innermost)} == {"CRASHED"}
    assert known.states[other] == "RUNNING"


def test_a_run_that_ended_is_left_as_it_is(home, server):
    url, known = server
    run = a_run(known)
    with alive(run, "own"):
        assert end_left_runs(url, "own") == 0
        assert (home / run).exists()
    assert list(home.iterdir()) == []
    (home / run).write_text("own")
    known.states[run] = "COMPLETED"
    assert end_left_runs(url, "own") == 0
    assert known.states == {run: "COMPLETED"}
    assert list(home.iterdir()) == []


def test_a_run_that_fails_because_its_server_was_killed_is_marked_as_crashed_by_the_next(home, server):
    url, known = server
    run, told = a_run(known), a_run(known)
    for one in (run, told):
        with pytest.raises(ConnectionError), alive(one, "own"):
            raise ConnectionError
    known.states[told] = "FAILED"
    assert end_left_runs(url, "own") == 1
    assert known.states == {run: "CRASHED", told: "FAILED"}
    assert list(home.iterdir()) == []
