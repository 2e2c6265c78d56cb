"""The chain of records back to the sources."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from data_catalog.lineage import Record, history, sources_behind
from data_catalog.refs import Ref
from tests.data_catalog.conftest import key_of, recorded


def ref(word):
    return Ref(kind="table", digest=key_of(word))


class Chain:
    """Records by artefact, and how often each was asked for."""

    def __init__(self, made):
        """`made` gives, for each artefact, the ways it was made: pairs of parents and source files."""
        self.asked = []
        self.held = {
            ref(name): [
                recorded(
                    f"{name}{number}",
                    inputs={"given": tuple(ref(parent) for parent in parents)},
                    sources={"files": tuple(key_of(file) for file in files)},
                )(ref(name))
                for number, (parents, files) in enumerate(ways)
            ]
            for name, ways in made.items()
        }

    def __call__(self, artefact):
        self.asked.append(artefact)
        assert len(self.asked) < 1000, "it goes round in a circle"
        return self.held[artefact]


def behind(chain, name, known=None):
    return sources_behind(ref(name), chain, {} if known is None else known)


def named(*files):
    return {key_of(file) for file in files}


def test_the_sources_of_a_drawn_family_are_found():
    chain = Chain(
        {
            "image": [((), "ab")],
            "mask": [(("image",), "c")],
            "features": [(("image", "mask"), "")],
            "other": [((), "d")],
        }
    )
    assert behind(chain, "features") == named(*"abc")
    assert behind(chain, "image") == named(*"ab")
    assert behind(chain, "other") == named("d")


def test_an_artefact_without_sources_has_none():
    assert behind(Chain({"alone": [((), "")]}), "alone") == frozenset()


def test_every_way_an_artefact_was_made_counts():
    chain = Chain({"one": [((), "a")], "both": [(("one",), ""), ((), "b")]})
    assert behind(chain, "both") == named("a", "b")


def test_shared_ancestors_are_followed_once():
    chain = Chain(
        {
            "image": [((), "a")],
            **{f"f{n}": [(("image",), "")] for n in range(9)},
            "all": [([f"f{n}" for n in range(9)], "")],
        }
    )
    known = {}
    assert behind(chain, "all", known) == named("a")
    before = len(chain.asked)
    assert behind(chain, "f3", known) == named("a")
    assert len(chain.asked) == before
    assert chain.asked.count(ref("image")) == 1


def test_an_artefact_that_a_stage_left_as_it_was_has_an_end():
    chain = Chain({"image": [((), "a")], "mask": [(("image",), "b"), (("mask", "image"), "")]})
    assert behind(chain, "mask") == named("a", "b")


def test_two_artefacts_made_from_each_other_have_an_end():
    chain = Chain({"fine": [((), "a"), (("coarse",), "")], "coarse": [(("fine",), "b")]})
    assert behind(chain, "fine") == named("a", "b")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_it_agrees_with_a_plain_walk_over_all_ancestors(seed):
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(12)]
    made = {
        name: [(rng.sample(names[:place], min(place, rng.randrange(4))), [f"s{rng.randrange(6)}"])]
        for place, name in enumerate(names)
    }

    def walk(name):
        (parents, files), *_ = made[name]
        return set(files).union(*(walk(parent) for parent in parents))

    chain, known = Chain(made), {}
    for name in rng.sample(names, 3):
        assert behind(chain, name, known) == named(*walk(name))


def test_the_history_of_artefacts_is_asked_for_a_generation_at_a_time_and_each_artefact_once():
    chain = Chain(
        {
            "image": [((), "a")],
            "mask": [(("image",), "b"), (("mask", "image"), "")],
            "features": [(("mask", "image"), "")],
            "cohort": [(("features",), "")],
            "other": [((), "c")],
        }
    )
    generations = []

    def records_of(refs):
        generations.append(refs)
        return [chain(one) for one in refs]

    made = history([ref("cohort"), ref("image"), ref("cohort")], records_of)
    assert generations == [[ref("cohort"), ref("image")], [ref("features")], [ref("mask")]]
    assert made == {ref(name): chain.held[ref(name)] for name in ("cohort", "image", "features", "mask")}
    assert sources_behind(ref("cohort"), made.__getitem__, {}) == named("a", "b")
    assert history([], records_of) == {}


def test_a_record_names_each_parent_and_source_once_in_order():
    parents = {"b": (ref("y"), ref("x")), "a": (ref("y"),)}
    record = recorded(inputs=parents, sources={"f": (key_of("2"), key_of("1")), "g": (key_of("2"),)})(ref("z"))
    assert record.parents() == [ref("y"), ref("x")]
    assert record.source_digests() == [key_of("2"), key_of("1")]
    assert Record.model_validate_json(record.model_dump_json()) == record
