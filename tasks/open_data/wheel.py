"""Files inside a Python package: of the one that is installed, or else of the one on the package index."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from data_catalog.errors import MissingExtra
from tasks.open_data.answers import DownloadError
from tasks.open_data.https import Fetched, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from data_catalog.open_data import FromPip, Member

TRIES = 2
"""Times that pip tries again by itself."""


def get_wheel(part: FromPip, folder: Path, tell: Callable[[str], None]) -> Iterator[Fetched]:
    """Yield the files of a package, each copied into a folder and checked; without any, the package as a zip file.

    Raises
    ------
    DownloadError
        When pip cannot fetch the package, or a file in it is another one than stated.
    MissingExtra
        When there is no pip.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not part.files:
        yield _whole(part, folder, tell)
        return
    missing = []
    for member in part.files:
        found = _there(member, folder) or _installed(part, member, folder)
        if found is None:
            missing.append(member)
        else:
            yield found
    if missing:
        yield from _from_index(part, missing, folder, tell)


def _there(member: Member, folder: Path) -> Fetched | None:
    target = folder / member.file_name
    if not target.exists():
        return None
    digest = sha256_of(target)
    if digest != member.sha256:
        raise DownloadError(
            f"The file {target.name} that is there is the one to get",
            f"its SHA-256 begins with {digest[:12]} and not with {member.sha256[:12]}",
            "Move it away and run the command again.",
        )
    return Fetched(target, member.size, digest, "there")


def _installed(part: FromPip, member: Member, folder: Path) -> Fetched | None:
    """Copy a file of the installed package, where it is the same."""
    try:
        path = Path(str(distribution(part.package).locate_file(member.path)))
    except PackageNotFoundError:
        return None
    if not path.is_file() or sha256_of(path) != member.sha256:
        return None
    beside = folder / f"{member.file_name}.part"
    shutil.copyfile(path, beside)
    return Fetched(beside.replace(folder / member.file_name), member.size, member.sha256, "fetched")


def _whole(part: FromPip, folder: Path, tell: Callable[[str], None]) -> Fetched:
    target = folder / f"{part.package}-{part.version}.zip"
    if target.exists():
        return Fetched(target, target.stat().st_size, sha256_of(target), "there")
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        _downloaded(part, Path(aside), tell).replace(target)
    return Fetched(target, target.stat().st_size, sha256_of(target), "fetched")


def _from_index(part: FromPip, members: list[Member], folder: Path, tell: Callable[[str], None]) -> Iterator[Fetched]:
    with (
        tempfile.TemporaryDirectory(dir=folder) as aside,
        zipfile.ZipFile(_downloaded(part, Path(aside), tell)) as wheel,
    ):
        for member in members:
            yield _taken(wheel, member, folder)


def _taken(wheel: zipfile.ZipFile, member: Member, folder: Path) -> Fetched:
    """Copy one file out of a package; its checksum decides whether it gets its name."""
    if member.path not in wheel.namelist() or wheel.getinfo(member.path).file_size != member.size:
        raise _other(member, "it is not in the package, or has another size")
    beside = folder / f"{member.file_name}.part"
    with wheel.open(member.path) as inside, beside.open("wb") as outside:
        shutil.copyfileobj(inside, outside)
    digest = sha256_of(beside)
    if digest != member.sha256:
        beside.replace(folder / f"{member.file_name}.bad")
        raise _other(member, f"its SHA-256 begins with {digest[:12]} and not with {member.sha256[:12]}")
    return Fetched(beside.replace(folder / member.file_name), member.size, digest, "fetched")


def _other(member: Member, came: str) -> DownloadError:
    return DownloadError(
        f"{member.file_name} is what the catalogue says", came, "The package has changed: please report it."
    )


def _downloaded(part: FromPip, aside: Path, tell: Callable[[str], None]) -> Path:
    """Have pip download a package; pip compares it with the index's checksum."""
    wanted = f"{part.package}=={part.version}"
    tell(f"  pip downloads {wanted}")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", f"--retries={TRIES}"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(aside), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(aside.glob("*.whl"))
    if done.returncode == 0 and wheels:
        return wheels[0]
    if "No module named pip" in done.stderr:
        raise MissingExtra("pip is installed", "it is not", "Install it: python -m ensurepip")
    reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    raise DownloadError(
        f"pip can download {wanted}",
        (reasons or ["it cannot"])[-1].removeprefix("ERROR: "),
        "Check the connection to the package index, then run the same command again.",
    )
