"""A small cohort with a signal, gaps, categories, repeated rows and two scanners."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest


def make_study(patients: int = 24, columns: int = 8, seed: int = 0) -> SimpleNamespace:
    generator = np.random.default_rng(seed)
    patient = np.concatenate([np.arange(patients), np.arange(0, patients, 4)])
    outcome = (patient % 2).astype(int)
    features = generator.normal(size=(len(patient), columns))
    features[:, 0] += 2.0 * outcome
    table = pd.DataFrame(features, columns=[f"texture {i}" for i in range(columns)])
    table.loc[::5, "texture 1"] = np.nan
    table["sex"] = np.where(generator.random(len(patient)) < 0.5, "f", "m")
    table.loc[3, "sex"] = None
    return SimpleNamespace(
        table=table,
        outcome=outcome,
        groups=np.array([f"key-{number:03d}" for number in patient]),
        scanner=np.where(generator.random(len(patient)) < 0.5, "A", "B"),
    )


@pytest.fixture
def study() -> SimpleNamespace:
    return make_study()
