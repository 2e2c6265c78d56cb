"""What every filter promises: names, laws, cut-outs, chunks, and what it refuses."""

import re
from typing import get_args

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import TypeAdapter, ValidationError

from data_catalog.errors import BadData
from tasks.methods.radiomics.filters import Filter
from tasks.methods.radiomics.filters.gabor import Gabor
from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.laws import Laws
from tasks.methods.radiomics.filters.mean import Mean
from tasks.methods.radiomics.filters.responses import responses_in_box
from tasks.methods.radiomics.filters.riesz import Riesz
from tasks.methods.radiomics.filters.separable_wavelet import SeparableWavelet
from tasks.methods.radiomics.filters.simoncelli import Simoncelli
from tasks.methods.stencil import over_chunks

SPACING_MM = (2.5, 0.8, 1.0)
SHAPE = (9, 12, 11)
BOUNDARIES = ["zero", "nearest", "periodic", "mirror"]
SMALL_GABOR = {"sigma_mm": 1.2, "lambda_mm": 3.0, "theta_deg": 20.0}
LINEAR = [
    Mean(support=3),
    Mean(support=5, dimension="2d"),
    LaplacianOfGaussian(sigma_mm=1.5),
    LaplacianOfGaussian(sigma_mm=1.0, dimension="2d", cutoff_sigma=3.0),
    Laws(kernel="E3W5R5"),
    Laws(kernel="L5S5", rotations="mean"),
    SeparableWavelet(wavelet="db2", subband="LLH"),
    SeparableWavelet(wavelet="coif1", subband="HL", level=2, rotations="mean"),
    Simoncelli(level=1),
    Simoncelli(level=2, dimension="2d"),
    Riesz(order=(1, 0, 0), padding=4),
    Riesz(order=(1, 1), of=Simoncelli(dimension="2d"), padding=4),
    Riesz(order=(0, 2, 0), of=LaplacianOfGaussian(sigma_mm=1.0), padding=4),
]
OTHERS = [
    Laws(kernel="E5L5S5", rotations="max"),
    Laws(kernel="L5E5E5", rotations="max", energy_distance=2),
    Laws(kernel="L3S3", energy_distance=1),
    SeparableWavelet(wavelet="haar", subband="HLL", rotations="max"),
    Gabor(**SMALL_GABOR),
    Gabor(**SMALL_GABOR, theta_step_deg=90.0, orthogonal_planes=True),
]
FILTERS = LINEAR + OTHERS
LOCAL = [each for each in FILTERS if each.reach(SPACING_MM) is not None]
VOLUME = [each for each in FILTERS if not each.in_plane]
PLANE = [each for each in FILTERS if each.in_plane]
ROUNDING = 1e-4
"""Far below the noise of standard deviation 50 that is filtered, far above the steps of float32."""


def name(each):
    return each.name


def noise(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).normal(0, 50, shape).astype(np.float32)


def with_boundary(each, boundary):
    changed = {"boundary": boundary} if "boundary" in type(each).model_fields else {}
    inner = getattr(each, "of", None)
    if inner is not None:
        changed["of"] = with_boundary(inner, boundary)
    return each.model_copy(update=changed)


def refusal(verdict, each, image):
    with pytest.raises(BadData) as refused:
        each(image, SPACING_MM)
    assert refused.value.verdict == verdict
    return str(refused.value)


def assert_same(each, response, expected):
    if isinstance(each, Gabor):
        # its sums are made by Fourier transforms, whose last digit depends on their length
        assert_allclose(response, expected, rtol=1e-6, atol=1e-6)
    else:
        assert_array_equal(response, expected)


def test_every_filter_of_the_family_is_tested_here():
    assert {type(each) for each in FILTERS} == set(get_args(get_args(Filter)[0]))


@pytest.mark.parametrize("each", FILTERS, ids=name)
def test_a_filter_is_the_same_after_being_written_to_a_plan(each):
    adapter = TypeAdapter(Filter)
    assert adapter.validate_json(adapter.dump_json(each)) == each


@pytest.mark.parametrize("each", FILTERS, ids=name)
def test_the_response_has_the_grid_of_the_image_and_leaves_the_image_alone(each):
    image = noise()
    before = image.copy()
    response = each(image, SPACING_MM)
    assert response.shape == image.shape
    assert response.dtype == np.float32
    assert np.isfinite(response).all()
    assert_array_equal(image, before)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("each", LINEAR, ids=name)
def test_the_response_to_a_sum_is_the_sum_of_responses(each, boundary):
    filtered = with_boundary(each, boundary)
    one, other = noise(seed=1), noise(seed=2)
    both = filtered(2.0 * one - 3.0 * other, SPACING_MM)
    assert_allclose(both, 2.0 * filtered(one, SPACING_MM) - 3.0 * filtered(other, SPACING_MM), atol=ROUNDING)


@pytest.mark.parametrize("each", OTHERS, ids=name)
def test_a_filter_that_is_not_linear_answers_an_image_of_twice_the_contrast_with_twice_the_response(each):
    assert_allclose(each(2.0 * noise(), SPACING_MM), 2.0 * each(noise(), SPACING_MM), atol=ROUNDING)


@settings(max_examples=5, deadline=None)
@given(shift=st.tuples(st.integers(0, 8), st.integers(0, 11), st.integers(0, 10)))
@pytest.mark.parametrize("each", [each for each in FILTERS if not isinstance(each, Riesz)], ids=name)
def test_a_shifted_periodic_image_has_the_shifted_response(each, shift):
    periodic = with_boundary(each, "periodic")
    shifted = periodic(np.roll(noise(), shift, axis=(0, 1, 2)), SPACING_MM)
    assert_allclose(shifted, np.roll(periodic(noise(), SPACING_MM), shift, axis=(0, 1, 2)), atol=ROUNDING)


@pytest.mark.parametrize("each", PLANE, ids=name)
def test_a_2d_filter_gives_each_plane_what_it_gives_the_plane_alone(each):
    image = noise()
    response = each(image, SPACING_MM)
    for plane in range(image.shape[0]):
        assert_allclose(response[plane : plane + 1], each(image[plane : plane + 1], SPACING_MM), atol=ROUNDING)


@pytest.mark.parametrize("each", VOLUME, ids=name)
def test_a_3d_filter_refuses_an_image_of_one_plane(each):
    assert "2-D form" in refusal("one_plane", each, noise((1, 8, 8)))


@pytest.mark.parametrize(
    ("each", "words", "changed"),
    [
        (Mean(), "`dimension: 2d`", {"dimension": "2d"}),
        (LaplacianOfGaussian(), "`dimension: 2d`", {"dimension": "2d"}),
        (Simoncelli(), "`dimension: 2d`", {"dimension": "2d"}),
        (Laws(), "`L5E5`", {"kernel": "L5E5"}),
        (SeparableWavelet(), "`LH`", {"subband": "LH"}),
        (Gabor(**SMALL_GABOR, orthogonal_planes=True), "`orthogonal_planes: false`", {"orthogonal_planes": False}),
        (Riesz(padding=4), "`order` of two numbers", {"order": [1, 0]}),
        (
            Riesz(of=Simoncelli(), padding=4),
            "`dimension: 2d` of the filter `of`",
            {"order": [1, 0], "of": {"method": "simoncelli", "dimension": "2d"}},
        ),
    ],
)
def test_what_the_refusal_of_one_plane_says_makes_the_filter_2d(each, words, changed):
    image = noise((1, 8, 8))
    assert words in refusal("one_plane", each, image)
    assert np.isfinite(type(each).model_validate(each.model_dump() | changed)(image, SPACING_MM)).all()


@pytest.mark.parametrize("each", FILTERS, ids=name)
def test_missing_and_infinite_voxels_are_refused_with_a_remedy(each):
    image = noise()
    image[4, 5, 6] = np.nan
    assert "fill_missing" in refusal("missing_voxels", each, image)
    image[4, 5, 6] = np.inf
    assert "rescale slope" in refusal("infinite_voxels", each, image)


@pytest.mark.parametrize("value", [-1.1e30, 1e200])
@pytest.mark.parametrize("each", FILTERS, ids=name)
def test_values_that_float32_cannot_hold_are_refused_with_a_remedy(each, value):
    image = noise().astype(np.float64)
    image[4, 5, 6] = value
    message = refusal("too_large_values", each, image)
    assert f"up to a magnitude of {abs(value):.3g}" in message
    assert "rescale slope" in message


@pytest.mark.parametrize("each", FILTERS, ids=name)
def test_values_a_little_smaller_have_finite_responses(each):
    image = np.sign(noise()) * 1e29
    assert np.isfinite(each(image, SPACING_MM)).all()


def test_a_response_that_float32_cannot_hold_is_refused():
    message = refusal("too_large_values", LaplacianOfGaussian(sigma_mm=1e-5), np.full(SHAPE, 1e20))
    assert "`log_1em05mm` answers with" in message
    assert "wider filter" in message


@pytest.mark.parametrize(
    ("kind", "field", "largest", "beyond"),
    [
        (Mean, "support", 255, 257),
        (LaplacianOfGaussian, "sigma_mm", 100, 1000),
        (LaplacianOfGaussian, "cutoff_sigma", 10, 11),
        (Laws, "energy_distance", 127, 1000),
        (Gabor, "sigma_mm", 100, 101),
        (Gabor, "lambda_mm", 500, 501),
        (Gabor, "gamma", 0.01, 0.009),
        (Gabor, "gamma", 100, 101),
    ],
)
def test_filters_wider_than_a_body_are_refused_before_any_work(kind, field, largest, beyond):
    assert getattr(kind(**{field: largest}), field) == largest
    with pytest.raises(ValidationError, match=field):
        kind(**{field: beyond})


@pytest.mark.parametrize(
    "each",
    [
        LaplacianOfGaussian(sigma_mm=100.0, cutoff_sigma=10.0),
        Gabor(sigma_mm=100.0, gamma=0.01, orthogonal_planes=True),
        Riesz(order=(1, 0, 0), of=LaplacianOfGaussian(sigma_mm=100.0, cutoff_sigma=10.0), padding=0),
    ],
    ids=name,
)
def test_a_margin_that_no_memory_holds_is_refused_with_the_sizes(each):
    message = refusal("grid_too_large", each, noise())
    assert f"a box of shape {SHAPE} grows to (8" in message or f"a box of shape {SHAPE} grows to (3" in message
    assert "smaller filter" in message


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("each", FILTERS, ids=name)
def test_images_smaller_than_a_filter_have_a_response(each, boundary):
    filtered = with_boundary(each, boundary)
    shape = (1, 1, 1) if each.in_plane else (2, 1, 1)
    assert np.isfinite(filtered(np.full(shape, 7.0), SPACING_MM)).all()


@pytest.mark.parametrize(
    "each",
    [each for each in FILTERS if not isinstance(each, Mean | LaplacianOfGaussian | Gabor)],
    ids=name,
)
def test_an_image_of_one_intensity_has_no_response(each):
    # a Gaussian's samples and a wave's are not quite of sum 0: those filters answer in their own tests
    assert_allclose(each(np.full(SHAPE, 100, dtype=np.int16), SPACING_MM), 0.0, atol=1e-3)


boxes = st.tuples(*(st.tuples(st.integers(0, n - 1), st.integers(1, n)) for n in SHAPE)).map(
    lambda ends: tuple(slice(start, max(start + 1, stop)) for start, stop in ends)
)


@settings(max_examples=8, deadline=None)
@given(box=boxes, boundary=st.sampled_from(BOUNDARIES))
@pytest.mark.parametrize("each", FILTERS, ids=name)
def test_a_response_in_a_box_is_that_of_the_whole_image(each, box, boundary):
    filtered = with_boundary(each, boundary)
    image = noise()
    ((found, cropped),) = responses_in_box([filtered], image, box, SPACING_MM)
    whole = filtered(image, SPACING_MM)[box]
    assert found == filtered.name
    assert_same(each, cropped, whole)


@pytest.mark.parametrize("each", LOCAL, ids=name)
def test_no_voxel_beyond_the_reach_changes_a_response(each):
    shape = (40, 40, 40)
    image = noise(shape)
    centre = tuple(slice(20, 21) for _ in shape)
    near = tuple(slice(20 - far, 21 + far) for far in each.reach(SPACING_MM))
    changed = noise(shape, seed=9)
    changed[near] = image[near]
    ((_, before),) = responses_in_box([each], image, centre, SPACING_MM)
    ((_, after),) = responses_in_box([each], changed, centre, SPACING_MM)
    assert_array_equal(before, after)


@pytest.mark.parametrize("each", LOCAL, ids=name)
def test_missing_voxels_beyond_the_reach_do_no_harm(each):
    image = noise((40, 40, 40))
    near = tuple(slice(20 - far, 21 + far) for far in each.reach(SPACING_MM))
    around = np.full_like(image, np.nan)
    around[near] = image[near]
    box = tuple(slice(20, 21) for _ in image.shape)
    ((_, response),) = responses_in_box([each], around, box, SPACING_MM)
    assert np.isfinite(response).all()


@pytest.mark.parametrize("boundary", ["zero", "nearest", "mirror"])
@pytest.mark.parametrize("each", LOCAL, ids=name)
def test_chunked_equals_whole(each, boundary):
    filtered = with_boundary(each, boundary)
    image = noise((24, 26, 25))
    with dask.config.set(scheduler="synchronous"):
        chunked = over_chunks([filtered], da.from_array(image, chunks=(12, 13, 25)), SPACING_MM).compute()
    assert_same(each, chunked, filtered(image, SPACING_MM))


@pytest.mark.parametrize("each", LOCAL, ids=name)
def test_a_periodic_image_is_needed_as_a_whole(each):
    assert with_boundary(each, "periodic").reach(SPACING_MM) is None


@pytest.mark.parametrize("each", [each for each in FILTERS if each not in LOCAL], ids=name)
def test_a_filter_in_frequencies_needs_the_whole_image(each):
    assert isinstance(each, Simoncelli | Riesz)
    assert each.reach(SPACING_MM) is None


numbers = st.floats(0.01, 100.0)
boundaries = st.sampled_from(BOUNDARIES)
dimensions = st.sampled_from(["2d", "3d"])
rotations = st.sampled_from(["none", "max", "mean"])
logs = st.builds(
    LaplacianOfGaussian, sigma_mm=numbers, cutoff_sigma=st.floats(0.01, 10.0), dimension=dimensions, boundary=boundaries
)
orders = st.integers(0, 10)
kinds = (
    st.builds(Mean, support=st.integers(0, 20).map(lambda n: 2 * n + 1), dimension=dimensions, boundary=boundaries),
    logs,
    st.builds(
        Laws,
        kernel=st.lists(st.sampled_from(["L3", "L5", "E3", "E5", "S3", "S5", "W5", "R5"]), min_size=2, max_size=3).map(
            "".join
        ),
        rotations=rotations,
        energy_distance=st.none() | st.integers(1, 20),
        boundary=boundaries,
    ),
    st.builds(
        Gabor,
        sigma_mm=numbers,
        lambda_mm=numbers,
        gamma=numbers,
        theta_deg=st.floats(0, 359),
        theta_step_deg=st.none() | st.integers(1, 50).map(lambda n: 360 / n),
        orthogonal_planes=st.booleans(),
        boundary=boundaries,
    ),
    st.builds(
        SeparableWavelet,
        wavelet=st.sampled_from(["haar", "db2", "coif3"]),
        subband=st.text("LH", min_size=2, max_size=3),
        level=st.integers(1, 6),
        rotations=rotations,
        boundary=boundaries,
    ),
    st.builds(Simoncelli, level=st.integers(1, 10), dimension=dimensions),
    st.builds(
        Riesz,
        order=st.tuples(orders, orders, st.integers(1, 10)) | st.tuples(orders, st.integers(1, 10)),
        padding=st.integers(0, 40),
        boundary=boundaries,
    ),
    logs.flatmap(
        lambda inner: st.builds(
            Riesz,
            order=st.just((1, 0) if inner.in_plane else (1, 0, 0)),
            of=st.just(inner),
            boundary=st.just(inner.boundary),
        )
    ),
)


any_filter = st.one_of(*kinds)
two_of_a_kind = st.sampled_from(kinds).flatmap(lambda kind: st.tuples(kind, kind))


@given(one=any_filter, other=any_filter)
def test_filters_have_one_name_if_and_only_if_they_are_the_same(one, other):
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", one.name)
    assert (one.name == other.name) == (one == other)


@given(two=two_of_a_kind, data=st.data())
def test_a_filter_with_one_other_parameter_has_another_name(two, data):
    each, like = two
    field = data.draw(st.sampled_from(sorted(type(each).model_fields)))
    try:
        other = type(each).model_validate(each.model_dump() | {field: getattr(like, field)})
    except ValidationError:
        return
    assert (each.name == other.name) == (each == other)


def test_names_are_words_that_tell_the_parameters():
    assert [each.name for each in FILTERS] == [
        "mean_3",
        "mean_2d_5",
        "log_1p5mm",
        "log_2d_1mm_cut3",
        "laws_e3w5r5",
        "laws_l5s5_mean",
        "wavelet_db2_llh_1",
        "wavelet_coif1_hl_2_mean",
        "simoncelli_1",
        "simoncelli_2d_2",
        "riesz_1_0_0_pad4",
        "riesz_1_1_pad4_of_simoncelli_2d_1",
        "riesz_0_2_0_pad4_of_log_1mm",
        "laws_e5l5s5_max",
        "laws_l5e5e5_max_energy2",
        "laws_l3s3_energy1",
        "wavelet_haar_hll_1_max",
        "gabor_sigma1p2_lambda3_gamma1p5_theta20",
        "gabor_sigma1p2_lambda3_gamma1p5_theta20_step90_planes",
    ]
    assert Mean(boundary="zero").name == "mean_5_zero"
    assert LaplacianOfGaussian(sigma_mm=1e-5).name == "log_1em05mm"
