"""The page itself: what the report holds, put into its templates."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tasks.methods.reporting import diagrams, figures, mined_rows, rule_pictures, sentences, small_parts, words
from tasks.methods.reporting.limitations import limitations
from tasks.methods.reporting.methods_text import methods_paragraphs

if TYPE_CHECKING:
    from tasks.methods.reporting.data import ReportData

PACKAGE, FOLDER = "tasks.methods.reporting", "templates"
TOP_FEATURES = 20
"""Features, scanner effects, agreements and associations that are shown without being asked for."""
MOST_FEATURES = 400
"""Features that are listed in full on request; more would make the page heavy."""
TOP_RULES = 12
"""Rules shown as cards; further claimed ones are listed in the table."""
TOP_TIMELINES = 6
MOST_SIGHTS = 60
"""Regions listed beside one rule; more would make the page heavy."""
MOST_THUMBNAILS = 12
"""Refused items of one verdict that are shown in small; more would make the page heavy."""
SECTIONS = (
    ("flow", "Flow of the cohort"),
    ("pictures", "Pictures"),
    ("cohort", "The cohort"),
    ("features", "Image features"),
    ("scanners", "Scanners"),
    ("readers", "Readers"),
    ("models", "Prediction"),
    ("rules", "Rules that end in the outcome"),
    ("associations", "Associations"),
    ("sequences", "Patterns in time"),
    ("subgroups", "Subgroups"),
    ("readings", "Rules over readings"),
    ("not-found", "Looked for and not found"),
    ("methods", "Methods"),
    ("limitations", "Limitations"),
    ("made", "What made each number"),
)
"""Anchors and headings, in the order of the page."""


def render(data: ReportData) -> str:
    """Return the report as one HTML page that needs no other file, no network and no script to be read."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            data=data,
            sections=SECTIONS,
            titles=dict(SECTIONS),
            style=_asset("report.css"),
            script=_asset("sort.js"),
        )
    )


def look_digest() -> str:
    """Return the SHA-256 of templates, style sheet and script: they decide the page as much as the code does."""
    held = sorted(files(PACKAGE).joinpath(FOLDER).iterdir(), key=lambda file: file.name)
    return hashlib.sha256(b"\n".join(file.name.encode() + file.read_bytes() for file in held)).hexdigest()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(PACKAGE, FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        words=words,
        figures=figures,
        diagrams=diagrams,
        rule_pictures=rule_pictures,
        sentences=sentences,
        mined_rows=mined_rows,
        small_parts=small_parts,
        limitations=limitations,
        methods_paragraphs=methods_paragraphs,
        picture_source=_picture_source,
        TOP_FEATURES=TOP_FEATURES,
        MOST_FEATURES=MOST_FEATURES,
        TOP_RULES=TOP_RULES,
        TOP_TIMELINES=TOP_TIMELINES,
        MOST_THUMBNAILS=MOST_THUMBNAILS,
        MOST_SIGHTS=MOST_SIGHTS,
        MOST_IN_NETWORK=rule_pictures.MOST_IN_NETWORK,
    )
    return environment


def _asset(name: str) -> Markup:
    """Return a file of the package's own, which goes into the page as it is."""
    return Markup(files(PACKAGE).joinpath(FOLDER, name).read_text(encoding="utf-8"))


def _picture_source(png: bytes) -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
