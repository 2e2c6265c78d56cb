"""Siemens' CSA header: a table of named texts in a private element."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tasks.formats.dicom.binary import private

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet

_MAGIC = b"SV10"
_TAG = struct.Struct("<64si4siii")
_ITEM = struct.Struct("<4i")
MAX_TAGS = 1000
MAX_ITEMS = 1000


def csa_header(dataset: DataSet) -> dict[str, tuple[str, ...]]:
    """Return the texts of the image's CSA header by name, none where there is no such header or it is broken."""
    value = private(dataset, 0x0029, "SIEMENS CSA HEADER", 0x10)
    try:
        return _tags(bytes(value)) if value else {}
    except struct.error:
        return {}


def _tags(data: bytes) -> dict[str, tuple[str, ...]]:
    is_second = data[: len(_MAGIC)] == _MAGIC
    at = 8 if is_second else 0
    count, _ = struct.unpack_from("<2I", data, at)
    at += 8
    found: dict[str, tuple[str, ...]] = {}
    shift = None
    for _ in range(min(count, MAX_TAGS)):
        name, _, _, _, items, _ = _TAG.unpack_from(data, at)
        at += _TAG.size
        shift = items if shift is None else shift
        texts = []
        for _ in range(min(items, MAX_ITEMS)):
            first, second, *_ = _ITEM.unpack_from(data, at)
            # The first version writes the length of an item, plus the number of items of the first tag.
            length = second if is_second else first - shift
            at += _ITEM.size
            if length < 0 or at + length > len(data):
                return found
            texts.append(data[at : at + length].split(b"\0", 1)[0].decode("latin-1").strip())
            at += -(-length // 4) * 4
        found[name.split(b"\0", 1)[0].decode("latin-1")] = tuple(text for text in texts if text)
    return found
