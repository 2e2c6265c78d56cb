from __future__ import annotations

import pytest

from data_catalog.errors import BadData
from tasks.formats import text
from tasks.formats.content import Held
from tasks.formats.text import read_report


def refusal_of(data, *given):
    with pytest.raises(BadData) as refusal:
        read_report(Held(data), *given)
    return refusal.value


def test_a_report_is_one_item_that_shows_nothing_of_itself():
    (item,) = read_report(Held("\ufeffKein Erguß.".encode()))
    assert (item.text, item.status) == ("Kein Erguß.", None)
    assert "Erguß" not in repr(item)


def test_the_encoding_is_the_plans():
    data = "Kein Erguß.".encode("latin-1")
    assert read_report(Held(data), "latin-1")[0].text == "Kein Erguß."
    assert refusal_of(data).verdict == "not_text"
    assert "Erg" not in str(refusal_of(data))


def test_an_empty_report_is_empty():
    assert read_report(Held(b""))[0].text == ""


def test_what_is_no_text_or_a_book_is_refused(monkeypatch):
    assert refusal_of(b"\x89PNG\0\0").verdict == "not_text"
    assert refusal_of(b"a\0b", "latin-1").verdict == "not_text"
    monkeypatch.setattr(text, "MAX_BYTES", 3)
    assert refusal_of(b"four").verdict == "file_too_large"
