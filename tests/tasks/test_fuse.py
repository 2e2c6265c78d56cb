"""Two images of a patient on one grid."""

from __future__ import annotations

import numpy as np
import pytest

from data_catalog.errors import BadData
from data_catalog.geometry import Geometry
from data_catalog.kinds import VOLUME, geometry_of, volume
from tasks.fuse import fuse
from tasks.methods.fusion.channels import Channels
from tasks.methods.fusion.temporal_difference import TemporalDifference
from tests.tasks.conftest import GRID, ball, image


def test_two_images_become_channels_on_the_grid_of_the_first():
    coarse = Geometry((4, 3, 4), (2.0, 2.0, 2.0), (5.0, 0.5, -0.5))
    pet = volume(np.full(coarse.shape, 3.0), coarse, unit="SUV", modality="PT")
    fused = fuse.function(image(), pet, fuser=Channels(), modality="CT+PT")
    VOLUME.check(fused)
    assert fused.dims == ("c", "z", "y", "x")
    assert geometry_of(fused) == GRID
    np.testing.assert_array_equal(fused.values[0], ball())
    np.testing.assert_allclose(fused.values[1][~np.isnan(fused.values[1])], 3.0)
    assert fused.attrs["unit"] == "HU, SUV"
    assert (fused.attrs["modality"], fused.attrs["steps"]) == ("CT+PT", ["channels"])


def test_a_difference_over_time_is_one_image_in_its_own_unit():
    fused = fuse.function(image(ball(inside=130.0)), image(), fuser=TemporalDifference(), modality="CT-CT")
    assert fused.dims == ("z", "y", "x")
    assert fused.attrs["unit"] == "HU"
    np.testing.assert_allclose(fused.values, ball(inside=30.0), atol=1e-4)


def test_images_that_do_not_meet_are_refused():
    away = Geometry(GRID.shape, GRID.spacing_mm, (500.0, 0.0, 0.0))
    with pytest.raises(BadData):
        fuse.function(image(), image(grid=away), fuser=Channels(), modality="CT+CT")
