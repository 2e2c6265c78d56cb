"""A Prefect server with a password: what asks it without Prefect's own client shows the password too."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import httpx
import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL, temporary_settings

from data_catalog.errors import PlanError
from flows import api, left_runs, server

PASSWORD = "voxmine:a word with spaces"
RUN = str(uuid4())
LET_IN = httpx.BasicAuth(*PASSWORD.split(":"))


class Guarded(BaseHTTPRequestHandler):
    """Lets in with the password, counts three task runs, and knows one run that is said to be running."""

    def answer(self):
        wanted = next(LET_IN.auth_flow(httpx.Request("GET", "http://here"))).headers["Authorization"]
        let_in = self.headers.get("Authorization") == wanted
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path.rsplit("/", 1)[-1], let_in))
        self.send_response(200 if let_in else 401)
        self.end_headers()
        held = {
            "count": 3,
            "filter": [{"id": RUN, "state_type": "RUNNING"}]
            if asked[:18] == b'{"flow_runs":{"id"' and b"task_runs" not in asked
            else [],
        }
        told = held.get(self.path.rpartition("/")[2], {})
        self.wfile.write(json.dumps(told if let_in else {"detail": "Unauthorized"}).encode())

    do_GET = do_POST = answer  # noqa: N815 - as the base class names them

    def log_message(self, *words):
        pass


@pytest.fixture
def guarded():
    started = HTTPServer(("127.0.0.1", 0), Guarded)
    started.asked = []
    thread = threading.Thread(target=started.serve_forever)
    thread.start()
    yield started
    started.shutdown()
    started.server_close()
    thread.join()


def address(guarded):
    return f"http://127.0.0.1:{guarded.server_port}/api"


def test_the_records_of_a_run_are_waited_for_with_the_password(guarded):
    with temporary_settings({PREFECT_API_AUTH_STRING: PASSWORD}):
        assert api.drain(address(guarded), [uuid4()], 3, 60)


def test_without_the_password_the_waiting_ends_with_the_refusal_and_not_with_a_wrong_answer(guarded):
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        api.drain(address(guarded), [uuid4()], 3, 60)


def test_a_run_that_was_left_is_ended_with_the_password(guarded, tmp_path, monkeypatch):
    monkeypatch.setattr(left_runs, "_folder", lambda: tmp_path)
    (tmp_path / RUN).write_text("here", encoding="utf-8")
    with temporary_settings({PREFECT_API_AUTH_STRING: PASSWORD}):
        assert left_runs.end_left_runs(address(guarded), "here") == 1
    assert guarded.asked == [("filter", True), ("filter", True), ("set_state", True), ("filter", True)]


def test_deploying_shows_the_password_and_asks_for_it_where_there_is_none(guarded):
    with temporary_settings({PREFECT_API_URL: address(guarded), PREFECT_API_AUTH_STRING: PASSWORD}):
        assert server.client().api_url == address(guarded) + "/"
    with temporary_settings({PREFECT_API_URL: address(guarded)}), pytest.raises(PlanError, match="AUTH_STRING"):
        server.client()


@pytest.mark.parametrize(
    ("settings", "headers"),
    [({}, {}), ({PREFECT_API_KEY: "pnu_1"}, {"Authorization": "Bearer pnu_1"})],
)
def test_the_key_of_the_cloud_is_shown_where_there_is_one_and_nothing_where_there_is_none(settings, headers):
    with temporary_settings(settings):
        assert api.credentials() == headers
