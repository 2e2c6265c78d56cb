"""The units of systemd: their commands are there, they give away no rights, and systemd can read them."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import deployments
from flows.cli import app

FOLDER = Path(deployments.__file__).parent / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
each_unit = pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
COMMANDS = typer.main.get_command(app).commands
INSTALLED = "/opt/voxmine/bin/"


class Unit(configparser.ConfigParser):
    """A unit file; of a key that stands in it several times the values are joined."""

    def __init__(self, path):
        super().__init__(interpolation=None, strict=False, delimiters=("=",))
        self.optionxform = str
        self.joined = {}
        self.read_string(path.read_text(encoding="utf-8"))
        for line in path.read_text(encoding="utf-8").splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.joined.setdefault(key, []).append(value)


def test_there_is_a_unit_for_the_server_the_worker_and_the_watch():
    assert [path.name for path in UNITS] == [
        "voxmine-server.service",
        "voxmine-watch@.service",
        "voxmine-worker.service",
    ]


@each_unit
def test_a_unit_has_the_parts_that_systemd_starts_at_boot(path):
    unit = Unit(path)
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    assert unit["Install"]["WantedBy"] == "multi-user.target"
    assert unit["Service"]["Restart"] == "on-failure"


@each_unit
def test_a_command_is_there_with_its_options(path):
    program, *words = Unit(path)["Service"]["ExecStart"].split()
    assert program.startswith(INSTALLED)
    if program.endswith("/voxmine"):
        command = COMMANDS[words[0]]
        known = {option for parameter in command.params for option in parameter.opts}
    else:
        said = subprocess.run(
            [sys.executable, "-m", "prefect", *words[:2], "--help"], capture_output=True, text=True, check=True
        )
        known = set(re.findall(r"--[\w-]+", said.stdout))
    assert {word for word in words if word.startswith("--")} <= known


@each_unit
def test_a_unit_gives_away_no_rights(path):
    service = Unit(path)["Service"]
    assert service.get("DynamicUser") == "yes" or service["User"] == "voxmine"
    for key in (
        "NoNewPrivileges",
        "ProtectHome",
        "PrivateTmp",
        "PrivateDevices",
        "RestrictSUIDSGID",
        "LockPersonality",
    ):
        assert service[key] == "yes", key
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["UMask"] == "0077"
    assert "MemoryDenyWriteExecute" not in service, "kernels are compiled at run time"


@each_unit
def test_a_unit_holds_no_secret(path):
    unit = Unit(path)
    assert unit["Service"]["EnvironmentFile"].startswith("/etc/voxmine/")
    assert not [value for value in unit.joined["Environment"] if re.search("AUTH_STRING|KEY=|PASSWORD", value)]


@each_unit
def test_what_a_unit_writes_to_is_let_through(path):
    unit = Unit(path)
    service = unit["Service"]
    places = re.findall(r"%([SC])/([\w%@-]+)", " ".join(unit.joined["Environment"]))
    assert places
    for letter, folder in places:
        assert folder in service[{"S": "StateDirectory", "C": "CacheDirectory"}[letter]].split()
    working = service["WorkingDirectory"]
    assert working.startswith("%S/") or working in service["ReadWritePaths"].split()


def test_the_server_listens_on_the_loopback_address_alone():
    command = Unit(FOLDER / "voxmine-server.service")["Service"]["ExecStart"]
    assert "--host 127.0.0.1" in command


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_can_read_the_units(tmp_path):
    installed = tmp_path / "bin"
    installed.mkdir()
    for name in ("voxmine", "prefect"):
        (installed / name).symlink_to(sys.executable)
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace(INSTALLED, f"{installed}/")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / path.name) for path in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "voxmine" in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_says_of_a_unit_with_a_misspelt_key_that_it_is(tmp_path):
    text = UNITS[0].read_text(encoding="utf-8").replace("NoNewPrivileges=", "NoNewPrivilegs=")
    text = text.replace(INSTALLED + "prefect", sys.executable)
    (tmp_path / UNITS[0].name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / UNITS[0].name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "NoNewPrivilegs" in done.stderr, "else the test above cannot fail"
