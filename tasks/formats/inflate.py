"""Inflating compressed bytes without ever holding more than was allowed."""

from __future__ import annotations

import zlib

from data_catalog.errors import BadData

RAW = -zlib.MAX_WBITS
"""A bare deflate stream, as DICOM stores it."""
GZIP = 16 + zlib.MAX_WBITS
"""A deflate stream with gzip's header, as NIfTI stores it."""


def inflate(data: bytes | memoryview, kind: int, limit: int) -> bytes:
    """Return the inflated bytes, at most `limit` of them.

    Raises `BadData`: `corrupt_file` where the stream is broken or does not end, `unreasonable_header`
    where more than `limit` bytes come out.
    """
    stream = zlib.decompressobj(kind)
    try:
        out = stream.decompress(data, limit + 1)
    except zlib.error:
        raise BadData(
            "corrupt_file", "A compressed file can be inflated", "its stream is broken", "Copy the file again."
        ) from None
    if len(out) > limit:
        raise BadData(
            "unreasonable_header",
            f"A compressed file holds at most {limit} bytes",
            "more came out",
            "Check where the file comes from; inflate it yourself if it is to be trusted.",
        )
    if not stream.eof:
        raise BadData(
            "corrupt_file", "A compressed file ends with the end of its stream", "it was cut", "Copy the file again."
        )
    return out
