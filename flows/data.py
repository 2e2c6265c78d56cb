"""The command `voxmine data`: which open data sets there are, and how to get them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Open data sets: list them, show their terms, get them.", no_args_is_help=True)
out = Console(highlight=False, soft_wrap=True, markup=False)

Name = Annotated[str, typer.Argument(help="Name of the data set, as `voxmine data list` shows it.")]

PLAN = "plan.yaml"

# As in flows.cli, what a command needs is imported inside it.


@app.command("list")
def list_() -> None:
    """List the open data sets: what is in them, how large they are, their licence, and how they are got."""
    from data_catalog.open_data import known
    from flows.data_words import table

    Console().print(table(known()))
    out.print("Terms and citations: voxmine data show NAME. Download: voxmine data get NAME")


@app.command()
def show(name: Name) -> None:
    """Show a data set: what it holds, its licence, what to cite, and how it is got."""
    from data_catalog.open_data import load
    from flows.data_words import described

    for line in described(load(name)):
        out.print(line)


@app.command()
def get(
    name: Name,
    folder: Annotated[Path | None, typer.Argument(help="Where to; empty makes a folder of its name here.")] = None,
    first: Annotated[
        int | None,
        typer.Option(min=1, help="Only so many patients, where they come one by one (Imaging Data Commons)."),
    ] = None,
) -> None:
    """Download a data set; what is there and whole is left, and what was cut is taken up again."""
    from data_catalog.open_data import load
    from flows.data_words import terms, write_plan
    from tasks.open_data.get import get as bring

    data = load(name)
    folder = folder or Path(name)
    for line in terms(data):
        out.print(line)
    bring(data, folder, first, out.print)
    for part in data.by_hand:
        out.print(f"Left to do by hand, {part.what}: {part.how}")
    if write_plan(data, folder / PLAN):
        out.print(f"Wrote {folder / PLAN}, a plan that fits. Try: voxmine check {folder / PLAN}")
