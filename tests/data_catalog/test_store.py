"""The store: addressed by content, with the record beside each artefact and an index that can be made anew."""

import json
import re
import stat
from hashlib import sha256

import pandas as pd
import pytest

from data_catalog.errors import BadData, StoreError
from data_catalog.kinds import COHORT, CONTENTS, DETECTIONS, MODEL, REPORT, STUDY, TABLE, VOLUME
from data_catalog.layout import ARRAYS
from data_catalog.manifest import MANIFEST
from data_catalog.places import place
from data_catalog.store import Store
from tests.data_catalog.conftest import PAGE, delete, every_form, key_of, leftovers, objects, put, small_volume, write


@pytest.fixture
def store(any_store):
    return any_store


def test_what_was_put_is_found_by_its_key_and_opened(store):
    ref = put(store, "one")
    assert store.find(key_of("one")) == ref
    assert store.find(key_of("two")) is None
    assert store.open(ref) == PAGE
    assert (ref.kind, len(ref.digest)) == ("report", 64)
    assert not leftovers(store)


def test_the_same_content_twice_is_one_artefact_with_two_records(store):
    first = put(store, "one", started="2026-01-02T00:00:00.000+00:00")
    second = put(store, "two", started="2026-01-01T00:00:00.000+00:00")
    assert first == second
    assert objects(store) == [first.digest]
    assert [record.item for record in store.records(first)] == ["two", "one"], "the oldest first"
    assert store.find(key_of("one")) == store.find(key_of("two")) == first
    assert not leftovers(store)


@pytest.mark.parametrize(
    "kind_and_value",
    [pair for pair in every_form(backwards=False) if pair[0].form in ARRAYS],
    ids=lambda pair: pair[0].name,
)
def test_the_attributes_of_an_array_are_those_of_the_opened_one(store, kind_and_value):
    ref = put(store, "one", *kind_and_value)
    attributes = store.attrs(ref)
    assert attributes == store.open(ref).attrs
    assert attributes
    for damage in (lambda path: path.write_text("{", encoding="utf-8"), lambda path: path.unlink()):
        damage(store.folder(ref.digest) / "data.zarr" / "zarr.json")
        with pytest.raises(StoreError, match=r"holds .* whole"):
            store.attrs(ref)


def test_every_record_is_told_of_what_has_a_manifest_without_a_look_at_the_data(store):
    image, page = put(store, "image", VOLUME, small_volume()), put(store, "one")
    put(store, "two")
    assert [record.output for record in store.every_record()] == sorted([image, page, page], key=lambda ref: ref.digest)
    write(store.folder(image.digest) / "data.zarr" / "records" / "stray.json", b"{}")
    assert len(list(store.every_record())) == 3
    (store.folder(image.digest) / MANIFEST).unlink()
    assert {record.item for record in store.every_record()} == {"one", "two"}


def test_the_same_work_twice_has_one_record(store):
    ref = put(store)
    put(store)
    assert [record.key for record in store.records(ref)] == [key_of("one")]


def test_other_content_is_another_artefact(store):
    assert put(store, "one").digest != put(store, "two", value=PAGE + " ").digest
    assert len(objects(store)) == 2


def test_the_same_table_as_another_kind_is_another_artefact(store):
    table = pd.DataFrame({"a": [1.0]})
    refs = {put(store, kind.name, kind, table) for kind in (TABLE, COHORT, DETECTIONS)}
    assert len({ref.digest for ref in refs}) == 3


@pytest.mark.parametrize("kind_and_value", every_form(backwards=False), ids=lambda pair: pair[0].name)
def test_the_digest_does_not_depend_on_where_the_store_is_or_what_made_it(near_store, tmp_path, bucket, kind_and_value):
    ref = put(near_store, "one", *kind_and_value)
    for root in (tmp_path / "a" / "deeper" / "store", f"{bucket}/deeper", f"{bucket}/", "memory://elsewhere"):
        assert put(Store(place(root)), "two", *kind_and_value, item="other") == ref


def test_the_digest_is_that_of_the_manifest_which_holds_those_of_the_files(store):
    ref = put(store)
    manifest = (store.folder(ref.digest) / MANIFEST).read_bytes()
    page = PAGE.encode()
    assert json.loads(manifest) == {"kind": "report", "files": {"data.html": [len(page), sha256(page).hexdigest()]}}
    assert sha256(manifest).hexdigest() == ref.digest


def test_what_breaks_its_promise_leaves_nothing(store):
    with pytest.raises(BadData):
        put(store, value="")
    assert store.find(key_of("one")) is None
    assert objects(store) == []
    assert not leftovers(store)


def test_records_are_no_part_of_the_content(store):
    ref = put(store)
    put(store, "two", parameters={"bins": 32})
    store.verify(ref)
    assert {record.item: record.parameters for record in store.records(ref)} == {"one": {}, "two": {"bins": 32}}


def test_the_index_of_keys_is_made_anew_from_the_records(store):
    words = ["one", "two", "three"]
    refs = {word: put(store, word, value=PAGE * (1 + number % 2)) for number, word in enumerate(words)}
    damaged = put(store, "damaged", value="<p>gone</p>")
    (store.folder(damaged.digest) / "data.html").unlink()
    delete(store.root / "keys")
    assert not any(store.find(key_of(word)) for word in words)
    assert store.rebuild_keys() == 3
    assert {word: store.find(key_of(word)) for word in words} == refs
    assert store.find(key_of("damaged")) is None


def test_artefacts_are_found_by_name_or_by_the_beginning_of_the_digest(store):
    ref = put(store)
    assert store.resolve(ref.short) == ref
    assert store.resolve(ref.digest) == ref
    assert store.resolve(ref.digest[:6]) == ref
    assert store.resolve(f"report-{ref.digest}") == ref


@pytest.mark.parametrize("name", ["", "cohort", "report-", "000000", "*" * 8, "../../../etc", "??????", "12345"])
def test_a_name_of_nothing_is_refused_with_what_to_give(store, name):
    put(store)
    with pytest.raises(StoreError, match=f"{re.escape(repr(name))} names one artefact: 0 have .* 6 characters"):
        store.resolve(name)


def test_too_short_a_beginning_is_refused_even_where_it_is_the_only_one(store):
    ref = put(store)
    with pytest.raises(StoreError, match="at least 6 characters"):
        store.resolve(ref.digest[:5])


def test_a_beginning_that_two_share_is_refused_until_it_is_longer(store):
    ref = put(store)
    twin = ref.digest[:10] + ("0" if ref.digest[10] != "0" else "1") + ref.digest[11:]
    for name, content in list(store.files()):
        if ref.digest in name:
            write(store.root / name.replace(ref.digest, twin), content)
    with pytest.raises(StoreError, match="2 have a digest that begins so"):
        store.resolve(ref.digest[:10])
    assert store.resolve(ref.digest[:11]) == ref


def test_the_data_of_an_artefact_is_one_file_or_one_zarr_group(store):
    page, image = put(store), put(store, "two", VOLUME, small_volume())
    assert store.data_file(page).read_text() == PAGE
    assert store.data_file(image).name == "data.zarr"


def test_a_store_in_a_folder_is_for_its_owner_alone(near_store):
    put(near_store)
    assert stat.S_IMODE(near_store.root.stat().st_mode) == 0o700


def test_every_form_is_put_and_opened(store):
    for kind, value in every_form(backwards=False):
        ref = put(store, kind.name, kind, value)
        store.verify(ref)
        back = store.open(ref)
        assert type(back) is type(value)
        if kind in (STUDY, CONTENTS, REPORT):
            assert back == value
        elif kind is not MODEL:
            assert back.equals(value)
    assert len(list(store.artefacts())) == 8
