"""WAV: sound as PCM of 8 to 32 bits or as floating point, in RIFF, RIFX and RF64 files."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tasks.formats.content import Content

FORMS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">"}
"""What a file begins with, and its byte order."""
MAX_BYTES = 1 << 30
"""Encoded samples of one file: 90 minutes of stereo at 48 kHz and 16 bits."""
MAX_CHUNKS = 10_000
MAX_CHANNELS = 256
MAX_SAMPLING_HZ = 10_000_000
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SUBFORMAT_TAIL = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
"""What follows the code of a format in an extensible header."""
LONG_FORM = b"RF64"
FOLLOWS_64 = 0xFFFFFFFF
"""Stands for a size that the chunk ds64 holds."""
WITHOUT_SIGN, THREE_BYTES = 8, 24
"""Bits of a sample that NumPy does not read as they are."""
_HEAD = 12
_CHUNK = 8
_FORMAT = 16
_EXTENSIBLE = 40


@dataclass(frozen=True)
class _Format:
    """How samples are stored."""

    code: int
    channels: int
    sampling_hz: int
    block: int
    bits: int


def is_wav(head: bytes) -> bool:
    """Say whether bytes begin as a WAV file does."""
    return head[:4] in FORMS and head[8:12] == b"WAVE"


def read_sound(content: Content) -> tuple[NDArray[np.float32], float]:
    """Return sound as float32 (channel, time), and its sampling frequency in Hz.

    Samples of PCM are shares of full scale, from -1 up to 1; floating point stays what it is.

    Raises `BadData`: `not_wav`, `corrupt_file`, `unreasonable_header`, `encoding_not_supported`,
    `empty_signal`, `infinite_values`.
    """
    head = content.range(0, _HEAD)
    if not is_wav(head):
        raise BadData("not_wav", "A WAV file begins with RIFF and WAVE", "this one does not", "Leave it out.")
    order = FORMS[head[:4]]
    known, start, size = _parts(content, order)
    if size > MAX_BYTES:
        raise _unreasonable(f"A recording has at most {MAX_BYTES} bytes of samples")
    if start + size > content.size:
        raise _corrupt("it ends before its samples do")
    frames = size // known.block
    if not frames:
        raise BadData("empty_signal", "A recording has a sample", "it has none", "Leave it out.")
    body = content.range(start, start + frames * known.block)
    values = _samples(body, known, order).reshape(frames, known.channels).T
    if not np.isfinite(values).all():
        raise BadData("infinite_values", "Samples are finite", "some are not", "Write it again.")
    return np.ascontiguousarray(values), float(known.sampling_hz)


def _parts(content: Content, order: str) -> tuple[_Format, int, int]:
    """Return the format of the samples, where they begin, and how many bytes they are."""
    known, long_size = None, None
    for name, start, size in _chunks(content, order):
        if name == b"ds64" and size >= 2 * _CHUNK:
            long_size = int.from_bytes(content.range(start + _CHUNK, start + 2 * _CHUNK), "little")
        elif name == b"fmt ":
            known = _format(content.range(start, start + min(size, _EXTENSIBLE)), order)
        elif name == b"data":
            if known is None:
                break
            if size == FOLLOWS_64 and long_size is None and content.range(0, 4) != LONG_FORM:
                # A program that did not know how much would come, as in a pipe, has left it open.
                return known, start, content.size - start
            return known, start, long_size if size == FOLLOWS_64 and long_size is not None else size
    raise _corrupt("it lacks the chunk of its format, or that of its samples")


def _chunks(content: Content, order: str) -> Iterator[tuple[bytes, int, int]]:
    at = _HEAD
    for _ in range(MAX_CHUNKS):
        head = content.range(at, at + _CHUNK)
        if len(head) < _CHUNK:
            return
        size = int(struct.unpack(f"{order}I", head[4:])[0])
        yield head[:4], at + _CHUNK, size
        at += _CHUNK + size + size % 2  # chunks begin at even places
    raise _unreasonable(f"A WAV file has at most {MAX_CHUNKS} chunks")


def _format(chunk: bytes, order: str) -> _Format:
    if len(chunk) < _FORMAT:
        raise _corrupt("the chunk of its format is too short")
    code, channels, rate, _, block, bits = struct.unpack(f"{order}HHIIHH", chunk[:_FORMAT])
    if code == EXTENSIBLE and len(chunk) == _EXTENSIBLE and chunk[26:] == SUBFORMAT_TAIL:
        code = int(struct.unpack(f"{order}H", chunk[24:26])[0])
    if bits not in {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}.get(code, ()):
        raise BadData(
            "encoding_not_supported",
            "Sound is PCM of 8, 16, 24 or 32 bits, or floating point",
            "it is encoded otherwise",
            "Convert it to PCM.",
        )
    if not 1 <= channels <= MAX_CHANNELS or not 1 <= rate <= MAX_SAMPLING_HZ or block != channels * bits // 8:
        raise _corrupt("its numbers of channels, samples and bits do not fit together")
    return _Format(code, channels, rate, block, bits)


def _samples(body: bytes, known: _Format, order: str) -> NDArray[np.float32]:
    if known.code == FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.frombuffer(body, dtype=f"{order}f{known.bits // 8}").astype(np.float32)
    values = _whole_numbers(body, known.bits, order).astype(np.float32)
    values *= np.float32(2.0 ** (1 - known.bits))
    return values


def _whole_numbers(body: bytes, bits: int, order: str) -> NDArray[Any]:
    if bits == WITHOUT_SIGN:
        return np.frombuffer(body, dtype=np.uint8).astype(np.int16) - np.int16(128)
    return _three_bytes(body, order) if bits == THREE_BYTES else np.frombuffer(body, dtype=f"{order}i{bits // 8}")


def _three_bytes(body: bytes, order: str) -> NDArray[np.int32]:
    """Return 24-bit samples as 32-bit ones of the same value."""
    parts = np.frombuffer(body, dtype=np.uint8).reshape(-1, 3)
    wide = np.zeros((len(parts), 4), dtype=np.uint8)
    wide[:, slice(1, 4) if order == "<" else slice(0, 3)] = parts
    return np.asarray(wide.view(f"{order}i4").reshape(-1) >> 8, dtype=np.int32)


def _corrupt(came: str) -> BadData:
    return BadData("corrupt_file", "The file is whole WAV", came, "Write or copy the file again.")


def _unreasonable(expected: str) -> BadData:
    return BadData("unreasonable_header", expected, "it has more", "Check where the file comes from.")
