"""The rules of a study in the hands of others."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from data_catalog.errors import PlanError, StoreError
from data_catalog.kinds import CARDS, RULES
from data_catalog.refs import Ref
from data_catalog.store import Store
from flows import artifacts
from flows.cli import app
from flows.explain import explain
from flows.plan import Plan
from flows.results import CohortTables, Features, Mined, Results, results_file
from flows.rule_files import (
    applied,
    chosen_rules,
    read_patients,
    read_rules,
    rules_folder,
    shown_cards,
    summary,
    warnings_of,
    write_rules,
)
from tasks.cards import Extent, Seen, make_cards
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.discretise import QuantileBins
from tasks.methods.rules.items import ColumnLabel
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.subgroup import Side, Subgroup, SubgroupSet
from tasks.mine import mine_rules, mine_sequences
from tests.tasks.conftest import kept

FEATURE = "CT.tumour.stat_mean"
WORDS = ("progression", "yes", "no")


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(1)
    size = np.arange(40.0)
    sick = size > 19.5
    sick[[3, 38]] = ~sick[[3, 38]]
    return pd.DataFrame(
        {
            "patient": [f"P-{number:012d}" for number in range(40)],
            "outcome": sick.astype(float),
            FEATURE: size,
            "marker": np.where(rng.random(40) < 0.5, "pos", "neg"),
        }
    )


@pytest.fixture(scope="module")
def rules(cohort):
    return mine_rules.function(
        cohort,
        columns={FEATURE: ColumnLabel(label="mean", unit="HU"), "marker": ColumnLabel(label="marker")},
        outcome=WORDS,
        discretiser=QuantileBins(bins=2),
        miner=ClassRuleMiner(max_length=1),
        folds=2,
        seed=0,
    )


@pytest.fixture
def plan(tmp_path):
    return Plan.model_validate(
        {
            "study": "lungs",
            "sources": [{"method": "dicom", "path": "scans"}],
            "workspace": tmp_path,
            "clinical": {"path": "t.csv", "patient": "id"},
            "outcome": {"column": "progressed", "positive": "yes", "negative": "no"},
            "mine": {"cards": {"smallest": 5}},
        }
    )


@pytest.fixture
def results(plan, cohort, rules):
    """Keep the cards of a run, with its results, in the workspace."""
    store = Store(plan.store_folder)
    seen = tuple(
        Seen(
            patient=patient, visit=0, modality="CT", region="tumour", reader="A", image="volume-1", mask="mask-1",
            sources=("b" * 64,),
        )
        for patient in cohort["patient"]
    )  # fmt: skip
    extents = [Extent(first_slice=3, last_slice=5, slices=9)] * len(seen)
    held = make_cards.function(
        cohort, rules, extents=extents, outcome=WORDS, centre=None, features=(FEATURE,), seen=seen
    )
    made = Mined(rules=kept(store, RULES, rules), cards=kept(store, CARDS, held))
    some = Ref(kind="study", digest="a" * 64)
    results = Results(
        cohort=CohortTables(features=Features(study=some, table=some), cohort=some), mined=made, report=some
    )
    results_file(plan.workspace, plan.study).write_text(results.model_dump_json())
    return results


@pytest.fixture
def written(plan, results, cohort):
    write_rules(plan, shown_cards(plan, results.mined, Store(plan.store_folder)), cohort)
    return rules_folder(plan)


def test_cards_and_rules_lie_beside_the_report(written, plan):
    assert written.parent == plan.report_file.parent
    assert sorted(path.name for path in written.iterdir()) == [
        "cards.csv",
        "cards.json",
        "rules.json",
        "rules.py",
        "rules.sql",
    ]


def test_few_patients_are_in_none_of_the_files_and_no_patient_in_those_for_others(written, rules):
    first = rules.rules[0]
    assert (first.a, first.b) == (19, 1)
    (one,) = first.contradicting
    for path in written.iterdir():
        assert one not in path.read_text(), path.name
        assert first.supporting[0] in path.read_text() or not path.name.startswith("cards"), path.name
        assert "P-0" not in path.read_text() or path.name.startswith("cards"), path.name
    table = pd.read_csv(written / "cards.csv", dtype=str)
    assert table.loc[0, ["both", "antecedent_only", "contradicting"]].tolist() == ["19", "1 to 4", "hidden"]
    assert table.loc[0, "folds"] == "2", "a whole number, although other rows may have none"


def test_the_chain_back_to_the_files_is_in_the_cards(written, rules):
    held = json.loads((written / "cards.json").read_text())
    assert held["smallest"] == 5
    sights = {sight["patient"]: sight for sight in held["sights"]}
    assert set(rules.rules[0].supporting) <= set(sights)
    sight = sights[rules.rules[0].supporting[0]]
    assert (sight["first_slice"], sight["last_slice"], sight["sources"]) == (3, 5, ["b" * 64])


def test_what_others_apply_counts_as_the_study_did(written, cohort, rules, tmp_path):
    read = read_rules(written / "rules.json")
    table = cohort.rename(columns={"outcome": "progressed"}).assign(
        progressed=cohort["outcome"].map({1.0: "yes", 0.0: "no"})
    )
    for name in ("table.csv", "table.parquet"):
        path = tmp_path / name
        table.to_csv(path, index=False) if name.endswith("csv") else table.to_parquet(path)
        found = applied(read, read_patients(path), "patient")
        states = found[found["rule"] == "rule-1"].set_index("patient")["state"]
        assert set(states.index[states == "holds"]) == set(rules.rules[0].supporting)
        assert set(states.index[states == "fails"]) == set(rules.rules[0].contradicting)


def test_the_command_applies_rules_and_writes_a_table(written, cohort, tmp_path):
    table, out = tmp_path / "new.csv", tmp_path / "found.csv"
    cohort[[FEATURE, "marker"]].to_csv(table, index=False)
    ran = CliRunner().invoke(app, ["rules", "apply", str(written / "rules.json"), str(table), "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert "rule-1" in ran.output
    found = pd.read_csv(out)
    assert found[found["rule"] == "rule-1"]["state"].value_counts().to_dict() == {"applies": 20, "does not apply": 20}
    assert found["row"].max() == 40


def test_rules_tell_what_the_study_saw_in_their_columns_and_other_codes_are_not_taken_for_known(written, cohort):
    read = read_rules(written / "rules.json")
    asked = {one.column: one for rule in read.rules for one in (*rule.antecedent, *rule.consequent)}
    assert (asked[FEATURE].usual_low, asked[FEATURE].usual_high, asked[FEATURE].unit) == (4, 40, "HU")
    assert asked["progressed"].known == ("yes", "no")
    same = cohort.rename(columns={"outcome": "progressed"}).assign(progressed="Y")
    assert warnings_of(read, same[[FEATURE]]) == []
    assert ["the study knew 'no', 'yes'" in said for said in warnings_of(read, same)] == [True]
    assert set(applied(read, same)["state"]) == {"applies", "does not apply"}
    with pytest.raises(PlanError, match="decimal comma"):
        warnings_of(read, pd.DataFrame({FEATURE: ["1,5"]}))


def test_the_command_says_when_numbers_are_in_another_unit(written, cohort, tmp_path):
    table = tmp_path / "new.csv"
    (cohort[[FEATURE]] * 1000 + 1000).to_csv(table, index=False)
    ran = CliRunner().invoke(app, ["rules", "apply", str(written / "rules.json"), str(table)])
    assert ran.exit_code == 0, ran.output
    assert "40 of 40 numbers lie outside 4 to 40 HU" in ran.output


def test_codes_with_a_zero_stay_text_where_rules_ask_for_them(written, tmp_path):
    held = json.loads((written / "rules.json").read_text())
    for one in held["rules"]:
        one["antecedent"] = [{"column": "code", "words": "code is 01", "equals": "01", "known": ["01", "1"]}]
    (tmp_path / "codes.json").write_text(json.dumps(held))
    (tmp_path / "codes.csv").write_text("code\n01\n1\n1.0\n")
    read = read_rules(tmp_path / "codes.json")
    found = applied(read, read_patients(tmp_path / "codes.csv", read))
    assert found[found["rule"] == "rule-1"]["state"].tolist() == ["applies", "does not apply", "does not apply"]


def test_what_rules_say_is_read_in_80_columns(written, cohort):
    console = Console(width=80, record=True, soft_wrap=True)
    read = read_rules(written / "rules.json")
    console.print(summary(read, applied(read, cohort[[FEATURE, "marker"]])))
    lines = console.export_text().splitlines()
    assert lines[0] == f"rule-1: {read.rules[0].sentence}"
    assert max(map(len, lines[len(read.rules) :])) <= 80
    assert any("does not apply" in line and "cannot be told" in line for line in lines)


def test_what_cannot_be_read_or_lacks_a_column_is_refused_with_a_remedy(written, tmp_path):
    with pytest.raises(PlanError, match="does not"):
        read_rules(tmp_path / "none.json")
    (tmp_path / "wrong.json").write_text('{"rules": 3}')
    with pytest.raises(PlanError, match=r"Give the `rules\.json` of a study"):
        read_rules(tmp_path / "wrong.json")
    with pytest.raises(PlanError, match="Correct the path"):
        read_patients(tmp_path / "none.csv")
    with pytest.raises(PlanError, match=f"lacks '{FEATURE}'"):
        applied(read_rules(written / "rules.json"), pd.DataFrame({"age": [1.0]}))
    with pytest.raises(PlanError, match="lacks 'id'"):
        applied(read_rules(written / "rules.json"), pd.DataFrame({"age": [1.0]}), "id")


def test_rules_of_which_none_is_claimed_have_to_be_asked_for(written, tmp_path, cohort):
    held = json.loads((written / "rules.json").read_text())
    for rule in held["rules"]:
        rule["status"] = "echo"
    (tmp_path / "echoes.json").write_text(json.dumps(held))
    table = tmp_path / "new.csv"
    cohort[[FEATURE, "marker"]].to_csv(table, index=False)
    given = ["rules", "apply", str(tmp_path / "echoes.json"), str(table)]
    refused = CliRunner().invoke(app, given)
    assert isinstance(refused.exception, PlanError)
    assert CliRunner().invoke(app, [*given, "--all"]).exit_code == 0


def test_rules_can_be_chosen_by_their_numbers(written):
    read = read_rules(written / "rules.json")
    assert [rule.number for rule in chosen_rules(read, ("rule-2",), everything=False).rules] == ["rule-2"]
    with pytest.raises(PlanError, match=r"rule-77 is none. Choose among: rule-1, rule-2"):
        chosen_rules(read, ("rule-77",), everything=True)


def test_the_table_in_prefect_names_claimed_rules_and_hides_few_patients(plan, results, rules):
    rows = artifacts._rules(plan, results, Store(plan.store_folder))
    assert rows[0]["card"] == "rule-1"
    assert {row["status"] for row in rows} == {"claimed"}
    assert rows[0]["against"] == "hidden"
    assert "19 of 20 to 23 patients" in rows[0]["rule"]
    assert rules.rules[0].contradicting[0] not in str(rows)
    assert artifacts._rules(plan, results.model_copy(update={"mined": None}), Store(plan.store_folder)) == []


def test_a_run_without_rules_has_no_cards(plan):
    assert shown_cards(plan, None, Store(plan.store_folder)) is None
    assert shown_cards(plan, Mined(), Store(plan.store_folder)) is None


def test_why_tells_all_of_a_rule_by_its_number_with_nothing_hidden(results, plan, rules):
    lines = explain(plan.workspace, "rule-1").splitlines()
    first = rules.rules[0]
    assert lines[0] == f"rule-1 {first.sentence}"
    said = "\n".join(lines)
    assert "19 patients for it" in said
    assert "1 patients against it" in said
    assert first.contradicting[0] in said
    assert "CT tumour, slices 3 to 5 of 9, drawn by A: volume-1, mask-1" in said
    assert f"source file sha256 {'b' * 64}" in said
    assert results.mined.rules.short in said


def test_why_tells_of_a_subgroup_in_whichever_set_it_was_listed(plan, results, rules):
    store = Store(plan.store_folder)
    sides = {"inside": Side(patients=6, mean=2.0), "outside": Side(patients=34, mean=1.0)}
    given = {"z": 4.0, "p": 0.001, "adjusted_p": 0.002, "alpha": 0.05}
    item = rules.rules[0].antecedent[0]
    sets = [
        SubgroupSet(
            target=target, is_time=False, subgroups=(Subgroup(items=(item,), supporting=who, **sides, **given),),
            found=1, searched=9, rows=40, permutations=99, alpha=0.05,
        )
        for target, who in (("age", ("P-1",)), ("weight", ("P-2",)))
    ]  # fmt: skip
    held = make_cards.function(
        pd.DataFrame({FEATURE: [1.0]}), subgroups=sets, outcome=None, centre=None, features=(), seen=()
    )
    refs = {found.target: kept(store, RULES, found) for found in sets}
    made = results.model_copy(update={"mined": Mined(subgroups=refs, cards=kept(store, CARDS, held))})
    results_file(plan.workspace, plan.study).write_text(made.model_dump_json())
    said = explain(plan.workspace, "subgroup-2")
    assert "weight" in said.splitlines()[0]
    assert "P-2" in said
    assert refs["weight"].short in said
    assert refs["age"].short not in said


def test_why_tells_of_a_pattern(plan, results, cohort):
    store = Store(plan.store_folder)
    days = [(key, day, event) for key in cohort["patient"] for day, event in ((0, "drug"), (5, "scan"))]
    found = mine_sequences.function(
        pd.DataFrame(days, columns=["patient", "day", "event"]), cohort, miner=SequenceMiner(), outcome=WORDS
    )
    held = make_cards.function(cohort, sequences=found, outcome=WORDS, centre=None, features=(), seen=())
    mined = Mined(sequences=kept(store, RULES, found), cards=kept(store, CARDS, held))
    results_file(plan.workspace, plan.study).write_text(results.model_copy(update={"mined": mined}).model_dump_json())
    said = explain(plan.workspace, "pattern-1")
    assert "patients for it" in said
    assert mined.sequences.short in said


def test_a_number_of_no_rule_is_refused(results, plan):
    with pytest.raises(StoreError, match="Take a number from the report"):
        explain(plan.workspace, "rule-999")
    with pytest.raises(StoreError, match="Take a number from the report"):
        explain(plan.workspace, "sequence-1")
