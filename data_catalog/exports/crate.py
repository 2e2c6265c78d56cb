"""A run as a Workflow Run RO-Crate: a zip file of its results, its records and what they mean, which is also a store.

Profiles: RO-Crate 1.1, Workflow RO-Crate 1.0, Process, Workflow and Provenance Run Crate 0.5. Below `store/` lie the
artefacts that are taken along, as in any store, and the records of all. Every artefact is under its digest, so that
whoever has the zip file can tell whether a byte has changed.
"""

from __future__ import annotations

import json
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

from data_catalog.kinds import KINDS
from data_catalog.layout import ARRAYS, FILES
from data_catalog.manifest import MANIFEST
from data_catalog.store import CODES, RUNS, folder_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from data_catalog.exports.run_lineage import RunLineage, Step
    from data_catalog.refs import Ref
    from data_catalog.store import Store

METADATA = "ro-crate-metadata.json"
STORE = "store"
PLAN = "plan.json"
README = "README.md"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
FORMATS = {
    "data.parquet": "application/vnd.apache.parquet",
    "data.json": "application/json",
    "data.html": "text/html",
    "data.joblib": "application/octet-stream",
}
LICENCE = "https://spdx.org/licenses/Apache-2.0"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip: the same run gives the same bytes."""
PACKED_ALREADY = (".parquet", ".joblib", ".png")
Entity = dict[str, Any]


def is_array(ref: Ref) -> bool:
    """Return whether an artefact is a volume, a mask or a signal: large, and a patient's."""
    return KINDS[ref.kind].form in ARRAYS


def write_crate(store: Store, lineage: RunLineage, file: Path, *, images: bool = False, licence: str = "") -> None:
    """Write a run as an RO-Crate.

    Parameters
    ----------
    store : Store
        The store that holds the run.
    lineage : RunLineage
        The run.
    file : Path
        The zip file; it appears when it is whole.
    images : bool
        Whether volumes, masks and signals come along; their records always do.
    licence : str
        URL of the licence of the results; without one it is said that none was stated.
    """
    taken = [ref for ref in lineage.refs if images or not is_array(ref)]
    aside = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    try:
        with zipfile.ZipFile(aside, "w") as crate:
            _write(crate, METADATA, _encoded(metadata(lineage, taken, licence)))
            _write(crate, PLAN, _encoded(lineage.run.plan))
            _write(crate, README, _read_me(lineage, taken).encode())
            for name, content in _files(store, lineage, taken):
                _write(crate, f"{STORE}/{name}", content)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)


def _files(store: Store, lineage: RunLineage, taken: list[Ref]) -> Iterator[tuple[str, bytes]]:
    """Yield what lies below `store/`: artefacts, the records of the run, its keys, the run, and what its codes are."""
    held = set(taken)
    for ref in taken:
        folder = folder_name(ref.digest)
        for name in [*store.manifest(ref).files, MANIFEST]:
            yield f"{folder}/{name}", store.shelf.read(f"{folder}/{name}")
    for step in lineage.steps:
        folder, key = folder_name(step.did.digest), step.record.key
        yield f"{folder}/records/{key}.json", step.record.model_dump_json(indent=1).encode()
        if step.did.ref in held:
            yield f"keys/{key[:2]}/{key}", step.did.ref.model_dump_json().encode()
    for folder in (f"{RUNS}/{lineage.run.name}", CODES):
        codes = {f"{step.record.code.digest}.json" for step in lineage.steps}
        for name in sorted(store.shelf.listing(folder)):
            if folder != CODES or name in codes:
                yield f"{folder}/{name}", store.shelf.read(f"{folder}/{name}")


def metadata(lineage: RunLineage, taken: list[Ref], licence: str = "") -> dict[str, Any]:
    """Return `ro-crate-metadata.json`: JSON-LD that names the run, its steps, and all that it made and used."""
    run = lineage.run
    held = set(taken)
    others = dict.fromkeys(ref for step in lineage.steps for ref in (step.did.ref, *step.record.parents()))
    results = [_id(ref, held) for ref in dict.fromkeys(run.results.values()) if ref in others]
    stages = {step.record.stage: step for step in lineage.steps}
    graph: list[Entity] = [
        _descriptor(),
        _root(lineage, [_id(ref, held) for ref in taken], licence),
        *_profiles(),
        *_workflow(lineage, list(stages)),
        _engine(run.version),
        {"@id": README, "@type": "File", "name": "Read me", "encodingFormat": "text/markdown", "about": {"@id": "./"}},
        _whole_run(lineage, results),
        _orchestration(lineage),
        *[_tool(stage, step) for stage, step in stages.items()],
        *[_action(step, held) for step in lineage.steps],
        *[_control(step) for step in lineage.steps],
        *[_artefact(ref, held, run.results) for ref in others],
        *[_source(digest) for digest in lineage.sources],
    ]
    return {"@context": CONTEXT, "@graph": graph}


def _read_me(lineage: RunLineage, taken: list[Ref]) -> str:
    """Return what somebody reads first who opens the crate."""
    run = lineage.run
    lines = [
        f"# {run.name}",
        "",
        f"A run of the study `{run.study}` by voxmine {run.version}, begun {run.started}.",
        f"It did {len(lineage.steps):,} steps.",
        f"The crate holds {len(taken):,} artefacts and the record of every step. Patients appear under pseudonyms.",
        "",
        "`voxmine verify` on the zip file compares every byte with its digest, does again each step whose inputs are",
        "here, and names the first difference. Results:",
        "",
    ]
    held = set(taken)
    lines += [f"- {name}: `{_id(ref, held)}`" for name, ref in run.results.items()]
    return "\n".join(lines) + "\n"


def _descriptor() -> Entity:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": [
            {"@id": "https://w3id.org/ro/crate/1.1"},
            {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
        ],
    }


def _root(lineage: RunLineage, parts: list[str], licence: str) -> Entity:
    run = lineage.run
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Run {run.name} of the study {run.study}",
        "description": f"Results, records and plan of a run of the study {run.study} by voxmine {run.version}."
        " Patients appear under pseudonyms.",
        "datePublished": run.beat,
        "license": {"@id": licence} if licence else "No licence was stated: ask whoever gave you this crate.",
        "conformsTo": [{"@id": name} for name in PROFILES],
        "mainEntity": {"@id": PLAN},
        "hasPart": [{"@id": name} for name in dict.fromkeys([README, PLAN, *parts])],
        "mentions": [{"@id": name} for name in (_run_id(lineage), *map(_action_id, lineage.steps))],
    }


def _profiles() -> list[Entity]:
    return [
        {"@id": name, "@type": "CreativeWork", "name": title, "version": version}
        for name, (title, version) in PROFILES.items()
    ]


def _workflow(lineage: RunLineage, stages: list[str]) -> list[Entity]:
    """Return the plan, which is the workflow: what was asked for, its steps, and the language it is written in."""
    steps = [
        {"@id": f"#step-{stage}", "@type": "HowToStep", "position": str(place), "workExample": {"@id": f"#{stage}"}}
        for place, stage in enumerate(stages)
    ]
    plan = {
        "@id": PLAN,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": f"Plan of the study {lineage.run.study}",
        "description": "All parameters of the study but those that name places; voxmine runs it.",
        "encodingFormat": "application/json",
        "license": {"@id": LICENCE},
        "version": lineage.run.version,
        "programmingLanguage": {"@id": "#plan-language"},
        "hasPart": [{"@id": f"#{stage}"} for stage in stages],
        "step": [{"@id": step["@id"]} for step in steps],
        "input": [{"@id": "#input-sources"}],
        "output": [{"@id": "#output-results"}],
    }
    language = {
        "@id": "#plan-language",
        "@type": "ComputerLanguage",
        "name": "voxmine plan",
        "version": lineage.run.version,
    }
    parameters = [
        _parameter("#input-sources", "sources", "The files of the scans and tables"),
        _parameter("#output-results", "results", "The tables, models, rules and the report"),
    ]
    return [plan, *steps, language, *parameters]


def _parameter(name: str, short: str, what: str) -> Entity:
    return {
        "@id": name,
        "@type": "FormalParameter",
        "conformsTo": {"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"},
        "additionalType": "File",
        "name": short,
        "description": what,
    }


def _engine(version: str) -> Entity:
    return {"@id": "#voxmine", "@type": "SoftwareApplication", "name": "voxmine", "softwareVersion": version}


def _run_id(lineage: RunLineage) -> str:
    return f"#run-{lineage.run.name}"


def _whole_run(lineage: RunLineage, results: list[str]) -> Entity:
    run = lineage.run
    state = "CompletedActionStatus" if run.state == "completed" else "FailedActionStatus"
    return {
        "@id": _run_id(lineage),
        "@type": "CreateAction",
        "name": f"Run {run.name}",
        "description": f"All steps of the plan, from {len(lineage.sources):,} source files or listings to the results.",
        "instrument": {"@id": PLAN},
        "startTime": run.started,
        "endTime": run.beat,
        "actionStatus": f"http://schema.org/{state}",
        "object": [{"@id": _source_id(digest)} for digest in lineage.sources],
        "result": [{"@id": name} for name in results],
    }


def _orchestration(lineage: RunLineage) -> Entity:
    return {
        "@id": "#orchestration",
        "@type": "OrganizeAction",
        "name": f"voxmine works on the plan of {lineage.run.study}",
        "instrument": {"@id": "#voxmine"},
        "startTime": lineage.run.started,
        "endTime": lineage.run.beat,
        "object": [{"@id": _control_id(step)} for step in lineage.steps],
        "result": {"@id": _run_id(lineage)},
    }


def _tool(stage: str, step: Step) -> Entity:
    return {
        "@id": f"#{stage}",
        "@type": "SoftwareApplication",
        "name": stage,
        "softwareVersion": f"{step.record.code.version}, code {step.record.code.digest}",
    }


def _action_id(step: Step) -> str:
    return f"#{step.record.key}"


def _control_id(step: Step) -> str:
    return f"#control-{step.record.key}"


def _action(step: Step, held: set[Ref]) -> Entity:
    record = step.record
    objects = [_id(ref, held) for ref in record.parents()] + [_source_id(digest) for digest in record.source_digests()]
    return {
        "@id": _action_id(step),
        "@type": "CreateAction",
        "name": f"{record.stage} on {step.did.item}",
        "description": f"parameters {json.dumps(record.parameters, sort_keys=True)}",
        "instrument": {"@id": f"#{record.stage}"},
        "startTime": record.started,
        "endTime": step.ended,
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "object": [{"@id": name} for name in objects],
        "result": [{"@id": _id(step.did.ref, held)}],
    }


def _control(step: Step) -> Entity:
    return {
        "@id": _control_id(step),
        "@type": "ControlAction",
        "name": f"{step.record.stage} was {step.did.how}",
        "instrument": {"@id": f"#step-{step.record.stage}"},
        "object": {"@id": _action_id(step)},
    }


def _id(ref: Ref, held: set[Ref]) -> str:
    """Return what an artefact is called: its place in the crate, or its digest where it was left out."""
    if ref not in held:
        return f"urn:sha256:{ref.digest}"
    folder = f"{STORE}/objects/{ref.digest[:2]}/{ref.digest}"
    return f"{folder}/" if is_array(ref) else f"{folder}/{FILES[KINDS[ref.kind].form]}"


def _artefact(ref: Ref, held: set[Ref], results: dict[str, Ref]) -> Entity:
    name = next((name for name, one in results.items() if one == ref), ref.short)
    facts: Entity = {"@id": _id(ref, held), "name": name, "identifier": ref.digest, "additionalType": ref.kind}
    if ref not in held:
        return facts | {"@type": "CreativeWork", "description": "Left out of the crate; known by its digest."}
    if is_array(ref):
        return facts | {"@type": "Dataset", "description": "OME-Zarr, or a signal in Zarr"}
    is_result = ref in results.values()
    format_ = {"encodingFormat": FORMATS[FILES[KINDS[ref.kind].form]]}
    return facts | {"@type": "File"} | format_ | ({"exampleOfWork": {"@id": "#output-results"}} if is_result else {})


def _source_id(digest: str) -> str:
    return f"urn:sha256:{digest}"


def _source(digest: str) -> Entity:
    return {
        "@id": _source_id(digest),
        "@type": "CreativeWork",
        "name": f"source file {digest[:12]}",
        "identifier": digest,
        "description": "A file of a patient, or a listing of such: not in the crate, known by its SHA-256.",
        "exampleOfWork": {"@id": "#input-sources"},
    }


def _encoded(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def _write(crate: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, LONG_AGO)
    is_packed = name.endswith(PACKED_ALREADY) or "/data.zarr/" in name
    entry.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    crate.writestr(entry, content)
