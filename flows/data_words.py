"""Open data sets in words: in the terminal, in the reference, and as the plan that fits."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from rich.table import Table

from data_catalog.open_data import ByHand, FromHttp, FromIdc, FromPip, known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from data_catalog.open_data import Citation, DataSet, Part

OPENING = """\
# Open data sets

This page is made from the code by `python -m docs.generate`; a test fails when it is out of date.

`voxmine data list` shows these in the terminal, `voxmine data get NAME` downloads one:
[how](../how-to/open-data.md). They are not part of voxmine: each has a licence of its own, and wants to be cited.
"""
WAYS = {"idc": "Imaging Data Commons", "http": "https", "pip": "Python package", "manual": "by hand"}


_ONE = {"patients": "patient", "series": "series", "files": "file"}


def table(sets: Iterable[DataSet]) -> Table:
    """Return the data sets as a table for the terminal."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "what", "size", "licence", "from"):
        made.add_column(column, no_wrap=column == "name")
    for data in sets:
        made.add_row(data.name, data.title, _size(data), data.licence.spdx or data.licence.name, _ways(data))
    return made


def _ways(data: DataSet) -> str:
    return ", ".join(dict.fromkeys(WAYS[part.kind] for part in data.get))


def _size(data: DataSet) -> str:
    size = data.size
    counts = {"patients": size.patients, "series": size.series, "files": size.files}
    told = [f"{count:,} {what if count > 1 else _ONE[what]}" for what, count in counts.items() if count is not None]
    return ", ".join([*told[:2], *([] if size.total_bytes is None else [_bytes(size.total_bytes)])])


def _bytes(count: int) -> str:
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_each:
            return f"{count / bytes_each:.3g} {unit}"
    return f"{count} bytes"


def described(data: DataSet) -> list[str]:
    """Return all there is to say of a data set, line by line."""
    lines = [f"{data.title} ({data.name})", data.description]
    if data.modalities:
        lines.append(f"Modalities: {', '.join(data.modalities)}")
    lines += [f"Size: {_size(data)}", *terms(data), "How it is got:"]
    lines += [f"  {how(part)}" for part in data.get]
    if data.plan:
        lines.append(f"Plan that fits: `voxmine data get {data.name}` writes it beside the data.")
    return lines


def terms(data: DataSet) -> list[str]:
    """Return the terms of a data set: its licence, what to cite, and its page."""
    licence = data.licence
    where = f" ({licence.url})" if licence.url else ""
    note = [licence.note] if licence.note else []
    cited = [f"  {_cited(citation)}" for citation in data.citations]
    return [f"Licence: {licence.name}{where}", *note, "Please cite:", *cited, f"Page: {data.homepage}"]


def _cited(citation: Citation) -> str:
    return f"{citation.text}." + (f" https://doi.org/{citation.doi}" if citation.doi else "")


def how(part: Part) -> str:
    """Return how a part of a data set is got, in a sentence."""
    match part:
        case FromIdc():
            what = ", ".join(part.modalities) or "all modalities"
            return f"Imaging Data Commons, collection {part.collection}: {what} (needs voxmine[idc])."
        case FromHttp():
            return f"Over https: {_files(part)}."
        case FromPip():
            names = ", ".join(member.file_name for member in part.files) or "the whole package"
            return f"Out of the Python package {part.package} {part.version}: {names}."
        case ByHand():
            return f"By hand, {part.what}: {part.how}"


def _files(part: FromHttp) -> str:
    told = ", ".join(file.file_name for file in part.files)
    unknown = sum(file.sha256 is None for file in part.files)
    if not unknown:
        return told
    whose = "" if unknown == len(part.files) else f" of {unknown}"
    return f"{told} (no checksum{whose} is published: that of the first download is recorded)"


def write_plan(data: DataSet, path: Path) -> bool:
    """Write the plan that fits a data set beside it, unless one is there; return whether it was written."""
    if data.plan is None or path.exists():
        return False
    text = (files("deployments") / "plans" / f"{data.plan}.yaml").read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    return True


def datasets_page() -> str:
    """Return the reference of the data sets as Markdown."""
    return "\n".join([OPENING, *(line for data in known() for line in _section(data))]).rstrip() + "\n"


def _section(data: DataSet) -> Iterator[str]:
    yield f"## `{data.name}`\n"
    yield f"**{data.title}**: {data.description}\n"
    licence = data.licence
    name = f"[{licence.name}]({licence.url})" if licence.url else licence.name
    rows = {
        "modalities": ", ".join(data.modalities),
        "size": _size(data),
        "licence": f"{name}. {licence.note}" if licence.note else name,
        "page": f"<{data.homepage}>",
        "cite": "<br>".join(_cited(citation) for citation in data.citations),
        "got": "<br>".join(how(part) for part in data.get),
        "plan": f"`{data.plan}`" if data.plan else "",
    }
    yield "| | |\n|---|---|"
    yield from (f"| {field} | {_cell(text)} |" for field, text in rows.items() if text)
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
