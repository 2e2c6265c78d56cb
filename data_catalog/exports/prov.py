"""The lineage of a run as PROV-JSON (W3C Member Submission, 24 April 2013), which PROV tools read.

An artefact and a source file are entities, a step is an activity, code is a software agent, the plan is a plan. Names
are `vx:` and a digest: the same thing has the same name in every export.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_catalog.exports.run_lineage import RunLineage, Step
    from data_catalog.refs import Ref

PREFIXES = {"vx": "urn:voxmine:", "prov": "http://www.w3.org/ns/prov#", "xsd": "http://www.w3.org/2001/XMLSchema#"}


def prov_json(lineage: RunLineage) -> dict[str, Any]:
    """Return a run as a document of PROV-JSON."""
    plan = f"vx:plan-{lineage.run.name}"
    entities: dict[str, Any] = {plan: {"prov:type": _qualified("prov:Plan"), "vx:fields": json.dumps(lineage.run.plan)}}
    entities |= {
        f"vx:source-{digest}": {"prov:type": _qualified("vx:SourceFile"), "vx:sha256": digest}
        for digest in lineage.sources
    }
    named = {ref: name for name, ref in lineage.run.results.items()}
    for ref in dict.fromkeys([*lineage.refs, *(ref for step in lineage.steps for ref in step.record.parents())]):
        about = {"prov:type": _qualified(f"vx:{ref.kind}"), "vx:sha256": ref.digest}
        entities[_entity(ref)] = about | ({"prov:label": named[ref]} if ref in named else {})
    document: dict[str, Any] = {
        "prefix": PREFIXES,
        "entity": entities,
        "agent": {_agent(step): _agent_facts(step) for step in lineage.steps},
        "activity": {_activity(step): _activity_facts(step) for step in lineage.steps},
        "used": {},
        "wasGeneratedBy": {},
        "wasAssociatedWith": {},
    }
    for step in lineage.steps:
        _relate(document, step, plan)
    return document


def _relate(document: dict[str, Any], step: Step, plan: str) -> None:
    """Add what a step used, made, and was done by."""
    key, activity = step.record.key, _activity(step)
    used = [(role, _entity(ref)) for role, refs in step.record.inputs.items() for ref in refs]
    used += [(role, f"vx:source-{digest}") for role, digests in step.record.sources.items() for digest in digests]
    for place, (role, entity) in enumerate(used):
        document["used"][f"_:u{place}-{key}"] = {"prov:activity": activity, "prov:entity": entity, "prov:role": role}
    made = {"prov:entity": _entity(step.did.ref), "prov:activity": activity, "prov:time": step.ended}
    document["wasGeneratedBy"][f"_:g-{key}"] = made
    by = {"prov:activity": activity, "prov:agent": _agent(step), "prov:plan": plan}
    document["wasAssociatedWith"][f"_:a-{key}"] = by


def _entity(ref: Ref) -> str:
    return f"vx:{ref.kind}-{ref.digest}"


def _activity(step: Step) -> str:
    return f"vx:step-{step.record.key}"


def _agent(step: Step) -> str:
    return f"vx:code-{step.record.code.digest}"


def _activity_facts(step: Step) -> dict[str, Any]:
    return {
        "prov:startTime": step.record.started,
        "prov:endTime": step.ended,
        "prov:label": step.record.stage,
        "vx:item": step.did.item,
        "vx:parameters": json.dumps(step.record.parameters, sort_keys=True),
        "vx:python": step.record.python,
    }


def _agent_facts(step: Step) -> dict[str, Any]:
    return {
        "prov:type": _qualified("prov:SoftwareAgent"),
        "prov:label": f"voxmine {step.record.code.version}",
        "vx:places": json.dumps(step.record.code.places),
    }


def _qualified(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}
