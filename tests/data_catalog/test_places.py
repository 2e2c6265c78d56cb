"""Where an address leads: to a folder, or to a bucket; never with a secret in it."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.storage import FsspecStore

from data_catalog import places
from data_catalog.errors import MissingExtra, PlanError
from data_catalog.places import answered, place, read_file, zarr_store
from tests.data_catalog.conftest import write


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("results/store", "results/store"),
        ("/data/store", "/data/store"),
        ("file:///data/my%20store", "/data/my store"),
        (Path("/data/a@b"), "/data/a@b"),
        ("a folder@home", "a folder@home"),
    ],
)
def test_a_folder_is_a_path(address, path):
    assert place(address) == Path(path)
    assert isinstance(place(address), Path)


@pytest.mark.parametrize("address", ["s3://bucket", "s3://bucket/", "s3://bucket/a/b", "memory://bucket/a"])
def test_a_bucket_is_no_path_of_this_machine(address):
    where = place(address)
    assert not isinstance(where, Path)
    assert str(where / "x").rstrip("/") == f"{address.rstrip('/')}/x"
    again = pickle.loads(pickle.dumps(where))
    assert again == where
    assert again.storage_options == where.storage_options


SECRET = "hush"


@pytest.mark.parametrize(
    ("address", "came"),
    [
        (f"s3://key:{SECRET}@bucket/prefix", "a user, a password or a query"),
        (f"s3://key:{SECRET}/{SECRET}@bucket/prefix", "a user, a password or a query"),
        (f"s3://{SECRET}@bucket", "a user, a password or a query"),
        (f"s3://bucket:{SECRET}/prefix", "a user, a password or a query"),
        (f"s3://bucket/prefix?X-Amz-Signature={SECRET}", "a user, a password or a query"),
        (f"s3://bucket/prefix#{SECRET}", "a user, a password or a query"),
        (f"https://{SECRET}.example/bucket", "its URL is neither"),
        (f"postgres://{SECRET}", "its URL is neither"),
        (f"://{SECRET}", "its URL is neither"),
        ("s3:///prefix", "its URL is neither"),
        ("s3://", "its URL is neither"),
    ],
)
def test_an_address_that_is_no_place_alone_is_refused_without_being_repeated(address, came):
    with pytest.raises(PlanError, match=came) as refused:
        place(address)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("missing", ["upath", "s3fs"])
def test_without_what_speaks_to_a_bucket_the_command_that_installs_it_is_named(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=rf"{missing} is not installed\. .*pip install \"voxmine\[s3\]\""):
        place("s3://bucket/prefix")
    assert place("results") == Path("results")


def test_without_the_client_there_is_no_silence_to_translate(monkeypatch):
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    places._silences.cache_clear()
    with pytest.raises(KeyError), answered():
        raise KeyError
    places._silences.cache_clear()


def test_a_file_is_read_wherever_it_is(tmp_path, bucket):
    for root in (tmp_path, place(f"{bucket}/x"), place("memory://files")):
        write(root / "deep" / "one", b"abc")
        assert read_file(root / "deep" / "one") == b"abc"
        with pytest.raises(FileNotFoundError):
            read_file(root / "deep" / "two")


def test_zarr_opens_a_group_wherever_it_is_and_cannot_write_into_a_bucket(tmp_path, bucket):
    group = zarr.create_group(tmp_path / "group", zarr_format=3)
    group.create_array("numbers", data=np.array([1, 2, 3]))
    for root in (tmp_path / "group", place(f"{bucket}/group"), place("memory://group")):
        if root != tmp_path / "group":
            for path in (tmp_path / "group").rglob("*"):
                if path.is_file():
                    write(root / path.relative_to(tmp_path / "group").as_posix(), path.read_bytes())
        opened = zarr.open_group(zarr_store(root), mode="r")
        assert opened["numbers"][:].tolist() == [1, 2, 3]
    store = zarr_store(place(f"{bucket}/group"))
    assert isinstance(store, FsspecStore)
    assert store.read_only
    assert isinstance(zarr_store(tmp_path), str)
