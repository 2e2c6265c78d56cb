"""The catalogue: the same answers from SQLite and PostgreSQL, and none that the store would not give."""

from __future__ import annotations

import gc
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, text

import data_catalog
from data_catalog import catalog_rows
from data_catalog import catalog_tables as tables
from data_catalog.catalog import Catalog
from data_catalog.catalog_build import rebuild
from data_catalog.catalog_engine import (
    REVISION,
    CatalogError,
    bring_up_to_date,
    engine_of,
    require_catalog_url,
    sqlite_url,
)
from data_catalog.catalog_rows import item_row, methods_in
from data_catalog.catalog_search import Asked
from data_catalog.errors import PlanError, StoreError
from data_catalog.kinds import REPORT
from data_catalog.lineage import Code
from data_catalog.refs import Ref
from data_catalog.runs import Did, Run, Runs
from data_catalog.store import Store
from data_catalog.ways import way_of
from tests.data_catalog.conftest import key_of, recorded
from tests.postgres import new_database, server

ROOT = Path(data_catalog.__file__).parents[1]
WRITERS = 8


@pytest.fixture(scope="module")
def postgres():
    """Return the URL of a server, started when it is first asked for."""
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "postgresql by streams"])
def url(request, tmp_path, monkeypatch):
    """Return the URL of an empty catalogue of each database, of PostgreSQL in both ways that rows come in."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "workspace" / "catalog.sqlite")
    if request.param == "postgresql by streams":
        monkeypatch.setattr(catalog_rows, "MANY", 1)
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def catalog(url):
    made = Catalog(url)
    yield made
    made.close()


def ref_of(word, kind="volume"):
    return Ref(kind=kind, digest=key_of(f"artefact {word}"))


def made(word, parents=(), sources=(), kind="volume", **changes):
    """Return the record of an artefact that a word stands for."""
    inputs = {"given": tuple(parents)} if parents else {}
    files = {"files": tuple(map(key_of, sources))} if sources else {}
    return recorded(word, **{"inputs": inputs, "sources": files, **changes})(ref_of(word, kind))


def run_of(name, **changes):
    facts = {
        "study": name.partition("-")[0],
        "flow": "full-study",
        "version": "0",
        "started": "2026-01-01T00:00:00.000+00:00",
    }
    return Run(name=name, beat=facts["started"], **{**facts, **changes})


def did(record, **changes):
    held = {"stage": record.stage, "item": record.item, "key": record.key, "kind": record.output.kind}
    return Did(**{**held, "digest": record.output.digest, "how": "computed", **changes})


FIRST, SECOND = "lungs-20260101T000000-000001", "lungs-20260102T000000-000002"
IMAGE = made("image", sources=["slice 1", "slice 2"], item="P-1/v0/CT/abcdef", stage="read_dicom")
OTHER = made(
    "other",
    sources=["slice 3"],
    item="P-2/v1/MR[2]/abcdef",
    stage="read_dicom",
    started="2026-01-02T00:00:00.000+00:00",
)
MASK = made(
    "mask", [IMAGE.output], kind="mask", item=IMAGE.item, stage="segment", parameters={"segmenter": {"method": "otsu"}}
)
FEATURES = made(
    "features",
    [IMAGE.output, MASK.output],
    kind="features",
    item=f"{IMAGE.item}/tumour/method",
    stage="radiomics",
    parameters={"measures": [{"extractor": {"method": "recipe", "steps": [{"method": "resample"}]}}]},
    code=Code(version="1.5", digest=key_of("code"), places=("tasks.a", "tasks.b")),
)
TABLE = made("table", [FEATURES.output, OTHER.output], kind="table", item="lungs", stage="gather_features")
CHAIN = [IMAGE, OTHER, MASK, FEATURES, TABLE]


def found(catalog, **asked):
    return {one.ref for one in catalog.search(Asked(**asked))}


def test_what_was_added_is_told_as_the_record_says_it(catalog):
    catalog.add(CHAIN)
    ((way,),) = catalog.ways([FEATURES.output], None)
    assert (way.stage, way.item, way.key) == ("radiomics", FEATURES.item, FEATURES.key)
    assert (way.version, way.code, way.python) == ("1.5", key_of("code"), FEATURES.python)
    assert json.loads(way.parameters) == FEATURES.parameters
    assert {kind: some.first for kind, some in way.parents.items()} == {
        "volume": (IMAGE.output,),
        "mask": (MASK.output,),
    }
    assert catalog.ways([IMAGE.output], 1)[0][0].sources == (key_of("slice 1"),)
    assert catalog.ways([IMAGE.output], 1)[0][0].source_count == 2
    assert catalog.ways([ref_of("nothing")], None) == [[]]
    assert catalog.knows(IMAGE.output)
    assert not catalog.knows(ref_of("nothing"))


def test_a_search_finds_what_is_asked_for_and_nothing_else(catalog):
    catalog.add(CHAIN)
    assert found(catalog) == {record.output for record in CHAIN}
    assert found(catalog, patient="P-1") == {IMAGE.output, MASK.output, FEATURES.output}
    assert found(catalog, modality="MR") == {OTHER.output}
    assert found(catalog, stage="read_dicom") == {IMAGE.output, OTHER.output}
    assert found(catalog, stage="read_dicom", patient="P-2") == {OTHER.output}
    assert found(catalog, method="otsu") == {MASK.output}
    assert found(catalog, method="resample") == {FEATURES.output}, "a step within a method is one too"
    assert found(catalog, version="1.5") == {FEATURES.output}
    assert found(catalog, kind="table") == {TABLE.output}
    assert found(catalog, patient="P-3") == set()
    assert [one.ref for one in catalog.search(Asked(), most=1)] == [OTHER.output], "the newest comes first"


def test_a_search_by_run_tells_what_the_run_did_reused_or_not(catalog):
    catalog.add(CHAIN)
    catalog.note(run_of(FIRST), [did(IMAGE), did(MASK)], lambda _: [])
    catalog.note(run_of(SECOND), [did(MASK, how="reused")], lambda _: [])
    assert found(catalog, run=FIRST) == {IMAGE.output, MASK.output}
    assert found(catalog, run=SECOND) == {MASK.output}
    assert catalog.run_names() == [FIRST, SECOND]


def test_one_content_of_two_patients_is_found_under_both(catalog):
    catalog.add([IMAGE])
    catalog.note(run_of(FIRST), [did(IMAGE), did(IMAGE, item="P-9/v0/CT/fedcba")], lambda _: [])
    assert found(catalog, patient="P-1") == found(catalog, patient="P-9") == {IMAGE.output}


def test_a_run_brings_the_records_that_the_catalogue_lacks_and_asks_for_no_others(catalog):
    catalog.add([IMAGE])
    asked = []

    def records(of):
        asked.extend(one.key for one in of)
        return [None if one.key == OTHER.key else MASK for one in of]

    catalog.note(run_of(FIRST), [did(IMAGE), did(MASK), did(OTHER)], records)
    assert sorted(asked) == sorted([MASK.key, OTHER.key])
    assert found(catalog, run=FIRST) == {IMAGE.output, MASK.output}, "a record that is lost is none"


def test_what_is_added_twice_is_there_once(catalog):
    catalog.add(CHAIN)
    before = catalog.counts()
    catalog.add([*CHAIN, *CHAIN])
    catalog.note(run_of(FIRST, state="going"), [], lambda _: [])
    catalog.note(run_of(FIRST, state="completed"), [], lambda _: [])
    assert catalog.counts() == {**before, "run": 1}


def test_all_that_was_made_from_something_is_found_through_others(catalog):
    catalog.add(CHAIN)
    assert {one.ref for one in catalog.descendants(IMAGE.output)} == {MASK.output, FEATURES.output, TABLE.output}
    assert [one.ref for one in catalog.descendants(OTHER.output)] == [TABLE.output]
    assert catalog.descendants(TABLE.output) == []


def test_all_that_was_made_of_a_file_is_found_by_the_beginning_of_its_digest(catalog):
    catalog.add(CHAIN)
    everything = {IMAGE.output, MASK.output, FEATURES.output, TABLE.output}
    for length in (6, 15, 16, 17, 64):
        assert {one.ref for one in catalog.made_of_file(key_of("slice 2")[:length])} == everything
    assert catalog.made_of_file(key_of("slice 2")[:16] + "0" * 48) == [], "alike in its beginning is not the same"
    assert catalog.made_of_file("xyz") == []


def test_an_artefact_made_from_itself_has_an_end(catalog):
    again = made("image", [IMAGE.output], key=key_of("again"))
    catalog.add([IMAGE, again])
    assert [one.ref for one in catalog.descendants(IMAGE.output)] == [IMAGE.output]
    assert len(catalog.ways([IMAGE.output], None)[0]) == 2


def test_a_digest_is_resolved_by_its_beginning_unless_several_begin_so(catalog):
    catalog.add(CHAIN)
    digest = IMAGE.output.digest
    assert catalog.resolve(digest[:8]) == catalog.resolve(f"volume-{digest[:12]}") == IMAGE.output
    twin = recorded("twin")(Ref(kind="volume", digest=digest[:10] + "0" * 54))
    catalog.add([twin])
    with pytest.raises(StoreError, match="several"):
        catalog.resolve(digest[:8])
    with pytest.raises(StoreError, match="none has"):
        catalog.resolve(key_of("nothing"))
    for name in ("", "abc", digest[:5], "%" * 8, "_" * 8):
        with pytest.raises(StoreError):
            catalog.resolve(name)


def test_codes_are_listed_each_once_with_the_last_version_they_were_of(catalog):
    later = made("later", code=FEATURES.code.model_copy(update={"version": "1.6"}), python="3.12.0")
    catalog.add([*CHAIN, later])
    assert [(digest, json.loads(places), version) for digest, places, version in catalog.codes()] == sorted(
        [(key_of("code"), ["tasks.a", "tasks.b"], "1.6"), ("0" * 64, ["tasks.made_up"], "0")]
    )
    assert {one.ref for one in catalog.made_by_code(key_of("code"))} == {FEATURES.output, later.output}


def test_what_the_same_stage_has_made_with_another_code_too_can_be_left_out(catalog):
    new = FEATURES.code.model_copy(update={"digest": key_of("new")})
    again = made("features", kind="features", key=key_of("again"), stage="radiomics", code=new)
    other = made("image", key=key_of("by another"), stage="copy", code=new)
    catalog.add([*CHAIN, again, other])
    assert catalog.made_by_code(key_of("code"), unless=[key_of("new")]) == []
    assert len(catalog.made_by_code(key_of("code"), unless=[key_of("nothing")])) == 1
    assert IMAGE.output in {one.ref for one in catalog.made_by_code("0" * 64, unless=[key_of("new")])}


def graphs():
    """Return lists of records, each made from some of those before it."""
    fact = st.tuples(
        st.lists(st.integers(0, 30), max_size=4),
        st.lists(st.integers(0, 3), max_size=3),
        st.sampled_from(["P-1/v0/CT/a", "P-2/v0/MR/b", "whole"]),
        st.sampled_from(["cut", "join"]),
    )
    return st.lists(fact, min_size=1, max_size=12)


def records_of(graph):
    records = []
    for number, (parents, files, item, stage) in enumerate(graph):
        given_ = [records[parent % number].output for parent in parents] if number else []
        words = [f"file {file}" for file in files]
        records.append(made(f"node {number}", given_, words, item=item, stage=stage))
    return records


def below(ref, records):
    """Return all that was made from an artefact, by definition."""
    reached = {ref}
    for record in records:  # each comes after what it was made from
        if reached & set(record.parents()):
            reached.add(record.output)
    return reached - {ref}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs(), cut=st.integers(0, 12))
def test_for_any_lineage_the_catalogue_tells_what_the_records_tell(graph, cut, tmp_path_factory):
    records = records_of(graph)
    held = Catalog(sqlite_url(tmp_path_factory.mktemp("law") / "catalog.sqlite"))
    held.add(records[cut:])  # in any order: children may come before their parents
    held.add(records[:cut])
    for record in records:
        assert {one.ref for one in held.descendants(record.output)} == below(record.output, records)
        ((way,),) = held.ways([record.output], None)
        assert [ref for some in way.parents.values() for ref in some.first] == record.parents()
        assert list(way.sources) == record.source_digests()
    for most in (1, 2, None):
        assert held.ways([one.output for one in records], most) == [[way_of(one, most)] for one in records]
    for stage in ("cut", "join"):
        assert found(held, stage=stage) == {record.output for record in records if record.stage == stage}


@pytest.fixture
def filled(tmp_path):
    """Return a store with a few artefacts, and a run that made them."""
    store = Store(tmp_path / "store")
    image = store.put(
        REPORT, "<p>image</p>", recorded("image", item="P-1/v0/CT/a", sources={"files": (key_of("slice"),)})
    )
    page = store.put(REPORT, "<p>page</p>", recorded("page", inputs={"image": (image,)}))
    runs = Runs(store)
    runs.write(run_of(FIRST, state="completed", results={"report": page}))
    records = [record for ref in (image, page) for record in store.records(ref)]
    runs.add(FIRST, 1, [did(record) for record in records])
    return store, image, page


def told(catalog, *refs):
    return (
        catalog.counts(),
        catalog.search(Asked()),
        catalog.ways(refs, None),
        [catalog.descendants(ref) for ref in refs],
        catalog.search(Asked(run=FIRST)),
        catalog.run_names(),
    )


def test_made_anew_it_tells_what_it_told_when_it_was_filled_by_and_by(filled, url, catalog):
    store, image, page = filled
    runs = Runs(store)
    catalog.note(runs.read(FIRST), runs.did(FIRST), lambda of: [store.record(one.ref, one.key) for one in of])
    before = told(catalog, image, page)
    progress = []
    again = rebuild(store, url, progress.append)
    assert told(again, image, page) == before
    assert progress[-1] == 2
    again.add([MASK])
    assert found(again, stage="segment") == {MASK.output}, "numbers go on where they ended"
    again.close()


def test_made_anew_it_forgets_what_the_store_no_longer_holds(filled, url, catalog):
    store, image, page = filled
    catalog.add([MASK])
    store.discard(page)
    again = rebuild(store, url)
    assert found(again) == {image}
    again.close()


def test_a_file_that_is_overwritten_is_told_and_can_be_made_anew(filled, tmp_path):
    store, image, page = filled
    file = tmp_path / "catalog.sqlite"
    file.write_bytes(b"no database, but long enough to be looked at" * 100)
    with pytest.raises(CatalogError, match="voxmine catalog rebuild"):
        Catalog(sqlite_url(file))
    assert found(rebuild(store, sqlite_url(file))) == {image, page}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalog.sqlite", "store"]
    assert file.stat().st_mode & 0o077 == 0, "for its owner alone"


KILLED = dedent(
    """
    import os, signal, sqlite3, sys

    held = sqlite3.connect(sys.argv[1], isolation_level=None)
    for setting in ("cache_size=1", "cache_spill=1"):
        held.execute(f"PRAGMA {setting}")
    held.execute("BEGIN IMMEDIATE")
    held.execute("UPDATE item SET patient = patient || hex(zeroblob(300))")
    os.kill(os.getpid(), signal.SIGKILL)
    """
)


def test_what_a_killed_writer_left_beside_the_file_does_not_come_into_the_new_one(filled, tmp_path):
    store, image, page = filled
    file = tmp_path / "catalog.sqlite"
    before = rebuild(store, sqlite_url(file))
    before.add([made(f"scan {number}", item=f"P-{number}/v0/CT/a") for number in range(2000)])
    before.close()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "catalog.sqlite-journal").stat().st_size > 0, "its cache has spilled"
    after = rebuild(store, sqlite_url(file))
    assert found(after) == {image, page}
    after.close()
    with closing(sqlite3.connect(file)) as held:
        assert held.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalog.sqlite", "store"]


def test_a_record_that_is_cut_is_left_out(filled, tmp_path):
    store, image, page = filled
    (path,) = (store.folder(page.digest) / "records").iterdir()
    path.write_text(path.read_text()[:50])
    assert found(rebuild(store, sqlite_url(tmp_path / "catalog.sqlite"))) == {image}


def test_an_empty_store_gives_an_empty_catalogue(tmp_path, url):
    empty = rebuild(Store(tmp_path / "nothing"), url)
    assert empty.counts()["record"] == 0
    empty.close()


def test_the_same_from_a_bucket(far_store, tmp_path):
    ref = far_store.put(REPORT, "<p>page</p>", recorded("page"))
    assert found(rebuild(far_store, sqlite_url(tmp_path / "catalog.sqlite"))) == {ref}


WRITE = dedent(
    """
    import hashlib, sys
    from concurrent.futures import ThreadPoolExecutor
    from data_catalog.catalog import Catalog
    from data_catalog.lineage import Code, Record
    from data_catalog.refs import Ref
    from data_catalog.runs import Did, Run

    TIME, CODE = "2026-01-01T00:00:00.000+00:00", Code(version="0", digest="0" * 64, places=())

    def made(word, parents=(), item="whole"):
        digest = lambda text: hashlib.sha256(text.encode()).hexdigest()
        return Record(
            key=digest(word), output=Ref(kind="volume", digest=digest("artefact " + word)), stage="made", item=item,
            inputs={"given": tuple(parents)}, sources={"files": (digest("file " + word[:9]),)}, code=CODE,
            python="3.11", started=TIME, seconds=0, cpu_seconds=0,
        )

    def write(writer):
        catalog = Catalog(sys.argv[1])
        shared = [made(f"shared {number}", item=f"P-{number % 7}/v0/CT/a") for number in range(120)]
        first = shared[0].output
        if writer % 2:
            shared.reverse()
        name = f"lungs-20260101T000000-00000{writer}"
        run = Run(name=name, study="lungs", flow="", version="0", started=TIME, beat=TIME)
        for start in range(0, 120, 20):
            catalog.add(shared[start : start + 20])
            own = [made(f"own {writer} {start} {n}", [first]) for n in range(20)]
            did = [Did(one.stage, one.item, one.key, "volume", one.output.digest, "computed") for one in own]
            catalog.note(run, did, lambda _: own)
        catalog.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(int(sys.argv[2]), int(sys.argv[2]) + 4)))
    """
)


def test_eight_writers_at_once_lose_nothing_and_write_nothing_twice(url):
    """Two processes of four threads each; they make the tables at the same time, too."""
    started = [
        subprocess.Popen([sys.executable, "-c", WRITE, url, first], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for first in ("0", "4")
    ]
    faults = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], "\n".join(faults)
    catalog = Catalog(url)
    counts = catalog.counts()
    assert counts["record"] == counts["artefact"] == 120 + WRITERS * 120
    assert counts["run"] == WRITERS
    assert len(catalog.search(Asked(run="lungs-20260101T000000-000003"), most=1000)) == 120
    assert len(catalog.descendants(made("shared 0").output)) == WRITERS * 120
    catalog.close()


def test_the_migrations_make_the_tables_that_the_code_reads(catalog):
    with catalog.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    (head,) = ScriptDirectory(str(ROOT / "data_catalog" / "migrations")).get_heads()
    assert head == REVISION


def test_what_a_run_spent_is_told_by_stage_of_what_it_computed_itself(catalog):
    spent = {"seconds": 2.0, "cpu_seconds": 1.5, "bytes": 1000, "peak_bytes": 2**33}
    heavy = IMAGE.model_copy(update=spent)
    light = OTHER.model_copy(update={**spent, "seconds": 3.0, "peak_bytes": 2**20})
    found_made = MASK.model_copy(update=spent)
    records = {one.key: one for one in (heavy, light, found_made, TABLE)}
    done = [did(heavy), did(light), did(found_made, how="reused"), did(TABLE)]
    catalog.note(run_of(FIRST), done, lambda asked: [records[one.key] for one in asked])
    catalog.note(run_of(SECOND), [did(heavy, how="reused")], lambda _: [])
    told = {one.stage: one[1:] for one in catalog.spent(FIRST)}
    assert told == {
        "read_dicom": (2, 2, 5.0, 3.0, 2000, 2**33),
        "segment": (1, 0, 0.0, 0.0, 0, None),
        "gather_features": (1, 1, 0.1, 0.1, 0, None),  # an older record tells neither
    }
    assert [one[1:] for one in catalog.spent(SECOND)] == [(1, 0, 0.0, 0.0, 0, None)]
    assert catalog.spent("nothing") == []


def test_a_catalogue_of_the_first_version_keeps_what_it_has_and_gains_columns(catalog, url):
    catalog.note(run_of(FIRST), [did(IMAGE)], lambda _: [IMAGE])
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE record DROP COLUMN bytes"))
        connection.execute(text("ALTER TABLE record DROP COLUMN peak_bytes"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    newer = Catalog(url)
    assert newer.spent(FIRST)[0][1:] == (1, 1, 0.1, 0.1, 0, None)
    newer.close()
    engine.dispose()


def test_an_older_catalogue_is_brought_up_to_date_when_it_is_opened(catalog, url):
    catalog.add(CHAIN)
    engine = engine_of(url)
    with engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            table.drop(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    bring_up_to_date(engine)
    bring_up_to_date(engine)
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {*tables.metadata.tables, "alembic_version"}
    engine.dispose()


def test_a_catalogue_of_a_newer_version_is_told_with_what_to_do(catalog, url):
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogError, match=r"version 9999.*newer voxmine"):
        bring_up_to_date(engine)
    with pytest.raises(CatalogError, match="voxmine catalog rebuild"):
        Catalog(url)
    gc.collect()  # a connection that was left open warns here, and warnings are errors
    engine.dispose()


@pytest.mark.parametrize("url", ["postgresql://host/database", "postgresql+psycopg://me@host/x?sslmode=require"])
def test_a_database_of_postgresql_is_a_catalogue(url):
    require_catalog_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://host/x",
        "no url",
        "",
        "postgresql://host:hush/x",
        "postgresql://me:hush@host/x",
        "postgresql://host/x?password=hush",
        "postgresql://host/x?sslpassword=hush",
        "sqlite+hush://x:hush@y/z",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///catalog.sqlite",
        "sqlite:////somewhere/catalog.sqlite",
    ],
)
def test_a_url_that_is_no_catalogue_or_holds_a_password_is_refused_and_not_repeated(url):
    with pytest.raises(PlanError) as refused:
        require_catalog_url(url)
    assert "hush" not in str(refused.value)


def test_a_server_that_does_not_answer_is_told_with_what_to_do(tmp_path):
    with pytest.raises(CatalogError, match="No result depends on it"):
        Catalog("postgresql://voxmine@127.0.0.1:1/none")


def test_a_folder_in_place_of_the_file_is_told(tmp_path):
    with pytest.raises(CatalogError):
        Catalog(sqlite_url(tmp_path))


@pytest.mark.parametrize(
    ("item", "patient", "visit", "modality"),
    [
        ("P-1/v0/CT/abc123", "P-1", 0, "CT"),
        ("P-1/v12/ECG[2]/abc123/tumour/A", "P-1", 12, "ECG"),
        ("study/ingest", None, None, None),
        ("0/3f9a1c2b7d04", None, None, None),
        ("logistic on all", None, None, None),
        ("", None, None, None),
    ],
)
def test_the_name_of_an_item_tells_patient_visit_and_modality(item, patient, visit, modality):
    assert item_row(item) == {"patient": patient, "visit": visit, "modality": modality}


def test_methods_are_found_at_any_depth():
    parameters = {"a": {"method": "x", "b": [{"method": "y"}]}, "c": ({"method": 3},), "method": "z"}
    assert methods_in(parameters) == {"x", "y", "z"}
    assert methods_in("method") == set()


def test_a_head_is_the_number_that_the_beginning_of_a_digest_is():
    assert tables.head_of("0" * 64) == 0
    assert tables.head_of("0" * 15 + "1" + "f" * 48) == 1
    assert tables.head_of("f" * 64) == -1
    assert tables.head_of("8" + "0" * 63) == -(2**63)


@given(st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=6))
def test_the_heads_of_many_digests_are_those_of_each(digests):
    assert tables.heads_of(digests) == {tables.head_of(digest) for digest in digests}
