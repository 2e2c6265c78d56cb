"""`voxmine ui`: the deployments stand on a server, and a run started there ends with a report."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
import yaml

pytestmark = pytest.mark.slow

DEADLINE_SECONDS = 300
STEPS = ("fetch", "full", "ingest", "preprocess", "segment", "detect", "radiomics", "cohort", "learn", "mine", "report")
STEPS = (*STEPS, "watch")


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """Start `voxmine ui` on a port of its own; give the address of its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("ui")
    log = (home / "log").open("wb")
    # what runs in the background ignores Ctrl-C, and hands that on
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "ui", "--port", str(port)],
        env={**os.environ, "PREFECT_HOME": str(home)},
        stdout=log,
        stderr=log,
    )
    signal.signal(signal.SIGINT, before)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/", timeout=30) as client:
            wait_for(lambda: deployments(client), (home / "log").read_text)
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(180)
        finally:
            process.kill()
            log.close()


def wait_for(found, tell):
    limit = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < limit:
        try:
            if what := found():
                return what
        except httpx.TransportError:
            pass
        time.sleep(1)
    raise AssertionError(tell())


def deployments(client):
    held = {one["name"] + "/" + one["entrypoint"]: one for one in client.post("deployments/filter", json={}).json()}
    return held if len(held) == len(STEPS) else None


def test_every_flow_is_deployed_by_module_path_with_a_form_from_the_plan(api):
    held = deployments(api)
    for step in STEPS:
        name = next(name for name in held if f"flows.{step}_" in name)
        schema = held[name]["parameter_openapi_schema"]
        assert schema["required"] == ["plan"]
        assert "oneOf" not in json.dumps(schema), "Prefect's form cannot show it"
        assert {"sources", "clinical", "preprocess", "learn", "mine"} <= set(
            schema["definitions"]["Plan"]["properties"]
        )


def test_a_run_started_on_the_server_ends_with_a_report_and_artifacts(api, cohort, small_plan, tmp_path):
    plan = small_plan(cohort, tmp_path / "results", learn=None)
    held = deployments(api)
    full = next(one for name, one in held.items() if "full_study" in name)
    parameters = {"plan": json.loads(plan.model_dump_json())}
    run = api.post(f"deployments/{full['id']}/create_flow_run", json={"parameters": parameters}).json()

    def ended():
        state = api.get(f"flow_runs/{run['id']}").json()["state"]
        return state if state["type"] in {"COMPLETED", "FAILED", "CRASHED"} else None

    state = wait_for(ended, lambda: "the run did not end")
    assert state["type"] == "COMPLETED", state
    assert plan.report_file.exists()
    artifacts = api.post("artifacts/filter", json={}).json()
    keys = {artifact["key"] for artifact in artifacts}
    assert {f"small-{what}" for what in ("items", "quarantine", "models", "rules", "results")} <= keys
    table = next(artifact for artifact in artifacts if artifact["key"] == "small-items")
    assert {row["stage"] for row in json.loads(table["data"])} >= {"read_dicom", "radiomics", "mine_rules"}


def test_a_run_with_a_wrong_field_is_refused_before_it_starts(api):
    held = deployments(api)
    full = next(one for name, one in held.items() if "full_study" in name)
    wrong = {"plan": {"sources": [{"method": "dicomm", "path": "x"}]}}
    answer = api.post(f"deployments/{full['id']}/create_flow_run", json={"parameters": wrong})
    assert answer.status_code in {409, 422}, answer.text
    assert "sources" in answer.text or "dicomm" in yaml.safe_dump(answer.json())
