"""Ten thousand broken files: none crashes, hangs, takes the memory of others, or is told in a message."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SCRIPT = Path(__file__).with_name("mutants.py")
PARTS = 4
MUTANTS = 2500


@pytest.mark.parametrize("seed", range(PARTS))
def test_broken_files_are_read_or_refused_by_name(seed):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(MUTANTS), str(seed)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
        timeout=1200,
    )
    told = json.loads(run.stdout)
    assert told["broken"] == []
    assert told["originals"] > 50
    assert sum(told["verdicts"].values()) > MUTANTS / 2
    assert told["peak_mb"] < 1500
