"""What the tests share: the real data beside the project, where it is there."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the project; skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real data are not beside the project (../shared/data)")
    return SHARED
