"""Lesions that a method sees become a table."""

from __future__ import annotations

import numpy as np

from data_catalog.geometry import Geometry
from data_catalog.kinds import DETECTIONS, VOLUME
from tasks.detect import detect
from tasks.methods.detection.blobs import COLUMNS, LogBlobs
from tasks.stage import perform
from tests.tasks.conftest import ball, image, kept

LARGE = Geometry((15, 15, 15), (1.0, 1.0, 1.0))


def test_a_ball_is_detected_where_it_lies():
    seen = image(ball((7, 5, 8), 3.0, grid=LARGE), grid=LARGE)
    found = detect.function(seen, detector=LogBlobs(min_radius_mm=2, max_radius_mm=5))
    DETECTIONS.check(found)
    assert found.columns.tolist() == list(COLUMNS)
    first = found.iloc[0]
    assert abs(first[["z_mm", "y_mm", "x_mm"]].to_numpy() - [7, 5, 8]).max() < 1.0
    assert 2 <= first["radius_mm"] <= 4


def test_an_image_without_lesions_gives_an_empty_table(store):
    ref = kept(store, VOLUME, image(np.zeros(LARGE.shape), grid=LARGE))
    outcome = perform(store.root, detect.job("i", {"image": ref}, {"detector": LogBlobs()}))
    assert len(store.open(outcome.ref)) == 0
    assert store.open(outcome.ref).columns.tolist() == list(COLUMNS)
