from __future__ import annotations

import bz2
import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.errors import BadData
from tasks.formats import inflate as module
from tasks.formats.inflate import GZIP, RAW, ZLIB_OR_GZIP, allowed, beginning, bunzip, inflate


def verdict_of(call, *given):
    with pytest.raises(BadData) as refusal:
        call(*given)
    return refusal.value.verdict


def test_each_kind_of_stream_is_inflated():
    assert inflate(gzip.compress(b"abc"), GZIP, 3) == b"abc"
    assert inflate(zlib.compress(b"abc")[2:-4], RAW, 3) == b"abc"
    assert inflate(memoryview(zlib.compress(b"abc")), ZLIB_OR_GZIP, 3) == b"abc"
    assert inflate(gzip.compress(b"abc"), ZLIB_OR_GZIP, 3) == b"abc"
    assert bunzip(bz2.compress(b"abc"), 3) == b"abc"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6), st.integers(1, 40))
def test_streams_one_after_the_other_are_one_file_however_they_are_cut(parts, step):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", step)
        whole = b"".join(parts)
        assert inflate(b"".join(map(gzip.compress, parts)), GZIP, len(whole)) == whole
        assert bunzip(b"".join(map(bz2.compress, parts)), len(whole)) == whole


def test_what_follows_a_stream_and_is_none_is_left_out():
    assert inflate(gzip.compress(b"abc") + b"\0\0", GZIP, 3) == b"abc"
    assert inflate(zlib.compress(b"abc") * 2, ZLIB_OR_GZIP, 3) == b"abc"


def test_more_than_was_allowed_is_refused_at_once():
    bomb = gzip.compress(b"\0" * 10_000_000)
    assert verdict_of(inflate, bomb, GZIP, 1000) == "unreasonable_header"
    assert verdict_of(bunzip, bz2.compress(b"\0" * 10_000_000), 1000) == "unreasonable_header"
    assert verdict_of(inflate, gzip.compress(b"abc") * 2, GZIP, 5) == "unreasonable_header"


def test_endless_streams_are_followed_to_a_limit(monkeypatch):
    monkeypatch.setattr(module, "MAX_STREAMS", 3)
    assert inflate(gzip.compress(b"a") * 3, GZIP, 100) == b"aaa"
    assert verdict_of(inflate, gzip.compress(b"a") * 4, GZIP, 100) == "unreasonable_header"


CUT = gzip.compress(b"abc" * 100)[:-9]


@pytest.mark.parametrize("data", [b"", CUT, b"\x1f\x8b" + b"x" * 50], ids=["empty", "cut", "broken"])
def test_cut_and_broken_streams_are_refused(data):
    assert verdict_of(inflate, data, GZIP, 1000) == "corrupt_file"
    assert verdict_of(bunzip, data, 1000) == "corrupt_file"


def test_the_beginning_of_a_stream_needs_no_end():
    whole = gzip.compress(bytes(range(256)) * 100)
    assert beginning(whole[:80], 5) == b"\0\1\2\3\4"
    assert beginning(b"\x1f\x8b broken", 5) == b""


def test_small_files_may_inflate_more_often_than_large_ones():
    assert allowed(1, 4 << 30) == 256 << 20
    assert allowed(1 << 20, 4 << 30) == 1000 << 20
    assert allowed(1 << 30, 4 << 30) == 4 << 30
