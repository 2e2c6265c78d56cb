"""Fetching from a real archive: all of it, only what is missing, and what happens when something goes wrong."""

from __future__ import annotations

import json
import logging
import os
import signal
import stat
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from data_catalog.errors import PlanError
from tasks import fetch
from tasks.fetch import Told, fetch_source, source_folder
from tasks.remote import archive as archive_module
from tasks.remote.archive import Denied, NoAnswer
from tasks.remote.tray import file_name
from tasks.sources.dicomweb import DicomWebSource
from tasks.sources.dimse import PacsSource
from tasks.synthetic.cohort import write_cohort
from tests.orthanc import LEAK, needs_orthanc, slices
from tests.tasks.conftest import NAME, PATIENT

pytestmark = [needs_orthanc, pytest.mark.filterwarnings(LEAK)]
SERIES = "1.2.4"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "workspace" / "fetched"


def web(server, port=None, **fields):
    return DicomWebSource(url=f"http://127.0.0.1:{port or server.http}/dicom-web", **fields)


def moved(server, **fields):
    return PacsSource(host="127.0.0.1", port=server.dicom, title="ORTHANC", our_port=server.our_port, **fields)


def got(server, **fields):
    return moved(server, retrieve="get", **fields)


def fetched(source, root, who, **options):
    told = []
    done = fetch_source(source, root, who, Told(done=told.append), **options)
    assert len(told) == done.counts.total()
    assert done.counts["refused"] == len(done.refusals)
    return done


def files_in(root):
    return sorted(root.glob("*/[0-9a-f]*/*.dcm"))


def contents(files):
    """Return the data set of each file, without the head that each sender writes anew, by instance."""
    return {
        one.SOPInstanceUID: {str(element.tag): element.value for element in one}
        for one in (pydicom.dcmread(BytesIO(content)) for content in files)
    }


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, orthanc_of_a_module):
    """Return the files of an invented cohort that the archive of the module has taken."""
    folder = tmp_path_factory.mktemp("cohort") / "cohort"
    write_cohort(folder, patients=4)
    return orthanc_of_a_module.upload(*(path.read_bytes() for path in sorted(folder.rglob("*.dcm"))))


@pytest.mark.parametrize("way", [web, moved, got])
def test_a_cohort_comes_as_it_is_in_the_archive_and_comes_once(orthanc_of_a_module, cohort, way, root, who):
    source = way(orthanc_of_a_module)
    done = fetched(source, root, who)
    assert done.counts["fetched"] > 20
    assert not done.refusals
    files = files_in(root)
    assert contents(path.read_bytes() for path in files) == contents(cohort)
    if way is web:
        assert {path.read_bytes() for path in files} == set(cohort)
    again = fetched(source, root, who)
    assert again.counts == {"held": done.counts["fetched"]}
    assert again.megabytes == 0


@pytest.mark.parametrize("way", [web, moved, got])
def test_what_is_fetched_is_the_owners_alone_and_nothing_says_whose_it_is(orthanc, way, root, who, caplog):
    orthanc.upload(*slices(3))
    ids = orthanc.folder / "ids.txt"
    ids.write_text(f"{PATIENT}\nMRN-0000000\n", encoding="utf-8")
    with caplog.at_level(logging.DEBUG):
        done = fetched(way(orthanc, patients=ids), root, who)
    assert done.counts["fetched"] == 1
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_in(root)} == {0o600}
    texts = [str(path.relative_to(root)) for path in root.rglob("*")]
    texts += [path.read_text(encoding="utf-8") for path in root.rglob("*.json")]
    texts += [caplog.text, repr(done)]
    assert [
        secret for secret in (PATIENT, NAME, SERIES, "20240131", "MRN-000") for text in texts if secret in text
    ] == []


@pytest.mark.parametrize("way", [web, moved])
def test_only_what_the_source_asks_for_comes(orthanc, way, root, who, tmp_path):
    orthanc.upload(
        *slices(2, "A", "1.2.10", Modality="CT"),
        *slices(2, "A", "1.2.11", Modality="PT", SeriesDescription="early"),
        *slices(1, "A", "1.2.12", Modality="RTSTRUCT"),
        *slices(2, "B", "1.2.13", Modality="CT", StudyDate="20200101"),
        *slices(2, "C", "1.2.14", Modality="CT"),
    )
    table = tmp_path / "ids.csv"
    table.write_text("who,age\nA,50\nB,60\n", encoding="utf-8")

    def series(**fields):
        folder = root / str(len(list(root.glob("*"))))
        fetched(way(orthanc, **fields), folder, who)
        found = {str(pydicom.dcmread(path).SeriesInstanceUID) for path in files_in(folder)}
        return sorted(int(uid.rpartition(".")[2]) for uid in found)

    assert series() == [10, 11, 12, 13, 14]
    assert series(patients=table, patient_column="who") == [10, 11, 12, 13]
    assert series(patients=table, patient_column="who", modalities=["CT"]) == [10, 13]
    assert series(patients=table, patient_column="who", modalities=["CT", "PT"]) == [10, 11, 12, 13]
    assert series(since="2023-01-01", modalities=["CT"]) == [10, 14]
    assert series(until="2023-01-01") == [13]
    assert series(description="EAR*") == [11, 12]
    uids = tmp_path / "studies.txt"
    uids.write_text("1.2.14.1\n1.2.13.1\n", encoding="utf-8")
    assert series(studies=uids) == [13, 14]
    assert series(studies=uids, patients=table, patient_column="who") == [13]


def test_of_the_first_patients_alone_series_are_fetched(orthanc, root, who):
    orthanc.upload(*slices(1, "A", "1.2.10"), *slices(1, "B", "1.2.11"), *slices(1, "C", "1.2.12"))
    fetched(web(orthanc), root, who, first_patients=2)
    patients = {who.pseudonym(pydicom.dcmread(path).PatientID) for path in files_in(root)}
    assert patients == set(sorted(who.pseudonym(one) for one in "ABC")[:2])
    assert fetched(web(orthanc), root, who).counts == {"held": 2, "fetched": 1}
    assert fetched(web(orthanc), root, who, first_patients=1).removed == 0, "to try a plan costs nothing"


def test_answers_that_come_in_pages_are_all_read(orthanc, relay, root, who, monkeypatch):
    from tasks.remote import dicomweb

    monkeypatch.setattr(dicomweb, "PAGE", 3)
    for number in range(4):
        orthanc.upload(*slices(7, f"P{number}", f"1.2.{number}"))
    done = fetched(web(orthanc, relay.port), root, who)
    assert done.counts["fetched"] == 4
    assert len(files_in(root)) == 28
    assert [path[-8:] for path in relay.paths(r"/studies\?")] == ["offset=0", "offset=3", "offset=4"]


KILLED = """
import sys
from pathlib import Path
from tasks.fetch import Told, fetch_source
from tasks.formats.identities import Identities
from tasks.sources.dicomweb import DicomWebSource
fetch_source(DicomWebSource(url=sys.argv[1]), Path(sys.argv[2]), Identities(bytes.fromhex(sys.argv[3])), Told())
"""


def test_a_run_that_is_killed_in_the_middle_goes_on_where_it_was(orthanc, relay, root, who):
    orthanc.upload(*slices(2, "A", "1.2.10"), *slices(40, "B", "1.2.11"))
    relay.stalls_after = 40_000
    command = [sys.executable, "-c", KILLED, f"http://127.0.0.1:{relay.port}/dicom-web", str(root), who.key.hex()]
    running = subprocess.Popen(command, cwd=Path.cwd())
    limit = time.monotonic() + 30
    while len(list(root.glob("*/.incoming/*/*.dcm"))) < 10 and time.monotonic() < limit and running.poll() is None:
        pass
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    before = {path.name: path.stat().st_mtime_ns for path in root.glob("*/.incoming/*/*.dcm")}
    assert 10 <= len(before) < 40
    relay.stalls_after = None
    asked = len(relay.paths("/series/1.2.11$"))
    done = fetched(web(orthanc, relay.port), root, who)
    assert not done.refusals
    after = {path.name: path.stat().st_mtime_ns for path in files_in(root)}
    assert len(after) == 42
    assert {name: after[name] for name in before} == before, "what had come was not written again"
    assert len(relay.paths("/series/1.2.11$")) == asked + 1
    assert not list(root.rglob("*.part"))


def test_a_line_that_breaks_off_is_taken_up_again_within_the_run(orthanc, relay, root, who, naps):
    orthanc.upload(*slices(30))
    relay.breaks = [(f"/series/{SERIES}$", 20_000), (f"/series/{SERIES}$", 30_000)]
    done = fetched(web(orthanc, relay.port), root, who)
    assert done.counts == {"fetched": 1}
    assert len(relay.paths(f"/series/{SERIES}$")) == 3
    assert len(naps) == 2
    assert len(files_in(root)) == 30


def test_a_series_that_never_comes_whole_is_refused_and_cannot_be_read(orthanc, relay, root, who):
    orthanc.upload(*slices(30), *slices(2, "A", "1.2.10"))
    relay.breaks = [(f"/series/{SERIES}$", 20_000) for _ in range(archive_module.ATTEMPTS)]
    relay.breaks += [(f"/series/{SERIES}$", 100) for _ in range(archive_module.ATTEMPTS)]
    done = fetched(web(orthanc, relay.port), root, who)
    assert done.counts == {"fetched": 1, "refused": 1}
    (refusal,) = done.refusals
    assert refusal.verdict == "not_fetched"
    assert refusal.item == f"{who.pseudonym(PATIENT)}/CT/{who.opaque(SERIES)[:6]}"
    assert len(files_in(root)) == 2
    relay.breaks.clear()
    assert fetched(web(orthanc, relay.port), root, who).counts == {"fetched": 1, "held": 1}


def test_of_a_series_that_has_grown_only_the_new_instances_are_asked_for(orthanc, relay, root, who):
    orthanc.upload(*slices(40))
    fetched(web(orthanc, relay.port), root, who)
    orthanc.upload(*slices(2, first=40))
    relay.asked.clear()
    assert fetched(web(orthanc, relay.port), root, who).counts == {"fetched": 1}
    assert len(files_in(root)) == 42
    assert not relay.paths(f"/series/{SERIES}$")
    assert len(relay.paths("/instances/")) == 2
    relay.asked.clear()
    assert fetched(web(orthanc, relay.port), root, who).counts == {"held": 1}
    assert not relay.paths("/instances")


def test_a_series_that_has_grown_is_moved_again(orthanc, root, who):
    orthanc.upload(*slices(40))
    fetched(moved(orthanc), root, who)
    orthanc.upload(*slices(1, first=40))
    before = {path.name: path.stat().st_mtime_ns for path in files_in(root)}
    assert fetched(moved(orthanc), root, who).counts == {"fetched": 1}
    after = {path.name: path.stat().st_mtime_ns for path in files_in(root)}
    assert len(after) == 41
    assert {name: after[name] for name in before} == before


def test_a_series_that_has_grown_and_does_not_come_is_not_studied_as_it_was(orthanc, relay, root, who):
    orthanc.upload(*slices(10))
    fetched(web(orthanc, relay.port), root, who)
    orthanc.upload(*slices(10, first=10))
    relay.breaks = [(f"/series/{SERIES}$", 100) for _ in range(archive_module.ATTEMPTS)]
    assert [one.verdict for one in fetched(web(orthanc, relay.port), root, who).refusals] == ["not_fetched"]
    assert not files_in(root)
    assert fetched(web(orthanc, relay.port), root, who).counts == {"fetched": 1}
    assert len(files_in(root)) == 20


def test_what_the_archive_has_no_more_is_deleted(orthanc, root, who):
    orthanc.upload(*slices(3), *slices(2, "A", "1.2.10"))
    fetched(web(orthanc), root, who)
    orthanc.delete_all()
    orthanc.upload(*slices(2))
    done = fetched(web(orthanc), root, who)
    assert done.removed == 1
    assert len(files_in(root)) == 2, "a slice that is gone is gone here too"


def test_a_file_that_was_changed_on_disk_is_fetched_again(orthanc, root, who):
    files = slices(30)
    orthanc.upload(*files)
    fetched(web(orthanc), root, who)
    changed, lost, *_ = files_in(root)
    changed.write_bytes(b"short")
    lost.unlink()
    assert fetched(web(orthanc), root, who).counts == {"fetched": 1}
    assert {path.read_bytes() for path in files_in(root)} == set(files)


def test_a_wider_question_takes_over_what_a_narrower_one_has_brought(orthanc, relay, root, who):
    orthanc.upload(*slices(5), *slices(2, "A", "1.2.10", StudyDate="20100101"))
    fetched(web(orthanc, relay.port, since="2020-01-01"), root, who)
    relay.asked.clear()
    done = fetched(web(orthanc, relay.port), root, who)
    assert done.counts == {"fetched": 2}
    assert not relay.paths(f"/series/{SERIES}$")
    assert relay.paths("/series/1.2.10$")
    assert len(files_in(root)) == 5 + 7


def test_a_series_that_may_still_grow_waits(orthanc, root, who, monkeypatch):
    source = web(orthanc, quiet_s=100)
    orthanc.upload(*slices(3))
    now = time.time()
    monkeypatch.setattr("tasks.remote.tray.time.time", lambda: now)
    assert fetched(source, root, who).counts == {"waiting": 1}
    orthanc.upload(*slices(1, first=3))
    now += 90
    assert fetched(source, root, who).counts == {"waiting": 1}
    assert not files_in(root)
    now += 90
    assert fetched(source, root, who).counts == {"waiting": 1}, "it has grown since"
    now += 20
    assert fetched(source, root, who).counts == {"fetched": 1}
    assert len(files_in(root)) == 4


def test_a_name_and_a_password_come_from_the_environment_alone(orthanc_of, relay, root, who, monkeypatch):
    locked = orthanc_of(auth=("reader", "sesame"))
    relay.target = locked.http
    locked.upload(*slices(3))
    source = web(locked, relay.port, credentials="TEST_PACS")
    with pytest.raises(Denied, match="401") as refused:
        fetched(source, root, who)
    monkeypatch.setenv("TEST_PACS_USER", "reader")
    monkeypatch.setenv("TEST_PACS_PASSWORD", "wrong-one")
    relay.asked.clear()
    with pytest.raises(Denied, match="lets us in") as refused:
        fetched(source, root, who)
    assert "wrong-one" not in str(refused.value)
    assert len(relay.asked) == 1, "what was answered with a 4xx is not asked again"
    monkeypatch.setenv("TEST_PACS_PASSWORD", "sesame")
    assert fetched(source, root, who).counts == {"fetched": 1}
    assert "sesame" not in source.model_dump_json() + repr(source)


@pytest.mark.parametrize("way", [web, moved])
def test_an_archive_that_does_not_answer_is_said_to_after_some_tries(orthanc, way, root, who, naps):
    orthanc.kill()
    with pytest.raises(NoAnswer, match="does not"):
        fetched(way(orthanc), root, who)
    assert len(naps) == archive_module.ATTEMPTS - 1


def test_an_archive_that_goes_down_while_it_is_asked_ends_the_fetching(orthanc, root, who, monkeypatch):
    for number in range(6):
        orthanc.upload(*slices(2, "A", f"1.2.{number}"))
    told = []

    def done(brought):
        told.append(brought.how)
        orthanc.kill()

    with pytest.raises(NoAnswer):
        fetch_source(web(orthanc), root, who, Told(done=done))
    assert len(told) == fetch.PATIENCE, "one came, and those that were tried in vain but for the last"
    orthanc.start()
    assert fetched(web(orthanc), root, who).counts == {"held": 1, "fetched": 5}


def test_an_archive_that_knows_another_title_says_so(orthanc, root, who):
    source = moved(orthanc).model_copy(update={"title": "OTHER"})
    with pytest.raises(Denied, match="rejects"):
        fetched(source, root, who)


def test_an_archive_that_does_not_know_our_title_says_so(orthanc, root, who):
    orthanc.upload(*slices(2))
    done = fetched(moved(orthanc, our_title="STRANGER"), root, who)
    assert "our_title" in done.refusals[0].remedy


def test_a_port_that_is_taken_is_said_to_be(orthanc, root, who):
    with pytest.raises(PlanError, match="port"):
        fetched(moved(orthanc).model_copy(update={"our_port": orthanc.dicom}), root, who)


def test_a_source_is_fetched_by_one_run_at_a_time(orthanc, root, who):
    orthanc.upload(*slices(2))
    source = web(orthanc)

    def meanwhile(_):
        with pytest.raises(PlanError, match="One run at a time"):
            fetch_source(source, root, who, Told())

    fetch_source(source, root, who, Told(expect=meanwhile))
    assert fetched(source, root, who).counts == {"held": 1}


def test_a_disk_that_takes_no_more_ends_the_run_with_a_message(orthanc, root, who, monkeypatch):
    orthanc.upload(*slices(2))

    def full(*_):
        raise OSError(28, "No space left on device", "/a/place")

    monkeypatch.setattr("tasks.remote.tray.write_whole", full)
    for source in (web(orthanc), moved(orthanc)):
        with pytest.raises(PlanError, match="No space left") as said:
            fetched(source, root, who)
        assert "/a/place" not in str(said.value)


def test_the_folder_of_a_source_is_named_by_the_archive_and_by_what_is_asked_for(root, who):
    source = DicomWebSource(url="https://pacs.example/dicom-web/")
    name = source_folder(root, source, who).name
    same = source.model_copy(update={"timeout_s": 5, "offline": True, "quiet_s": 9})
    assert source_folder(root, same, who).name == name
    other = source_folder(root, source.model_copy(update={"modalities": ("CT",)}), who).name
    assert other != name
    assert other.split("-")[0] == name.split("-")[0]
    assert "pacs" not in name


def test_a_manifest_names_each_file_and_its_size(orthanc, root, who):
    orthanc.upload(*slices(2))
    fetched(web(orthanc), root, who)
    (manifest,) = root.rglob(".manifest.json")
    held = json.loads(manifest.read_text(encoding="ascii"))
    assert held == {"files": {path.name: path.stat().st_size for path in files_in(root)}}
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in files_in(root)]
    assert sorted(held["files"]) == sorted(map(file_name, uids))
