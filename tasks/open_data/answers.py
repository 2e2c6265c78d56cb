"""What a server answers to the request for a file: redirects followed, web pages and errors refused."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx

from data_catalog.errors import VoxmineError
from data_catalog.open_data import checked_address, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data_catalog.open_data import File

HOPS = 5
"""Redirects that are followed."""
TIMEOUT = httpx.Timeout(60.0, connect=20.0)
PARTIAL = 206
NOT_SATISFIABLE = 416
BUSY = frozenset({408, 429, 500, 502, 503, 504})
"""Answers that may be others in a moment."""
MOVED = "Look at the data set's page (`voxmine data show`): the publisher may have moved it."


class DownloadError(VoxmineError):
    """Say why something could not be downloaded; what has come so far is kept."""


class CutError(Exception):
    """The connection ended early, or the server is busy: to be tried again."""


def no_connection(host: str, error: Exception) -> DownloadError:
    """Return the refusal of a download where the network does not lead to a host."""
    return DownloadError(
        f"{host} can be reached over the network",
        str(error) or type(error).__name__,
        "Check the connection (behind a proxy set HTTPS_PROXY), then run the same command again.",
    )


def too_large(file: File, came: str) -> DownloadError:
    """Return the refusal of a file that is larger than the catalogue allows."""
    return DownloadError(f"{file.file_name} has at most {file.limit:,} bytes", f"{came} were to come", MOVED)


@contextmanager
def answer_of(client: httpx.Client, file: File, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """Give the answer to the request for a file, with its content unread, behind redirects to https only.

    Raises
    ------
    DownloadError
        When no file is there, or a redirect leads away from https.
    CutError
        When the server is busy or the connection ends early, also while the content is read.
    """
    address = file.url
    for _ in range(HOPS + 1):
        with _streamed(client, address, headers) as answer:
            if not answer.has_redirect_location:
                _require_file(file, answer)
                yield answer
                return
            address = _next(file, address, answer.headers["Location"])
    raise DownloadError(f"{file.file_name} is where its address leads", f"{HOPS} redirects, and no end", MOVED)


@contextmanager
def _streamed(client: httpx.Client, address: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    try:
        with client.stream("GET", address, headers=headers) as answer:
            yield answer
    except (httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout):
        message = "the connection was cut"
        raise CutError(message) from None


def _next(file: File, address: str, location: str) -> str:
    """Return where a redirect leads; never away from https, and never into this machine."""
    target = urljoin(address, location)
    try:
        checked_address(target)
        leaves = is_loopback(urlsplit(target).hostname) and not is_loopback(urlsplit(file.url).hostname)
    except ValueError:
        leaves = True
    if leaves:
        raise DownloadError(f"{file.file_name} comes over https", "a redirect leads away from it", MOVED)
    return target


def _require_file(file: File, answer: httpx.Response) -> None:
    status = answer.status_code
    if status in BUSY:
        message = f"the server is busy (it answered {status})"
        raise CutError(message)
    if status not in (httpx.codes.OK, PARTIAL, NOT_SATISFIABLE):
        host = urlsplit(file.url).hostname
        raise DownloadError(f"{file.file_name} is where its address leads", f"{host} answered {status}", MOVED)
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise DownloadError(
            f"{file.file_name} comes as a file",
            "a web page came",
            "Open its address in a browser: it may ask to log in or to agree.",
        )


def length(answer: httpx.Response) -> int | None:
    """Return the bytes that an answer announces, or None."""
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def range_of(answer: httpx.Response) -> tuple[int | None, int | None]:
    """Return at which byte the content of an answer starts, and the bytes of the whole file, as far as it says."""
    match = re.match(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", answer.headers.get("Content-Range", ""))
    start, total = match.groups() if match else (None, None)
    return (None if start is None else int(start)), (None if total is None else int(total))


def version_of(answer: httpx.Response) -> str:
    """Return what the server calls this version of the file, as far as two of them can be told apart by it."""
    tag = str(answer.headers.get("ETag", ""))
    version = tag if tag and not tag.startswith("W/") else str(answer.headers.get("Last-Modified", ""))
    return version if version.isascii() else ""
