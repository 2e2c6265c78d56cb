"""Volumes, masks and signals in Zarr: other readers read them bit for bit, and no more than slabs are held."""

import json
import subprocess
import sys
from hashlib import sha256
from textwrap import dedent

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from upath import UPath

from data_catalog import layout
from data_catalog.geometry import Geometry
from data_catalog.kinds import MASK, SIGNAL, VOLUME, geometry_of, mask, signal, volume
from data_catalog.pyramid import averaged, levels, most_frequent
from tests.data_catalog.conftest import small_volume


def written(kind, value, folder, **choice):
    folder.mkdir(parents=True, exist_ok=True)
    facts = layout.write(kind, value, folder, **choice)
    return folder / "data.zarr", facts


def files_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def noise(shape, dtype="int16"):
    return np.random.default_rng(0).integers(0, 2000, shape).astype(dtype)


def placed(values, **axes):
    grid = Geometry(values.shape[-3:], (1.0, 0.9, 0.9), (5.0, -3.0, 1.0))
    return volume(values, grid, unit="HU", modality="CT", **axes)


dtypes = st.sampled_from(
    [order + kind + size for order in "<>" for kind in "iu" for size in "248"] + ["u1", ">f2", "f8"]
)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_zarr_reads_any_voxels_bit_for_bit(tmp_path_factory, data):
    # chunks are at most 32 x 128 x 128: several along each axis, cut at the edge, some of zeros
    shape = data.draw(hnp.array_shapes(min_dims=3, max_dims=5, max_side=3))
    shape = (
        *shape[:-3],
        *(n * s for n, s in zip(shape[-3:], data.draw(st.tuples(*[st.integers(1, 60)] * 3)), strict=True)),
    )
    dtype = np.dtype(data.draw(dtypes))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape).copy()
    values[..., : data.draw(st.integers(0, shape[-3])), :, :] = 0
    if dtype.kind == "f":
        values[..., 0] = -0.0
    path, facts = written(VOLUME, placed(values), tmp_path_factory.mktemp("any") / "a", compression="lz4")
    read = zarr.open_array(path / "voxels", mode="r")[:]
    assert read.dtype == dtype.newbyteorder("=")
    assert read.tobytes() == values.astype(read.dtype).tobytes()
    assert {f"{path.name}/{name}" for name in files_of(path)} == set(facts)


@pytest.mark.parametrize("compression", ["zstd-1", "zstd-3", "lz4"])
def test_what_was_written_is_told_with_its_size_and_digest(tmp_path, compression):
    path, facts = written(VOLUME, placed(noise((40, 300, 260))), tmp_path / "a", compression=compression)
    found = {f"data.zarr/{name}": (len(b), sha256(b).hexdigest()) for name, b in files_of(path).items()}
    assert facts == found
    codecs = json.loads((path / "1/voxels/zarr.json").read_text())["codecs"][0]["configuration"]["codecs"]
    assert codecs[1]["configuration"]["cname"] == compression.partition("-")[0]


def test_the_number_of_threads_does_not_change_a_byte(tmp_path, monkeypatch):
    image = placed(noise((2, 70, 300, 260)))
    written(VOLUME, image, tmp_path / "free")
    for said in ("1", "7"):
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        written(VOLUME, image, tmp_path / said)
        assert files_of(tmp_path / said) == files_of(tmp_path / "free")


def lazy_of(image, thickness):
    blocks = dict.fromkeys(image.dims, 1) | {"z": thickness, "y": image.sizes["y"], "x": image.sizes["x"]}
    return image.chunk(blocks)


@pytest.mark.parametrize(("leading", "thickness"), [("t", 32), ("t", 7), ("t", 70), ("c", 32)])
def test_a_lazy_volume_is_written_as_one_in_memory(tmp_path, leading, thickness):
    image = placed(noise((2, 70, 300, 260)), leading=(leading,))
    written(VOLUME, image, tmp_path / "held")
    written(VOLUME, lazy_of(image, thickness), tmp_path / "lazy")
    assert files_of(tmp_path / "lazy") == files_of(tmp_path / "held")


def test_each_block_is_computed_once_and_in_order(tmp_path):
    image, seen = placed(noise((2, 3, 70, 300, 260)), leading=("t", "c")), []
    lazy = image.chunk(t=1, c=3, z=32, y=300, x=260)  # the channels of a colour lie in one block
    lazy.data = lazy.data.map_blocks(
        lambda block, block_info=None: seen.append(block_info[0]["chunk-location"]) or block,
        dtype="int16",
        meta=np.empty((0,) * 5, "int16"),
    )
    path, _ = written(VOLUME, lazy, tmp_path / "a")
    assert seen == [(t, 0, z, 0, 0) for t in range(2) for z in range(3)]
    np.testing.assert_array_equal(zarr.open_array(path / "voxels", mode="r")[:], image.values)


def test_channels_of_large_volumes_lie_in_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("data_catalog.shards.SHARD_BYTES", 2**22)
    image = placed(noise((3, 70, 200, 260)), leading=("c",))
    path, _ = written(VOLUME, image, tmp_path / "a")
    assert zarr.open_array(path / "voxels", mode="r").shards == (1, 32, 200, 261)
    np.testing.assert_array_equal(zarr.open_array(path / "voxels", mode="r")[:], image.values)


@pytest.mark.parametrize("shape", [(70, 300, 520), (1, 530, 300), (3, 33, 280, 20), (7, 600, 10)])
def test_the_copies_written_slab_by_slab_are_those_of_the_whole(tmp_path, shape):
    image = placed(noise(shape, "float32"))
    image.values[..., 0, :5, :5] = np.nan
    path, _ = written(VOLUME, image, tmp_path / "a")
    finer = image.values
    steps = levels(geometry_of(image))
    assert steps
    for number, level in enumerate(steps, start=1):
        coarse = [averaged(step, level.factors) for step in finer.reshape(-1, *finer.shape[-3:])]
        finer = np.reshape(coarse, (*shape[:-3], *level.geometry.shape))
        with xr.open_zarr(path, group=str(number)) as opened:
            np.testing.assert_array_equal(opened["voxels"].values, finer)
            assert geometry_of(opened["voxels"]) == level.geometry
            assert opened["x"].values.tolist() == level.geometry.axis_positions_mm(2).tolist()
            assert opened["x"].attrs == {"units": "mm"}


def test_the_copies_of_a_mask_hold_labels_alone(tmp_path):
    drawn = np.zeros((40, 300, 280), "uint8")
    drawn[5:30, 100:201, 50:151] = 1
    drawn[5:30, 150:190, 60:90] = 200
    path, _ = written(
        MASK, mask(drawn, Geometry(drawn.shape, (1, 1, 1)), {1: "tumour", 200: "necrosis"}), tmp_path / "a"
    )
    coarse = zarr.open_array(path / "1/voxels", mode="r")[:]
    assert set(np.unique(coarse)) == {0, 1, 200}
    np.testing.assert_array_equal(coarse, most_frequent(drawn, (2, 2, 2)))


def test_xarray_opens_a_volume_lazily_in_millimetres_and_says_nothing(tmp_path):
    steps = {"leading": ("t", "echo"), "coords": {"t": [0.0, 1.5], "echo": [2.0, 4.0]}}
    image = placed(noise((2, 2, 40, 150, 140)), **steps)
    path, _ = written(VOLUME, image, tmp_path / "a")
    with xr.open_zarr(path) as opened:  # a warning would be an error here
        assert list(opened.data_vars) == ["voxels"]
        assert opened["voxels"].chunks == ((1, 1), (1, 1), (32, 8), (75, 75), (70, 70))
        assert opened["t"].values.tolist() == [0.0, 1.5], "a number, not a duration"
        assert opened["echo"].dtype == np.float64
        assert opened["z"].values.tolist() == image["z"].values.tolist()
        assert {opened[name].attrs["units"] for name in "zyx"} == {"mm"}
        xr.testing.assert_equal(opened["voxels"].isel(z=3).compute(), image.isel(z=3))
    with xr.open_zarr(path, consolidated=False) as opened:
        xr.testing.assert_equal(opened["voxels"].compute(), image)


def test_the_metadata_of_all_are_in_those_of_the_group(tmp_path):
    path, _ = written(VOLUME, placed(noise((10, 300, 260))), tmp_path / "a")
    held = json.loads((path / "zarr.json").read_text())["consolidated_metadata"]
    assert held["kind"] == "inline"
    assert held["must_understand"] is False
    found = {p.parent.relative_to(path).as_posix(): json.loads(p.read_text()) for p in path.rglob("*/zarr.json")}
    assert held["metadata"] == found
    assert set(found) == {name for at in ("", "1/") for name in (at + "voxels", at + "z", at + "y", at + "x")} | {"1"}


def test_a_group_without_the_metadata_of_all_is_read_too(tmp_path):
    path, _ = written(VOLUME, placed(noise((4, 5, 6))), tmp_path / "a")
    own = json.loads((path / "zarr.json").read_text())
    del own["consolidated_metadata"]
    (path / "zarr.json").write_text(json.dumps(own))
    xr.testing.assert_identical(layout.read(VOLUME, tmp_path / "a"), placed(noise((4, 5, 6))))
    assert layout.read_attributes(VOLUME, tmp_path / "a") == layout.read(VOLUME, tmp_path / "a").attrs


@pytest.mark.parametrize(
    "coords", [{"c": ["red", "green", "the blue"]}, {"t": [0.0, 1.0, 5.0]}, {"phase": [0, 1, 2]}, {}]
)
def test_the_steps_of_an_axis_come_back(tmp_path, coords):
    image = placed(noise((3, 4, 5, 6)), leading=tuple(coords), coords=coords)
    written(VOLUME, image, tmp_path / "a")
    xr.testing.assert_identical(layout.read(VOLUME, tmp_path / "a"), image)


def test_an_array_is_stored_under_one_name_whatever_it_was_called(tmp_path):
    path, _ = written(VOLUME, placed(noise((4, 5, 6))).rename("other"), tmp_path / "a")
    assert "voxels" in zarr.open_group(path, mode="r")
    assert layout.read(VOLUME, tmp_path / "a").name == "voxels"


def test_a_volume_read_lazily_is_written_again_as_it_was(tmp_path):
    written(VOLUME, placed(noise((2, 40, 300, 260))), tmp_path / "a")
    written(VOLUME, layout.read(VOLUME, tmp_path / "a"), tmp_path / "b")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_a_signal_comes_back_with_its_channels(tmp_path):
    tone = signal(noise((2, 300_000)), 44_100, ["Lead I", "aVR"], ["mV", "uV"], "ECG", filters=["50 Hz"])
    path, facts = written(SIGNAL, tone, tmp_path / "a")
    xr.testing.assert_identical(layout.read(SIGNAL, tmp_path / "a"), tone)
    assert zarr.open_array(path / "samples", mode="r").chunks == (2, 2**17)
    assert facts == {f"data.zarr/{name}": (len(b), sha256(b).hexdigest()) for name, b in files_of(path).items()}
    written(SIGNAL, tone.rename("other"), tmp_path / "b")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


@pytest.mark.parametrize(
    ("kind", "value"),
    [(VOLUME, placed(noise((40, 300, 260)))), (SIGNAL, signal(noise((1, 9)), 2.0, ["a"], ["1"], "AU"))],
    ids=["volume", "signal"],
)
def test_an_array_is_read_from_object_storage(tmp_path, kind, value):
    place = UPath(f"memory://grids-{kind.name}/artefact")
    written(kind, value, tmp_path / "a")
    for name, content in files_of(tmp_path / "a").items():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    xr.testing.assert_identical(layout.read(kind, place), value)


def test_a_block_that_cannot_be_computed_ends_the_writing(tmp_path):
    def fail(block, block_info=None):
        if block_info[0]["chunk-location"][0] == 2:
            raise OSError("gone")
        return block

    lazy = lazy_of(small_volume((80, 200, 300)), 32)
    lazy.data = lazy.data.map_blocks(fail, dtype="int16", meta=np.empty((0,) * 3, "int16"))
    with pytest.raises(OSError, match="gone"):
        written(VOLUME, lazy, tmp_path / "a")
    assert not (tmp_path / "a/data.zarr/zarr.json").exists()


HELD = """
    import resource, sys
    from pathlib import Path
    import dask.array as da
    import numpy as np
    from data_catalog import layout
    from data_catalog.geometry import Geometry
    from data_catalog.kinds import SLAB, VOLUME, volume

    def made(block_info=None):
        (low, high), *plane = block_info[None]["array-location"]
        ramp = np.arange(plane[0][1] * plane[1][1], dtype="int16").reshape(1, plane[0][1], plane[1][1])
        return ramp ^ np.arange(low, high, dtype="int16")[:, None, None]

    def put(slices, folder):
        shape = (slices, 512, 512)
        chunks = (tuple(min(SLAB, slices - z) for z in range(0, slices, SLAB)), (512,), (512,))
        values = da.map_blocks(made, dtype="int16", chunks=chunks, meta=np.empty((0, 0, 0), "int16"))
        image = volume(values, Geometry(shape, (1.0, 1.0, 1.0)), unit="HU", modality="CT")
        Path(folder).mkdir()
        layout.write(VOLUME, image, Path(folder))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    before = put(1, sys.argv[1] + "/first")
    print(put(1024, sys.argv[1] + "/second") - before)
"""


def test_half_a_gigabyte_is_written_in_a_quarter_of_its_memory(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", dedent(HELD), str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(ran.stdout) < 1024 * 512 * 512 * 2 / 4
