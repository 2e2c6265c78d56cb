"""What no single module can promise: names, deployments, versions, forms, and files that tell no machine."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from inspect import getmembers, signature
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from prefect import Flow
from prefect.utilities.callables import parameter_schema

import data_catalog
import flows
import tasks
from flows import runtime
from flows.plan import Plan
from flows.runtime import study_flow
from tasks.stage import Stage

ROOT = Path(flows.__file__).parents[1]
FLOW_MODULES = [f"flows.{module.name}" for module in pkgutil.iter_modules(flows.__path__)]
DEPLOYMENTS = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
COMPUTE = {"numba", "pandas", "pyarrow", "scipy", "skimage", "sklearn", "mlxtend", "xarray", "pydicom", "pynetdicom"}
"""Libraries that only the functions import that use them: the process of a flow starts soon and stays small."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
PICTURES = {".png", ".jpg", ".gif", ".ico", ".pdf"}


def committed():
    """Return the files that git knows, with those that are about to be committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("the source is not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_module_of_the_flows_is_named_like_one_of_the_standard_library():
    names = {name.rsplit(".", 1)[1] for name in FLOW_MODULES}
    assert len(names) > 10
    assert not names & set(sys.stdlib_module_names)


def flows_of(module):
    """Return the flows that a module defines itself."""
    loaded = importlib.import_module(module)
    return {
        name: value for name, value in getmembers(loaded) if isinstance(value, Flow) and value.fn.__module__ == module
    }


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["entrypoint"])
def test_every_deployment_names_a_flow_by_its_module(deployment):
    module, _, name = deployment["entrypoint"].partition(":")
    assert re.fullmatch(r"[a-z_.]+", module), "a file entrypoint loads the module twice"
    flow = getattr(importlib.import_module(module), name)
    assert isinstance(flow, Flow)
    assert flow.name.replace("-", "_") == name
    assert flow.description, "it is what the UI shows"
    assert deployment["description"]


def test_every_flow_is_deployed_once():
    defined = sorted(f"{module}:{name}" for module in FLOW_MODULES for name in flows_of(module))
    assert sorted(deployment["entrypoint"] for deployment in DEPLOYMENTS) == defined


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: one["entrypoint"])
def test_every_flow_takes_the_plan(deployment):
    module, _, name = deployment["entrypoint"].partition(":")
    schema = getattr(importlib.import_module(module), name).parameters.model_dump()
    assert schema["required"] == ["plan"], "a step that is run alone takes the rest from the plan's sources"
    assert "oneOf" not in json.dumps(schema), "Prefect's form cannot show it"


def modules_of(*packages):
    return [
        importlib.import_module(module.name)
        for package in packages
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]


def test_the_form_of_a_flow_is_made_when_it_is_asked_for(monkeypatch):
    made = []

    def schema(function):
        made.append(function.__name__)
        return parameter_schema(function)

    monkeypatch.setattr(runtime, "parameter_schema", schema)

    @study_flow("a-study")
    def a_study(plan: Plan, times: int = 2) -> int:
        """Do nothing; this is what the form says."""
        return times

    assert made == []
    assert list(a_study.parameters.properties) == ["plan", "times"]
    assert a_study.parameters.required == ["plan"]
    assert list(a_study.with_options(name="another").parameters.properties) == ["plan", "times"]
    assert set(made) == {"a_study"}
    assert list(signature(a_study).parameters) == ["plan", "times"], "`prefect deploy` looks here"
    assert a_study.description == "Do nothing; this is what the form says."


def test_a_flow_is_planned_without_the_libraries_that_compute():
    code = "import sys; import flows.full_study; print(*sorted(sys.modules))"
    held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "prefect" in held
    assert not {name for name in held if name.partition(".")[0] in COMPUTE}


def test_the_code_behind_a_step_is_digested_without_the_libraries_that_it_uses():
    code = """if True:
        import sys
        from tasks.methods.code import code_parts

        print(*code_parts(["tasks.methods.learning.harmonisation"]))
        print(*sys.modules)
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    parts, imported = (line.split() for line in ran.splitlines())
    assert {"sklearn", "tasks.methods.learning.estimators.location_scale"} <= set(parts)
    assert not {name for name in imported if name.partition(".")[0] in COMPUTE}


def test_a_stage_is_named_like_what_it_is_imported_as():
    stages = [
        (module.__name__, name, value)
        for module in modules_of(tasks)
        for name, value in vars(module).items()
        if isinstance(value, Stage)
    ]
    own = [(name, value) for module, name, value in stages if value.function.__module__ == module]
    assert len(own) > 20
    assert all(name == value.name == value.function.__name__ for name, value in own)
    assert len({value.name for _, value in own}) == len(own), "two stages of one name would be counted as one"


def bounds(name):
    (requirement,) = [one for one in map(Requirement, PROJECT["dependencies"]) if one.name == name]
    return requirement.specifier


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("fastapi", "0.150.0", "0.151.0"),
        ("sqlalchemy", "2.0.44", "2.1.0"),
        ("prefect", "3.8.8", "3.9.0"),
        ("zarr", "3.1.0", "4.0.0"),
        ("zarr", "3.1.0", "2.18.0"),
        ("pydicom", "3.0.1", "2.4.4"),
    ],
)
def test_versions_that_do_not_work_together_are_left_out(name, good, bad):
    assert good in bounds(name)
    assert bad not in bounds(name)


def test_the_lock_holds_every_dependency_in_its_bounds():
    locked = {}
    for line in LOCK:
        requirement = Requirement(line)
        (exact,) = requirement.specifier
        assert exact.operator == "==", line
        locked.setdefault(requirement.name.lower(), []).append(Version(exact.version))
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, wanted):
        versions = locked[requirement.name.lower()]
        assert all(version in requirement.specifier for version in versions), requirement.name


def test_the_lock_tells_no_address_to_download_from():
    text = "\n".join(LOCK)
    assert not re.search(r"://|^--|\s--|@|\bindex[-_]url\b|\bfile:", text, flags=re.MULTILINE)


SCHEMA = Plan.model_json_schema()
PARTS = {"Plan": SCHEMA, **SCHEMA["$defs"]}


def test_the_form_of_a_plan_has_no_choice_that_prefect_cannot_show():
    text = json.dumps(SCHEMA)
    assert "anyOf" in text
    assert "oneOf" not in text
    assert "discriminator" not in text


def help_text(field):
    """Return what the form shows beside a field: its own words, or those of the part it is."""
    return field.get("description") or PARTS.get(field.get("$ref", "").rsplit("/", 1)[-1], {}).get("description", "")


@pytest.mark.parametrize("part", PARTS)
def test_every_field_of_the_plan_has_a_help_text(part):
    fields = PARTS[part].get("properties", {})
    silent = [name for name, field in fields.items() if name != "method" and not help_text(field).strip()]
    assert not silent
    assert fields or "enum" in PARTS[part]


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_plan_says_what_it_is_and_takes_no_other_field(part):
    assert PARTS[part]["description"]
    assert PARTS[part]["additionalProperties"] is False


def test_no_file_that_is_committed_names_a_machine_or_its_user():
    places = "|".join(f"/{name}/" for name in ("home", "Users", "work", "root", "mnt", "tmp/scratch"))
    spoken = re.compile(rf"(?<![\w.~$}}-])(?:{places})[\w.-]+|\b[A-Z]:\\\\Users\b")
    files = [path for path in committed() if path.suffix not in PICTURES]
    assert len(files) > 100
    named = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if spoken.search(line)
    }
    assert not named


def test_what_a_run_writes_is_not_committed():
    assert not [path for path in committed() if path.name.endswith((".key", ".dcm", ".zarr", "-results.json", ".db"))]


@pytest.mark.parametrize("package", [data_catalog, tasks, flows], ids=lambda package: package.__name__)
def test_every_module_says_what_belongs_in_it(package):
    silent = [module.__name__ for module in modules_of(package) if not (module.__doc__ or "").strip()]
    assert not silent
