"""`voxmine ui`, `deploy` and `announce`: what is deployed runs by a button, by a schedule and by an event.

The pictures of the run button are kept in the folder `test-output`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml

from flows.plan import Plan
from tests.browser import Browser, needs_chromium

OUTPUT = Path(__file__).parents[2] / "test-output"
TINY = {
    "regions": {"tumour": "GTV*"},
    "first_patients": 2,
    "radiomics": [{"modality": "*", "extractor": {"method": "recipe", "families": ["statistics"]}}],
    "learn": None,
    "mine": None,
    "compute": {"workers": 0},
}
"""A plan that is done in seconds, but for its sources."""
pytestmark = pytest.mark.slow

DEADLINE_SECONDS = 300
PATIENCE_SECONDS = 30
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
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "ui", "--port", str(port)],
        env={**os.environ, "PREFECT_HOME": str(home)},
        stdout=log,
        stderr=log,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/", timeout=30) as client:
            wait_for(lambda: deployments(client), (home / "log").read_text)
            yield client
    finally:
        process.terminate()
        try:
            process.wait(180)
        finally:
            process.kill()
            log.close()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/api/health")  # however it is ended, it ends the server


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
    listed = client.post("deployments/filter", json={}).json()
    held = {one["name"] + "/" + one["entrypoint"]: one for one in listed if one["name"] == "voxmine"}
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


def voxmine(api, *words):
    """Run a command against the server."""
    environment = {**os.environ, "PREFECT_API_URL": str(api.base_url).rstrip("/")}
    command = [sys.executable, "-m", "flows.cli", *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def ticking(api, small_cohort, tmp_path_factory):
    """Deploy a study that runs at every minute and looks into a drop folder when scans are announced."""
    folder = tmp_path_factory.mktemp("ticking")
    plan = {
        "study": "ticking",
        "workspace": str(folder / "results"),
        "sources": [{"method": "drop_folder", "path": str(small_cohort / "scans"), "quiet_s": 0}],
        **TINY,
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
    made = voxmine(api, "deploy", folder / "plan.yaml", "--cron", "* * * * *")
    yield folder
    for name in made:
        api.delete(f"deployments/{api.get(f'deployments/name/{name}').json()['id']}")


def deployed(api, name):
    return api.get(f"deployments/name/{name}").json()


def finished(api, deployment, begun_by=None):
    """Return the runs of a deployment that have ended, the first first: those that a part of Prefect has begun."""
    wanted = {
        "deployments": {"id": {"any_": [deployment["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}},
        "sort": "EXPECTED_START_TIME_ASC",
    }
    runs = api.post("flow_runs/filter", json=wanted).json()
    return [run for run in runs if begun_by is None or (run["created_by"] or {}).get("type") == begun_by]


def test_a_deployed_study_has_its_plan_its_limit_and_its_schedule(api, ticking):
    held = deployed(api, "full-study/ticking")
    plan = Plan.model_validate(held["parameters"]["plan"])
    assert (plan.study, plan.workspace) == ("ticking", ticking / "results")
    assert held["global_concurrency_limit"]["limit"] == 1
    assert held["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    active = {one["slug"]: one["schedule"]["cron"] for one in held["schedules"] if one["active"]}
    assert active == {"cron-1": "* * * * *"}
    assert held["pull_steps"] == [], "a worker need not have the folder that was deployed from"


def test_a_schedule_fires_by_itself_and_its_run_ends_with_a_report(api, ticking):
    deployment = deployed(api, "full-study/ticking")
    run, *_ = wait_for(lambda: finished(api, deployment, "SCHEDULE"), lambda: "no scheduled run has ended")
    assert run["state"]["type"] == "COMPLETED", run["state"]
    assert datetime.fromisoformat(run["expected_start_time"]).astimezone(UTC).second == 0
    assert (ticking / "results" / "ticking-report.html").exists()
    for schedule in deployment["schedules"]:
        api.patch(f"deployments/{deployment['id']}/schedules/{schedule['id']}", json={"active": False})


@needs_chromium
def test_the_form_in_a_browser_is_filled_in_the_button_pressed_and_the_artifacts_shown(
    api, ticking, small_cohort, tmp_path
):
    pages = str(api.base_url).removesuffix("/api/")
    full = deployed(api, "full-study/voxmine")
    OUTPUT.mkdir(exist_ok=True)
    browser = Browser(tmp_path / "profile")
    try:
        browser.go(f"{pages}/deployments/deployment/{full['id']}/run")
        browser.click(in_field("Sources", "button", "Add item"))
        source = {"method": "dicom", "path": str(small_cohort / "scans")}
        browser.write(in_field("Sources", "textarea"), json.dumps(source))
        browser.write(in_field("Study", "textarea"), "pressed")
        browser.write(in_field("Workspace", "textarea"), str(tmp_path / "results"))
        browser.click(in_field("First Patients", "button", "int"))
        browser.write(in_field("First Patients", "input"), "2")
        for part in ("Learn", "Mine"):
            browser.click(in_field(part, "button", "None"))
        browser.run(in_field("Sources", "textarea") + ".scrollIntoView({block: 'center'})")
        browser.picture(OUTPUT / "run-button-form.png")
        submit(browser)
        run = wait_for(lambda: of_study(finished(api, full), "pressed"), lambda: "the run did not end")
        assert run["state"]["type"] == "COMPLETED", run["state"]
        assert (tmp_path / "results" / "pressed-report.html").exists()
        assert run["parameters"]["plan"]["first_patients"] == 2

        browser.go(f"{pages}/runs/flow-run/{run['id']}")
        browser.wait("document.body?.innerText.includes('items computed')")
        browser.picture(OUTPUT / "run-button-run.png")
        (items,) = api.post("artifacts/filter", json={"artifacts": {"key": {"any_": ["pressed-items"]}}}).json()
        browser.go(f"{pages}/artifacts/artifact/{items['id']}")
        browser.wait("document.body?.innerText.includes('read_dicom')")
        browser.picture(OUTPUT / "run-button-artifact.png")
    finally:
        browser.end()


def submit(browser):
    """Press the button; where the server is too busy, and the page stays, press it again as a person would."""
    for _ in range(4):
        browser.click("[...document.querySelectorAll('button')].find(one => one.innerText.trim() === 'Submit')")
        limit = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < limit:
            if not browser.run("location.pathname.endsWith('/run')"):
                return
            time.sleep(0.2)
    pytest.fail("the server takes no run: " + browser.text()[-500:])


def of_study(runs, study):
    return next((run for run in runs if run["parameters"]["plan"].get("study") == study), None)


def in_field(label, kind, text=None):
    """Return the line of JavaScript that finds an element in a field of Prefect's form, by the field's label."""
    field = (
        "[...document.querySelectorAll('.schema-form-property')].find(one => one.querySelector("
        f"'.schema-form-property__label')?.innerText.replace(' (Optional)', '') === {json.dumps(label)})"
    )
    wanted = "true" if text is None else f"one.innerText.trim() === {json.dumps(text)}"
    return f"[...(({field})?.querySelectorAll({json.dumps(kind)}) ?? [])].find(one => {wanted})"


def test_scans_that_are_announced_are_looked_at_once_and_not_again_when_nothing_new_has_come(api, ticking):
    watch = deployed(api, "watch-study/ticking")
    assert not [one for one in watch["schedules"] if one["active"]]
    for times in (1, 2):
        voxmine(api, "announce", "ticking")
        looks = wait_for(
            lambda times=times: looks if len(looks := finished(api, watch, "AUTOMATION")) == times else None,
            lambda: "nothing has looked",
        )
    assert [run["state"]["type"] for run in looks] == ["COMPLETED", "COMPLETED"]
    assert [bool(children(api, run)) for run in looks] == [True, False]


def children(api, run):
    """Return the flows that ran inside a run."""
    return api.post("flow_runs/filter", json={"flow_runs": {"parent_flow_run_id": {"any_": [run["id"]]}}}).json()
