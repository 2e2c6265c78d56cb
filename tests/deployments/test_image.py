"""The image: what it copies is there, its versions are those that are tested, and its entry point hands secrets on."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

import deployments

FOLDER = Path(deployments.__file__).parent
ROOT = FOLDER.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"][
    "wheel"
]


def instructions():
    """Return the instructions of the Dockerfile as pairs of word and rest, lines that go on joined."""
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def of(word):
    return [rest for name, rest in instructions() if name == word]


def copied():
    """Return what the image takes from the project's folder."""
    words = [shlex.split(rest) for rest in of("COPY")]
    return {
        path for copy in words if "--from=build" not in copy for path in copy[:-1] if not path.startswith("--chmod")
    }


def test_every_instruction_is_one_of_docker():
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in instructions()} == known


def test_what_is_copied_is_there_and_is_all_that_the_wheel_needs():
    assert {path for path in copied() if not (ROOT / path).exists()} == set()
    needed = {*WHEEL["packages"], "pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "requirements.lock"}
    assert needed <= copied()


def test_what_is_copied_reaches_the_build_and_secrets_do_not():
    lines = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    assert {path.split("/")[0] for path in copied()} == kept
    dropped = rules[rules.index("!deployments") + 1 :]
    assert any(fnmatch.fnmatch("deployments/secrets", rule) for rule in dropped)


def test_the_versions_are_those_of_the_lock():
    (install,) = [rest for rest in of("RUN") if "pip install" in rest]
    assert "-c requirements.lock" in install
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', install)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    bases = {rest.split()[0] for rest in of("FROM")}
    (version,) = {re.fullmatch(r"python:(3\.\d+)-slim-\w+", base)[1] for base in bases}
    assert PROJECT["requires-python"] == f">={version}"


def test_it_runs_as_a_user_without_rights_and_says_whether_it_is_well():
    words = [name for name, _ in instructions()]
    assert of("USER") == ["voxmine"]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert not [rest for name, rest in instructions()[words.index("USER") :] if name == "RUN"]
    (health,) = of("HEALTHCHECK")
    command = json.loads(health[health.index("[") :])
    compile(command[-1], "the health check", "exec")


def test_it_is_the_worker_unless_told_otherwise():
    (entry,), (command,) = of("ENTRYPOINT"), of("CMD")
    assert json.loads(command)[:2] == ["voxmine", "worker"]
    assert [copy for copy in of("COPY") if copy.endswith(json.loads(entry)[0])]


def enter(environment, *command):
    given = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(
        ["sh", FOLDER / "entrypoint.sh", *command], env=given, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("text", ["voxmine:0a1b", "with 'quotes' and $(id) and `id`"])
def test_a_secret_in_a_file_becomes_the_variable_as_it_is(tmp_path, text):
    (tmp_path / "secret").write_text(text + "\n", encoding="utf-8")
    done = enter({"PREFECT_API_AUTH_STRING_FILE": str(tmp_path / "secret")}, "printenv", "PREFECT_API_AUTH_STRING")
    assert done.stdout == text + "\n", done.stderr


def test_without_secrets_the_command_is_run_as_it_is():
    done = enter({}, "sh", "-c", "echo one; exit 7")
    assert (done.stdout, done.returncode) == ("one\n", 7)
    assert enter({}, "printenv", "VOXMINE_KEY").returncode == 1


def test_a_secret_that_is_not_there_ends_it_with_the_remedy(tmp_path):
    done = enter({"VOXMINE_KEY_FILE": str(tmp_path / "none")}, "echo", "on")
    assert done.returncode == 1
    assert not done.stdout
    assert "make-secrets.sh" in done.stderr


def test_the_words_of_dask_are_not_taken_for_secrets(tmp_path):
    name = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE"
    done = enter({name: str(tmp_path / "none")}, "printenv", name)
    assert done.stdout == f"{tmp_path}/none\n"


def test_the_commands_of_the_operator_for_kubernetes_are_those_of_dask(tmp_path):
    (tmp_path / "dask").write_text('#!/bin/sh\necho "dask $*"\n', encoding="utf-8")
    (tmp_path / "dask").chmod(0o755)
    found = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert enter(found, "dask-scheduler", "--host", "0.0.0.0").stdout == "dask scheduler --host 0.0.0.0\n"
    assert enter(found, "dask", "worker").stdout == "dask worker\n"
