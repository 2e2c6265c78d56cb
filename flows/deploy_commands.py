"""The commands for a Prefect server: `voxmine ui`, `worker`, `deploy` and `announce`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)

Pool = Annotated[str, typer.Option(help="Work pool of the Prefect server.")]
POOL = "voxmine"

# As in flows.cli, what a command needs is imported inside it.


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (ui, worker, deploy, announce):
        app.command()(command)


def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 4200,
) -> None:
    """Start Prefect's pages on this machine, with the deployments and a worker, until Ctrl-C."""
    from flows.ui import serve

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # however it is ended, it ends what it has started
    serve(port, out.print)


def worker(
    pool: Pool = POOL,
    *,
    name: Annotated[str, typer.Option(help="Name that the server shows; empty takes one of Prefect's.")] = "",
    limit: Annotated[int | None, typer.Option(help="Runs at a time; without it all that are due.", min=1)] = None,
    health: Annotated[bool, typer.Option("--health", help="Tell at port 8080 here that it is alive.")] = False,
) -> None:
    """Work on the runs that the server at PREFECT_API_URL has for this machine, until Ctrl-C."""
    from flows.worker import work

    work(pool, name=name, limit=limit, health=health)


def deploy(
    plan: Annotated[Path | None, typer.Argument(help="The plan of one study; without it for every study.")] = None,
    *,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of the plan otherwise.")
    ] = None,
    nightly: Annotated[bool, typer.Option("--nightly", help="Run the study every night at two.")] = False,
    weekly: Annotated[bool, typer.Option("--weekly", help="Run the study every Sunday at three.")] = False,
    cron: Annotated[list[str] | None, typer.Option(help='Run the study at these times ("30 5 * * 1-5").')] = None,
    every: Annotated[
        float | None, typer.Option(help="Seconds between two looks for new scans; each look takes some.", min=60)
    ] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of the times (Europe/Zurich).")] = "UTC",
    pool: Pool = POOL,
) -> None:
    """Register the deployments, or those of one study with its plan and times, with the server at PREFECT_API_URL."""
    from flows.deploy import When
    from flows.deploy import deploy as deployed
    from flows.plan_files import load_plan

    when = When(nightly=nightly, weekly=weekly, cron=tuple(cron or ()), timezone=timezone, every_s=every)
    for made in deployed(None if plan is None else load_plan(plan, tuple(changes or ())), when, pool):
        out.print(made)


def announce(study: Annotated[str, typer.Argument(help="The study, as its plan names it.")]) -> None:
    """Tell the server at PREFECT_API_URL that scans of a deployed study have come, so that it looks at once."""
    from flows.deploy import announce as announced

    announced(study)
    out.print(f"Told: watch-study/{study} looks now.")
