"""Deployments of a study: what a plan makes of the entries of `deployments/prefect.yaml`, and what is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings
from typer.testing import CliRunner

from data_catalog.errors import PlanError
from flows import deploy as module
from flows import deploy_commands, server, worker
from flows import watch_study as looking
from flows.cli import app
from flows.deploy import When, anchored, announce, deploy, of_everyone, of_study, require_plan
from flows.plan import Plan
from tasks.sources.dicom import DicomSource
from tasks.sources.drop import DropFolderSource

RUNNER = CliRunner()
NOWHERE = "http://127.0.0.1:9/api"
"""The port `discard`, at which nothing listens."""


@pytest.fixture
def plan():
    return Plan(study="lung", sources=[DicomSource(path=Path("scans"))], workspace=Path("results"))


@pytest.fixture
def dropped(plan):
    return plan.model_copy(update={"sources": (DropFolderSource(path=Path("drop")),)})


def entry(held, flow):
    (found,) = [one for one in held["deployments"] if one["entrypoint"].endswith(f":{flow}")]
    return found


def test_a_study_has_its_own_deployment_with_its_plan_and_nothing_that_starts_by_itself(plan):
    held = of_study(plan)
    (full,) = held["deployments"]
    assert (full["name"], full["entrypoint"]) == ("lung", "flows.full_study:full_study")
    assert full["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert {one["slug"]: one["active"] for one in full["schedules"]} == {"nightly": False, "weekly": False}
    assert full["tags"] == ["study", "lung"]
    assert held["pull"] == [], "a worker need not have the folder that was deployed from"


def test_the_plan_that_is_deployed_is_the_plan_with_absolute_paths(dropped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = entry(of_study(dropped), "full_study")["parameters"]["plan"]
    assert Plan.model_validate(given) == anchored(dropped)
    assert given["workspace"] == str(tmp_path / "results")
    assert given["sources"][0]["path"] == str(tmp_path / "drop")


@pytest.mark.parametrize(
    ("store", "kept"), [(None, None), ("s3://bucket/prefix", "s3://bucket/prefix"), ("store", "/there/store")]
)
def test_a_store_in_a_bucket_keeps_its_address_and_a_folder_becomes_absolute(plan, monkeypatch, store, kept):
    monkeypatch.setattr(module.Path, "cwd", lambda: Path("/there"))
    assert anchored(plan.model_copy(update={"store": store})).store == kept


def test_the_times_that_are_asked_for_hold_and_the_others_do_not(plan):
    when = When(nightly=True, cron=("30 5 * * 1-5",), timezone="Europe/Zurich")
    schedules = {one["slug"]: one for one in entry(of_study(plan, when), "full_study")["schedules"]}
    assert {slug: one["active"] for slug, one in schedules.items()} == {
        "nightly": True,
        "weekly": False,
        "cron-1": True,
    }
    assert schedules["cron-1"]["cron"] == "30 5 * * 1-5"
    assert {one["timezone"] for one in schedules.values()} == {"Europe/Zurich"}


def test_a_drop_folder_is_looked_into_at_an_interval_and_when_scans_are_announced(dropped):
    look = entry(of_study(dropped, When(every_s=300)), "watch_study")
    assert [(one["interval"], one["active"]) for one in look["schedules"]] == [(300, True)]
    (trigger,) = look["triggers"]
    assert trigger["enabled"]
    assert trigger["match"] == {"prefect.resource.id": module.resource("lung")}
    assert trigger["expect"] == [module.ARRIVED]
    assert look["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_without_an_interval_a_drop_folder_is_looked_into_when_scans_are_announced_only(dropped):
    look = entry(of_study(dropped), "watch_study")
    assert [one["active"] for one in look["schedules"]] == [False]
    assert look["triggers"][0]["enabled"]


def test_what_is_deployed_for_everyone_starts_nothing_by_itself():
    held = of_everyone("theirs")
    assert not any(one["active"] for entry in held["deployments"] for one in entry.get("schedules", ()))
    assert not any(one["enabled"] for entry in held["deployments"] for one in entry.get("triggers", ()))
    assert {entry["work_pool"]["name"] for entry in held["deployments"]} == {"theirs"}
    assert len(held["deployments"]) == 12


def test_two_studies_share_no_deployment_and_no_trigger(dropped):
    other = dropped.model_copy(update={"study": "liver"})
    one, two = of_study(dropped), of_study(other)
    named = [(entry["entrypoint"], entry["name"]) for held in (one, two) for entry in held["deployments"]]
    assert len(set(named)) == len(named) == 4
    triggers = [entry(held, "watch_study")["triggers"][0] for held in (one, two)]
    assert triggers[0]["match"] != triggers[1]["match"]
    assert triggers[0]["name"] != triggers[1]["name"]


@settings(deadline=None, max_examples=30)
@given(
    nightly=st.booleans(),
    weekly=st.booleans(),
    hours=st.lists(st.integers(0, 23), max_size=3),
    every=st.none() | st.integers(60, 10**6),
)
def test_as_many_schedules_hold_as_were_asked_for(nightly, weekly, hours, every):
    plan = Plan(study="lung", sources=[DropFolderSource(path=Path("drop"))])
    when = When(nightly=nightly, weekly=weekly, cron=tuple(f"0 {hour} * * *" for hour in hours), every_s=every)
    held = of_study(plan, when)
    active = [one for entry in held["deployments"] for one in entry["schedules"] if one["active"]]
    assert len(active) == nightly + weekly + len(hours) + (every is not None)
    assert yaml.safe_load(yaml.safe_dump(held)) == held, "Prefect reads it from a file"


@pytest.mark.parametrize(("cron", "timezone"), [("every day", "UTC"), ("0 25 * * *", "UTC"), ("0 2 * * *", "Moon")])
def test_what_is_no_time_is_refused_with_an_example(cron, timezone):
    with pytest.raises(PlanError, match="--cron"):
        When(cron=(cron,), timezone=timezone)


def test_a_schedule_without_a_plan_is_refused():
    with pytest.raises(PlanError, match="plan"):
        require_plan(None, When(weekly=True))


def test_looking_for_scans_that_cannot_come_is_refused(plan, dropped):
    with pytest.raises(PlanError, match="drop folder"):
        require_plan(plan, When(every_s=60))
    require_plan(dropped, When(every_s=60))


class Server:
    """Stands for a client of Prefect's server: keeps what is registered, and what is asked."""

    def __init__(self, pools=(), spoil=lambda parameters: parameters):
        self.pools, self.spoil, self.held, self.asked = set(pools), spoil, {}, []
        self.schedules = {}

    def read_work_pool(self, name):
        if name not in self.pools:
            raise ObjectNotFound(None)

    def make_pool(self, name, environment):
        assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
        self.asked.append(f"make {name}")

    def register(self, held, environment):
        for one in held["deployments"]:
            flow = one["entrypoint"].rpartition(":")[2].replace("_", "-")
            name = f"{flow}/{one['name']}"
            self.held[name] = self.spoil(one.get("parameters", {}))
            slugs = {schedule["slug"] for schedule in one.get("schedules", ())}
            self.schedules.setdefault(name, set()).update(slugs)

    def read_deployment_by_name(self, name):
        if self.held.get(name) is None:
            raise ObjectNotFound(None)
        schedules = [SimpleNamespace(slug=slug, id=slug) for slug in sorted(self.schedules[name], key=str)]
        return SimpleNamespace(parameters=self.held[name], schedules=schedules, id=name)

    def delete_deployment_schedule(self, deployment, schedule):
        self.schedules[deployment].remove(schedule)

    def request(self, method, path, json):
        self.asked.append((method, path, json))
        return httpx.Response(204, request=httpx.Request(method, NOWHERE))


@pytest.fixture
def serving(monkeypatch):
    """Return the function that puts a server in the place of Prefect's."""

    def put(**how):
        held = Server(**how)
        monkeypatch.setattr(module, "client", lambda: held)
        monkeypatch.setattr(module, "make_pool", held.make_pool)
        monkeypatch.setattr(module, "register", held.register)
        return held

    return put


def test_what_was_deployed_is_named_as_the_server_knows_it(dropped, serving):
    held = serving()
    assert deploy(dropped, pool="theirs") == ["full-study/lung", "watch-study/lung"]
    assert held.asked == ["make theirs"]
    assert len(deploy(pool="theirs")) == 12


def test_what_the_last_command_asks_for_holds_and_schedules_of_others_stay(plan, serving):
    held = serving()
    deploy(plan, When(cron=("0 1 * * *", "0 5 * * *")))
    held.schedules["full-study/lung"].add(None)  # one that somebody made in the UI
    assert held.schedules["full-study/lung"] == {"nightly", "weekly", "cron-1", "cron-2", None}
    deploy(plan, When(cron=("30 1 * * *",)))
    assert held.schedules["full-study/lung"] == {"nightly", "weekly", "cron-1", None}
    deploy(plan)
    assert held.schedules["full-study/lung"] == {"nightly", "weekly", None}


def test_a_pool_that_is_there_is_left_as_it_is(plan, serving):
    held = serving(pools={"voxmine"})
    assert deploy(plan) == ["full-study/lung"]
    assert held.asked == []


@pytest.mark.parametrize(("spoil", "words"), [(lambda _: None, "does not have it"), (lambda _: {}, "other parameters")])
def test_a_server_that_keeps_something_else_than_it_was_given_is_found_out(plan, serving, spoil, words):
    serving(spoil=spoil)
    with pytest.raises(PlanError, match=words):
        deploy(plan)


def test_an_announcement_is_the_event_that_the_trigger_waits_for(dropped, serving):
    held = serving()
    deploy(dropped, pool="theirs")
    held.asked.clear()
    announce("lung")
    ((method, path, (event,)),) = held.asked
    assert (method, path) == ("POST", "/events")
    (trigger,) = entry(of_study(dropped), "watch_study")["triggers"]
    assert event["event"] in trigger["expect"]
    assert event["resource"] == trigger["match"]


def test_the_command_hands_the_plan_and_the_times_on(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(module, "deploy", lambda *words: given.append(words) or ["full-study/lung"])
    (tmp_path / "plan.yaml").write_text("study: lung\nsources: [{method: dicom, path: scans}]\n", encoding="utf-8")
    words = ["--weekly", "--cron", "0 5 * * *", "--cron", "0 6 * * *", "--timezone", "Asia/Tokyo", "--pool", "theirs"]
    said = RUNNER.invoke(app, ["deploy", str(tmp_path / "plan.yaml"), "--set", "study=liver", *words])
    assert said.output == "full-study/lung\n"
    ((plan, when, pool),) = given
    assert (plan.study, pool) == ("liver", "theirs")
    assert when == When(weekly=True, cron=("0 5 * * *", "0 6 * * *"), timezone="Asia/Tokyo")


def test_the_command_without_a_plan_deploys_for_everyone(monkeypatch):
    given = []
    monkeypatch.setattr(module, "deploy", lambda *words: given.append(words) or [])
    assert RUNNER.invoke(app, ["deploy"]).exit_code == 0
    assert given == [(None, When(), "voxmine")]


def test_the_other_commands_hand_on_what_they_are_given(monkeypatch):
    given = []
    monkeypatch.setattr(module, "announce", given.append)
    monkeypatch.setattr(worker, "work", lambda pool, **how: given.append((pool, how)))
    assert "watch-study/lung" in RUNNER.invoke(app, ["announce", "lung"]).output
    RUNNER.invoke(app, ["worker", "--pool", "theirs", "--limit", "3"])
    assert given == ["lung", ("theirs", {"name": "", "limit": 3, "health": False})]


@pytest.mark.parametrize("has_come", [True, False])
def test_a_look_runs_the_study_where_something_has_come(dropped, monkeypatch, has_come):
    def watch(plan, run, tell, *, once):
        assert once
        if has_come:
            run()

    monkeypatch.setattr(looking, "watch", watch)
    monkeypatch.setattr(looking, "full_study", lambda plan: f"results of {plan.study}")
    assert looking.watch_study.fn(dropped) == ("results of lung" if has_come else None)


def test_without_a_server_the_message_names_the_variable(plan):
    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(PlanError, match="PREFECT_API_URL"):
        deploy(plan)


def test_a_server_that_does_not_answer_is_named():
    with temporary_settings({PREFECT_API_URL: NOWHERE}), pytest.raises(PlanError, match=NOWHERE):
        server.client()


def test_a_server_that_does_not_let_us_in_asks_for_the_password(monkeypatch):
    class Closed:
        def request(self, method, path):
            raise httpx.HTTPStatusError("", request=None, response=httpx.Response(401))

    monkeypatch.setattr(server, "get_client", lambda sync_client: Closed())
    with temporary_settings({PREFECT_API_URL: NOWHERE}), pytest.raises(PlanError, match="PREFECT_API_AUTH_STRING"):
        server.client()


def test_a_command_of_prefect_that_fails_says_what_it_said():
    with pytest.raises(PlanError, match="work-pool"):
        server.run_prefect(("work-pool", "no-such-word"), os.environ)


def test_a_worker_becomes_prefects_process_worker_of_the_pool(monkeypatch):
    began = []
    monkeypatch.setattr(worker, "client", lambda: None)
    monkeypatch.setattr(worker.os, "execve", lambda *words: began.append(words))
    worker.work("pool", name="one", limit=2, health=True)
    ((program, command, environment),) = began
    assert program == sys.executable
    said = "-m prefect worker start --pool pool --type process --name one --limit 2 --with-healthcheck"
    assert " ".join(command[1:]) == said
    assert environment["PREFECT_WORKER_WEBSERVER_HOST"] == "127.0.0.1"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_a_worker_without_a_server_does_not_start():
    with temporary_settings({PREFECT_API_URL: NOWHERE}), pytest.raises(PlanError, match=NOWHERE):
        worker.work()


def test_the_command_line_names_the_pool_of_the_deployments():
    assert deploy_commands.POOL == server.POOL
    assert {entry["work_pool"]["name"] for entry in of_everyone()["deployments"]} == {server.POOL}


def test_no_field_of_a_plan_has_a_name_that_prefect_takes_out_of_schemas():
    """It takes every `required` out of the schema of a deployment, fields of this name too, and then refuses them."""
    schema = Plan.model_json_schema()
    fields = [name for one in (schema, *schema["$defs"].values()) for name in one.get("properties", {})]
    assert len(fields) > 100
    assert "required" not in fields


def test_a_study_that_looks_nowhere_is_not_told_of_new_scans(plan, serving):
    held = serving()
    deploy(plan, pool="theirs")
    held.asked.clear()
    with pytest.raises(PlanError, match=r"watch-study/lung is deployed.*no such deployment.*drop folder"):
        announce("lung")
    assert held.asked == []
