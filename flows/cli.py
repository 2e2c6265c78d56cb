"""The `voxmine` command."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from data_catalog.errors import VoxmineError
from flows.api import DEFAULTS

if TYPE_CHECKING:
    from flows.plan import Plan

app = typer.Typer(
    help="From a folder of medical scans and a clinical table to validated models and rules you can check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

PlanFile = Annotated[Path, typer.Argument(help="The plan, a YAML file.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of the plan otherwise.")
]
Workspace = Annotated[Path, typer.Option(help="Folder of the study's results.")]

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C has ended, as shells have it."""

# What a command needs is imported inside it: `voxmine --help` must not wait for Prefect.


@app.command()
def init(
    plan: Annotated[Path, typer.Argument(help="File to write.")] = Path("plan.yaml"),
    scans: Annotated[str, typer.Option(help="Folder of the scans.")] = "scans",
    clinical: Annotated[str, typer.Option(help="The clinical table, CSV or Excel.")] = "clinical.csv",
) -> None:
    """Write a commented plan to start from."""
    from flows.template import write_template  # noqa: PLC0415

    write_template(plan, scans=scans, clinical=clinical)
    out.print(f"Wrote {plan}. Edit it, then: voxmine check {plan}")


@app.command()
def check(plan: PlanFile, changes: Changes = None) -> None:
    """Read a plan, its tables and the headers of its scans; name every fault before any work starts."""
    from flows.check import check_plan  # noqa: PLC0415
    from flows.plan import load_plan  # noqa: PLC0415

    findings = check_plan(load_plan(plan, tuple(changes or ())))
    for line in findings:
        out.print(line)
    out.print(f"{plan} is fit to run: voxmine run {plan}")


@app.command()
def run(plan: PlanFile, changes: Changes = None) -> None:
    """Run a whole study; what was computed before is reused."""
    from flows.plan import load_plan  # noqa: PLC0415

    _run(load_plan(plan, tuple(changes or ())))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for the invented cohort and its results.")] = Path(
        "voxmine-demo"
    ),
    changes: Changes = None,
) -> None:
    """Invent a cohort with planted truths, run the whole study on it, and compare planted with found."""
    from flows.demo import RESULTS, compare, prepare  # noqa: PLC0415
    from flows.plan import load_plan  # noqa: PLC0415

    out.print(f"Inventing a cohort in {folder} ...")
    plan = load_plan(prepare(folder), (f"workspace={folder / RESULTS}", *(changes or ())))
    _run(plan)
    compared = compare(folder, plan)
    Console().print(compared.table())
    out.print(f"Report: {plan.report_file}")
    if not compared.all_found:
        raise typer.Exit(1)


@app.command()
def why(
    artefact: Annotated[
        str, typer.Argument(help="`report`, `cohort`, ..., or the name of an artefact (`volume-3f9a1c2b7d04`).")
    ],
    workspace: Workspace = Path("voxmine-out"),
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show every branch, however many are alike.")] = False,
) -> None:
    """Print what made an artefact, back to the digests of the source files and the version of the code."""
    from flows.explain import explain  # noqa: PLC0415

    out.print(explain(workspace, artefact, everything=everything), markup=False)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 4200,
) -> None:
    """Start Prefect's server, the deployments and a worker on this machine, until Ctrl-C."""
    from flows.ui import serve  # noqa: PLC0415

    serve(port, out.print)


def _run(plan: Plan) -> None:
    from flows.check import check_tables  # noqa: PLC0415
    from flows.full_study import full_study  # noqa: PLC0415
    from flows.progress import shown  # noqa: PLC0415
    from flows.results import last_results  # noqa: PLC0415

    check_tables(plan)
    try:
        with shown():
            full_study(plan)
    except KeyboardInterrupt:
        err.print("Stopped. What is done is kept: run the same plan again to go on.")
        raise typer.Exit(INTERRUPTED) from None
    for line in last_results(plan).lines():
        out.print(line)
    out.print(f"Report: {plan.report_file}")


def main() -> None:
    """Run the command; an error is one message and exit code 1, never a traceback for a known fault."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        app()
    except VoxmineError as fault:
        err.print(str(fault), style="bold red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
