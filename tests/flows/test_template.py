"""The commented plan to start from: it can be read, and so can every example in its comments."""

import re

import pytest
import yaml

from data_catalog.errors import PlanError
from flows.plan import Plan
from flows.plan_files import load_plan
from flows.template import write_template


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "deep" / "plan.yaml"
    write_template(path, scans="scans", clinical="clinical.csv")
    return path


def test_the_template_is_a_plan_for_the_folder_and_the_table_named(template):
    plan = load_plan(template)
    assert plan.sources[0].path == template.parent / "scans"
    assert plan.clinical.path == template.parent / "clinical.csv"
    assert "@" not in template.read_text()


def test_a_plan_without_a_clinical_table_names_none_and_keeps_its_part_as_an_example(template, tmp_path):
    path = tmp_path / "plan.yaml"
    write_template(path, scans="scans")
    assert load_plan(path).clinical is None
    text = path.read_text()
    part = text[text.index("# clinical:") :].split("\n\n")[0]
    turned = text.replace(part, "\n".join(line.removeprefix("# ") for line in part.splitlines()))
    path.write_text(turned)
    assert turned == template.read_text()
    assert load_plan(path).clinical.path == tmp_path / "clinical.csv"


@pytest.mark.parametrize("name", ["my scans: 2024 #1", "C:\\scans\\new", 'say "x"', "Zoë/скан", "- x", "@here", "{a}"])
def test_any_name_of_a_folder_comes_through(tmp_path, name):
    path = tmp_path / "plan.yaml"
    write_template(path, scans=name, clinical=name)
    plan = load_plan(path)
    assert plan.sources[0].path == tmp_path / name
    assert plan.clinical.path == tmp_path / name


def test_nothing_is_written_over(template):
    before = template.read_text()
    with pytest.raises(PlanError, match="Choose another name, or remove it"):
        write_template(template, scans="other", clinical="other.csv")
    assert template.read_text() == before


COMMENTED = re.compile(r"( *)# ( *(?:- |[a-z_]+:|\{).*)")
"""A line of the plan behind a `# `."""


def turned_on(lines, block):
    """Return the plan with the `# ` of some lines taken away."""
    return "\n".join(COMMENTED.sub(r"\1\2", line) if number in block else line for number, line in enumerate(lines))


def examples(text):
    """Yield the plan with each run of commented lines turned on."""
    lines, block = text.splitlines(), []
    for number, line in enumerate([*lines, ""]):
        if COMMENTED.fullmatch(line):
            block.append(number)
        elif block:
            yield turned_on(lines, block)
            block = []


def test_every_example_in_the_comments_can_be_turned_on(template):
    text = template.read_text()
    plain = yaml.safe_load(text)
    seen = set()
    for changed in examples(text):
        held = yaml.safe_load(changed)
        assert held != plain, changed
        plan = Plan.model_validate(held)
        seen |= {name for name in held if held[name] != plain.get(name)}
        assert plan.sources
    assert seen >= {"sources", "clinical", "outcome", "events", "preprocess", "fuse", "detect", "learn", "compute"}
