"""The commands that ask what was made of what, and those that keep the store in order or hand its lineage on."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from data_catalog.errors import StoreError

if TYPE_CHECKING:
    from data_catalog.runs import Runs

catalog_app = typer.Typer(help="The catalogue: search it, or make it anew from the store.", no_args_is_help=True)
store_app = typer.Typer(help="The store: remove what no kept run needs.", no_args_is_help=True)
export_app = typer.Typer(help="Hand the lineage of a run to other programs.", no_args_is_help=True)
out = Console(highlight=False, soft_wrap=True, markup=False)

Workspace = Annotated[Path, typer.Option(help="Folder of the study's results.")]
WORKSPACE = Path("voxmine-out")
RunName = Annotated[str, typer.Argument(help="A run as `voxmine runs` names it, the end of its name, or `last`.")]
Out = Annotated[Path, typer.Argument(help="File to write.")]
SHOWN = 20
"""Artefacts that are named before the rest is counted."""

# As in flows.cli, what a command needs is imported inside it.


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(catalog_app, name="catalog")
    app.add_typer(store_app, name="store")
    app.add_typer(export_app, name="export")
    for command in (runs, descendants, diff, verify, stale):
        app.command()(command)


@catalog_app.command()
def search(
    workspace: Workspace = WORKSPACE,
    patient: Annotated[str | None, typer.Option(help="Pseudonym (`P-3f9a1c2b7d04`).")] = None,
    modality: Annotated[str | None, typer.Option(help="`CT`, `MR`, ...")] = None,
    stage: Annotated[str | None, typer.Option(help="`read_dicom`, `radiomics`, ...")] = None,
    method: Annotated[str | None, typer.Option(help="A method among the parameters (`resample`).")] = None,
    version: Annotated[str | None, typer.Option(help="Version of voxmine.")] = None,
    run: Annotated[str | None, typer.Option(help="A run, or `last`.")] = None,
    kind: Annotated[str | None, typer.Option(help="`volume`, `mask`, `features`, ...")] = None,
    most: Annotated[int, typer.Option(min=1, help="How many to show, the newest first.")] = 50,
) -> None:
    """Search what was made: by patient, modality, stage, method, version, run or kind."""
    from data_catalog.catalog_search import Asked
    from data_catalog.runs import Runs
    from flows.catalogs import catalog_of
    from flows.stores import store_of

    name = None if run is None else Runs(store_of(workspace)).find(run).name
    asked = Asked(patient, modality, stage, method, version, name, kind)
    with closing(catalog_of(workspace)) as catalog:
        found = catalog.search(asked, most + 1)
        unknown = [] if found else catalog.unknown(asked)
    for one in found[:most]:
        out.print(f"{one.ref.short}  {one.stage}  {one.item}  {one.started}  voxmine {one.version}")
    if not found:
        out.print("Nothing is as asked for.")
        for what, given, known in unknown:
            out.print(f"No {what} is called {given!r}; there are {', '.join(known)}.")
    if len(found) > most:
        out.print(f"There are more than {most}: ask for less, or show more with --most.")


@catalog_app.command()
def rebuild(workspace: Workspace = WORKSPACE) -> None:
    """Make the catalogue anew from the records and runs in the store."""
    from data_catalog.catalog_build import rebuild as rebuilt
    from flows.catalogs import url_of
    from flows.stores import store_of

    console = Console(stderr=True)
    with console.status("Reading the records ...") as status:
        made = rebuilt(store_of(workspace), url_of(workspace), lambda count: status.update(f"{count:,} records"))
    counts = made.counts()
    out.print(f"{counts['record']:,} records of {counts['artefact']:,} artefacts, {counts['run']:,} runs.")


@store_app.command()
def gc(
    workspace: Workspace = WORKSPACE,
    keep: Annotated[int, typer.Option(min=0, help="Completed runs of each study that are kept, the last ones.")] = 3,
    min_age: Annotated[float, typer.Option(min=0, help="Hours: what is younger is left.")] = 24,
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Do it; without this it is only told.")] = False,
) -> None:
    """Remove artefacts that no kept run needs; tells what it would remove unless `--delete` is said."""
    from data_catalog.collecting import collect, garbage
    from flows.catalogs import is_there
    from flows.results import kept_by
    from flows.stores import store_of

    store = store_of(workspace)
    found = (collect if delete else garbage)(store, keep, timedelta(hours=min_age), kept_by(workspace))
    for name in found.kept_runs:
        out.print(f"kept: {name}")
    for name in found.runs:
        out.print(f"{'forgotten' if delete else 'would be forgotten'}: {name}")
    what = f"{len(found.refs):,} artefacts, {found.bytes / 2**20:,.1f} MiB"
    young = f"; {found.young:,} are not, but are younger than {min_age:g} hours, and are left" if found.young else ""
    out.print(f"{found.kept:,} artefacts are needed{young}.")
    if not delete:
        out.print(f"Would remove {what}. Do it with --delete.")
        return
    out.print(f"Removed {what}.")
    if is_there(workspace):
        rebuild(workspace)


@store_app.command()
def pin(run: RunName, workspace: Workspace = WORKSPACE) -> None:
    """Keep a run and all that it needs for ever, as of what was published."""
    _pin(run, workspace, pinned=True)


@store_app.command()
def unpin(run: RunName, workspace: Workspace = WORKSPACE) -> None:
    """Keep a run no longer than others."""
    _pin(run, workspace, pinned=False)


def _pin(run: str, workspace: Path, *, pinned: bool) -> None:
    from data_catalog.runs import Runs
    from flows.stores import store_of

    known = Runs(store_of(workspace))
    name = known.find(run).name
    known.pin(name, pinned=pinned)
    out.print(f"{name} is {'kept for ever' if pinned else 'kept like others'}.")


def runs(
    run: Annotated[
        str | None, typer.Argument(help="A run, the end of its name, or `last`: tell what it spent on each stage.")
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """List the runs that the store knows, the oldest first; or tell what one of them spent on each stage."""
    from data_catalog.runs import Runs
    from flows.stores import store_of

    known = Runs(store_of(workspace))
    if run is None:
        _list_runs(known)
    else:
        _tell_spent(workspace, known.find(run).name)


def _tell_spent(workspace: Path, name: str) -> None:
    from flows.catalogs import catalog_of

    with closing(catalog_of(workspace)) as catalog:
        spent = catalog.spent(name)
    out.print(f"{name}: what it computed itself took")
    table = Table(box=None, pad_edge=False)
    table.add_column("stage", no_wrap=True, min_width=max((len(one.stage) for one in spent), default=0))
    for heading in [*spent[0].row()][1:] if spent else ():
        table.add_column(heading, justify="right")
    for one in spent:
        table.add_row(*map(_cell, one.row().values()))
    out.print(table)


def _cell(told: str | float | None) -> str:
    return told if isinstance(told, str) else "" if told is None else f"{told:,}"


def _list_runs(known: Runs) -> None:
    for run in known.all():
        killed = run.state == "going" and not known.is_going(run)
        pinned = ", pinned" if known.is_pinned(run.name) else ""
        state = "was killed" if killed else run.state
        until = "to" if run.state != "going" else "to now, last heard of at" if not killed else "last heard of at"
        out.print(f"{run.name}  {run.flow}  {state}{pinned}  voxmine {run.version}  {run.started} {until} {run.beat}")


def descendants(
    artefact: Annotated[
        str, typer.Argument(help="`cohort`, the name of an artefact, or the SHA-256 of a source file (its beginning).")
    ],
    workspace: Workspace = WORKSPACE,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Name every artefact, however many there are.")] = False,
) -> None:
    """Tell all that was made from an artefact or a source file, directly or through others."""
    from flows.descendants import descendants as made_from

    made = made_from(workspace, artefact)
    for one in made if everything else made[:SHOWN]:
        out.print(f"{one.ref.short}  {one.stage}  {one.item}")
    if len(made) > SHOWN and not everything:
        out.print(f"and {len(made) - SHOWN:,} more (--all shows them)")
    if not made:
        out.print("Nothing was made from it.")


def diff(first: RunName, second: RunName, workspace: Workspace = WORKSPACE) -> None:
    """Tell how two runs differ: which items were made otherwise and why (parameters, code, inputs)."""
    from flows.compare_runs import diff as compared
    from flows.stores import store_of

    for line in compared(store_of(workspace), first, second).lines():
        out.print(line)


def verify(
    what: Annotated[
        list[str] | None, typer.Argument(help="Artefacts, or a crate (a .zip file); without any the whole store.")
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Compare every byte with what was written; of a crate, make again what can be made, and name what differs."""
    from flows.verify_crate import is_crate, verify_crate

    for name in what or ():
        _require_crate(Path(name))
    crates = [Path(name) for name in what or () if is_crate(Path(name))]
    differs = False
    for crate in crates:
        found = verify_crate(crate)
        for line in found.lines():
            out.print(line)
        differs |= bool(found.differences)
    names = [name for name in what or () if not is_crate(Path(name))]
    if names or not crates:
        differs |= _is_damaged(workspace, names)
    if differs:
        raise typer.Exit(1)


def _require_crate(file: Path) -> None:
    """Raise `StoreError` where something that is meant as a crate is none: a file, or the name of one."""
    from flows.verify_crate import is_crate

    if is_crate(file) or not (file.suffix == ".zip" or file.is_file()):
        return
    raise StoreError(
        f"{file} is a crate, a .zip file that `voxmine export crate` has written",
        "it is none, or was cut off" if file.is_file() else "it is not there",
        "Have it sent again, or correct the name.",
    )


def _is_damaged(workspace: Path, names: list[str]) -> bool:
    """Tell what of some artefacts, or of the whole store, is damaged; return whether anything is."""
    from flows.audit import verify as verified
    from flows.explain import find_artefact
    from flows.stores import store_of

    store, count = store_of(workspace), 0

    def tell(_: object) -> None:
        nonlocal count
        count += 1

    refs = [find_artefact(workspace, store, name) for name in names] or None
    damages = verified(store, refs, tell)
    for damage in damages:
        out.print(str(damage))
    out.print(f"{count:,} artefacts were read; {len(damages):,} faults.")
    return bool(damages)


def stale(workspace: Workspace = WORKSPACE) -> None:
    """Tell what was made by code that has changed since, and what has changed."""
    from flows.audit import stale as outdated
    from flows.catalogs import catalog_of
    from flows.stores import store_of

    with closing(catalog_of(workspace)) as catalog:
        found = outdated(store_of(workspace), catalog)
    for one in found:
        stages = sorted({made.stage for made in one.made})
        out.print(f"{len(one.made):,} artefacts of {', '.join(stages)} (voxmine {one.version}, code {one.code[:12]})")
        for change in one.changed[:SHOWN]:
            out.print(f"    {change}")
        if len(one.changed) > SHOWN:
            out.print(f"    and {len(one.changed) - SHOWN} more changes")
    if not found:
        out.print("Everything was made by the code as it is.")


@export_app.command()
def prov(run: RunName, file: Out, workspace: Workspace = WORKSPACE) -> None:
    """Write what made the results of a run as PROV-JSON (W3C)."""
    from flows.export import export_prov

    export_prov(workspace, run, file)
    out.print(f"Wrote {file}.")


@export_app.command()
def openlineage(
    run: RunName,
    to: Annotated[str, typer.Argument(help="File to write, one event a line; or the URL of a server (https://...).")],
    workspace: Workspace = WORKSPACE,
) -> None:
    """Write the events of a run for OpenLineage (Marquez, DataHub, ...), or send them to a server."""
    from flows.export import export_openlineage

    count = export_openlineage(workspace, run, to)
    out.print(f"{count:,} events went to {to}.")


@export_app.command()
def crate(
    run: RunName,
    file: Out,
    workspace: Workspace = WORKSPACE,
    *,
    images: Annotated[bool, typer.Option("--images", help="Take volumes, masks and signals along.")] = False,
    licence: Annotated[str, typer.Option(help="Licence of the results, as a URL (https://...).")] = "",
) -> None:
    """Write a run with its results and records as a Workflow Run RO-Crate, which `voxmine verify` checks anywhere."""
    from flows.export import export_crate

    export_crate(workspace, run, file, images=images, licence=licence)
    out.print(f"Wrote {file}. Anywhere: voxmine verify {file}")


@export_app.command()
def picture(run: RunName, file: Out, workspace: Workspace = WORKSPACE) -> None:
    """Draw the lineage of a run, stage by stage, as SVG."""
    from flows.export import export_picture

    export_picture(workspace, run, file)
    out.print(f"Wrote {file}.")
