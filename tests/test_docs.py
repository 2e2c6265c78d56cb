"""The documentation is of this code: the reference is up to date, links lead somewhere, plans in it can be read."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from data_catalog.verdicts import catalogue
from flows.plan import Plan
from flows.plan_files import parse_plan

DOCS = Path(__file__).parents[1] / "docs"
RUN = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)
"""A block of Python, and what the page says that it prints."""
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())


def generator():
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors_of(page):
    """Return the anchors of a page's headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["plan.md", "verdicts.md", "datasets.md"])
def test_a_reference_page_is_what_the_code_says_now(name):
    made = generator()
    assert (made.FOLDER / name).read_text(encoding="utf-8") == made.PAGES[name](), "run: python -m docs.generate"


def test_the_reference_names_every_verdict_under_what_becomes_of_the_item():
    accepted, quarantined = generator().verdicts_page().split("## Quarantined\n")
    for verdict in catalogue().values():
        page = quarantined if verdict.outcome == "quarantined" else accepted
        assert page.count(f"| `{verdict.name}` | {verdict.meaning} | {verdict.remedy} |") == 1


def test_the_reference_names_every_field_and_method():
    page = generator().plan_page()
    schema = Plan.model_json_schema()
    for of in [schema, *schema["$defs"].values()]:
        for name, field in of["properties"].items():
            assert f"| `{name}` |" in page
            assert "const" not in field or f"### `{field['const']}`" in page


@each_page
def test_links_lead_to_a_file_and_a_heading(page):
    for place, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if place.startswith("http"):
            continue
        target = page.parent / place if place else page
        assert target.exists(), place
        assert not anchor or anchor in anchors_of(target), f"{place}{anchor}"


@each_page
def test_parts_of_plans_can_be_read(page):
    for text in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        part = yaml.safe_load(text)
        parse_plan({"sources": [{"method": "dicom", "path": "scans"}], **part}, Path())


def test_the_code_of_the_page_on_itemsets_runs_and_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for code, printed in RUN.findall((DOCS / "how-to" / "itemsets.md").read_text(encoding="utf-8")):
        exec(code, namespace)
        assert capsys.readouterr().out == printed
    assert (tmp_path / "itemsets.parquet").exists()
