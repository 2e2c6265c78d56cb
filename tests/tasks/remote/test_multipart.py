"""Taking an answer of several files apart: whatever the pieces it comes in, and nothing that is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.remote import multipart
from tasks.remote.archive import Denied, NoAnswer
from tasks.remote.multipart import boundary_of, parts

MARK = b"frontier"


def answer(*bodies, mark=MARK, length=True):
    told = [b"\r\nContent-Length: %d" % len(body) if length else b"" for body in bodies]
    return (
        b"".join(
            b"--" + mark + b"\r\nContent-Type: application/dicom" + tell + b"\r\n\r\n" + body + b"\r\n"
            for tell, body in zip(told, bodies, strict=True)
        )
        + b"--"
        + mark
        + b"--\r\n"
    )


def taken(data, size=7, mark=MARK):
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return [b"".join(body) for body in parts(chunks, mark)]


def test_two_parts_are_two_files():
    assert taken(answer(b"one", b"two")) == [b"one", b"two"]


def test_a_part_may_have_no_head_and_no_content():
    assert taken(b"--frontier\r\n\r\n\r\n--frontier\r\n\r\nx\r\n--frontier--") == [b"", b"x"]


def test_what_stands_before_the_first_and_behind_the_last_part_is_passed_over():
    assert taken(b"a preface\r\n" + answer(b"one") + b"a postface") == [b"one"]


def test_an_answer_without_parts_holds_none():
    assert taken(b"--frontier--") == []


@given(
    bodies=st.lists(st.binary(max_size=60).filter(lambda body: MARK not in body), max_size=4),
    size=st.integers(1, 100),
    length=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_the_pieces_in_which_an_answer_comes_do_not_matter(bodies, size, length):
    assert taken(answer(*bodies, length=length), size) == bodies


@given(body=st.binary(min_size=1, max_size=40).filter(lambda body: MARK not in body), size=st.integers(1, 20))
@settings(max_examples=50, deadline=None)
def test_an_answer_that_is_cut_anywhere_is_noticed(body, size):
    whole = answer(body)
    for end in range(len(whole) - 5):
        with pytest.raises(NoAnswer, match="broke off"):
            taken(whole[:end], size)


def test_a_part_that_is_shorter_than_it_says_is_noticed():
    cut = answer(b"0123456789", b"two").replace(b"0123456789", b"01234")
    with pytest.raises(NoAnswer, match="broke off"):
        taken(cut)


def test_a_part_may_be_as_large_as_a_file_may(monkeypatch):
    monkeypatch.setattr(multipart, "MAX_FILE_BYTES", 5)
    assert taken(answer(b"12345")) == [b"12345"]
    with pytest.raises(Denied, match="at most 5 bytes"):
        taken(answer(b"123456"))


def test_a_head_without_end_is_refused():
    with pytest.raises(Denied, match="short"):
        taken(b"--frontier\r\n" + b"X: y\r\n" * 10_000, 1000)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/related; type=application/dicom; boundary=abc", b"abc"),
        ('multipart/related; boundary="a b:c"; type="application/dicom"', b"a b:c"),
        ("Multipart/Related; Boundary=abc", b"abc"),
    ],
)
def test_the_boundary_is_read_from_the_head_of_the_answer(content_type, boundary):
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    ["", "text/html", "multipart/related", "application/dicom; boundary=x", "multipart/related; boundary=" + "x" * 201],
)
def test_an_answer_that_is_not_in_parts_is_refused(content_type):
    with pytest.raises(Denied, match="in parts"):
        boundary_of(content_type)
