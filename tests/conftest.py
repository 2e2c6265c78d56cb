"""What the tests share: the real data beside the project, where it is there."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("busy", deadline=None)  # how long one example takes depends on what else runs
settings.load_profile("busy")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the project; skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real data are not beside the project (../shared/data)")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory):
    """Give each process of tests a folder for what is written aside: a store sweeps what others left behind there."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("aside"))
    yield
    tempfile.tempdir = before
