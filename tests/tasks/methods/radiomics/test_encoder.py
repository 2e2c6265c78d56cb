"""An encoder shows a network the region's crop, and gives what it says."""

import hashlib
import io
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from onnx import TensorProto
from pydantic import TypeAdapter, ValidationError
from scipy import ndimage

from data_catalog.errors import BadData, MissingExtra, PlanError
from tasks.methods.radiomics import Extractor
from tasks.methods.radiomics.crop import Crop, box_of, widened
from tasks.methods.radiomics.encoder import Encoder
from tasks.methods.radiomics.networks import Weights, network
from tests.tasks.methods.radiomics.tiny_networks import convolved, logarithm, network_file, seen

CUBIC = (1.0, 1.0, 1.0)
SPACING_MM = (3.0, 1.0, 1.5)
RAMP = np.arange(16.0).reshape(1, 4, 4)


def encoder(shape=(3, 3), **changes):
    """Return an encoder whose input goes from 0 to 100 and whose voxels are as many as its features."""
    given = {"model": "tiny.onnx", "features": int(np.prod(shape)), "shape": shape, "lowest": 0, "highest": 100}
    return Encoder(**{**given, **changes})


def what_is_seen(image, mask, voxel_mm=CUBIC, shape=(3, 3), channels=1, **changes):
    """Return what a network is shown of a region, times 100."""
    count = channels * int(np.prod(shape))
    held = encoder(shape, features=count, channels=channels, **changes).holding(seen())
    return 100 * np.reshape(list(held(image, mask, voxel_mm).values()), (*([3] * (channels > 1)), *shape))


def at(*place, shape=(1, 4, 4)):
    mask = np.zeros(shape, dtype=bool)
    mask[place] = True
    return mask


def tumour(shape=(6, 12, 13), seed=0):
    rng = np.random.default_rng(seed)
    steps = np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) // 2
    return rng.normal(40, 20, shape), (steps**2).sum(axis=0) + rng.normal(size=shape) < 9


def test_the_network_is_shown_the_voxels_around_the_region():
    assert_allclose(what_is_seen(RAMP, at(0, 1, 2)), [[1, 2, 3], [5, 6, 7], [9, 10, 11]], rtol=1e-6)


def test_beyond_the_image_and_where_a_voxel_is_missing_stands_the_lowest_intensity():
    image = RAMP + 10
    image[0, 1, 0] = np.nan
    assert_allclose(what_is_seen(image, at(0, 0, 0), lowest=-100), [[0, 0, 0], [0, 55, 55.5], [0, 0, 57.5]], rtol=1e-6)


def test_intensities_beyond_the_window_are_its_ends():
    assert_allclose(what_is_seen(RAMP * 10, at(0, 2, 2)), [[50, 60, 70], [90, 100, 100], [100, 100, 100]], rtol=1e-6)


def test_outside_of_a_masked_region_stands_the_lowest_intensity():
    mask = at(0, 1, slice(1, 3)) | at(0, 2, 1)
    assert_allclose(what_is_seen(RAMP, mask, masked=True, shape=(2, 4)), [[0, 5, 6, 0], [0, 9, 0, 0]], rtol=1e-6)


def test_a_region_larger_than_the_input_is_seen_in_its_middle():
    assert_allclose(what_is_seen(RAMP, np.ones((1, 4, 4), bool), shape=(2, 2)), [[5, 6], [9, 10]], rtol=1e-6)


def test_three_channels_hold_the_same_each_with_its_own_mean_and_deviation():
    found = what_is_seen(RAMP, at(0, 0, 2), shape=(1, 1), channels=3, mean=(0.0, 0.01, 0.5), std=(1, 0.5, 2))
    assert_allclose(found.ravel(), [2, 2, -24], rtol=1e-5)


def test_a_ramp_is_the_same_ramp_on_a_finer_grid():
    x = np.broadcast_to(np.arange(12.0) * 3, (1, 12, 12))
    mask = at(0, slice(3, 9), slice(3, 9), shape=(1, 12, 12))
    fine = what_is_seen(x, mask, (5.0, 3.0, 3.0), shape=(9, 9), spacing_mm=1.0)
    assert_allclose(np.diff(fine, axis=1), 1, atol=1e-5)
    assert_allclose(fine[:, 4].mean(), x[mask].mean(), atol=0.51)


def test_each_axis_may_have_a_spacing_of_its_own():
    y, x = np.indices((20, 30))
    image, mask = (100 - 3 * y + x)[None] / 2.0, at(0, slice(5, 15), slice(10, 20), shape=(1, 20, 30))
    coarse = what_is_seen(image, mask, shape=(4, 6), spacing_mm=(2.0, 0.5))
    assert_allclose(np.diff(coarse, axis=0), -3, atol=1e-5)
    assert_allclose(np.diff(coarse, axis=1), 0.25, atol=1e-5)


def test_a_network_that_looks_at_a_plane_is_shown_that_in_which_the_region_is_largest():
    image = np.broadcast_to(np.arange(5.0).reshape(5, 1, 1), (5, 4, 4))
    mask = at(slice(0, 5), 1, 1, shape=(5, 4, 4)) | at(3, 1, 2, shape=(5, 4, 4))
    assert_allclose(what_is_seen(image, mask, shape=(2, 2)), np.full((2, 2), 3), rtol=1e-6)
    middle = at(slice(1, 4), 1, 1, shape=(5, 4, 4))
    assert_allclose(what_is_seen(image, middle, shape=(2, 2)), np.full((2, 2), 2), rtol=1e-6)


def test_of_maps_the_mean_of_each_is_taken_as_numpy_computes_it():
    kernels = np.random.default_rng(0).normal(size=(4, 1, 3, 3, 3))
    image, mask = tumour()
    held = encoder((5, 6, 7), features=4).holding(convolved(kernels))
    shown = what_is_seen(image, mask, shape=(5, 6, 7)) / 100
    expected = [ndimage.correlate(shown, kernel[0], mode="constant").mean() for kernel in kernels]
    assert_allclose(list(held(image, mask, CUBIC).values()), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"spacing_mm": 1.3}, {"shape": (5, 4), "spacing_mm": 0.7}, {"masked": True}])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_part_with_the_margin_is_seen_as_the_whole(changes, seed):
    rng = np.random.default_rng(seed)
    image, mask = (np.pad(array, [(20, 20), (30, 30), (30, 30)]) for array in tumour(seed=seed))
    image += rng.normal(40, 20, image.shape)
    held = encoder(**{"shape": (4, 5, 6), **changes}).holding(seen())
    part = widened(box_of(mask), held.margin(SPACING_MM, image.shape), image.shape)
    assert image[part].size < image.size
    crop = Crop(image[part], mask[part], SPACING_MM, tuple(one.start for one in part), image.shape)
    assert held.measure(crop) == pytest.approx(held(image, mask, SPACING_MM), abs=1e-6)


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_a_network_is_given_numbers_of_the_width_it_takes(dtype):
    held = encoder().holding(seen(dtype=dtype))
    assert_allclose(list(held(RAMP, at(0, 1, 2), CUBIC).values())[:3], [0.01, 0.02, 0.03], atol=1e-4)


def test_columns_are_numbered_and_say_which_model_gives_them():
    held = encoder().holding(seen())
    columns = [one.column for one in held.definitions()]
    assert columns == [f"deep_{number:03}" for number in range(9)]
    assert list(held(RAMP, at(0, 1, 1), CUBIC)) == columns
    one = held.definitions(planar=True)[4]
    assert (one.ibsi, one.aggregation, one.conformant, one.unit) == (None, None, False, "1")
    digest = hashlib.sha256(seen()).hexdigest()
    assert one.meaning == f"Number 4 of the 9 that tiny.onnx (SHA-256 {digest[:12]}) gives."
    assert encoder().definitions()[0].meaning == "Number 0 of the 9 that tiny.onnx gives."
    assert encoder(features=1001).definitions()[-1].column == "deep_1000"


def test_the_content_of_the_file_decides_and_never_its_folder():
    here, there = (encoder(model=Path(folder) / "tiny.onnx") for folder in ("here", "there"))
    other = convolved(np.ones((9, 1, 3, 3)))
    assert here.holding(seen()).digest == there.holding(seen()).digest != here.holding(other).digest
    held = here.holding(seen())
    assert held.model == Path("tiny.onnx")
    assert "here" not in held.model_dump_json()


def test_an_encoder_travels_with_what_it_holds_and_gives_the_same_again():
    held = encoder().holding(seen())
    first = held(RAMP, at(0, 1, 1), CUBIC)
    assert pickle.loads(pickle.dumps(held))(RAMP, at(0, 1, 1), CUBIC) == first
    assert hash(held) == hash(pickle.loads(pickle.dumps(held)))


def test_the_image_is_not_changed():
    image, mask = tumour()
    before = image.copy(), mask.copy()
    what_is_seen(image, mask, masked=True)
    assert_array_equal(image, before[0])
    assert_array_equal(mask, before[1])


def test_the_file_is_read_once_a_process():
    network.cache_clear()
    reads = []

    def read():
        reads.append(1)
        return seen()

    known = encoder().known_as("a" * 64)
    for _ in range(3):
        known.reading(read)(RAMP, at(0, 1, 1), CUBIC)
    assert len(reads) == 1


def test_a_family_of_two_is_told_apart_by_the_tag():
    held = {"method": "encoder", "model": "a.onnx", "features": 3, "shape": [8, 8], "lowest": 0, "highest": 1}
    assert TypeAdapter(Extractor).validate_python(held) == Encoder(**held)
    assert TypeAdapter(Extractor).validate_python({"method": "recipe"}).method == "recipe"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "tiny.h5"}, r"ends in \.onnx, \.pt, \.ts"),
        ({"highest": 0}, "less than"),
        ({"spacing_mm": (1.0, 1.0, 1.0)}, "one for each axis"),
        ({"mean": (0.1, 0.2, 0.3)}, "one number each"),
        ({"sha256": "abc"}, "pattern"),
        ({"std": 0}, "greater than 0"),
        ({"shape": (0, 3)}, "greater than or equal to 1"),
    ],
)
def test_an_encoder_that_cannot_be_run_is_refused_before_it_is(changes, said):
    with pytest.raises(ValidationError, match=said):
        encoder(**changes)


def test_an_encoder_without_its_model_says_how_to_give_it():
    with pytest.raises(PlanError, match="holding"):
        encoder()(RAMP, at(0, 1, 1), CUBIC)


TWO_INPUTS = network_file([("Add", ["x", "z"], ["y"], {})], inputs=("x", "z"))


@pytest.mark.parametrize(
    ("model", "changes", "verdict", "said"),
    [
        (b"no model", {}, "unreadable_model", "INVALID_PROTOBUF"),
        (b"", {}, "unreadable_model", "it is not"),
        (TWO_INPUTS, {}, "unreadable_model", "one input"),
        (seen(dtype=TensorProto.INT64), {}, "unreadable_model", "floating-point"),
        (convolved(np.ones((9, 3, 3, 3))), {}, "unreadable_model", r"shape \(1, 1, 3, 3\)"),
        (seen(shape=(1, 1, 5, 5)), {}, "unreadable_model", "Expected: 5"),
        (seen(), {"features": 8}, "other_features", r"shape \(1, 9\)"),
        (convolved(np.ones((4, 1, 3, 3))), {"features": 5}, "other_features", r"shape \(1, 4, 3, 3\)"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_by_name_before_any_region_is_measured(model, changes, verdict, said):
    held = encoder(**changes).holding(model)
    for called in (held.require_fit, lambda: held(RAMP, at(0, 1, 1), CUBIC)):
        with pytest.raises(BadData, match=said) as refusal:
            called()
        assert refusal.value.verdict == verdict


def test_a_network_that_gives_no_numbers_is_refused():
    held = encoder().holding(logarithm())
    held.require_fit()
    with pytest.raises(BadData, match="1 of 9 are not") as refusal:
        held(RAMP, at(0, 1, 1), CUBIC)
    assert refusal.value.verdict == "not_finite_features"


@pytest.mark.parametrize(("name", "library"), [("tiny.onnx", "onnxruntime"), ("tiny.pt", "torch")])
def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)
    network.cache_clear()
    extra = {"onnxruntime": "onnx"}.get(library, library)
    with pytest.raises(MissingExtra, match=rf'pip install "voxmine\[{extra}\]"'):
        encoder(model=name).holding(seen()).require_fit()


def test_a_plane_is_refused_by_a_network_that_takes_a_volume():
    with pytest.raises(BadData, match="takes 3 planes") as refusal:
        what_is_seen(RAMP, at(0, 1, 1), shape=(3, 3, 3))
    assert refusal.value.verdict == "one_plane"


@pytest.mark.parametrize(
    ("value", "mask", "verdict"),
    [
        (1.0, np.zeros((1, 4, 4), bool), "empty_region"),
        (np.nan, at(0, 1, 1), "empty_region"),
        (np.inf, at(0, 1, 1), "infinite_voxels"),
    ],
)
def test_a_region_without_finite_voxels_is_refused(value, mask, verdict):
    image = RAMP.copy()
    image[0, 1, 1] = value
    with pytest.raises(BadData) as refusal:
        what_is_seen(image, mask)
    assert refusal.value.verdict == verdict


def test_a_constant_image_of_one_voxel_is_seen():
    one = np.full((1, 1, 1), 7.0)
    assert_allclose(what_is_seen(one, one > 0, shape=(1, 3)), [[0, 7, 0]], rtol=1e-6)


def test_a_network_knows_itself_by_its_digest_alone():
    assert Weights("a", "onnx", seen) == Weights("a", "onnx", logarithm) != Weights("b", "onnx", seen)
    assert "read" not in repr(Weights("a", "onnx", seen))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_torchscript_gives_what_numpy_computes():
    torch = pytest.importorskip("torch")
    kernels = np.random.default_rng(0).normal(size=(4, 1, 3, 3)).astype(np.float32)
    layer = torch.nn.Conv2d(1, 4, 3, padding=1, bias=False)
    layer.weight.data = torch.from_numpy(kernels)
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(layer.eval(), torch.zeros(1, 1, 5, 6)), file)
    image, mask = tumour((1, 12, 13))
    held = encoder((5, 6), model="tiny.pt", features=4).holding(file.getvalue())
    shown = what_is_seen(image, mask, shape=(5, 6)) / 100
    expected = [ndimage.correlate(shown, kernel[0], mode="constant").mean() for kernel in kernels]
    assert_allclose(list(held(image, mask, CUBIC).values()), expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(BadData, match="expected input") as refusal:
        encoder((5, 6), model="tiny.pt", features=4, channels=3).holding(file.getvalue()).require_fit()
    assert refusal.value.verdict == "unreadable_model"
    with pytest.raises(BadData, match="a TorchScript module"):
        encoder(model="tiny.pt").holding(b"no model").require_fit()
