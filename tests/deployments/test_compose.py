"""The compose file: every service can be made, is asked whether it is well, and keeps its secrets."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import distributed.cli.dask_scheduler
import distributed.cli.dask_worker
import pytest
import typer
import yaml
from prefect.settings import Settings

import deployments
from flows.cli import app

FOLDER = Path(deployments.__file__).parent
ROOT = FOLDER.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("voxmine:")}
KNOWN = {
    *("image", "build", "user", "restart", "read_only", "tmpfs", "cap_drop", "security_opt", "networks", "init"),
    *("environment", "secrets", "volumes", "healthcheck", "command", "depends_on", "scale", "mem_limit", "ports"),
    "stop_grace_period",
}
"""Keys of a service in the Compose specification that are used here."""
DASK = {"scheduler": distributed.cli.dask_scheduler.main, "worker": distributed.cli.dask_worker.main}
each_service = pytest.mark.parametrize("name", SERVICES)


def test_there_is_a_service_for_each_part():
    assert set(SERVICES) == {
        "postgres", "server", "deploy", "worker", "dask-scheduler", "dask-worker", "nginx",
    }  # fmt: skip


@each_service
def test_a_service_has_only_keys_that_compose_knows(name):
    assert set(SERVICES[name]) <= KNOWN


@each_service
def test_what_a_service_names_is_defined(name):
    service = SERVICES[name]
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert set(service.get("depends_on", ())) <= set(SERVICES)
    for place in service.get("volumes", ()):
        kept = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", place).split(":")[0]
        assert kept in COMPOSE["volumes"] or kept == "../study" or (FOLDER / kept).is_file(), place


@each_service
def test_a_service_that_is_waited_for_until_it_is_well_is_asked_whether_it_is(name):
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"][0] == "CMD"
        else:
            assert SERVICES[other]["restart"] == "no", "what is started for ever never completes"


@each_service
def test_a_service_is_asked_in_a_way_that_can_be_run(name):
    health = SERVICES[name]["healthcheck"]
    if health != {"disable": True}:
        assert {"interval", "timeout", "retries"} <= set(health)
        if health["test"][1] == "python":
            compile(health["test"][3], name, "exec")


@each_service
def test_a_secret_is_read_from_a_file_and_never_written_down(name):
    environment = SERVICES[name].get("environment", {})
    for variable, value in environment.items():
        if re.search("PASSWORD|AUTH|KEY|CERT|CA_FILE", variable) and variable != "POSTGRES_INITDB_ARGS":
            assert value.removeprefix("/run/secrets/") in SERVICES[name]["secrets"], variable


def test_every_secret_is_one_that_is_made_beside_the_file_and_is_used(tmp_path):
    subprocess.run([FOLDER / "make-secrets.sh", tmp_path / "secrets"], check=True, capture_output=True)
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert {Path(one["file"]).name for one in COMPOSE["secrets"].values()} <= made
    assert {Path(one["file"]).parent for one in COMPOSE["secrets"].values()} == {Path("secrets")}
    assert {secret for one in SERVICES.values() for secret in one.get("secrets", ())} == set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_the_image_of_this_version_without_rights(name):
    service = OURS[name]
    assert service["image"] == f"voxmine:{VERSION}"
    assert (ROOT / "deployments" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_nginx_is_reached_from_outside_and_reaches_it():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["nginx"]
    assert [name for name, one in SERVICES.items() if "outside" in one["networks"]] == ["nginx"]


def test_the_commands_of_voxmine_are_there_with_their_options():
    commands = typer.main.get_command(app).commands
    for service in OURS.values():
        program, word, *options = service["command"]
        if program == "voxmine":
            known = {option for parameter in commands[word].params for option in parameter.opts}
            assert {option for option in options if option.startswith("--")} <= known


@pytest.mark.parametrize("name", ["dask-scheduler", "dask-worker"])
def test_the_commands_of_dask_can_be_parsed(name):
    program, word, *options = [re.sub(r"\$\{\w+:-(.*?)\}", r"\1", text) for text in SERVICES[name]["command"]]
    assert program == "dask"
    parsed = DASK[word].make_context(word, options).params
    assert parsed["dashboard_address"].startswith("127.0.0.1:")
    assert "tls" in str(parsed.get("protocol") or parsed.get("scheduler"))


def test_the_command_of_prefect_is_there():
    words = SERVICES["server"]["command"]
    assert words[:3] == ["prefect", "server", "start"]
    asked = [sys.executable, "-m", "prefect", "server", "start", "--help"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[\w-]+", said))


def test_what_the_server_is_asked_at_is_what_its_command_opens():
    command = SERVICES["server"]["command"]
    port = command[command.index("--port") + 1]
    assert f":{port}/api/health" in SERVICES["server"]["healthcheck"]["test"][3]
    assert SERVICES["worker"]["environment"]["PREFECT_API_URL"] == f"http://server:{port}/api"
    assert f"http://server:{port};" in (FOLDER / "nginx.conf").read_text(encoding="utf-8")


def test_the_settings_of_prefect_are_settings_of_this_prefect(monkeypatch):
    environment = dict(SERVICES["server"]["environment"])
    for name in list(environment):
        if name.endswith("_FILE"):
            environment[name.removesuffix("_FILE")] = "secret/word"
            del environment[name]
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    held = Settings().server
    url = held.database.connection_url.get_secret_value()
    assert url == "postgresql+asyncpg://prefect:secret%2Fword@postgres:5432/prefect"
    assert held.api.auth_string.get_secret_value() == "secret/word"
    assert held.services.task_run_recorder.read_batch_size == 200
    assert held.ui.api_url.endswith("/api")


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0,
    reason="docker compose is not installed",
)
def test_docker_can_read_it():
    subprocess.run(["docker", "compose", "-f", FOLDER / "compose.yaml", "config", "--quiet"], check=True)
