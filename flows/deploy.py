"""`voxmine deploy` and `voxmine announce`: the deployments on a Prefect server, for everyone or for one study."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import yaml
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from data_catalog.errors import PlanError
from flows.fetch_study import is_elsewhere
from flows.plan import Plan
from flows.plan_files import located
from flows.server import POOL, client, environment, make_pool, run_prefect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

FILE = "prefect.yaml"
OF_A_STUDY = "study"
"""Tag of the entries that are made anew for each study, with its plan."""
WATCH = "flows.watch_study:watch_study"
ARRIVED = "voxmine.scans.arrived"
"""Event on a Prefect server that says that scans of a study have come."""
CRON = "cron-"
"""Begins the names of the further times of a study."""
URL_MARK = "://"
_ID = "prefect.resource.id"


@dataclass(frozen=True)
class When:
    """When a study runs by itself; by default never."""

    nightly: bool = False
    """Whether the schedule `nightly` of the deployments holds."""
    weekly: bool = False
    """Whether the schedule `weekly` of the deployments holds."""
    cron: tuple[str, ...] = ()
    """Further times (`30 5 * * 1-5`: at half past five on working days)."""
    timezone: str = "UTC"
    """Time zone of all of them (`Europe/Zurich`)."""
    every_s: float | None = None
    """Seconds between two looks for new scans; None looks only when they are announced."""

    def __post_init__(self) -> None:
        """Refuse what is no time.

        Raises
        ------
        PlanError
            When a time or the zone is none.
        """
        for cron in self.cron or ("0 0 * * *",):
            try:
                CronSchedule(cron=cron, timezone=self.timezone)
            except ValidationError as wrong:
                raise PlanError(
                    "A schedule is minute, hour, day, month and weekday, in a time zone",
                    f"{cron!r} in {self.timezone!r} is not ({wrong.errors()[0]['msg']})",
                    'Write it like --cron "0 2 * * *" --timezone Europe/Zurich.',
                ) from None

    def schedules(self, offered: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the schedules of a deployment: those it offers, on or off, and the further times."""
        wanted = {"nightly": self.nightly, "weekly": self.weekly}
        own = [
            {"slug": f"{CRON}{number}", "cron": cron, "timezone": self.timezone, "active": True}
            for number, cron in enumerate(self.cron, 1)
        ]
        return [{**one, "timezone": self.timezone, "active": wanted[one["slug"]]} for one in offered] + own

    def looks(self, offered: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the schedules of a deployment that looks for new scans."""
        if self.every_s is None:
            return offered
        return [{**one, "interval": self.every_s, "active": True} for one in offered]


NEVER = When()


def deploy(plan: Plan | None = None, when: When = NEVER, pool: str = POOL) -> list[str]:
    """Register deployments with the configured server: those for everyone, or with a plan those of its study.

    Of a study there are `full-study/STUDY` and, where its plan has a drop folder or an archive, `watch-study/STUDY`.
    The plan is their default parameter, its paths absolute. Deployed again, the study has the new plan and the new
    schedules.

    Parameters
    ----------
    plan : Plan, optional
        Plan of the study; without it the deployments for everyone are registered, whose form asks for a plan.
    when : When
        When the study runs by itself.
    pool : str
        Work pool of the workers that shall run it; made where it is missing.

    Returns
    -------
    list of str
        Names of the deployments, as the server knows them.

    Raises
    ------
    PlanError
        When no server answers, it keeps something else than it was given, or a schedule has no plan to run.
    """
    require_plan(plan, when)
    server = client()
    try:
        server.read_work_pool(pool)
    except ObjectNotFound:
        make_pool(pool, environment())
    held = of_study(plan, when, pool) if plan is not None else of_everyone(pool)
    register(held, environment())
    names = []
    for entry in held["deployments"]:
        name = name_of(entry)
        _end_earlier(server, _kept(server, name, entry), entry)
        names.append(name)
    return names


def require_plan(plan: Plan | None, when: When) -> None:
    """Refuse a schedule that has nothing to run.

    Raises
    ------
    PlanError
        When there is no plan, or nothing new can come to it.
    """
    if plan is None and when != NEVER:
        raise PlanError("A schedule has a plan to run", "there is none", "Name it: voxmine deploy plan.yaml --nightly")
    if plan is not None and when.every_s is not None and not is_elsewhere(plan):
        raise PlanError(
            "A plan to look for new scans has a drop folder or an archive among its sources",
            "it has neither",
            "Add a source with `method: drop_folder`, `dicomweb` or `pacs`, or use --cron.",
        )


def of_everyone(pool: str = POOL) -> dict[str, Any]:
    """Return what `deployments/prefect.yaml` holds, in a work pool."""
    held: dict[str, Any] = yaml.safe_load((files("deployments") / FILE).read_text(encoding="utf-8"))
    return {**held, "deployments": [{**entry, "work_pool": {"name": pool}} for entry in held["deployments"]]}


def of_study(plan: Plan, when: When = NEVER, pool: str = POOL) -> dict[str, Any]:
    """Return the deployments of one study: the entries of `deployments/prefect.yaml` for it, with its plan.

    A worker need not have the folder that was deployed from: the plan's paths are absolute, and nothing is pulled.
    """
    everyone = of_everyone(pool)["deployments"]
    entries = [entry for entry in everyone if OF_A_STUDY in entry["tags"]]
    mine = [_of_study(entry, plan, when) for entry in entries if entry["entrypoint"] != WATCH or is_elsewhere(plan)]
    return {"pull": [], "deployments": mine}


def _of_study(entry: Mapping[str, Any], plan: Plan, when: When) -> dict[str, Any]:
    schedules = when.looks if entry["entrypoint"] == WATCH else when.schedules
    own = {
        **entry,
        "name": plan.study,
        "tags": [*entry["tags"], plan.study],
        "parameters": {"plan": json.loads(anchored(plan).model_dump_json())},
        "schedules": schedules(entry["schedules"]),
    }
    if "triggers" in entry:
        own["triggers"] = [
            {**one, "name": f"{one['name']}: {plan.study}", "enabled": True, "match": {_ID: resource(plan.study)}}
            for one in entry["triggers"]
        ]
    return own


def resource(study: str) -> str:
    """Return the name under which events of a study are told."""
    return f"voxmine.study.{study}"


def anchored(plan: Plan) -> Plan:
    """Return the plan with absolute paths, so that it means the same wherever a worker stands."""
    here = Path.cwd()
    store = plan.store if plan.store is None or URL_MARK in plan.store else str(here / plan.store)
    return located(plan, here).model_copy(update={"workspace": here / plan.workspace, "store": store})


def register(held: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Register deployments with the server that an environment names."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_text(yaml.safe_dump(dict(held), sort_keys=False), encoding="utf-8")
        run_prefect(("--no-prompt", "deploy", "--all", "--prefect-file", str(path)), environment)


def name_of(entry: Mapping[str, Any]) -> str:
    """Return the name of a deployment, as the server knows it."""
    return f"{entry['entrypoint'].partition(':')[2].replace('_', '-')}/{entry['name']}"


def _kept(server: SyncPrefectClient, name: str, entry: Mapping[str, Any]) -> DeploymentResponse:
    """Return a deployment as the server has it, once it is seen to hold the parameters."""
    wanted = entry.get("parameters", {})
    try:
        held = server.read_deployment_by_name(name)
    except ObjectNotFound:
        held = None
    if held is None or held.parameters != wanted:
        raise PlanError(
            f"The server keeps the deployment {name} as it was given",
            "it does not have it" if held is None or held.parameters is None else "it has other parameters",
            "Look for `{{` in the plan, which Prefect takes for a place to fill in; then deploy again.",
        )
    return held


def _end_earlier(server: SyncPrefectClient, held: DeploymentResponse, entry: Mapping[str, Any]) -> None:
    """End the times that an earlier command set: Prefect adds schedules, and takes none away. Others are somebody's."""
    slugs = {one["slug"] for one in entry.get("schedules", ())}
    for schedule in held.schedules:
        if (schedule.slug or "").startswith(CRON) and schedule.slug not in slugs:
            server.delete_deployment_schedule(held.id, schedule.id)


def announce(study: str) -> None:
    """Tell the configured server that scans of a study have come: its `watch-study/STUDY` then looks at once.

    Raises
    ------
    PlanError
        When no server is configured, it does not answer, it does not let us in, or the study does not look there.
    """
    server = client()
    try:
        server.read_deployment_by_name(f"watch-study/{study}")
    except ObjectNotFound:
        raise PlanError(
            f"watch-study/{study} is deployed, and looks when it is told to",
            "the server has no such deployment",
            "Correct the name; or deploy the study (voxmine deploy plan.yaml), whose sources are a drop folder or an"
            " archive.",
        ) from None
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": ARRIVED,
        "resource": {_ID: resource(study)},
    }
    server.request("POST", "/events", json=[event]).raise_for_status()
