"""Where files lie: in a folder, or under a prefix of a bucket; and what opens a Zarr group in either."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

import fsspec
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from zarr.storage import FsspecStore

from data_catalog.errors import MissingExtra, PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upath import UPath

    Place: TypeAlias = Path | UPath

SCHEMES = ("file", "s3")
"""Of the URLs that may be given. What is kept in `memory` ends with the process; it is for tests."""
OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"use_listings_cache": False, "max_concurrency": 1, "config_kwargs": {"max_pool_connections": 32}}
}
"""Of a file system: several machines write, so no listing may be remembered; a small object is one request,
not two (with more than one reader for an object its size is asked first)."""


def place(address: str | Path) -> Place:
    """Return where an address leads: a folder (`results/store`, `file:///data`), or a bucket (`s3://bucket/prefix`).

    Who may go there, and where a bucket is served that is not Amazon's, says the environment: `AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE`, `AWS_ENDPOINT_URL` and the others that every S3 client knows.

    Raises
    ------
    PlanError
        When the address is of another scheme, or holds more than a place (a user, a password).
    MissingExtra
        When what speaks to object storage is not installed.
    """
    if isinstance(address, Path) or "://" not in address:
        return Path(address)
    parts = urlsplit(address)
    if parts.scheme != "memory":
        require_address(address)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    where: UPath = _of_objects(parts.scheme)(address, **OPTIONS.get(parts.scheme, {}))
    return where


def require_address(address: str) -> None:
    """Refuse an address that is neither a folder nor the URL of a place alone; its text is not repeated.

    Raises
    ------
    PlanError
        As said.
    """
    scheme, is_url, rest = address.partition("://")
    if not is_url:
        return
    bucket = rest.partition("/")[0]
    if scheme not in SCHEMES or not (bucket or scheme == "file"):
        raise PlanError(
            "The store is a folder or a bucket", "its URL is neither", "Write s3://bucket/prefix, or the folder's path."
        )
    if set(rest) & set("@?#") or ":" in bucket:
        raise PlanError(
            "The store's URL names a bucket and a prefix alone",
            "it holds more: a user, a password or a query",
            "Give credentials by the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL.",
        )


def _of_objects(scheme: str) -> type[UPath]:
    try:
        from upath import UPath

        if scheme == "s3":
            import s3fs  # noqa: F401
    except ImportError as missing:
        raise MissingExtra(
            "Object storage is read and written with s3fs",
            f"{missing.name} is not installed",
            'Install it: pip install "voxmine[s3]"',
        ) from None
    return UPath


def filesystem(where: UPath) -> Any:  # noqa: ANN401 - fsspec has no types
    """Return what reads and writes at a place that is no folder, the one of this process.

    A path remembers the one it was first used with, which does not work in a forked process.
    """
    return fsspec.filesystem(where.protocol, **where.storage_options)


def read_file(where: Place) -> bytes:
    """Return the content of a file or an object; of an object with one request."""
    if isinstance(where, Path):
        return where.read_bytes()
    with answered():
        content: bytes = filesystem(where).cat_file(where.path)
    return content


def zarr_store(group: Place) -> str | FsspecStore:
    """Return what zarr and xarray open for the group at a place: a path, or a store that reads objects as asked for."""
    if isinstance(group, Path):
        return str(group)
    # A file system made for zarr's own event loop would have a connection of its own, which nothing ever closes.
    return RemoteGroup(AsyncFileSystemWrapper(filesystem(group), asynchronous=True), read_only=True, path=group.path)


class RemoteGroup(FsspecStore):  # type: ignore[misc]
    """A Zarr store of which a read that gets no answer raises what may pass on a second try."""

    async def get(self, *asked: Any, **named: Any) -> Any:  # noqa: ANN401 - as the store's own
        """Return the bytes of a key, or None where there is none."""
        with answered():
            return await super().get(*asked, **named)


@contextmanager
def answered() -> Iterator[None]:
    """Turn what the S3 client raises when a server does not answer into `ConnectionError`, which may pass."""
    try:
        yield
    except _silences() as silence:
        message = f"The object storage did not answer: {silence}"
        raise ConnectionError(message) from silence


@cache
def _silences() -> tuple[type[Exception], ...]:
    try:
        from aiohttp import ClientError
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return ()
    return ClientError, BotoCoreError
