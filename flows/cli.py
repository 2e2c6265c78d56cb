"""The `voxmine` command."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from data_catalog.errors import VoxmineError
from flows.data import app as data_app
from flows.deploy_commands import add_to
from flows.lineage_commands import register
from flows.own_server import DEFAULTS, ahead, collect_seldom
from flows.rules import app as rules_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flows.plan import Plan

app = typer.Typer(
    help="From a folder of medical scans and a clinical table to validated models and rules you can check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
add_to(app)
register(app)
app.add_typer(rules_app, name="rules")
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
    clinical: Annotated[str | None, typer.Option(help="The clinical table, CSV or Excel; none by default.")] = None,
) -> None:
    """Write a commented plan to start from."""
    from flows.template import write_template

    write_template(plan, scans=scans, clinical=clinical)
    out.print(f"Wrote {plan}. Edit it, then: voxmine check {plan}")


@app.command()
def check(plan: PlanFile, changes: Changes = None) -> None:
    """Read a plan, its tables and the headers of its scans; name every fault before any work starts."""
    from flows.check import check_plan
    from flows.plan_files import load_plan

    findings = check_plan(load_plan(plan, tuple(changes or ())))
    for line in findings:
        out.print(line)
    out.print(f"{plan} is fit to run: voxmine run {plan}")


@app.command()
def run(
    plan: PlanFile,
    changes: Changes = None,
    refresh: Annotated[
        list[str] | None, typer.Option("--refresh", metavar="STAGE", help="Compute the items of a stage again.")
    ] = None,
) -> None:
    """Run a whole study; what was computed before is reused."""
    with ahead():
        from flows.plan_files import load_plan

        again = (f"compute.refresh={json.dumps(refresh)}",) if refresh else ()
        _run(load_plan(plan, (*(changes or ()), *again)))


@app.command()
def fetch(plan: PlanFile, changes: Changes = None) -> None:
    """Fetch from the plan's archives (DICOMweb, PACS) what the workspace lacks, and stop there."""
    from flows.fetch_study import fetch_study
    from flows.plan_files import load_plan
    from flows.progress import shown

    loaded = load_plan(plan, tuple(changes or ()))
    with _stoppable("Stopped. What was fetched is kept: the next run goes on with the rest."), shown():
        refused = fetch_study(loaded)
    for refusal in refused:
        err.print(f"{refusal.item}: {refusal.reason}", markup=False)


@app.command()
def watch(
    plan: PlanFile,
    changes: Changes = None,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=1)] = 60,
    *,
    once: Annotated[bool, typer.Option("--once", help="Look once, run if something is new, and end.")] = False,
) -> None:
    """Run a study again each time new complete studies have come, until Ctrl-C."""
    from flows.plan_files import load_plan
    from flows.watch import watch as watched

    loaded = load_plan(plan, tuple(changes or ()))
    with _stoppable("Stopped. What is done is kept."):
        watched(loaded, lambda: _run(loaded), out.print, every_s=every, once=once)


@app.command()
def receive(
    folder: Annotated[Path, typer.Argument(help="The drop folder to write into.")],
    *,
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 11112,
    title: Annotated[str, typer.Option(help="Our AE title.")] = "VOXMINE",
    from_host: Annotated[list[str] | None, typer.Option(help="Machine that may send; without any this one.")] = None,
    from_title: Annotated[list[str] | None, typer.Option(help="AE title that may send; without any every one.")] = None,
    listen: Annotated[str, typer.Option(help="Address to listen at; empty chooses by who may send.")] = "",
) -> None:
    """Stand by for what a PACS or a scanner sends by C-STORE, and write each study into a drop folder."""
    from flows.receive import listening
    from flows.receive import receive as received

    where = listening(title, port, tuple(from_host or ()), tuple(from_title or ()), listen)
    with _stoppable("Stopped. What has come is kept."):
        received(folder, where, out.print)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for the invented cohort and its results.")] = Path(
        "voxmine-demo"
    ),
    changes: Changes = None,
) -> None:
    """Invent a cohort with planted truths, run the whole study on it, and compare planted with found."""
    with ahead():
        from flows.demo import RESULTS, compare, prepare
        from flows.plan_files import load_plan

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
        str,
        typer.Argument(
            help="`report`, `cohort`, ..., a rule (`rule-1`), an artefact (`volume-3f9a1c2b7d04`), or a number as the"
            " report shows it (`0.84`)."
        ),
    ],
    workspace: Workspace = Path("voxmine-out"),
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show every branch, however many are alike.")] = False,
) -> None:
    """Print what made an artefact or a number, back to the digests of the source files and the code."""
    from flows.explain import explain

    out.print(explain(workspace, artefact, everything=everything), markup=False)


@app.command()
def locate(
    plan: PlanFile,
    digests: Annotated[list[str], typer.Argument(help="Digests of files, or the beginnings of some (`3f9a1c2b7d04`).")],
    changes: Changes = None,
) -> None:
    """Tell where the files lie that the report, or `voxmine why`, knows by their digests; nothing is written down."""
    from flows.fetch_study import on_disk, with_fetched
    from flows.key import identities
    from flows.locate import locate as located
    from flows.plan_files import load_plan

    loaded = load_plan(plan, tuple(changes or ()))
    roots = [on_disk(source).path for source in with_fetched(loaded, identities(loaded)).sources]
    found = 0
    for digest, place in located(roots, digests):
        out.print(f"{digest[:12]}  {place}", markup=False)
        found += 1
    if not found:
        err.print("No file of the plan's sources has such a digest.")
        raise typer.Exit(1)


@contextmanager
def _stoppable(words: str) -> Iterator[None]:
    """Let Ctrl-C end what is in the block with a word and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(words)
        raise typer.Exit(INTERRUPTED) from None


def _run(plan: Plan) -> None:
    from flows.check import check_tables
    from flows.full_study import full_study
    from flows.progress import shown
    from flows.results import last_results
    from tasks.stage import require_stages

    require_stages(plan.compute.refresh)
    check_tables(plan)
    with _stoppable("Stopped. What is done is kept: run the same plan again to go on."), shown():
        full_study(plan)
    for line in last_results(plan).lines():
        out.print(line)
    out.print(f"Report: {plan.report_file}")


def main() -> None:
    """Run the command; an error is one message and exit code 1, never a traceback for a known fault."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    collect_seldom()
    logging.raiseExceptions = False  # that a line of the log could not be sent is no line for the terminal
    try:
        app()
    except VoxmineError as fault:
        err.print(str(fault), style="bold red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
