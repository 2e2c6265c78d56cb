"""The lineage of a run as a picture: its stages from the sources to the results, as SVG that needs nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from data_catalog.lineage import Record
    from data_catalog.refs import Ref

WIDTH, HEIGHT = 176, 46
"""Of a box, in pixels."""
ACROSS, DOWN = 64, 18
"""Between boxes."""
MARGIN = 16
SOURCES = "source files"
STYLE = (
    ".lineage text{font:12px system-ui,sans-serif;fill:currentColor}.lineage text.n{font-size:11px;opacity:.75}"
    ".lineage rect{fill:none;stroke:currentColor;stroke-opacity:.6}"
    ".lineage path{fill:none;stroke:currentColor;stroke-opacity:.35}"
)
"""Of this picture alone, as it may stand in a page with others."""


class Coming(NamedTuple):
    """A stage that has yet to be done: the one that shows the picture."""

    stage: str
    kind: str
    inputs: frozenset[Ref]


@dataclass(frozen=True)
class StageGraph:
    """The stages of a run: how many items each has, and from which others it takes."""

    items: Mapping[str, int]
    """How many items each stage has, and how many source files there are."""
    kinds: Mapping[str, str]
    """What each stage makes."""
    edges: frozenset[tuple[str, str]]
    """From a stage to one that uses what it made."""

    def columns(self) -> dict[str, int]:
        """Return how far each stage is from the sources: the longest way to it, loops left out."""
        column = dict.fromkeys(self.items, 0)
        for _ in self.items:
            moved = False
            for one, two in self.edges:
                if one != two and column[two] <= column[one] < len(self.items) - 1:
                    column[two] = column[one] + 1
                    moved = True
            if not moved:
                break
        return column


def stage_graph(records: Iterable[Record], coming: Coming | None = None) -> StageGraph:
    """Return the graph of the stages of some records, and of one that is yet to come."""
    held = list(records)
    maker: dict[Ref, set[str]] = defaultdict(set)
    for record in held:
        maker[record.output].add(record.stage)
    items = Counter(record.stage for record in held)
    sources = {digest for record in held for digest in record.source_digests()}
    edges = {(made_by, record.stage) for record in held for ref in record.parents() for made_by in maker.get(ref, ())}
    if sources:
        items[SOURCES] = len(sources)
        edges |= {(SOURCES, record.stage) for record in held if record.sources}
    made = Counter((record.stage, record.output.kind) for record in held if record.output.kind != "refusal")
    kinds = {stage: kind for (stage, kind), _ in sorted(made.items(), key=lambda pair: (pair[1], pair[0]))}
    if coming is not None:
        items[coming.stage] += 1
        kinds[coming.stage] = coming.kind
        edges |= {(made_by, coming.stage) for ref in coming.inputs for made_by in maker.get(ref, ())}
    return StageGraph(dict(items), kinds, frozenset(edges))


def lineage_svg(records: Iterable[Record], coming: Coming | None = None) -> str:
    """Return the stages of some records as a picture: boxes with the number of items, lines from maker to user.

    The picture depends on what was made of what alone, not on when, where, or in which order.
    """
    graph = stage_graph(records, coming)
    places = _places(graph)
    width = max((x for x, _ in places.values()), default=0) + WIDTH + MARGIN
    height = max((y for _, y in places.values()), default=0) + HEIGHT + MARGIN
    lines = [_line(places[one], places[two]) for one, two in sorted(graph.edges) if one != two]
    boxes = [_box(name, graph, places[name]) for name in sorted(places)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="Lineage: {len(graph.items)} stages from source files to results:'
        f' {_told(graph)}">'
        f"<style>{STYLE}</style>{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _places(graph: StageGraph) -> dict[str, tuple[int, int]]:
    """Return the upper left corner of each box: a column for each distance, boxes near those that they take from."""
    column = graph.columns()
    by_column: dict[int, list[str]] = defaultdict(list)
    for name in sorted(column):
        by_column[column[name]].append(name)
    places: dict[str, tuple[int, int]] = {}
    for number in sorted(by_column):
        before = {
            name: _mean([places[one][1] for one, two in graph.edges if two == name and one in places])
            for name in column
        }
        for row, name in enumerate(sorted(by_column[number], key=lambda name: (before[name], name))):
            places[name] = (MARGIN + number * (WIDTH + ACROSS), MARGIN + row * (HEIGHT + DOWN))
    return places


def _told(graph: StageGraph) -> str:
    """Return the stages with their numbers of items, from the sources on, for a reader who cannot see them."""
    column = graph.columns()
    names = sorted(column, key=lambda name: (column[name], name))
    return escape(", ".join(f"{name.replace('_', ' ')} {graph.items[name]:,}" for name in names))


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _line(one: tuple[int, int], two: tuple[int, int]) -> str:
    x1, y1, x2, y2 = one[0] + WIDTH, one[1] + HEIGHT // 2, two[0], two[1] + HEIGHT // 2
    bend = max(ACROSS // 2, (x2 - x1) // 2)
    return f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'


def _box(name: str, graph: StageGraph, place: tuple[int, int]) -> str:
    x, y = place
    kind = f" · {graph.kinds[name]}" if name in graph.kinds else ""
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{x + 10}" y="{y + 19}">{escape(name.replace("_", " "))}</text>'
        f'<text class="n" x="{x + 10}" y="{y + 36}">{graph.items[name]:,}{escape(kind)}</text>'
    )
