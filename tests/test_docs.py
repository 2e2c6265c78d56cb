"""The documentation is of this code: the reference is up to date, links lead somewhere, plans in it can be read."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from flows.plan import Plan, parse_plan

DOCS = Path(__file__).parents[1] / "docs"
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


def test_the_reference_of_the_plan_is_what_the_code_says_now():
    made = generator()
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "run: python -m docs.generate"


def test_the_reference_names_every_field_and_method():
    page = generator().page()
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
