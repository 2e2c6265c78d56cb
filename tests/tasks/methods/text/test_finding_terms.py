"""NegEx on sentences of reports: the ones its authors give, lists, doubts, and what only looks like a negation."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.methods.text.finding_terms import FindingTerms, strongest
from tasks.methods.text.item import Mention, TextItem
from tasks.methods.text.scope import SORTS
from tasks.methods.text.triggers import ENGLISH, GERMAN, LANGUAGES

TERMS = FindingTerms(
    terms={
        "mass": ("mass", "lump"),
        "calcification": ("calcification", "microcalcification"),
        "effusion": ("pleural effusion", "effusion"),
        "pneumothorax": ("pneumothorax",),
        "metastasis": ("metastasis",),
        "biopsy": ("biopsy",),
    }
)
GERMAN_TERMS = FindingTerms(
    language="de", terms={"erguss": ("Pleuraerguss", "Erguss"), "rundherd": ("Rundherd",), "metastase": ("Metastase",)}
)


def said(*texts, terms=TERMS):
    return strongest((one.finding, one.status) for one in terms([TextItem(text) for text in texts]))


def test_mentions_come_in_the_order_of_the_report():
    report = [TextItem("No mass. There is an effusion with calcifications."), TextItem("A lump.")]
    assert TERMS(report) == [
        Mention("mass", "absent", 0),
        Mention("effusion", "present", 1),
        Mention("calcification", "present", 1),
        Mention("mass", "present", 2),
    ]


@pytest.mark.parametrize(
    ("sentence", "status"),
    [
        ("There is a mass in the left breast.", "present"),
        ("No evidence of mass.", "absent"),
        ("The patient denies a mass.", "absent"),
        ("Negative for mass.", "absent"),
        ("Lungs without focal mass.", "absent"),
        ("No suspicious calcifications, architectural distortion or masses.", "absent"),
        ("Neither effusion nor mass.", "absent"),
        ("A mass is not seen.", "absent"),
        ("Mass: none.", "absent"),
        ("A mass was ruled out.", "absent"),
        ("Mass is unlikely.", "absent"),
        ("The mass is no longer visible.", "absent"),
        ("Family history of a mass.", None),
        ("Mass: no", "absent"),
        ("Mass - no.", "absent"),
        ("Mass: no effusion.", "present"),
        ("Mass?", "uncertain"),
        ("This is unlikely to be a mass.", "absent"),
        ("Mass: unknown", "uncertain"),
        ("Her mother had a mass.", None),
        ("Family history of effusion; a mass is seen.", "present"),
        ("Rule out mass.", "uncertain"),
        ("Possible mass.", "uncertain"),
        ("Findings suspicious for a mass.", "uncertain"),
        ("A mass cannot be excluded.", "uncertain"),
        ("A mass is not excluded.", "uncertain"),
        ("A mass should be considered.", "uncertain"),
        ("This may represent a mass.", "uncertain"),
        ("No change in the mass.", "present"),
        ("The mass has not only grown.", "present"),
        ("No interval change in size of the mass.", "present"),
        ("No effusion, but a mass.", "present"),
        ("There is no effusion; a mass is seen.", "present"),
        ("Not an effusion, although there is a mass.", "present"),
        ("No pneumothorax although possible mass.", "uncertain"),
        ("MASS", "present"),
        ("Masses", "present"),
        ("Amassed evidence.", None),
        ("The massive heart.", None),
    ],
)
def test_a_mention_has_the_status_a_reader_would_give_it(sentence, status):
    assert said(sentence).get("mass") == status


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Kein Nachweis von Metastasen.", {"metastase": "absent"}),
        ("Kein Anhalt für einen Rundherd oder Erguss.", {"rundherd": "absent", "erguss": "absent"}),
        ("Pleuraerguss nicht nachweisbar.", {"erguss": "absent"}),
        ("V.a. Metastase im li. Oberlappen.", {"metastase": "uncertain"}),
        ("Metastasen nicht auszuschließen.", {"metastase": "uncertain"}),
        ("Kein Rundherd, jedoch Pleuraergüsse, Erguss rechts.", {"rundherd": "absent", "erguss": "present"}),
        ("Keine Größenzunahme der Rundherde.", {"rundherd": "present"}),
    ],
)
def test_german_is_read_with_german_triggers(sentence, expected):
    assert said(sentence, terms=GERMAN_TERMS) == expected


def test_a_trigger_reaches_only_its_own_sentence():
    assert said("No effusion. Mass.") == {"effusion": "absent", "mass": "present"}
    assert said("No effusion", "mass") == {"effusion": "absent", "mass": "present"}


def test_as_first_published_a_trigger_reaches_five_words():
    near = TERMS.model_copy(update={"within_words": 5})
    assert said("No one two three four mass.", terms=near) == {"mass": "absent"}
    assert said("No one two three four five mass.", terms=near) == {"mass": "present"}
    assert said("Mass one two three four five is absent.", terms=near) == {"mass": "present"}
    assert said("Mass one two three four is absent.", terms=near) == {"mass": "absent"}


def test_present_counts_before_uncertain_and_uncertain_before_absent():
    assert said("No mass.", "Possible mass.") == {"mass": "uncertain"}
    assert said("Possible mass.", "A mass.", "No mass.") == {"mass": "present"}


def test_plurals_hyphens_and_spaces_do_not_matter():
    terms = FindingTerms(terms={"ggo": ("ground glass opacity",), "nme": ("non-mass enhancement",), "mass": ("mass",)})
    assert said("Ground-glass  opacities.", terms=terms) == {"ggo": "present"}
    assert said("Non-mass enhancement.", terms=terms) == {"nme": "present"}, "a mass inside longer words is none"
    assert said("Metastases and biopsies.") == {"metastasis": "present", "biopsy": "present"}


def test_a_trigger_inside_the_words_of_a_finding_is_none():
    terms = FindingTerms(terms={"free fluid": ("free fluid",), "nonunion": ("no union",)})
    assert said("Free fluid in the pelvis.", terms=terms) == {"free fluid": "present"}
    assert said("There is no union of the bones.", terms=terms) == {"nonunion": "present"}


def test_a_pattern_finds_what_words_cannot_say():
    terms = FindingTerms(terms={"birads": ("BI-RADS 5",)}, patterns={"birads": r"BI-?RADS\s*[45]", "size": r"\d+ mm"})
    assert terms.findings == ("birads", "size")
    assert said("BIRADS 4 lesion of 12 mm", terms=terms) == {"birads": "present", "size": "present"}


def test_a_coded_status_counts_before_the_words():
    items = [TextItem("no mass", "present"), TextItem("effusion", "uncertain")]
    told = strongest((one.finding, one.status) for one in TERMS(items))
    assert told == {"mass": "present", "effusion": "uncertain"}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from(["no", "mass", "but", "effusion", "possible", "is absent", ".", "and", "\n", "Lump"]),
        max_size=12,
    )
)
def test_every_mention_is_found_once_whatever_stands_around_it(words):
    text = " ".join(words)
    mentions = TERMS([TextItem(text)])
    assert sum(one.finding == "mass" for one in mentions) == len(re.findall(r"mass|lump", text, re.IGNORECASE))
    assert TERMS([TextItem(text)]) == mentions
    assert TERMS([TextItem(text.upper())]) == [*mentions] or "\n" in text  # line breaks before capitals end sentences


@pytest.mark.parametrize("text", ["", " ", "no no no no", "?!"])
def test_a_report_that_names_nothing_gives_nothing(text):
    assert TERMS([TextItem(text)]) == []
    assert TERMS([]) == []


def test_a_mention_shows_nothing_of_the_text():
    assert "Zebra" not in repr(TERMS([TextItem("Mr. Zebrafish has a mass.")]))
    assert "Zebra" not in repr(TextItem("Mr. Zebrafish"))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"terms": {"mass": ()}}, "at least 1 item"),
        ({"terms": {"mass": ("",)}}, "pattern"),
        ({"terms": {"mass.": ("mass",)}}, "letters, digits"),
        ({"terms": {}, "patterns": {"mass": "("}}, "no regular expression"),
        ({"terms": {}, "language": "fr"}, "'en' or 'de'"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(fields, what):
    with pytest.raises(ValidationError, match=what):
        FindingTerms(**fields)


def test_the_vocabulary_is_all_that_a_plan_and_a_record_hold():
    found = json.loads(TERMS.model_dump_json())
    assert set(found) == {"method", "terms", "patterns", "language", "within_words"}
    TERMS([TextItem("mass")])
    assert FindingTerms.model_validate(found) == TERMS


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_no_words_are_a_trigger_of_two_sorts_or_stand_twice(language):
    words = [one for sort in SORTS for one in getattr(LANGUAGES[language], sort)]
    assert sorted(set(words)) == sorted(words)
    assert all(one == one.lower() == " ".join(one.split()) for one in words)


@pytest.mark.parametrize("triggers", [ENGLISH, GERMAN])
def test_every_trigger_does_what_its_list_says(triggers):
    terms = FindingTerms(terms={"zebra": ("zebra",)}, language="en" if triggers is ENGLISH else "de")
    for words in triggers.negates_after:
        assert said(f"{words} zebra", terms=terms) == {"zebra": "absent"}, words
    for words in triggers.negates_before:
        assert said(f"zebra {words}", terms=terms) == {"zebra": "absent"}, words
    for words in triggers.doubts_after:
        assert said(f"{words} zebra", terms=terms) == {"zebra": "uncertain"}, words
    for words in triggers.doubts_before:
        assert said(f"zebra {words}", terms=terms) == {"zebra": "uncertain"}, words
    for words in triggers.pseudo:
        assert said(f"{words} zebra", terms=terms) == {"zebra": "present"}, words
    for words in triggers.ends:
        assert said(f"{triggers.negates_after[-1]} fish {words} zebra", terms=terms) == {"zebra": "present"}, words


@pytest.mark.shared
def test_the_interpretations_of_real_ultrasound_are_read(shared_data):
    rows = (shared_data / "breast_usg" / "clinical.csv").read_text(encoding="utf-8")
    terms = FindingTerms(
        terms={"cyst": ("cyst",), "fibroadenoma": ("fibroadenoma",), "cancer": ("suspicion of malignancy",)}
    )
    found = [mention.finding for line in rows.splitlines()[1:] for mention in terms([TextItem(line)])]
    assert found.count("fibroadenoma") > 10
    assert found.count("cyst") > 10
