"""How what is behind an artefact is drawn as a tree."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.tree import Tree

ALIKE = 3
"""Branches of one stage, or source files, that are shown before the rest is counted."""
WIDEST = 1000
"""Columns of the longest line."""


def drawn(tree: Tree) -> list[str]:
    """Return a tree as lines that are as long as they have to be: a digest that is cut names nothing."""
    paper = Console(width=WIDEST, color_system=None, file=StringIO(), record=True)
    paper.print(tree)
    return [line.rstrip() for line in paper.export_text().splitlines()]
