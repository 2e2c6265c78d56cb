"""A small invented cohort, its plan, and a Prefect of its own for the tests that run flows."""

from __future__ import annotations

import os
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from flows.plan_files import parse_plan
from tasks.synthetic.cohort import write_cohort
from tests.object_storage import empty_bucket

PATIENTS = 12
KEY = "a key for tests"
LEAST = {"sources": [{"method": "dicom", "path": "scans"}]}


@pytest.fixture(scope="session", autouse=True)
def prefect_home(tmp_path_factory):
    """Keep the tests' Prefect database away from the user's, and one secret for all."""
    home = tmp_path_factory.mktemp("prefect")
    before = dict(os.environ)
    os.environ.update(PREFECT_HOME=str(home), VOXMINE_KEY=KEY, PREFECT_SERVER_ANALYTICS_ENABLED="false")
    os.environ.pop("PREFECT_API_URL", None)
    yield home
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory) -> Path:
    """Return the folder of an invented cohort of a few patients; copy it before changing it."""
    folder = tmp_path_factory.mktemp("small") / "cohort"
    write_cohort(folder, patients=PATIENTS)
    return folder


@pytest.fixture
def cohort(small_cohort, tmp_path) -> Path:
    """Return a copy of the small cohort that a test may change."""
    return Path(shutil.copytree(small_cohort, tmp_path / "cohort"))


@pytest.fixture(scope="session")
def small_plan():
    """Return the function that makes the light plan."""
    return light_plan


@pytest.fixture
def plan_file(tmp_path):
    """Return a function that writes a plan file: the least there is, or what is given, as text or as fields."""

    def written(held=LEAST):
        path = tmp_path / "plan.yaml"
        path.write_text(held if isinstance(held, str) else yaml.safe_dump(held), encoding="utf-8")
        return path

    return written


def light_plan(cohort: Path, workspace: Path, **changes):
    """Return the demo's plan on a small cohort, made light: one learner, two folds, no shuffles."""
    held = yaml.safe_load((files("deployments") / "plans" / "demo.yaml").read_text(encoding="utf-8"))
    held.update(
        study="small",
        workspace=str(workspace),
        learn={
            "learners": [{"method": "logistic", "k": [5], "inverse_penalty": [0.1]}],
            "validation": {
                "method": "nested_cross_validation",
                "outer_folds": 2,
                "repeats": 1,
                "inner_folds": 2,
                "bootstrap": 50,
            },
            "controls": False,
        },
        compute={"workers": 2},
    )
    held["mine"] = {"rules": {"method": "class_rules", "consequents": ["yes"]}, "folds": 2}
    held.update(changes)
    return parse_plan(held, cohort.parent)


@pytest.fixture(scope="module")
def bucket():
    """Return the URL of an empty bucket of a server on this machine."""
    with empty_bucket() as url:
        yield url


@pytest.fixture
def plan(cohort, tmp_path):
    """Return the light plan on a copy of the small cohort."""
    return light_plan(cohort, tmp_path / "results")
