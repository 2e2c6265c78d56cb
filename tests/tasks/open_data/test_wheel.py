"""Files out of a Python package: of the one that is installed, or of the one that pip brings."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from data_catalog.errors import MissingExtra
from data_catalog.open_data import FromPip, Member
from tasks.open_data import wheel
from tasks.open_data.answers import DownloadError
from tasks.open_data.wheel import get_wheel

TEXT = b"a table\n" * 10


def member(path, content):
    return Member(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def wanted(*members):
    return FromPip(package="no-such-package-here", version="1.0", files=members)


@pytest.fixture
def pip(monkeypatch):
    """Stand in for pip: bring a package with the files given, or fail with what it would say."""
    asked = []

    def run(command, **_):
        asked.append(command)
        if isinstance(run.brings, str):
            return subprocess.CompletedProcess(command, 1, "", run.brings)
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "made-1.0-py3-none-any.whl", "w") as made:
            for name, content in run.brings.items():
                made.writestr(name, content)
        return subprocess.CompletedProcess(command, 0, "", "")

    run.brings, run.asked = {}, asked
    monkeypatch.setattr(wheel.subprocess, "run", run)
    return run


def got(part, folder):
    return list(get_wheel(part, folder, lambda _: None))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_of_an_installed_package_is_copied(tmp_path, pip):
    path = "sklearn/datasets/data/iris.csv"
    content = Path(str(distribution("scikit-learn").locate_file(path))).read_bytes()
    part = FromPip(package="scikit-learn", version="1.0", files=(member(path, content),))
    (first,) = got(part, tmp_path)
    assert first.path == tmp_path / "iris.csv"
    assert first.path.read_bytes() == content
    (again,) = got(part, tmp_path)
    assert (first.how, again.how) == ("fetched", "there")
    assert not pip.asked


def test_an_installed_package_with_another_file_is_not_taken(tmp_path, pip):
    path = "sklearn/datasets/data/iris.csv"
    pip.brings = {path: TEXT}
    (came,) = got(FromPip(package="scikit-learn", version="1.0", files=(member(path, TEXT),)), tmp_path)
    assert came.path.read_bytes() == TEXT
    assert "scikit-learn==1.0" in pip.asked[0]
    assert "--no-deps" in pip.asked[0]


def test_the_files_wanted_are_taken_out_of_the_package_and_nothing_else(tmp_path, pip):
    pip.brings = {"made/data/a.csv": TEXT, "made/data/b.csv": b"b", "made/__init__.py": b""}
    came = got(wanted(member("made/data/a.csv", TEXT)), tmp_path / "below")
    assert [(file.path.name, file.how) for file in came] == [("a.csv", "fetched")]
    assert names(tmp_path / "below") == ["a.csv"]


def test_without_names_the_whole_package_is_kept_as_a_zip_file(tmp_path, pip):
    pip.brings = {"made/data/a.dcm": b"a"}
    (came,) = got(wanted(), tmp_path)
    assert came.path.name == "no-such-package-here-1.0.zip"
    assert zipfile.ZipFile(came.path).namelist() == ["made/data/a.dcm"]
    assert [file.how for file in got(wanted(), tmp_path)] == ["there"]
    assert len(pip.asked) == 1


def test_another_file_than_stated_is_refused(tmp_path, pip):
    pip.brings = {"made/a.csv": TEXT}
    with pytest.raises(DownloadError, match="is not in the package"):
        got(wanted(member("made/b.csv", TEXT)), tmp_path)
    with pytest.raises(DownloadError, match="or has another size"):
        got(wanted(member("made/a.csv", TEXT * 2)), tmp_path)
    with pytest.raises(DownloadError, match="its SHA-256 begins with"):
        got(wanted(member("made/a.csv", TEXT.upper())), tmp_path)
    assert names(tmp_path) == ["a.csv.bad"]


def test_another_file_of_the_name_is_not_written_over(tmp_path, pip):
    (tmp_path / "a.csv").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="Move it away"):
        got(wanted(member("made/a.csv", TEXT)), tmp_path)
    assert (tmp_path / "a.csv").read_bytes() == b"mine"


def test_what_pip_cannot_do_is_told_in_its_last_words(tmp_path, pip):
    pip.brings = "WARNING: trying\nERROR: not this\nERROR: No matching distribution found for it\n"
    with pytest.raises(DownloadError, match=r"No matching distribution found for it\. Check the connection"):
        got(wanted(member("made/a.csv", TEXT)), tmp_path)
    pip.brings = "Killed"
    with pytest.raises(DownloadError, match="it cannot"):
        got(wanted(member("made/a.csv", TEXT)), tmp_path)
    assert names(tmp_path) == []


def test_without_pip_the_command_that_installs_it_is_named(tmp_path, pip):
    pip.brings = "python: No module named pip\n"
    with pytest.raises(MissingExtra, match="ensurepip"):
        got(wanted(), tmp_path)
