"""Ask a workspace what was made of what: verify, stale, descendants, garbage, exports, crates."""

from __future__ import annotations

import json
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from typer.testing import CliRunner

from data_catalog.catalog_build import rebuild
from data_catalog.errors import PlanError, StoreError
from data_catalog.kinds import MODEL, REPORT, VOLUME
from data_catalog.lineage import Code
from data_catalog.runs import CodeParts, Runs
from data_catalog.store import Store, folder_name
from flows import cli
from flows.audit import stale, verify
from flows.catalogs import catalog_of, url_of
from flows.descendants import descendants
from flows.explain import explain
from flows.export import export_crate, export_openlineage
from flows.verify_crate import verify_crate
from tasks.methods.code import code_digest, code_parts
from tasks.methods.preprocessing.windowing import Clip
from tasks.methods.segmentation.otsu import Otsu
from tasks.preprocess import preprocess
from tasks.segment import segment
from tasks.stage import Job, perform
from tests.data_catalog.conftest import key_of, recorded, small_volume
from tests.data_catalog.lineages import FIRST, SECOND, note, put, run_of
from tests.flows.test_find_number import tables


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_whole_store_has_no_fault_and_every_artefact_is_read(store):
    records = [put(store, word) for word in ("one", "two", "three")]
    seen = []
    assert verify(store, done=seen.append) == []
    assert set(seen) == {record.output for record in records}


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda folder: (folder / "data.html").write_text("<p>pagf</p>"), "data.html has changed"),
        (lambda folder: (folder / "data.html").unlink(), "data.html is missing"),
        (lambda folder: (folder / "more.html").write_text("more"), "more.html is none of its files"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest is missing"),
        (lambda folder: next((folder / "records").iterdir()).write_text("{"), "is cut or overwritten"),
        (
            lambda folder: next((folder / "records").iterdir()).rename(folder / "records" / f"{key_of('x')}.json"),
            "is of something else",
        ),
    ],
)
def test_whatever_is_damaged_is_found_and_named(store, damage, fault):
    page = put(store, "page")
    put(store, "other")
    damage(store.folder(page.output.digest))
    (found,) = verify(store)
    assert fault in found.fault
    assert page.output.digest[:12] in found.what
    if "manifest" not in fault:
        assert str(found).endswith(f"Delete {folder_name(page.output.digest)} in the store, and run the plan again.")


def test_a_key_that_the_index_has_lost_is_told(store):
    page = put(store, "page")
    (store.root / "keys" / page.key[:2] / page.key).unlink()
    assert "index of keys has lost" in verify(store, [page.output])[0].fault


PLACES = ("tasks.segment:segment", "tasks.methods.segmentation.otsu")


def catalog_now(workspace):
    made = rebuild(Store(workspace / "store"), url_of(workspace))
    made.close()
    return catalog_of(workspace)


def test_what_was_made_by_code_that_has_changed_is_told_with_what_has(store, tmp_path):
    now = Code(version="0", digest=code_digest(PLACES), places=tuple(code_parts(PLACES)))
    old = Code(version="0", digest=key_of("old"), places=tuple(place for place in now.places if "." in place))
    current = Code(
        version="0", digest=code_digest(PLACES), places=tuple(n for n in code_parts(PLACES) if n in old.places)
    )
    fresh, outdated = put(store, "fresh", code=current), put(store, "outdated", code=old)
    later = put(store, "later", code=old.model_copy(update={"version": "1"}), python="3.12.0")
    renewed = put(store, "renewed", code=old)
    put(store, "renewed", key=key_of("renewed now"), code=current)
    gone = put(store, "gone", code=Code(version="0", digest=key_of("gone"), places=("tasks.no_such_module",)))
    parts = {**code_parts(PLACES), "tasks.methods.segmentation.otsu": key_of("before")}
    Runs(store).write_code(CodeParts(digest=old.digest, parts=parts))
    listed = stale(store, catalog_now(tmp_path))
    found = {one.code: one for one in listed}
    assert len(listed) == len(found), "what two versions had alike is told once"
    assert set(found) == {old.digest, key_of("gone")}
    assert found[old.digest].changed == ("tasks.methods.segmentation.otsu has changed",)
    assert {made.ref for made in found[old.digest].made} == {outdated.output, later.output}
    assert found[old.digest].version == "1"
    assert [made.ref for made in found[key_of("gone")].made] == [gone.output]
    told = {made.ref for one in listed for made in one.made}
    assert not told & {fresh.output, renewed.output}


def test_descendants_are_told_of_an_artefact_a_name_and_a_file(store, tmp_path):
    scan = put(store, "scan", sources=["slice"])
    page = put(store, "page", [scan])
    catalog_now(tmp_path).close()
    assert [one.ref for one in descendants(tmp_path, scan.output.short)] == [page.output]
    assert [one.ref for one in descendants(tmp_path, key_of("slice")[:10])] == [scan.output, page.output]
    with pytest.raises(StoreError, match="or a source file"):
        descendants(tmp_path, "nothing")


def test_a_workspace_without_a_catalogue_says_how_to_make_one(store, tmp_path):
    put(store, "page")
    with pytest.raises(StoreError, match="voxmine catalog rebuild"):
        descendants(tmp_path, "report")


def test_why_tells_the_same_from_the_catalogue_as_from_the_store(store, tmp_path):
    scans = [put(store, f"scan {n}", sources=[f"slice {n} {z}" for z in range(5)]) for n in range(6)]
    page = put(store, "page", scans, parameters={"level": 0.5})
    before = {everything: explain(tmp_path, page.output.short, everything=everything) for everything in (False, True)}
    catalog_now(tmp_path).close()
    for everything, said in before.items():
        assert explain(tmp_path, page.output.short, everything=everything) == said
    new = put(store, "new", [page])
    assert "make_new" in explain(tmp_path, new.output.short), "what the catalogue does not know yet the store knows"
    (tmp_path / "catalog.sqlite").write_bytes(b"overwritten" * 100)
    assert explain(tmp_path, page.output.short) == before[False]


def done(store, jobs, run=FIRST):
    """Do some jobs and note them as a run; return what they gave."""
    refs = []
    for job in jobs:
        outcome = perform(store.root, job)
        assert outcome.ref is not None, outcome.refusal
        refs.append(outcome.ref)
    return refs


@pytest.fixture
def worked(store, tmp_path):
    """Return a workspace with a run of two real steps on a volume."""
    values = np.zeros((8, 20, 20), "float32")
    values[2:6, 5:15, 5:15] = 100
    image = small_volume((8, 20, 20), "float32").copy(data=values)
    scan = store.put(VOLUME, image, recorded("scan", stage="read_dicom", sources={"files": (key_of("slice"),)}))
    first = preprocess.job("P-1/v0/CT/a", {"image": scan}, {"steps": (Clip(low=-50.0, high=80.0),)})
    (clean,) = done(store, [first])
    second = segment.job("P-1/v0/CT/a", {"image": clean}, {"segmenter": Otsu(), "region": "bright"})
    (mask,) = done(store, [second])
    page = put(store, "page", [store.records(mask)[0]], stage="write")
    records = [store.records(ref)[0] for ref in (scan, clean, mask)] + [page]
    note(store, FIRST, records, results={"report": page.output})
    for record in records[1:3]:
        Runs(store).write_code(CodeParts(digest=record.code.digest, parts=code_parts(record.code.places)))
    return tmp_path, records


def test_a_crate_is_done_again_elsewhere_and_gives_the_same_bytes(worked):
    workspace, _ = worked
    export_crate(workspace, "last", workspace / "run.zip", images=True)
    found = verify_crate(workspace / "run.zip")
    assert found.differences == []
    assert (found.artefacts, found.left_out, found.again) == (4, 0, 2)
    assert found.not_again == {"they read source files": 1, "this version has no stage write": 1}


def test_a_crate_without_its_images_says_what_could_not_be_done_again(worked):
    workspace, _ = worked
    export_crate(workspace, "last", workspace / "run.zip")
    found = verify_crate(workspace / "run.zip")
    assert found.differences == []
    assert (found.artefacts, found.left_out, found.again) == (1, 3, 0)
    assert found.not_again["what they were made from was left out of the crate"] == 2


def test_a_model_in_a_crate_is_never_opened(store, tmp_path):
    class Hostile:
        """Runs what its writer wants when it is unpickled."""

        def __reduce__(self):
            return (Path.write_text, (tmp_path / "taken-over", "x"))

        def predict(self):
            """Pass for a model."""

    model = store.put(MODEL, Hostile(), recorded("model", stage="fit_model"))
    told = store.put(
        REPORT,
        "<p>page</p>",
        recorded(
            "told",
            stage="tell_rule_list",
            inputs={"model": (model,)},
            parameters={"columns": {}},
            code=Code(version="0", digest="0" * 64, places=("tasks.learn:tell_rule_list",)),
        ),
    )
    note(store, FIRST, [store.records(ref)[0] for ref in (model, told)], results={"report": told})
    export_crate(tmp_path, "last", tmp_path / "run.zip")
    found = verify_crate(tmp_path / "run.zip")
    assert not (tmp_path / "taken-over").exists()
    assert found.not_again["they were made from a model, which is code: it is not opened to check it"] == 1
    assert found.differences == []


def changed(crate, name_ends, change):
    """Write a crate anew with one file changed."""
    with zipfile.ZipFile(crate) as held:
        files = {name: held.read(name) for name in held.namelist()}
    (name,) = [name for name in files if name.endswith(name_ends)]
    files[name] = change(files[name])
    with zipfile.ZipFile(crate, "w") as new:
        for one, content in files.items():
            new.writestr(one, content)


def test_one_byte_that_differs_in_a_crate_is_found(worked):
    workspace, _ = worked
    export_crate(workspace, "last", workspace / "run.zip")
    changed(workspace / "run.zip", "/data.html", lambda content: content.replace(b"page", b"pagf"))
    (difference,) = verify_crate(workspace / "run.zip").differences
    assert "data.html has changed" in difference


def test_a_step_that_gives_other_bytes_is_named_first_with_the_code_that_differs(worked):
    workspace, records = worked
    mask = records[2]

    def forged(content):
        record = json.loads(content)
        record["parameters"]["steps"][0]["high"] = 60.0
        return json.dumps(record).encode()

    export_crate(workspace, "last", workspace / "run.zip", images=True)
    changed(workspace / "run.zip", f"records/{records[1].key}.json", forged)
    found = verify_crate(workspace / "run.zip")
    assert found.differences[0].startswith("preprocess on P-1/v0/CT/a gives other bytes here than volume-")
    assert "Its code is the same here" in found.differences[0]
    assert found.again == 1, "the step after it is done from what the crate holds"
    changed(
        workspace / "run.zip",
        f"codes/{records[1].code.digest}.json",
        lambda content: content.replace(b'"numpy": "', b'"numpy": "0.'),
    )
    assert "numpy 0." in verify_crate(workspace / "run.zip").differences[0]
    assert mask.output.digest not in found.differences[0]


@pytest.mark.parametrize("members", [{"a": b""}, {"../out": b"", "ro-crate-metadata.json": b""}, {"/out": b""}])
def test_a_zip_file_that_is_no_crate_is_refused(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    with pytest.raises(StoreError):
        verify_crate(tmp_path / "x.zip")
    assert not (tmp_path.parent / "out").exists()


@pytest.fixture
def server():
    """Return a server that takes events, and what it was sent."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken.append((self.path, self.headers.get("Authorization"), event))
            self.send_response(201 if len(taken) < 4 else 500)
            self.end_headers()

        def log_message(self, *_):
            pass

    held = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=held.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{held.server_port}", taken
    held.shutdown()
    held.server_close()


def test_events_are_sent_to_a_server_with_its_key(store, tmp_path, server, monkeypatch):
    url, taken = server
    note(store, FIRST, [])
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "a key")
    assert export_openlineage(tmp_path, "last", url) == 2
    assert [(path, key) for path, key, _ in taken] == [("/api/v1/lineage", "Bearer a key")] * 2
    assert [event["eventType"] for _, _, event in taken] == ["START", "COMPLETE"]


def test_a_server_that_takes_no_more_or_is_not_there_is_told(store, tmp_path, server):
    url, taken = server
    note(store, FIRST, [put(store, "page"), put(store, "other")])
    with pytest.raises(StoreError, match="answered 500 to event 4"):
        export_openlineage(tmp_path, "last", url)
    assert len(taken) == 4
    with pytest.raises(StoreError, match="ConnectError at event 1"):
        export_openlineage(tmp_path, "last", "http://127.0.0.1:9")


def command(*words):
    """Run a command; return its exit code and what it printed, line breaks as they came."""
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_every_command_tells_what_it_found(worked):
    workspace, records = worked
    here = ("--workspace", workspace)
    note(Store(workspace / "store"), SECOND, records, "reused", results=run_of(FIRST).results)
    assert "4 records of 4 artefacts, 2 runs." in command("catalog", "rebuild", *here)[1]
    assert records[2].output.short in command("catalog", "search", "--method", "otsu", "--run", "last", *here)[1]
    assert "There are more than 1" in command("catalog", "search", "--most", 1, *here)[1]
    assert command("catalog", "search", "--patient", "P-9", *here)[1].strip() == "Nothing is as asked for."
    said = command("catalog", "search", "--stage", "segmnt", "--method", "otsu", *here)[1]
    assert "No stage is called 'segmnt'; there are" in said
    assert "otsu" not in said
    assert FIRST in command("runs", *here)[1]
    spent = command("runs", FIRST, *here)[1].splitlines()
    assert FIRST in spent[0]
    assert "MiB of memory" in spent[1]
    assert [line.split()[:3] for line in spent[2:]] == [
        [stage, "1", "1"] for stage in ("read_dicom", "write", "preprocess", "segment")
    ]
    assert records[3].output.short in command("descendants", records[0].output.short, *here)[1]
    assert "Nothing was made from it" in command("descendants", records[3].output.short, *here)[1]
    assert "Both did the same work" in command("diff", FIRST, "last", *here)[1]
    assert "artefacts of read_dicom, write" in command("stale", *here)[1]
    assert command("verify", *here) == (0, "4 artefacts were read; 0 faults.\n")
    assert command("verify", records[3].output.short, *here)[1] == "1 artefacts were read; 0 faults.\n"
    assert "kept for ever" in command("store", "pin", FIRST, *here)[1]
    assert "pinned" in command("runs", *here)[1]
    assert "kept like others" in command("store", "unpin", FIRST, *here)[1]
    for what, name in (
        ("prov", "run.json"),
        ("openlineage", "run.jsonl"),
        ("crate", "run.zip"),
        ("picture", "run.svg"),
    ):
        assert command("export", what, "last", workspace / name, *here)[0] == 0
        assert (workspace / name).stat().st_size > 0
    code, said = command("verify", workspace / "run.zip")
    assert (code, "as they were written" in said) == (0, True)
    changed(workspace / "run.zip", "/data.html", lambda content: content + b"!")
    code, said = command("verify", workspace / "run.zip")
    assert (code, "First difference" in said) == (1, True)


def test_no_name_of_a_stage_is_cut_in_what_a_run_spent(store, tmp_path):
    stage = "a_stage_with_a_name_that_is_as_long_as_those_of_the_longest"
    note(store, FIRST, [put(store, "page", stage=stage)])
    command("catalog", "rebuild", "--workspace", tmp_path)
    assert stage in command("runs", "last", "--workspace", tmp_path)[1]


def test_what_a_step_needs_that_is_not_here_is_told_and_the_others_are_checked(worked, monkeypatch):
    workspace, _ = worked
    again = Job.again

    def lacks(job, store):
        if job.stage.name == "preprocess":
            raise PlanError("An encoder that is called holds its model", "it knows the file's name only", "Give it.")
        return again(job, store)

    export_crate(workspace, "last", workspace / "run.zip", images=True)
    monkeypatch.setattr(Job, "again", lacks)
    found = verify_crate(workspace / "run.zip")
    assert (found.again, found.differences) == (1, [])
    assert found.not_again["what they need is not in the crate: it knows the file's name only"] == 1


def test_every_crate_is_verified_whatever_the_first_gave(worked):
    workspace, _ = worked
    first, second = workspace / "first.zip", workspace / "second.zip"
    for crate in (first, second):
        export_crate(workspace, "last", crate)
    changed(first, "/data.html", lambda content: content + b"!")
    code, said = command("verify", first, second)
    assert code == 1
    assert said.count("artefacts are as they were written") == 2
    assert command("verify", second, first)[0] == 1
    assert command("verify", second)[0] == 0


def test_the_licence_of_a_crate_is_stated_from_the_command(worked):
    workspace, _ = worked
    licence = "https://creativecommons.org/licenses/by/4.0/"
    command("export", "crate", "last", workspace / "run.zip", "--licence", licence, "--workspace", workspace)
    with zipfile.ZipFile(workspace / "run.zip") as held:
        assert licence in held.read("ro-crate-metadata.json").decode()


def test_garbage_is_told_before_it_is_removed_and_the_catalogue_follows(store, tmp_path):
    old, new = put(store, "old"), put(store, "new")
    note(store, FIRST, [old])
    note(store, SECOND, [new])
    catalog_now(tmp_path).close()
    here = ("--workspace", tmp_path, "--keep", 1, "--min-age", 0)
    said = command("store", "gc", *here)[1]
    assert "Would remove 1 artefacts" in said
    assert f"would be forgotten: {FIRST}" in said
    assert store.holds(old.output)
    assert "Removed 1 artefacts" in command("store", "gc", "--delete", *here)[1]
    assert not store.holds(old.output)
    assert store.holds(new.output)
    assert not catalog_of(tmp_path).knows(old.output)


def test_what_the_workspace_s_last_results_name_is_never_garbage(store, tmp_path):
    cohort, results = tables(store)
    (tmp_path / "lungs-results.json").write_text(results.model_dump_json())
    note(store, FIRST, [put(store, "page")])
    assert "Would remove 0 artefacts" in command("store", "gc", "--workspace", tmp_path, "--min-age", 0)[1]
    (tmp_path / "old-results.json").write_text('{"of": "another version"}')
    with pytest.raises(StoreError, match="of this version"):
        command("store", "gc", "--workspace", tmp_path, "--min-age", 0, "--delete")
    assert store.holds(cohort)


def test_a_damaged_store_ends_with_exit_code_1(store, tmp_path):
    page = put(store, "page")
    (store.folder(page.output.digest) / "data.html").write_text("x")
    code, said = command("verify", "--workspace", tmp_path)
    assert (code, "1 faults" in said) == (1, True)


def test_a_path_that_is_no_file_is_taken_for_an_artefact(store, tmp_path):
    put(store, "page")
    with pytest.raises(StoreError, match="names one artefact"):
        command("verify", Path("nothing"), "--workspace", tmp_path)


def test_a_file_that_cannot_be_written_is_told_with_what_to_do(store, tmp_path):
    note(store, FIRST, [put(store, "one")])
    file = tmp_path / "nowhere" / "file"
    for export, where in ((export_crate, file), (export_openlineage, str(file))):
        with pytest.raises(StoreError, match=r"A file can be written.*nowhere.*Name another"):
            export(tmp_path, "last", where)


@pytest.mark.parametrize("content", [None, b"PK cut off"])
def test_a_file_that_is_no_crate_is_named_as_such(tmp_path, content):
    file = tmp_path / "run.zip"
    if content is not None:
        file.write_bytes(content)
    told = CliRunner().invoke(cli.app, ["verify", str(file)])
    assert told.exit_code == 1
    came = "it is not there" if content is None else "it is none, or was cut off"
    assert came in str(told.exception)
