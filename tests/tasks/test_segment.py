"""A region drawn by a method is a mask on its image's grid."""

from __future__ import annotations

import numpy as np

from data_catalog.kinds import MASK, VOLUME, geometry_of
from tasks.methods.segmentation.otsu import Otsu
from tasks.segment import segment
from tasks.stage import perform
from tests.tasks.conftest import GRID, ball, image, kept


def test_a_region_is_drawn_where_the_method_sees_it():
    drawn = segment.function(image(), segmenter=Otsu(), region="lesion")
    MASK.check(drawn)
    np.testing.assert_array_equal(drawn.values > 0, Otsu()(ball(), GRID.spacing_mm) > 0)
    assert (drawn.values > 0)[ball() > 0].mean() > 0.9
    assert drawn.attrs["names"] == {"1": "lesion"}
    assert geometry_of(drawn) == GRID


def test_of_several_channels_the_first_is_looked_at():
    fused = image(np.stack([ball(), np.zeros(GRID.shape)]))
    one = segment.function(image(), segmenter=Otsu(), region="lesion")
    np.testing.assert_array_equal(segment.function(fused, segmenter=Otsu(), region="lesion").values, one.values)


def test_an_image_without_contrast_is_refused(store):
    ref = kept(store, VOLUME, image(np.zeros(GRID.shape)))
    outcome = perform(store.root, segment.job("i", {"image": ref}, {"segmenter": Otsu(), "region": "lesion"}))
    assert (outcome.how, outcome.ref) == ("computed", None)
    assert outcome.refusal.stage == "segment"
