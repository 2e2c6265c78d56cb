"""The lineage of a run as events of OpenLineage (specification 2-0-2), one START and one COMPLETE a step.

A stage is a job, a step is a run of it within the run of the study, an artefact or a source file is a dataset. A step
that a run has reused bears the times at which it was made.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data_catalog.exports.run_lineage import RunLineage, Step
    from data_catalog.refs import Ref
    from data_catalog.runs import Run

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
PARENT = "https://openlineage.io/spec/facets/1-1-0/ParentRunFacet.json#/$defs/ParentRunFacet"
ENGINE = "https://openlineage.io/spec/facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet"
OWN = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"
DATASET = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetFacet"
NAMES = uuid.UUID("6f0c6f0a-7a0e-5a51-9a8e-0b6a2f3f5d11")
"""Makes the numbers of runs from their names: the same for every export."""


def events(lineage: RunLineage) -> Iterator[dict[str, Any]]:
    """Yield the events of a run, in order: it starts, each step starts and completes, it completes or fails."""
    run = lineage.run
    yield _of_run(run, "START", run.started)
    for step in lineage.steps:
        yield _of_step(run, step, "START")
        yield _of_step(run, step, "COMPLETE")
    if run.state != "going":
        yield _of_run(run, "COMPLETE" if run.state == "completed" else "FAIL", run.beat)


def _of_run(run: Run, what: str, when: str) -> dict[str, Any]:
    plan = {"_producer": _producer(run), "_schemaURL": OWN, "fields": run.plan}
    facets = {"voxmine_plan": plan, "processing_engine": _engine(run, run.version)}
    outputs = [] if what == "START" else [_dataset(run, ref) for ref in dict.fromkeys(run.results.values())]
    return {
        "eventType": what,
        "eventTime": when,
        "producer": _producer(run),
        "schemaURL": SCHEMA,
        "run": {"runId": str(uuid.uuid5(NAMES, run.name)), "facets": facets},
        "job": {"namespace": _namespace(run), "name": run.flow or "study", "facets": {}},
        "inputs": [],
        "outputs": outputs,
    }


def _of_step(run: Run, step: Step, what: str) -> dict[str, Any]:
    record = step.record
    parent = {
        "_producer": _producer(run),
        "_schemaURL": PARENT,
        "run": {"runId": str(uuid.uuid5(NAMES, run.name))},
        "job": {"namespace": _namespace(run), "name": run.flow or "study"},
    }
    own = {
        "_producer": _producer(run),
        "_schemaURL": OWN,
        "key": record.key,
        "item": step.did.item,
        "how": step.did.how,
        "code": record.code.digest,
        "parameters": record.parameters,
    }
    inputs = [_dataset(run, ref) for ref in record.parents()]
    inputs += [{"namespace": "sha256", "name": digest, "facets": {}} for digest in record.source_digests()]
    return {
        "eventType": what,
        "eventTime": record.started if what == "START" else step.ended,
        "producer": _producer(run),
        "schemaURL": SCHEMA,
        "run": {
            "runId": str(uuid.uuid5(NAMES, f"{run.name} {record.key}")),
            "facets": {"parent": parent, "voxmine_record": own, "processing_engine": _engine(run, record.code.version)},
        },
        "job": {"namespace": _namespace(run), "name": record.stage, "facets": {}},
        "inputs": inputs,
        "outputs": [] if what == "START" else [_dataset(run, step.did.ref)],
    }


def _engine(run: Run, version: str) -> dict[str, Any]:
    return {"_producer": _producer(run), "_schemaURL": ENGINE, "name": "voxmine", "version": version}


def _dataset(run: Run, ref: Ref) -> dict[str, Any]:
    held = {"_producer": _producer(run), "_schemaURL": DATASET, "kind": ref.kind, "sha256": ref.digest}
    return {"namespace": _namespace(run), "name": f"{ref.kind}-{ref.digest}", "facets": {"voxmine_artefact": held}}


def _producer(run: Run) -> str:
    return f"urn:voxmine:{run.version}"


def _namespace(run: Run) -> str:
    return f"voxmine://{run.study}"
