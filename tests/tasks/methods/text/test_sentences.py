from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.methods.text.sentences import LONGEST_SENTENCE, sentences
from tasks.methods.text.triggers import ENGLISH, GERMAN


def cut(text, language=ENGLISH):
    return sentences(text, language.shortened)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No mass. A cyst.", ["No mass.", "A cyst."]),
        ("A mass of 3.5 cm. Stable!", ["A mass of 3.5 cm.", "Stable!"]),
        ("Seen by Dr. Smith, e.g. yesterday. Done.", ["Seen by Dr. Smith, e.g. yesterday.", "Done."]),
        ("FINDINGS:\nclear lungs", ["FINDINGS:", "clear lungs"]),
        ("No mass; a cyst", ["No mass;", "a cyst"]),
        ("No evidence of\nmass", ["No evidence of mass"]),
        ("No mass\nSmall cyst", ["No mass", "Small cyst"]),
        ("clear\n\nlungs", ["clear", "lungs"]),
        ("- no mass\n- a cyst\n* done", ["- no mass", "- a cyst", "* done"]),
        ("1. no mass\n2. a cyst", ["1. no mass", "2. a cyst"]),
        ("No mass.\r\nA cyst.\rEnd", ["No mass.", "A cyst.", "End"]),
        ("", []),
        (" \n\n . ", ["."]),
    ],
)
def test_reports_are_cut_where_a_reader_would_cut_them(text, expected):
    assert cut(text) == expected


def test_german_words_are_shortened_otherwise():
    assert cut("V.a. Rundherd li. oben, ca. 2 cm. Kein Erguss.", GERMAN) == [
        "V.a. Rundherd li. oben, ca. 2 cm.",
        "Kein Erguss.",
    ]


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="aA .!?;:\n-1\t", max_size=200))
def test_no_word_is_lost_and_no_sentence_is_empty(text):
    found = cut(text)
    assert all(found)
    assert "".join(" ".join(found).split()) == "".join(text.split())


def test_what_is_longer_than_a_sentence_is_cut_between_words():
    found = cut("word " * 1000)
    assert max(map(len, found)) <= LONGEST_SENTENCE
    assert " ".join(found) == ("word " * 1000).strip()
    assert [len(piece) for piece in cut("x" * 4500)] == [2000, 2000, 500]
