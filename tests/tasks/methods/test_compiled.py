"""Where the machine code of kernels is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from tasks.methods import compiled
from tasks.methods.radiomics import kernels

SOURCES = Path(kernels.__file__).parent


@pytest.fixture(autouse=True)
def asked_anew():
    compiled.cache_folder.cache_clear()
    yield
    compiled.cache_folder.cache_clear()


def test_machine_code_is_kept_beside_the_source_by_the_state_of_all_kernels(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    folder = compiled.cache_folder(SOURCES)
    assert folder.parent == SOURCES / "__pycache__"
    assert folder.name.endswith(compiled.sources_digest(SOURCES))


def test_a_folder_that_is_named_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert compiled.cache_folder(SOURCES).parent == tmp_path


def test_where_the_source_cannot_be_written_the_users_cache_is_taken(monkeypatch, tmp_path):
    (tmp_path / "__pycache__").write_text("no folder")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert compiled.cache_folder(tmp_path).parent == tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "__pycache__"))
    compiled.cache_folder.cache_clear()
    assert compiled.cache_folder(tmp_path).is_dir(), "a temporary one is always there"


def test_a_change_in_any_kernel_of_a_folder_is_another_state(tmp_path):
    (tmp_path / "one.py").write_text("STEP = 1")
    first = compiled.sources_digest(tmp_path)
    (tmp_path / "one.py").write_text("STEP = 2")
    assert compiled.sources_digest(tmp_path) != first


def test_a_change_in_how_kernels_are_compiled_is_another_state(monkeypatch, tmp_path):
    first = compiled.sources_digest(tmp_path)
    (tmp_path / "compiled.txt").write_text("fastmath")
    monkeypatch.setattr(compiled, "HERE", tmp_path / "compiled.txt")
    assert compiled.sources_digest(tmp_path) != first


def test_a_second_process_compiles_nothing(tmp_path):
    code = (
        "import numpy as np\n"
        "from tasks.methods.radiomics.kernels.interpolation import along_axis as k\n"
        "k(np.zeros((1, 2, 1)), np.zeros((1, 1), np.int64), np.ones((1, 1)))\n"
        "stats = k.compiled.stats\n"
        "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["0", "1"], ["1", "0"]]


def test_the_setting_of_others_stays_what_it_was(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "CACHE_DIR", "elsewhere")
    monkeypatch.setattr(compiled, "cache_folder", lambda sources: tmp_path)

    def twice(values):
        return values * 2

    assert compiled.kernel(twice)(np.ones(1)) == 2
    assert config.CACHE_DIR == "elsewhere"


def test_a_kernel_that_nobody_calls_does_not_bring_numba():
    code = "import sys; import tasks.methods.radiomics.kernels.zones; print('numba' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
