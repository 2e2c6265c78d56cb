"""A store of its own for each test, and records that need no stage."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_catalog.geometry import Geometry
from data_catalog.kinds import (
    COHORT,
    CONTENTS,
    MASK,
    MEASUREMENT,
    MODEL,
    REPORT,
    STUDY,
    VOLUME,
    geometry_of,
    mask,
    volume,
)
from data_catalog.lineage import Code, Record
from data_catalog.places import place
from data_catalog.refs import Study
from data_catalog.store import Store
from tests.object_storage import empty_bucket, noted_requests


def key_of(word: str) -> str:
    """Return a digest that a word stands for."""
    return hashlib.sha256(word.encode()).hexdigest()


def recorded(word: str = "one", **changes):
    """Return what makes the record of an artefact under the key that a word stands for."""
    facts = {
        "key": key_of(word),
        "stage": "made_up",
        "item": word,
        "code": Code(version="0", digest="0" * 64, places=("tasks.made_up",)),
        "python": "3.11.0",
        "started": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.1,
        "cpu_seconds": 0.1,
        **changes,
    }
    return lambda ref: Record(output=ref, **facts)


def small_volume(shape=(3, 4, 5), dtype="int16", **attrs):
    """Return a volume that counts its voxels, on a grid with three different spacings."""
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    geometry = Geometry(shape[-3:], (2.0, 1.0, 0.5), (-7.5, 20.0, 3.25))
    return volume(values, geometry, unit="HU", modality="CT", **attrs)


def every_form(*, backwards: bool) -> list:
    """Return one artefact of each form with its kind, dictionaries filled from one end or from the other."""
    from sklearn.linear_model import LogisticRegression

    def ordered(pairs):
        return dict(reversed(pairs.items())) if backwards else dict(pairs)

    image = small_volume((40, 150, 140), "float32")
    image.attrs = ordered(image.attrs)
    labels = mask(image.values % 3 == 1, geometry_of(image), ordered({1: "tumour", 2: "node"}))
    labels.attrs = ordered(labels.attrs)
    rows = np.linspace(0, 1, 40)
    forms = {
        VOLUME: image,
        MASK: labels,
        COHORT: pd.DataFrame({"a": rows, "b": [f"text {row}" for row in rows]}),
        MEASUREMENT: pd.DataFrame({"step": ["a", "b"], "mean": [0.5, float("nan")], "channel": [1, -1]}),
        STUDY: Study(scans=(), found=3),
        CONTENTS: Study(scans=(), found=4),
        REPORT: "<p>page</p>",
        MODEL: LogisticRegression().fit(np.column_stack([rows, rows**2]), rows > 0.5),
    }
    return list(ordered(forms).items())


PAGE = "<p>What was found.</p>"


def put(store, word="one", kind=REPORT, value=PAGE, **changes):
    return store.put(kind, value, recorded(word, **changes))


def objects(store):
    """Return the digests under which something lies, whole or not."""
    return sorted({name.split("/")[2] for name, _ in store.files() if name.startswith("objects/")})


def leftovers(store):
    """Return what lies about beside artefacts and keys."""
    return [name for name, _ in store.files() if name.startswith("aside/") or "/." in name]


def write(path, content):
    """Write a file with its folders, or an object."""
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def delete(folder):
    """Remove a folder, or what lies under a prefix of a bucket."""
    if isinstance(folder, Path):
        shutil.rmtree(folder)
    else:
        folder.rmdir(recursive=True)


@pytest.fixture
def near_store(tmp_path):
    """Return a store in a folder."""
    return Store(tmp_path / "store")


@pytest.fixture
def store(near_store):
    return near_store


@pytest.fixture
def bucket():
    """Return the URL of an empty bucket of a server on this machine."""
    with empty_bucket() as url:
        yield url


@pytest.fixture
def far_store(bucket):
    """Return a store under a prefix of a bucket."""
    return Store(place(f"{bucket}/some/prefix"))


@pytest.fixture(params=["near_store", "far_store"])
def any_store(request):
    """Return a store in a folder, and one in a bucket: they behave alike."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def requests():
    """Return the requests made of the object storage by the test."""
    with noted_requests() as noted:
        yield noted
