"""One file over https: resumed where it was cut, bounded, checked, and only then given its name."""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import httpx

from tasks.open_data.answers import (
    NOT_SATISFIABLE,
    PARTIAL,
    TIMEOUT,
    CutError,
    DownloadError,
    answer_of,
    length,
    no_connection,
    range_of,
    too_large,
    version_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from data_catalog.open_data import File

ATTEMPTS = 4
"""Times that a download is taken up again by itself."""
WAIT_SECONDS = 0.5
"""Wait before it is; doubled each time."""
TELL_BYTES = 64 << 20
"""Progress is told each time that so much has come."""
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "voxmine"}


@dataclass(frozen=True)
class Fetched:
    """A file that is here and checked."""

    path: Path
    size: int
    sha256: str
    how: Literal["fetched", "there"]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch(file: File, target: Path, recorded: str | None, tell: Callable[[str], None]) -> Fetched:
    """Bring a file to its place, unless it is there and whole.

    What comes is written beside, as `.part`, and gets its name when its size and checksum are right. A
    further call goes on where the last one stopped.

    Parameters
    ----------
    file : File
        Address, size and, where somebody has published it, checksum.
    target : Path
        Where it shall be.
    recorded : str or None
        The checksum that was recorded when it was first downloaded; the published one goes before it.
    tell : callable
        Told of progress, in words.

    Raises
    ------
    DownloadError
        When there is no connection, the file is not there, is too large, or is another one than stated.
    """
    expected = file.sha256 or recorded
    if target.exists():
        return _require_same(file, target, expected)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    _pull_patiently(_Pull(file, part, tell))
    size, digest = part.stat().st_size, sha256_of(part)
    wrong = _wrong(file, size, digest, expected)
    if wrong:
        bad = part.replace(target.with_name(f"{target.name}.bad"))
        raise DownloadError(
            f"{target.name} is what the catalogue says",
            f"{wrong}; it is kept as {bad.name}",
            "Run the command again to download it anew; if the same comes again, the publisher has changed the file.",
        )
    part.replace(target)
    return Fetched(target, size, digest, "fetched")


def _require_same(file: File, target: Path, expected: str | None) -> Fetched:
    """Return the file that is there already.

    Raises `DownloadError` where it is another one than stated; it is not touched.
    """
    size, digest = target.stat().st_size, sha256_of(target)
    wrong = _wrong(file, size, digest, expected)
    if wrong:
        raise DownloadError(
            f"The file {target.name} that is there is the one to download",
            wrong,
            "Move it away and run the command again.",
        )
    return Fetched(target, size, digest, "there")


def _wrong(file: File, size: int, digest: str, expected: str | None) -> str:
    """Return what is wrong with a file, or nothing."""
    if file.size is not None and size != file.size:
        return f"it has {size:,} bytes and not {file.size:,}"
    if expected is not None and digest != expected:
        return f"its SHA-256 begins with {digest[:12]} and not with {expected[:12]}"
    return ""


def _pull_patiently(pull: _Pull) -> None:
    name = pull.file.file_name
    for attempt in range(ATTEMPTS):
        try:
            pull.go_on()
        except CutError as cut:
            if attempt == ATTEMPTS - 1:
                raise DownloadError(
                    f"{name} comes whole",
                    f"{cut}, {ATTEMPTS} times",
                    "What has come is kept: run the same command again to go on.",
                ) from None
            time.sleep(WAIT_SECONDS * 2**attempt)
        except httpx.HTTPError as error:
            raise no_connection(urlsplit(pull.file.url).hostname or "", error) from None
        else:
            return


@dataclass(frozen=True)
class _Pull:
    """A download on its way."""

    file: File
    part: Path
    tell: Callable[[str], None]

    @property
    def version(self) -> Path:
        """The file beside the part that holds what the server calls this version of the file."""
        return self.part.with_name(f"{self.part.name}.version")

    @property
    def have(self) -> int:
        """Bytes that have come."""
        return self.part.stat().st_size if self.part.exists() else 0

    def go_on(self) -> None:
        """Download what is missing."""
        have = self.have
        if not have or have != self.file.size:
            with httpx.Client(timeout=TIMEOUT) as client, answer_of(client, self.file, self._resuming(have)) as answer:
                self._take(answer, have)
        self.version.unlink(missing_ok=True)

    def _resuming(self, have: int) -> dict[str, str]:
        """Return the headers that ask for the rest only, where it can be told that it is of the same file."""
        if have and self.version.exists():
            return {**HEADERS, "Range": f"bytes={have}-", "If-Range": self.version.read_text(encoding="ascii")}
        if have and self.file.sha256:
            return {**HEADERS, "Range": f"bytes={have}-"}
        return HEADERS

    def _take(self, answer: httpx.Response, have: int) -> None:
        start, total = range_of(answer)
        if answer.status_code == NOT_SATISFIABLE and total == have:
            return  # all had come, but the last call ended before it was checked
        if answer.status_code == NOT_SATISFIABLE or (answer.status_code == PARTIAL and start != have):
            self.part.unlink()
            message = "the server has another file than before"
            raise CutError(message)
        self._write(answer, have if answer.status_code == PARTIAL else 0)

    def _write(self, answer: httpx.Response, start: int) -> None:
        """Append what comes, up to the limit."""
        total = self._require_room(answer, start)
        version = version_of(answer)
        self.version.write_text(version, encoding="ascii") if version else self.version.unlink(missing_ok=True)
        have = told = start
        with self.part.open("ab" if start else "wb") as stream:
            for block in answer.iter_raw():  # as it comes: a chunk size would lose what came before a cut
                have += len(block)
                if have > self.file.limit:
                    raise too_large(self.file, "more")
                stream.write(block)
                if have - told >= TELL_BYTES:
                    told = have
                    of = f" of {total / 1e6:,.0f}" if total else ""
                    self.tell(f"  {self.file.file_name}: {have / 1e6:,.0f}{of} MB")

    def _require_room(self, answer: httpx.Response, start: int) -> int | None:
        """Return the bytes of the whole file where the server says them; refuse too many, and a disk too small."""
        rest = length(answer)
        if rest is None:
            return None
        if start + rest > self.file.limit:
            raise too_large(self.file, f"{start + rest:,}")
        free = shutil.disk_usage(self.part.parent).free
        if rest > free:
            raise DownloadError(
                f"There is room for {self.file.file_name}",
                f"it needs {rest:,} bytes and {free:,} are free",
                "Make room, or choose another folder.",
            )
        return start + rest
