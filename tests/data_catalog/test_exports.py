"""The lineage of a run in the words of others, read by their own programs."""

from __future__ import annotations

import json
import zipfile
from xml.etree import ElementTree as ET

import pytest
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, RunEvent, RunState
from openlineage.client.event_v2 import Run as LineageRun
from prov.model import ProvActivity, ProvDocument, ProvEntity, ProvUsage
from rocrate.rocrate import ROCrate

from data_catalog.errors import StoreError
from data_catalog.exports.crate import METADATA, PROFILES, write_crate
from data_catalog.exports.openlineage import events
from data_catalog.exports.picture import SOURCES, Coming, lineage_svg, stage_graph
from data_catalog.exports.prov import prov_json
from data_catalog.exports.run_lineage import lineage_of
from data_catalog.kinds import VOLUME
from data_catalog.runs import Runs
from data_catalog.store import Store
from tests.data_catalog.conftest import key_of, recorded, small_volume
from tests.data_catalog.lineages import FIRST, did, note, note_code, put, run_of


@pytest.fixture
def ran(store):
    """Return a store with a run: two scans, a volume left as it is, a mask of each, and a page."""
    ref = store.put(VOLUME, small_volume(), recorded("volume", stage="read", sources={"files": (key_of("slice"),)}))
    volume = store.record(ref, key_of("volume"))
    scans = [put(store, f"scan {n}", sources=[f"file {n}"], stage="read", item=f"P-{n}/v0/CT/abc") for n in (1, 2)]
    masks = [put(store, f"mask {n}", [scan], stage="draw", parameters={"level": n}) for n, scan in enumerate(scans)]
    page = put(store, "page", [*masks, volume], stage="write")
    records = [volume, *scans, *masks, page]
    note(store, FIRST, records, results={"report": page.output})
    note_code(store, "0" * 64, numpy="2.0")
    return store, lineage_of(store, FIRST), records


def test_a_run_is_told_with_the_record_of_every_step(ran):
    _, lineage, records = ran
    assert [step.record for step in lineage.steps] == records
    assert lineage.refs == [record.output for record in records]
    assert lineage.sources == [key_of("slice"), key_of("file 1"), key_of("file 2")]
    assert lineage.steps[0].ended == "2026-01-01T00:00:00.100+00:00"


def test_a_run_whose_records_are_lost_is_not_exported_in_part(ran):
    store, _, records = ran
    store.discard(records[1].output)
    with pytest.raises(StoreError, match="1 are lost"):
        lineage_of(store, FIRST)


def test_prov_reads_the_document_and_finds_what_was_used_and_made(ran):
    _, lineage, records = ran
    document = ProvDocument.deserialize(content=json.dumps(prov_json(lineage)), format="json")
    page = records[-1]
    assert len(list(document.get_records(ProvActivity))) == len(records)
    entities = {entity.identifier.localpart for entity in document.get_records(ProvEntity)}
    assert entities == {
        *(f"{record.output.kind}-{record.output.digest}" for record in records),
        *(f"source-{digest}" for digest in lineage.sources),
        f"plan-{FIRST}",
    }
    used = {
        str(usage.args[1].localpart)
        for usage in document.get_records(ProvUsage)
        if usage.args[0].localpart == f"step-{page.key}"
    }
    assert used == {f"{ref.kind}-{ref.digest}" for ref in page.parents()}
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert again == document


def as_event(event):
    """Return an event as the client's own classes, which check it."""
    held = dict(event)
    run, job = held.pop("run"), held.pop("job")
    inputs = [InputDataset(**one) for one in held.pop("inputs")]
    outputs = [OutputDataset(**one) for one in held.pop("outputs")]
    state, schema = RunState(held.pop("eventType")), held.pop("schemaURL")
    made = RunEvent(eventType=state, run=LineageRun(**run), job=Job(**job), inputs=inputs, outputs=outputs, **held)
    assert made.schemaURL == schema
    return made


def test_every_event_is_one_by_the_clients_own_classes(ran):
    _, lineage, records = ran
    made = list(events(lineage))
    checked = [as_event(event) for event in made]
    assert [event.eventType.name for event in checked] == ["START", *["START", "COMPLETE"] * len(records), "COMPLETE"]
    last_step = checked[-2]
    assert {one.name for one in last_step.inputs} == {f"{ref.kind}-{ref.digest}" for ref in records[-1].parents()}
    assert [one.name for one in last_step.outputs] == [f"report-{records[-1].output.digest}"]
    assert last_step.run.facets["parent"]["run"]["runId"] == checked[0].run.runId
    assert [one.name for one in checked[-1].outputs] == [f"report-{records[-1].output.digest}"]
    assert list(events(lineage)) == made, "the same run gives the same events"


def test_the_classes_of_the_client_refuse_an_event_that_is_none(ran):
    event = next(iter(events(ran[1])))
    with pytest.raises(ValueError, match="UUID"):
        as_event({**event, "run": {"runId": "no number", "facets": {}}})
    with pytest.raises(ValueError, match="invalid literal"):
        as_event({**event, "eventTime": "yesterday"})


@pytest.mark.parametrize(("state", "last"), [("failed", "FAIL"), ("going", "COMPLETE")])
def test_a_run_that_failed_says_so_and_one_that_goes_on_says_nothing(ran, state, last):
    store, _, records = ran
    Runs(store).write(run_of(FIRST, state=state))
    made = list(events(lineage_of(store, FIRST)))
    assert made[-1]["eventType"] == last
    assert len(made) == 2 * len(records) + (2 if state == "failed" else 1)


def test_rocrate_reads_the_crate_and_finds_its_files_and_steps(ran, tmp_path):
    store, lineage, records = ran
    write_crate(store, lineage, tmp_path / "run.zip", licence="https://creativecommons.org/licenses/by/4.0/")
    crate = ROCrate(tmp_path / "run.zip")
    assert {one.id for one in crate.root_dataset["conformsTo"]} == set(PROFILES)
    assert "ComputationalWorkflow" in crate.mainEntity.type
    actions = [one for one in crate.get_entities() if one.type == "CreateAction"]
    assert len(actions) == len(records) + 1
    (whole,) = [one for one in actions if one.id == f"#run-{FIRST}"]
    assert whole["instrument"] is crate.mainEntity
    (report,) = whole["result"]
    assert report["identifier"] == records[-1].output.digest
    with zipfile.ZipFile(tmp_path / "run.zip") as held:
        assert held.read(report.id) == b"<p>page</p>"
        listed = {one.id for one in crate.root_dataset["hasPart"]}
        assert {name for name in listed if not name.endswith("/")} <= set(held.namelist())


def test_every_id_of_a_crate_is_there_once_and_leads_somewhere(ran, tmp_path):
    store, lineage, _ = ran
    write_crate(store, lineage, tmp_path / "run.zip", images=True)
    with zipfile.ZipFile(tmp_path / "run.zip") as held:
        graph = json.loads(held.read(METADATA))["@graph"]
    ids = [entity["@id"] for entity in graph]
    assert len(set(ids)) == len(ids)

    def named(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else ()
        elif isinstance(value, list):
            for one in value:
                yield from named(one)

    outside = {name for entity in graph for value in entity.values() for name in named(value)} - set(ids)
    assert all(name.startswith("https://") for name in outside), outside


def test_images_come_along_when_they_are_asked_for_and_their_records_always(ran, tmp_path):
    store, lineage, records = ran
    volume = records[0].output
    for images in (False, True):
        file = tmp_path / f"{images}.zip"
        write_crate(store, lineage, file, images=images)
        with zipfile.ZipFile(file) as held:
            held.extractall(tmp_path / str(images))
        inside = Store(tmp_path / str(images) / "store")
        assert inside.holds(volume) is images
        assert inside.record(volume, records[0].key) == records[0]
        assert inside.find(records[-1].key) == records[-1].output, "the crate is a store"
        assert Runs(inside).did(FIRST) == [did(record) for record in records]


def test_the_same_run_gives_the_same_crate_byte_for_byte(ran, tmp_path):
    store, lineage, _ = ran
    for name in ("one.zip", "two.zip"):
        write_crate(store, lineage, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_a_crate_that_cannot_be_finished_leaves_nothing(ran, tmp_path):
    store, lineage, records = ran
    store.discard(records[-1].output)
    with pytest.raises(FileNotFoundError):
        write_crate(store, lineage, tmp_path / "out" / "run.zip")
    (tmp_path / "out").mkdir()
    with pytest.raises(FileNotFoundError):
        write_crate(store, lineage, tmp_path / "out" / "run.zip")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_picture_shows_every_stage_right_of_what_it_takes_from(ran):
    _, _, records = ran
    graph = stage_graph(records)
    assert dict(graph.items) == {SOURCES: 3, "read": 3, "draw": 2, "write": 1}
    assert graph.edges == {(SOURCES, "read"), ("read", "draw"), ("draw", "write"), ("read", "write")}
    assert graph.columns() == {SOURCES: 0, "read": 1, "draw": 2, "write": 3}
    picture = ET.fromstring(lineage_svg(records))
    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"read", "draw", "write", SOURCES} <= set(texts)
    assert lineage_svg(reversed(records)) == lineage_svg(records), "it depends on the lineage alone"


def test_a_stage_that_is_yet_to_come_stands_at_the_end(ran):
    _, _, records = ran
    coming = Coming("report", "report", frozenset({records[-1].output}))
    graph = stage_graph(records, coming)
    assert graph.items["report"] == 1
    assert graph.edges == stage_graph(records).edges | {("write", "report")}
    assert graph.columns()["report"] == 4
    assert "report" in lineage_svg(records, coming)


def test_who_cannot_see_the_picture_is_told_its_stages_in_order(ran):
    _, _, records = ran
    told = ET.fromstring(lineage_svg(records)).get("aria-label")
    assert told.endswith("source files 3, read 3, draw 2, write 1")


def test_the_style_of_the_picture_is_of_it_alone(ran):
    _, _, records = ran
    style = ET.fromstring(lineage_svg(records)).find("{http://www.w3.org/2000/svg}style").text
    selectors = [part.rpartition("}")[2] for part in style.split("{")[:-1]]
    assert selectors
    assert all(selector.startswith(".lineage ") for selector in selectors)


def test_a_picture_of_nothing_and_of_a_loop_has_an_end(store):
    ET.fromstring(lineage_svg([]))
    image = put(store, "image", page="<p>same</p>")
    again = put(store, "again", [image], page="<p>same</p>")
    back = put(store, "back", [again], page="<p>same</p>", stage="make_image")
    ET.fromstring(lineage_svg([image, again, back]))


def test_a_stage_of_any_name_stays_text_in_the_picture(store):
    record = put(store, "image", stage="<script>")
    assert "<script>" not in lineage_svg([record])
