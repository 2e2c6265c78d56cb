"""A whole data set into a folder, with a record of what came and its checksums."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from data_catalog.errors import VoxmineError
from data_catalog.open_data import FromHttp, FromIdc, FromPip
from tasks.open_data.answers import DownloadError
from tasks.open_data.https import Fetched, fetch
from tasks.open_data.idc import get_series
from tasks.open_data.wheel import get_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from data_catalog.open_data import DataSet

RECORD = "voxmine-data.json"
"""File in a data set's folder: its licence, citations, and the checksum of every file that was downloaded."""


class NeedsPerson(VoxmineError):
    """Refuse a data set that no program may fetch, and say what a person has to do."""


def get(data: DataSet, folder: Path, first: int | None, tell: Callable[[str], None]) -> None:
    """Bring everything of a data set that a program can fetch into a folder.

    What is there and whole is not fetched again. A file without a published checksum is trusted on first
    use: its checksum is recorded, told, and compared from then on.

    Raises
    ------
    NeedsPerson
        When a person has to do it: an account, an agreement.
    DownloadError, MissingExtra
        When it cannot be done here; what has come is kept.
    """
    if not data.fetched:
        raise NeedsPerson(
            f"A program may fetch {data.name}", "a person has to do it", " ".join(part.how for part in data.by_hand)
        )
    folder.mkdir(parents=True, exist_ok=True)
    record = _Record(folder, data)
    for part in data.fetched:
        place = folder / part.into
        if isinstance(part, FromIdc):
            came = get_series(part, place, first, tell)
            tell(
                f"{came.fetched} series fetched, {came.series} there: {came.files:,} files, IDC release {came.release}."
            )
            record.note(f"idc:{part.collection}", came.__dict__)
            continue
        for file, stated in _files(part, place, record, tell):
            record.note(record.name(file.path), {"size": file.size, "sha256": file.sha256})
            tell(_told(file, stated=stated))


def _files(
    part: FromHttp | FromPip, place: Path, record: _Record, tell: Callable[[str], None]
) -> Iterator[tuple[Fetched, bool]]:
    """Yield each file of a part as it comes, and whether its checksum was published."""
    if isinstance(part, FromPip):
        for file in get_wheel(part, place, tell):
            if file.how == "there" and record.digest(file.path) not in (None, file.sha256):
                raise DownloadError(
                    f"{file.path.name} is as it was downloaded",
                    f"its SHA-256 begins with {file.sha256[:12]} now",
                    "Move it away and run the command again.",
                )
            yield file, True
        return
    for wanted in part.files:
        target = place / wanted.file_name
        tell(f"{wanted.file_name} from {wanted.url}")
        yield fetch(wanted, target, record.digest(target), tell), wanted.sha256 is not None


def _told(file: Fetched, *, stated: bool) -> str:
    if file.how == "there":
        return f"{file.path.name} is there and whole."
    checked = "as published" if stated else "recorded now, for nobody has published one: trust on first use"
    return f"{file.path.name}: {file.size / 1e6:,.1f} MB, SHA-256 {file.sha256[:12]}... {checked}."


class _Record:
    """What is known of the files in a data set's folder; written after each."""

    def __init__(self, folder: Path, data: DataSet) -> None:
        self.folder = folder
        self.path = folder / RECORD
        self.came: dict[str, Any] = {}
        if self.path.exists():
            self.came = _read(self.path)
        self.about = {
            "name": data.name,
            "title": data.title,
            "homepage": data.homepage,
            "licence": data.licence.model_dump(exclude_none=True),
            "citations": [citation.model_dump(exclude_none=True) for citation in data.citations],
        }

    def name(self, path: Path) -> str:
        """Return how a file is called in the record."""
        return path.relative_to(self.folder).as_posix()

    def digest(self, path: Path) -> str | None:
        """Return the checksum that was recorded of a file, or None."""
        found = self.came.get(self.name(path), {}).get("sha256")
        return None if found is None else str(found)

    def note(self, name: str, what: dict[str, Any]) -> None:
        """Keep what came."""
        self.came[name] = what
        beside = self.path.with_name(f"{RECORD}.part")
        beside.write_text(json.dumps({**self.about, "came": self.came}, indent=2) + "\n", encoding="utf-8")
        beside.replace(self.path)


def _read(path: Path) -> dict[str, Any]:
    try:
        came = json.loads(path.read_text(encoding="utf-8"))["came"]
    except (ValueError, KeyError, TypeError):
        came = None
    if not isinstance(came, dict) or not all(isinstance(one, dict) for one in came.values()):
        raise VoxmineError(
            f"{RECORD} is the record of a data set",
            "it cannot be read as one",
            "Move it away, or choose another folder.",
        )
    return came
