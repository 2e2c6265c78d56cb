"""`voxmine why`: the chain of records back to the sources."""

from __future__ import annotations

import os

import pytest

from data_catalog.errors import StoreError
from data_catalog.kinds import REPORT
from data_catalog.store import Store
from flows.explain import explain
from flows.explain_tree import ALIKE
from flows.results import CohortTables, Features, Results
from tests.data_catalog.conftest import key_of, recorded


@pytest.fixture
def workspace(tmp_path):
    return tmp_path


@pytest.fixture
def made(workspace):
    """Return a function that puts an artefact with its record into the workspace's store."""

    def put(name, parents=(), sources=(), **changes):
        inputs = {"given": tuple(parents)} if parents else {}
        files = {"files": tuple(map(key_of, sources))} if sources else {}
        maker = recorded(
            changes.pop("key", name), **{"inputs": inputs, "sources": files, "stage": f"make_{name}", **changes}
        )
        return Store(workspace / "store").put(REPORT, f"<p>{name}</p>", maker)

    return put


def lines(workspace, ref, **options):
    return explain(workspace, ref if isinstance(ref, str) else ref.short, **options).splitlines()


def test_the_chain_is_drawn_to_the_digests_of_the_source_files(workspace, made):
    image = made("image", sources=["scan"], item="P-1/v0/CT/abc[1]")
    mask = made("mask", [image], parameters={"level": 0.5})
    said = lines(workspace, mask)
    assert said[0] == mask.short
    assert "made by make_mask on mask, 2026-01-01T00:00:00.000+00:00, 0.10 s, voxmine 0, code 000000000000" in said[1]
    assert 'parameters {"level": 0.5}' in said[2]
    assert image.short in said[3]
    assert "made by make_image on P-1/v0/CT/abc[1]" in said[4]
    assert f"source file sha256 {key_of('scan')}" in said[5]
    assert len(said) == 6


def test_no_line_is_cut(workspace, made):
    ref = made("image", sources=["scan"], item="i" * 300)
    assert any("i" * 300 in line for line in lines(workspace, ref))


def test_what_is_shown_above_is_not_shown_again(workspace, made):
    image = made("image", sources=["scan"])
    one, two = made("one", [image]), made("two", [image])
    said = "\n".join(lines(workspace, made("both", [one, two])))
    assert said.count(key_of("scan")) == 1
    assert "shown above" in said


def test_an_artefact_that_is_its_own_parent_has_an_end(workspace, made):
    image = made("image", sources=["scan"])
    made("image", [image], key="again")
    assert "shown above" in "\n".join(lines(workspace, image, everything=True))


def test_many_branches_are_counted_unless_all_are_asked_for(workspace, made):
    parts = [made(f"part{number}") for number in range(ALIKE + 4)]
    ref = made("whole", parts)
    short = "\n".join(lines(workspace, ref))
    assert "and 4 more of kind report (--all shows them)" in short
    assert sum(part.short in short for part in parts) == ALIKE
    everything = "\n".join(lines(workspace, ref, everything=True))
    assert all(part.short in everything for part in parts)
    assert "more of kind" not in everything


def test_many_source_files_are_counted_unless_all_are_asked_for(workspace, made):
    ref = made("image", sources=[f"slice{number}" for number in range(ALIKE + 5)])
    short = "\n".join(lines(workspace, ref))
    assert short.count("sha256") == ALIKE
    assert f"and 5 more source files (`voxmine why {ref.short} --all`)" in short
    assert "\n".join(lines(workspace, ref, everything=True)).count("sha256") == ALIKE + 5


def test_other_ways_to_the_same_artefact_are_counted_or_shown(workspace, made):
    ref = made("image", stage="make_first")
    made("image", key="second", stage="make_second", started="2027-01-01T00:00:00.000+00:00")
    short = "\n".join(lines(workspace, ref))
    assert "made in 1 more ways with the same result" in short
    assert "make_second" not in short
    assert "make_second" in "\n".join(lines(workspace, ref, everything=True))


def test_long_parameters_are_cut(workspace, made):
    said = "\n".join(lines(workspace, made("image", parameters={"words": "x" * 1000})))
    assert " ..." in said
    assert "x" * 200 not in said


def test_the_names_of_the_last_run_can_be_given(workspace, made):
    first, second, page = made("first"), made("second"), made("page")

    def wrote(study, cohort, day):
        tables = CohortTables(features=Features(study=cohort, table=cohort), cohort=cohort)
        path = workspace / f"{study}-results.json"
        path.write_text(Results(cohort=tables, report=page).model_dump_json())
        os.utime(path, (day, day))

    wrote("old", first, 100)
    wrote("new", second, 200)
    assert lines(workspace, "cohort")[0] == second.short
    assert lines(workspace, "report")[0] == page.short
    assert lines(workspace, first.digest[:10])[0] == first.short, "a digest is looked for in the store"
    os.utime(workspace / "old-results.json", (300, 300))
    assert lines(workspace, "cohort")[0] == first.short


@pytest.mark.parametrize("name", ["cohort", "volume-abcdef123456", ""])
def test_a_name_of_nothing_is_refused(workspace, made, name):
    made("image")
    with pytest.raises(StoreError, match="names one artefact"):
        explain(workspace, name)
