import itertools
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from data_catalog.refs import Refusal
from tasks.methods.reporting import words
from tasks.methods.reporting.data import Picture
from tasks.methods.reporting.page import MOST_FEATURES, SECTIONS, TOP_FEATURES, TOP_RULES, look_digest, render
from tasks.methods.reporting.parts import FeatureSummary, Spread
from tasks.methods.rules.card import Note, Sight
from tasks.methods.rules.centres import CentreAgreement, CentreCounts
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.item_pairs import item_pairs
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.rule import RuleSet
from tasks.methods.rules.sequence_rule import OutcomeTest, SequencePattern, SequenceSet
from tasks.methods.rules.stability import Stability

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = "<script>alert('x')</script>\"'&{{ 7 * 7 }}"


class Reader(HTMLParser):
    """Read a page as a browser does, and refuse one whose elements are not closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.starts, self.said = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.starts.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not set(self.open) & {"style", "script"}:
            self.said.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.starts if name == tag]

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.said))


@pytest.fixture(scope="module")
def page(filled):
    return render(filled)


@pytest.fixture(scope="module")
def read(page):
    return Reader(page)


def of(data, **changes):
    return Reader(render(data.model_copy(update=changes)))


def section(data, anchor):
    """Return the text of one section."""
    html = render(data)
    start = html.index(f'<section id="{anchor}"')
    return Reader(html[start : html.index("</section>", start) + len("</section>")]).text


def test_the_page_is_whole_and_has_one_main_heading(read):
    assert [name for name, _ in read.starts[:2]] == ["html", "head"]
    assert len(read.all("h1")) == len(read.all("main")) == len(read.all("title")[:1]) == 1
    assert read.all("html")[0]["lang"] == "en"


def test_the_page_names_no_address_outside_itself(page, read):
    assert not re.search(r"https?:|//[a-z]|url\(|@import", re.sub(r"data:image/png;base64,[\w+/=]+", "", page))
    for tag in ("img", "script", "link", "iframe", "a"):
        for attrs in read.all(tag):
            assert attrs.get("src", attrs.get("href", "#")).startswith(("data:", "#"))


def test_the_page_forbids_the_browser_to_load_anything(read):
    policy = next(attrs["content"] for attrs in read.all("meta") if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'; img-src data:")


def test_the_same_report_is_the_same_page(filled, page):
    again = type(filled).model_validate_json(filled.model_dump_json())
    assert render(again) == page


def test_a_page_is_small(page):
    assert len(page.encode()) < 400_000


def test_every_section_is_there_in_order_and_in_the_contents(read):
    anchors = [attrs["id"] for attrs in read.all("section") if "id" in attrs]
    assert anchors == ["found", *(anchor for anchor, _ in SECTIONS)]
    links = [attrs["href"] for attrs in read.all("a")]
    assert links[: len(SECTIONS)] == [f"#{anchor}" for anchor, _ in SECTIONS]


def test_every_link_leads_somewhere_and_no_name_is_given_twice(read):
    names = [attrs["id"] for _, attrs in read.starts if attrs.get("id")]
    assert len(names) == len(set(names))
    assert {attrs["href"][1:] for attrs in read.all("a")} <= set(names)
    assert {attrs["aria-labelledby"] for attrs in read.all("section")} <= set(names)


def test_headings_do_not_skip_a_level(read):
    levels = [int(name[1]) for name, _ in read.starts if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert all(following <= level + 1 for level, following in itertools.pairwise(levels))


def test_tables_have_captions_and_headings_with_a_scope(read):
    assert len(read.all("caption")) == len(read.all("table")) > 10
    assert all(attrs.get("scope") in {"col", "row"} for attrs in read.all("th"))


def test_pictures_and_drawings_say_what_they_show(read):
    assert [attrs["alt"].split(":")[0] for attrs in read.all("img")] == ["CT", "PET"]
    assert all(attrs["src"].startswith("data:image/png;base64,iVBOR") for attrs in read.all("img"))
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in read.all("svg"))


def test_the_numbers_of_the_study_are_on_the_page(read):
    for said in (
        "41 patients with 164 series came in",
        "0.94 (0.86 to 1.00)",
        "Selecting features before the split would have shown AUC 0.84 instead of 0.71",
        "it was not used to select features",
        "If marker is positive and CT tumour intensity variance is high (> 420 HU²), then progression is yes",
        "One of 2,310 rules searched",
        "Steroids is followed by infection",
        "voxmine why evaluation-3f9a1c2b7d06",
        "3,936",
        "P004/v1/CT/a81b0c",
        "not a medical device",
    ):
        assert said in read.text, said


def test_patients_for_and_against_a_rule_are_named_but_folded_away(read, filled):
    rule = filled.rules.claimed[0]
    assert f"For (10): {', '.join(rule.supporting)}." in read.text
    assert len(read.all("details")) > 5


def test_planted_truths_are_marked(read):
    assert "1 of 2 are right" in read.text
    assert "✗ missed" in read.text


def test_a_study_of_real_patients_has_no_planted_truths(filled):
    assert "Planted" not in of(filled, found=()).text


@pytest.mark.parametrize(
    ("anchor", "said"),
    [
        ("flow", "The flow of the cohort was not recorded."),
        ("pictures", "There is no picture"),
        ("cohort", "There is no table of the cohort"),
        ("features", "No feature was measured."),
        ("scanners", "Scanners were not compared: fewer than two are known."),
        ("readers", "No region was outlined by two readers."),
        ("models", "No model was trained in this study."),
        ("rules", "No rules that end in the outcome were looked for."),
        ("associations", "No associations among items were looked for."),
        ("sequences", "No patterns in time were looked for."),
        ("not-found", "Nothing was looked for."),
        ("methods", "No method was recorded."),
        ("limitations", "Nothing was analysed, so nothing can be claimed."),
        ("made", "What made the numbers was not recorded."),
    ],
)
def test_a_section_without_anything_says_so(empty, anchor, said):
    assert said in section(empty, anchor)


def test_an_empty_page_is_whole(empty):
    assert "Nothing was analysed." in Reader(render(empty)).text


def test_an_empty_search_is_told_apart_from_no_search(filled):
    nothing = RuleSet(rules=(), found=0, searched=2310, rows=40, adjust="holm", alpha=0.05)
    data = filled.model_copy(update={"rules": nothing, "associations": nothing})
    assert "No rule on progression is claimed among 2,310 searched." in section(data, "rules")
    assert "No association is claimed among 2,310 searched. None reached the thresholds" in section(
        data, "associations"
    )
    assert "No rule on progression is claimed" in section(data, "not-found")


def test_scanners_without_features_are_not_compared(filled):
    assert "there is no feature" in section(filled.model_copy(update={"scanner_effects": ()}), "scanners")


def test_what_could_not_be_made_is_said_with_the_reason(empty):
    refusal = Refusal(
        item="logistic on all columns",
        stage="evaluate",
        verdict="too_few_patients",
        expected="Every fold has both classes",
        came="3 events came",
        remedy="Ask for fewer folds.",
    )
    refused = dict.fromkeys(("models", "rules", "associations", "sequences"), (refusal,))
    data = empty.model_copy(update={"refused": refused})
    for anchor in refused:
        said = section(data, anchor)
        assert "Logistic on all columns could not be made. Every fold has both classes: 3 events came." in said
        assert "looked for" not in said


def test_text_of_others_stays_text(filled, page):
    rule = filled.rules.claimed[0]
    item = rule.antecedent[0].model_copy(update={"label": HOSTILE, "level": HOSTILE})
    hostile_rule = rule.model_copy(update={"antecedent": (item,), "supporting": (HOSTILE,)})
    sequence = filled.sequences.rules[0].model_copy(update={"steps": (HOSTILE, HOSTILE)})
    refusal = filled.flow[0].refusals[0].model_copy(update={"item": HOSTILE, "came": HOSTILE, "verdict": HOSTILE})
    data = filled.model_copy(
        update={
            "study": HOSTILE,
            "question": HOSTILE,
            "outcome": filled.outcome.model_copy(update={"label": HOSTILE, "event": HOSTILE}),
            "flow": (filled.flow[0].model_copy(update={"what": HOSTILE, "refusals": (refusal,)}),),
            "pictures": (Picture(modality=HOSTILE, caption=HOSTILE, png=b"x"),),
            "features": tuple(one.model_copy(update={"label": HOSTILE, "unit": HOSTILE}) for one in filled.features),
            "models": tuple(one.model_copy(update={"name": HOSTILE, "note": HOSTILE}) for one in filled.models),
            "rules": filled.rules.model_copy(update={"rules": (hostile_rule,)}),
            "sequences": filled.sequences.model_copy(update={"rules": (sequence,)}),
            "methods": (filled.methods[0].model_copy(update={"parameters": {HOSTILE: HOSTILE}, "on": HOSTILE}),),
            "origins": (filled.origins[0].model_copy(update={"artefact": HOSTILE, "parameters": {"a": HOSTILE}}),),
            "found": (filled.found[0].model_copy(update={"planted": HOSTILE}),),
        }
    )
    html = render(data)
    read = Reader(html)
    assert len(read.all("script")) == 1
    assert "alert('x')" not in html
    assert read.text.count(HOSTILE) > 20


def test_small_counts_are_hidden_on_request(filled):
    data = filled.model_copy(update={"hide_counts_below": 5})
    assert "4 (33 %)" in section(filled, "cohort")
    said = section(data, "cohort")
    assert "4 (33 %)" not in said
    assert "<5" in said
    assert "Counts of fewer than 5 rows are hidden." in said


def test_few_patients_of_a_rule_are_hidden_in_all_that_the_page_says_of_it(filled):
    rule = filled.rules.claimed[0]
    contradicting = rule.model_copy(update={"b": 2, "contradicting": ("P038", "P039")})
    rules = filled.rules.model_copy(update={"rules": (contradicting,)})
    data = filled.model_copy(update={"hide_counts_below": 5, "rules": rules, "associations": None})
    said = section(data, "rules")
    assert "10 of 11 to 14 (71 % to 91 %)" in said.replace("\u00a0", " ")
    assert "Against: hidden: fewer than 5 patients, or it would single out some of so few." in said
    assert "P038" not in said
    assert "Counts of 1 to 4 patients, and lists of so few, are hidden" in said
    assert "10 of 12" not in Reader(render(data)).text
    assert "Counts of 1 to 4" not in section(filled, "rules")


def test_a_list_that_singles_out_who_is_of_a_hidden_list_of_another_card_is_hidden_too(filled):
    rule = filled.rules.rules[0]
    rules = filled.rules.model_copy(update={"rules": (rule,)})
    other = rule.model_copy(update={"b": 1, "contradicting": rule.supporting[:1]})
    associations = filled.associations.model_copy(update={"rules": (other,)})
    data = filled.model_copy(update={"hide_counts_below": 5, "rules": rules, "associations": associations})
    (first,), (second,) = data.cards("rule"), data.cards("association")
    assert (first.supporting, second.contradicting) == (rule.supporting, None), "ten of whom one is hidden elsewhere"
    split = other.model_copy(update={"supporting": rule.supporting[:7]})
    both = data.model_copy(update={"associations": associations.model_copy(update={"rules": (split,)})})
    assert both.cards("rule")[0].supporting == rule.supporting
    assert both.cards("association")[0].supporting == rule.supporting[:7], "six others are in the same lists"
    few = split.model_copy(update={"supporting": rule.supporting[1:8]})
    both = data.model_copy(update={"associations": associations.model_copy(update={"rules": (few,)})})
    assert both.cards("association")[0].supporting is None, "three are in the first list alone, one of them hidden"


def test_the_card_of_a_pattern_offers_the_command_that_tells_all_of_it(filled):
    test = OutcomeTest(a=9, b=5, c=5, d=21, outcome="x is yes", p=1e-4, adjusted_p=0.02, alpha=0.05, gains=True)
    pattern = SequencePattern(
        steps=(("drug",), ("scan",)), patients=40, completed=14, median_days=9, with_outcome=test
    )  # fmt: skip
    found = SequenceSet(
        rules=(), found=0, searched=1, patients=40, adjust="holm", alpha=0.05, patterns=(pattern,), patterns_found=1,
        patterns_tested=1,
    )  # fmt: skip
    assert "voxmine why pattern-1" in section(filled.model_copy(update={"sequences": found}), "sequences")


def with_note(filled):
    """Return a report whose first rule was resampled, compared between centres, and seen in images."""
    centres = CentreAgreement(
        centres=(CentreCounts(centre="north", a=6, b=0, c=0, d=9), CentreCounts(centre="south", a=4, b=0, c=2, d=19)),
        odds_ratio=31.4,
        p=0.62,
    )
    stability = Stability(resamples=50, found=44, significant=41)
    note = Note(places=(("CT", "tumour"),), stability=stability, centres=centres)
    sights = tuple(
        Sight(
            patient=patient, visit=0, modality="CT", region="tumour", reader="A", image="volume-5370fc8fd205",
            mask="mask-99681a96174e", first_slice=8, last_slice=12, slices=20, sources=("a" * 64,),
        )
        for patient in ("P000", "P001", "P039")
    )  # fmt: skip
    return filled.model_copy(update={"notes": {"rule-1": note}, "sights": sights})


def test_a_card_says_how_stable_its_rule_is_what_centres_say_and_where_to_look(filled):
    said = section(with_note(filled), "rules").replace("\u00a0", " ")
    assert "Found again in 44 of 50 resamples of the patients, significant in 41." in said
    centres = "By centre: 6 of 6 in north and 4 of 4 in south. Odds ratio that they have in common: 31.4."
    assert f"{centres} The centres' odds ratios being one: p 0.62." in said
    few = section(with_note(filled).model_copy(update={"hide_counts_below": 5}), "rules")
    assert "By centre: counts of few patients, hidden. The centres' odds ratios being one: p 0.05 to 1." in few
    assert "P000 for CT tumour, slices 8 to 12 of 20, drawn by A volume-5370fc8fd205 mask-99681a96174e 1" in said
    assert "P039" not in said, "whom the rule does not name is not looked at"
    assert "voxmine why rule-1" in said


def test_a_patient_for_and_one_against_a_rule_are_pictured_on_its_card(filled):
    pictures = tuple(Picture(modality="CT", caption=f"{name} rule-1.", png=b"x") for name in ("For", "Against"))
    said = section(filled.model_copy(update={"witnesses": {"rule-1": pictures}}), "rules")
    assert "For rule-1." in said
    assert "Against rule-1." in said
    assert "For rule-1." not in section(filled.model_copy(update={"witnesses": {"rule-9": pictures}}), "rules")


def test_the_steps_behind_the_page_are_pictured_where_they_were_drawn(filled):
    svg = '<svg class="lineage" role="img" aria-label="Lineage: 3 stages"><text>read dicom</text></svg>'
    said = of(filled, lineage=svg)
    assert "read dicom" in said.text
    assert "The steps from the source files to this page" in said.text
    assert svg in render(filled.model_copy(update={"lineage": svg})), "it is a picture, not its text"
    assert "The steps from the source files to this page" not in of(filled).text


def test_the_picture_of_items_is_drawn_where_they_were_counted(filled):
    table = QuantileBins(bins=2).fit(filled_table(), {"a": ColumnLabel(label="a"), "b": ColumnLabel(label="b")})
    pairs = item_pairs(table.items(filled_table()))
    said = of(filled, item_pairs=pairs).text
    assert "How the items of the rules go together, two by two (phi)" in said
    assert "How the items" not in of(filled).text


def filled_table():
    return pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 7})


def feature(number):
    spread = Spread(n=20, median=number, low=number - 1, high=number + 1)
    return FeatureSummary(
        label=f"feature {number}", unit="mm", n=40, missing=0, event=spread, other=spread, difference=0.5, ibsi="ABCD"
    )


def test_the_difference_that_features_are_sorted_by_stands_beside_their_names(filled):
    said = section(filled, "features")
    assert "Feature Standardised difference IBSI" in said
    few = section(filled.model_copy(update={"features": (feature(7),)}), "features")
    assert "feature 7, mm 0.50 ABCD 40 0" in few


def test_many_features_are_not_all_listed_and_the_page_stays_small(filled):
    few = of(filled, features=tuple(feature(number) for number in range(MOST_FEATURES)))
    many = of(filled, features=tuple(feature(number) for number in range(MOST_FEATURES + 1)))
    assert f"All {MOST_FEATURES} features" in few.text
    assert "The other 381 features are in the table of the cohort." in many.text


def test_a_large_study_fits(filled):
    noise = filled.pictures[0].png * 20
    data = filled.model_copy(
        update={
            "features": tuple(feature(number) for number in range(MOST_FEATURES)),
            "pictures": tuple(Picture(modality="CT", caption="c", png=noise[:90_000]) for _ in range(6)),
        }
    )
    assert len(render(data).encode()) < 1_500_000


def test_more_rules_than_cards_are_listed_in_a_table(filled):
    rule = filled.rules.claimed[0]
    rules = filled.rules.model_copy(update={"rules": (rule,) * (TOP_RULES + 3)})
    read = of(filled, rules=rules)
    assert len([attrs for attrs in read.all("article") if attrs.get("class") == "card"]) == TOP_RULES + 2
    assert "Further rules that are claimed." in read.text


def with_echo(rules, times=1):
    """Return the first rule of a set and echoes of it: just as significant, but explained."""
    first = rules.rules[0]
    item = first.antecedent[0].model_copy(update={"level": "otherwise"})
    echo = first.model_copy(update={"antecedent": (item,), "explained_by": first.claim})
    return rules.model_copy(update={"rules": (first, *(echo,) * times)})


@pytest.mark.parametrize("anchor", ["rules", "associations"])
def test_rules_that_say_the_same_as_a_better_one_are_listed_with_that_one(filled, anchor):
    rules = with_echo(getattr(filled, anchor))
    first, echo = rules.rules
    said = section(filled.model_copy(update={anchor: rules}), anchor)
    claimed, heading, echoes = said.partition("Say the same as a better rule")
    assert heading
    assert words.signs(first.claim) in claimed
    assert words.signs(echo.claim) not in claimed
    assert f"{words.signs(echo.claim)} Said by: {words.signs(first.claim)}" in echoes
    assert "Say the same as a better rule" not in section(filled, anchor)


def test_an_echo_has_no_card_and_is_no_headline(filled):
    cards = [attrs for attrs in of(filled).all("article") if attrs.get("class") == "card"]
    rules = with_echo(filled.rules, times=2)
    read = of(filled, rules=rules)
    assert [attrs for attrs in read.all("article") if attrs.get("class") == "card"] == cards
    assert "2 more are significant but say the same as a better one" in read.text


def test_associations_are_tested_and_held_out_and_claimed_ones_come_first(filled):
    said = section(filled, "associations")
    first, *others = filled.associations.rules
    claimed, folded, rest = said.partition("5 associations that did not reach significance")
    assert folded
    assert words.signs(first.claim) in claimed
    assert f"{words.p_number(first.p)} {words.p_number(first.adjusted_p)}" in claimed
    assert "4 of 6 (67 %)" in claimed  # of the held-out patients
    assert all(words.signs(other.claim) in rest for other in others)
    assert "Mined anew in each of 5 training folds" in claimed


def test_a_long_list_of_associations_says_how_many_are_shown(filled):
    echoes = with_echo(filled.associations, times=TOP_FEATURES + 4)
    said = section(filled.model_copy(update={"associations": echoes}), "associations")
    assert f"does not apply ({TOP_FEATURES} of {TOP_FEATURES + 4})." in said


def test_associations_of_which_none_is_claimed_are_folded_away(filled):
    chance = filled.associations.model_copy(update={"rules": filled.associations.rules[1:]})
    said = section(filled.model_copy(update={"associations": chance}), "associations")
    assert "No association is claimed among 644 searched." in said
    assert "Associations that are claimed" not in said
    assert "5 associations that did not reach significance" in said


def test_a_rule_that_was_not_held_out_or_not_found_again_says_so(filled):
    rule = filled.rules.claimed[0]
    unseen = rule.model_copy(update={"held_out": None})
    lost = rule.model_copy(
        update={"held_out": rule.held_out.model_copy(update={"a": 0, "b": 0, "c": 0, "d": 0, "found_in_folds": 0})}
    )
    rules = filled.rules.model_copy(update={"rules": (unseen, lost)})
    said = section(filled.model_copy(update={"rules": rules}), "rules")
    assert "It was not tried in held-out patients." in said
    assert "Not found again in any of 5 folds; it is to be doubted." in said


def test_controls_alone_are_shown_as_such(filled):
    said = section(filled.model_copy(update={"models": filled.models[3:], "comparisons": ()}), "models")
    assert "No model was trained; the controls stand alone." in said
    assert "No model was compared with a control." in said


def test_a_comparison_that_was_not_made_says_why(filled):
    untested = filled.comparisons[0].model_copy(update={"test": None, "reason": "One row per patient."})
    data = filled.model_copy(update={"comparisons": (untested,)})
    assert "Not tested: One row per patient." in section(data, "models")


def test_a_study_without_words_for_its_outcome_has_plain_headings(filled):
    said = section(filled.model_copy(update={"outcome": None}), "cohort")
    assert "Event (n = 12)" in said
    assert "No event (n = 28)" in said


def test_the_look_has_a_digest_of_its_own():
    assert re.fullmatch("[0-9a-f]{64}", look_digest())
    assert look_digest() == look_digest()


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("ink", ["ink", "quiet", "accent", "control", "good", "bad"])
@pytest.mark.parametrize("ground", ["paper", "band"])
def test_letters_stand_out_from_the_ground(page, theme, ink, ground):
    themes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part)) for part in re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    ]
    lighter, darker = sorted((luminance(themes[theme][name]) for name in (ink, ground)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
