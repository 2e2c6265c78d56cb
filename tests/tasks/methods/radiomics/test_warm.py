"""Every kernel is compiled before the first region comes."""

import os
import subprocess
import sys

MEASURED = (
    "import numpy as np\n"
    "from tasks.methods.radiomics.recipe import Recipe\n"
    "from tasks.methods.compiled import cache_folder\n"
    "from tasks.methods.radiomics import kernels\n"
    "from pathlib import Path\n"
    "kept = cache_folder(Path(kernels.__file__).parent)\n"
    "before = {path for path in kept.rglob('*.nbi')}\n"
    "Recipe()(np.random.default_rng(1).normal(size=(9, 9, 9)), np.ones((9, 9, 9), bool), (1.0, 1.0, 1.0))\n"
    "print(len(before), len({path for path in kept.rglob('*.nbi')} - before))"
)


def test_after_it_a_region_compiles_nothing(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "tasks.methods.radiomics.warm"], check=True, env=environment)
    said = subprocess.run(
        [sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True, env=environment
    ).stdout.split()
    assert int(said[0]) > 20
    assert said[1] == "0"
