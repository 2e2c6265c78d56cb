"""Several writers of the same artefacts: the same bytes, the same names, and one whole artefact."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from data_catalog import layout
from data_catalog.kinds import VOLUME
from data_catalog.store import Store
from tests.data_catalog.conftest import key_of, leftovers, put, small_volume

CHILD = """
import sys, time
from pathlib import Path
from data_catalog.store import Store
from tests.data_catalog.conftest import every_form, recorded
folder, name = Path(sys.argv[1]), sys.argv[2]
forms = every_form(backwards=name == "backwards")
for kind, value in forms:
    print(Store(folder / name).put(kind, value, recorded(kind.name)).digest, kind.name)
(folder / f"{name}.ready").touch()
while len(list(folder.glob("*.ready"))) < 2:
    time.sleep(0.005)
for turn in range(6):
    for kind, value in forms if turn % 2 else reversed(forms):
        Store(folder / "shared").put(kind, value, recorded(f"{name}/{turn}/{kind.name}"))
"""
TURNS = 6


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Let two processes with other seeds of hashes write the same values: each to a store, then both to one."""
    folder = tmp_path_factory.mktemp("processes")
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", CHILD, str(folder), name],
            cwd=Path(layout.__file__).parents[1],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, seed in (("forwards", "1"), ("backwards", "2"))
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    return folder, said


def test_two_processes_give_the_same_values_the_same_names(two_processes):
    one, other = (sorted(said.split()) for said in two_processes[1])
    assert len(one) == 16
    assert one == other


def test_two_processes_write_the_same_bytes_whatever_the_order_of_dictionaries(two_processes):
    folder, _ = two_processes
    contents = [
        {
            path.relative_to(folder / name).as_posix(): path.read_bytes()
            for path in (folder / name / "objects").rglob("*")
            if path.is_file() and path.parent.name != "records"
        }
        for name in ("forwards", "backwards")
    ]
    assert len(contents[0]) > 15
    assert contents[0] == contents[1]


def test_two_processes_that_write_the_same_artefacts_at_once_end_well(two_processes):
    folder, said = two_processes
    store = Store(folder / "shared")
    held = list(store.artefacts())
    assert sorted(ref.digest for ref in held) == sorted(line.split()[0] for line in said[0].splitlines())
    for ref in held:
        store.verify(ref)
        assert len(store.records(ref)) == 2 * TURNS
        for record in store.records(ref):
            assert store.find(record.key) == ref
    assert not leftovers(store)


def test_writers_in_one_process_end_well_too(store):
    values = [np.full((2, 3, 4), number % 2, dtype="int16") for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        refs = list(
            pool.map(
                lambda pair: put(store, str(pair[0]), VOLUME, small_volume((2, 3, 4)).copy(data=pair[1])),
                enumerate(values),
            )
        )
    assert len(set(refs)) == 2
    assert all(one != other for one, other in pairwise(refs))
    assert [store.find(key_of(str(number))) for number in range(16)] == refs
    assert sum(len(store.records(ref)) for ref in set(refs)) == 16
    assert not leftovers(store)
