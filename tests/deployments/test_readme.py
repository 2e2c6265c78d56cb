"""The page on deployments: its links lead somewhere, its commands are there, and it names every file of the folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

import deployments
from flows.cli import app

FOLDER = Path(deployments.__file__).parent
PAGES = [FOLDER / "README.md", FOLDER.parent / "docs" / "how-to" / "servers.md"]
COMMANDS = typer.main.get_command(app).commands
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


@each_page
def test_links_lead_to_a_file(page):
    places = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert places
    assert [place for place in places if not place.startswith("http") and not (page.parent / place).exists()] == []


@each_page
def test_the_commands_of_voxmine_are_there_with_their_options(page):
    found = 0
    for line in re.findall(r"^.*\bvoxmine (?=[a-z]+ ).*$", page.read_text(encoding="utf-8"), re.MULTILINE):
        word, rest = re.search(r"\bvoxmine ([a-z]+)([^#`]*)", line).groups()
        if word in COMMANDS:
            known = {option for parameter in COMMANDS[word].params for option in parameter.opts}
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= known, line
            found += 1
    assert found >= 3


def test_every_file_of_the_folder_is_named():
    text = PAGES[0].read_text(encoding="utf-8")
    private = {"__init__.py", "__pycache__", "README.md", "entrypoint.sh", "Dockerfile.dockerignore", "secrets"}
    assert [path.name for path in FOLDER.iterdir() if path.name not in private and path.name not in text] == []
    assert [path.name for path in (FOLDER / "dask").iterdir() if f"dask/{path.name}" not in text] == []
