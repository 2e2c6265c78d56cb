"""Taking apart, within bounds, what a DICOMweb service sends: many files in one answer."""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

from tasks.remote.archive import Denied, NoAnswer
from tasks.sources.refusals import MAX_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BOUNDARY = 200
"""RFC 2046 allows 70 characters; some services take more."""
MAX_HEADER_BYTES = 16 << 10
"""The head of one part, and whatever stands before the first."""


def boundary_of(content_type: str) -> bytes:
    """Return what stands between the parts of an answer.

    Raises `Denied` when the answer is not in parts.
    """
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/related" or not boundary or len(boundary) > MAX_BOUNDARY:
        raise Denied("An archive sends a series in parts (multipart/related)", "it did not", "Check its address.")
    return boundary.encode("ascii", "replace")


def parts(chunks: Iterable[bytes], boundary: bytes) -> Iterator[Iterator[bytes]]:
    """Yield the body of each part as chunks, which are to be read before the next is asked for.

    Raises `NoAnswer` when the answer ends before its last part does, or a part is not as long as its head
    says; `Denied` when a part is larger than 4 GiB or its head than 16 KiB.
    """
    stream = _Stream(chunks)
    mark = b"\r\n--" + boundary
    _joined(stream.until(mark))
    while not stream.begins_with(b"--"):
        head = _joined(stream.until(b"\r\n\r\n"))
        yield _bounded(stream.until(mark), _announced(head))


class _Stream:
    """Bytes that come in chunks of any size."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.held = b"\r\n"  # so that the first boundary is found like the others

    def until(self, mark: bytes) -> Iterator[bytes]:
        """Yield what comes before a mark, and step over the mark."""
        tail = len(mark) - 1
        while (at := self.held.find(mark)) < 0:
            if len(self.held) > tail:
                ready, self.held = self.held[:-tail], self.held[-tail:]
                yield ready
            self._more()
        ready, self.held = self.held[:at], self.held[at + len(mark) :]
        yield ready

    def begins_with(self, mark: bytes) -> bool:
        while len(self.held) < len(mark):
            self._more()
        return self.held.startswith(mark)

    def _more(self) -> None:
        chunk = next(self.chunks, None)
        if chunk is None:
            raise _broken_off()
        self.held += chunk


def _joined(pieces: Iterator[bytes]) -> bytes:
    joined = b""
    for piece in pieces:
        joined += piece
        if len(joined) > MAX_HEADER_BYTES:
            raise Denied("The head of a part is short", f"it has more than {MAX_HEADER_BYTES} bytes", "Ask its vendor.")
    return joined


def _announced(head: bytes) -> int | None:
    """Return the length that the head of a part announces, None where it announces none."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None


def _bounded(body: Iterator[bytes], announced: int | None) -> Iterator[bytes]:
    count = 0
    for chunk in body:
        count += len(chunk)
        if count > MAX_FILE_BYTES:
            raise Denied(f"A file has at most {MAX_FILE_BYTES} bytes", "the archive sends more", "Split it there.")
        yield chunk
    if announced not in (None, count):
        raise _broken_off()


def _broken_off() -> NoAnswer:
    return NoAnswer("An archive sends its answer to the end", "it broke off", "Run the plan again: it goes on there.")
