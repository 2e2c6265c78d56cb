"""Inflating compressed bytes without ever holding more than was allowed."""

from __future__ import annotations

import bz2
import zlib
from typing import TYPE_CHECKING, Any

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Callable

RAW = -zlib.MAX_WBITS
"""A bare deflate stream, as DICOM stores it."""
GZIP = 16 + zlib.MAX_WBITS
"""Deflate streams with gzip's header, one after the other, as NIfTI and NRRD store them."""
ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
"""A deflate stream with either header, as MetaImage stores it."""
MAX_RATIO = 1_000
"""Voxels may inflate so many times: an empty label map compresses as well as that, ..."""
RATIO_FLOOR = 256 << 20
"""... and more often, when it is no larger than this."""
CHUNK = 64 << 10
"""Compressed bytes taken at once."""
MAX_STREAMS = 100_000
"""Streams one after the other in a file; block-wise compression of 4 GiB makes 65,536."""
GZIP_MAGIC = b"\x1f\x8b"


def allowed(encoded: int, most: int) -> int:
    """Return how many bytes may come out of so many encoded ones, at most `most`."""
    return min(most, max(RATIO_FLOOR, MAX_RATIO * encoded))


def inflate(data: bytes | memoryview, kind: int, limit: int) -> bytes:
    """Return the inflated bytes, at most `limit` of them.

    Raises `BadData`: `corrupt_file` where the stream is broken or does not end, `unreasonable_header`
    where more than `limit` bytes come out.
    """
    return _all(data, lambda: zlib.decompressobj(kind), limit, again=GZIP_MAGIC if kind == GZIP else None)


def bunzip(data: bytes | memoryview, limit: int) -> bytes:
    """Return the bytes that bzip2 compressed, at most `limit` of them; raise `BadData` as `inflate` does."""
    return _all(data, bz2.BZ2Decompressor, limit, again=b"BZh")


def beginning(data: bytes, count: int) -> bytes:
    """Return the first bytes of a gzip stream, fewer where it is cut or broken."""
    try:
        return zlib.decompressobj(GZIP).decompress(data, count)
    except zlib.error:
        return b""


def _all(data: bytes | memoryview, opened: Callable[[], Any], limit: int, again: bytes | None) -> bytes:
    """Inflate a stream, and those that follow it where they begin with `again`."""
    view, parts, left, at = memoryview(data), [], limit, 0
    stream, streams = opened(), 1
    while not stream.eof and at < len(view):
        parts.append(_part(stream, view[at : at + CHUNK], left))
        left -= len(parts[-1])
        at = min(at + CHUNK, len(view)) - len(stream.unused_data)
        if stream.eof and again is not None and bytes(view[at : at + len(again)]) == again:
            stream, streams = opened(), streams + 1
            _require_few(streams)
    if not stream.eof:
        raise BadData(
            "corrupt_file", "A compressed file ends with the end of its stream", "it was cut", "Copy the file again."
        )
    return b"".join(parts)


def _require_few(streams: int) -> None:
    if streams > MAX_STREAMS:
        raise BadData(
            "unreasonable_header",
            f"A compressed file has at most {MAX_STREAMS} streams",
            "it has more",
            "Check where the file comes from.",
        )


def _part(stream: Any, data: memoryview, left: int) -> bytes:  # noqa: ANN401 - zlib's and bz2's decompressors
    try:
        out: bytes = stream.decompress(data, left + 1)
    except (zlib.error, OSError):
        raise BadData(
            "corrupt_file", "A compressed file can be inflated", "its stream is broken", "Copy the file again."
        ) from None
    if len(out) > left:
        raise BadData(
            "unreasonable_header",
            "A compressed file inflates to what its header says, and within the limits",
            "more came out",
            "Check where the file comes from; inflate it yourself if it is to be trusted.",
        )
    return out
