"""A digest taken beside the work is that of the bytes."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog import digests
from data_catalog.digests import SMALL, Sha256, hash_here

SIZES = st.lists(st.sampled_from([0, 1, 7, SMALL - 1, SMALL, 3 * SMALL]), max_size=6)


@settings(max_examples=25, deadline=None)
@given(SIZES)
def test_the_digest_is_that_of_all_bytes_in_their_order(sizes):
    parts = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    taken = Sha256()
    for part in parts:
        taken.update(part)
    assert taken.hexdigest() == hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_number_of_threads_changes_nothing(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    taken = Sha256()
    taken.update(b"a" * SMALL)
    taken.update(memoryview(b"b"))
    assert taken.hexdigest() == hashlib.sha256(b"a" * SMALL + b"b").hexdigest()


def test_no_more_bytes_wait_than_are_allowed(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(digests, "WAITING", 2 * SMALL)
    taken = Sha256()
    for _ in range(50):
        taken.update(bytes(SMALL))
        assert taken._bytes <= 2 * SMALL
    assert taken.hexdigest() == hashlib.sha256(bytes(50 * SMALL)).hexdigest()


def test_a_thread_may_hash_what_it_hands_in_itself(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    taken = [Sha256() for _ in range(4)]
    with ThreadPoolExecutor(1, initializer=hash_here) as pool:
        list(pool.map(lambda one: one.update(b"a" * SMALL), taken[:3]))
        assert not any(one._waiting for one in taken)
        taken[3].update(b"a" * SMALL)
        pool.submit(taken[3].update, b"a" * SMALL).result()
    digests_of = [one.hexdigest() for one in taken]
    assert digests_of == [*[hashlib.sha256(b"a" * SMALL).hexdigest()] * 3, hashlib.sha256(b"a" * 2 * SMALL).hexdigest()]


def test_a_digest_can_be_asked_for_in_between():
    taken = Sha256()
    taken.update(b"x" * SMALL)
    first = taken.hexdigest()
    taken.update(b"y")
    assert first == hashlib.sha256(b"x" * SMALL).hexdigest() != taken.hexdigest()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_what_is_hashed_is_written_too_in_its_order(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    parts = [b"a" * SMALL, b"b", b"c" * 3 * SMALL, b""]
    written = []
    taken = Sha256(lambda data: written.append(bytes(data)))
    for part in parts:
        taken.update(part)
    assert taken.hexdigest() == hashlib.sha256(b"".join(parts)).hexdigest()
    assert written == parts


def test_what_the_writing_raises_reaches_the_one_who_asks_for_the_digest(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def fail(_):
        raise OSError(28, "No space left on device")

    taken = Sha256(fail)
    with pytest.raises(OSError, match="No space"):  # on the thread it may come at once, or later
        [taken.update(b"a" * SMALL), taken.hexdigest()]
    taken.abandon()
    assert not taken._waiting
