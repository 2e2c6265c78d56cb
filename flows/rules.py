"""The `voxmine rules` commands: what a study found, used elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Use the rules of a study elsewhere.", no_args_is_help=True)
out = Console(highlight=False, soft_wrap=True)


@app.callback()
def rules() -> None:
    """Use the rules of a study elsewhere."""


@app.command()
def apply(
    rules: Annotated[Path, typer.Argument(help="The `rules.json` of a study.")],
    table: Annotated[Path, typer.Argument(help="A table with the same columns: CSV, TSV, Excel or Parquet.")],
    to: Annotated[Path | None, typer.Option("--out", help="CSV file to write: one line a row and rule.")] = None,
    key: Annotated[str | None, typer.Option(help="Column that names the rows in that file; else their number.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Number of a rule to take; may be repeated.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Take rules that are not claimed, too.")] = False,
) -> None:
    """Tell for each row of a table which rules apply, hold, or cannot be told; prints how many of each."""
    from flows.rule_files import applied, chosen_rules, read_patients, read_rules, summary, warnings_of

    chosen = chosen_rules(read_rules(rules), tuple(rule or ()), everything=everything)
    patients = read_patients(table, chosen)
    found = applied(chosen, patients, key)
    out.print(summary(chosen, found))
    for sentence in warnings_of(chosen, patients):
        out.print(f"Look at the table: {sentence}", markup=False)
    if to is not None:
        found.to_csv(to, index=False)
        out.print(f"Wrote {to}.", markup=False)
