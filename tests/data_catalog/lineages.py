"""Small stores with runs, made without any stage."""

from __future__ import annotations

from data_catalog.kinds import REPORT
from data_catalog.runs import CodeParts, Did, Run, Runs, moment
from tests.data_catalog.conftest import key_of, recorded

FIRST, SECOND, OTHER = (
    f"{study}-2026010{n}T000000-00000{n}" for study, n in (("lungs", 1), ("lungs", 2), ("brains", 3))
)


def run_of(name, **changes):
    """Return a run that was completed long ago."""
    facts = {
        "study": name.partition("-")[0],
        "flow": "full-study",
        "version": "0",
        "started": f"2026-01-0{name[-1]}T00:00:00.000+00:00",
        "beat": f"2026-01-0{name[-1]}T01:00:00.000+00:00",
        "state": "completed",
        "plan": {"study": name.partition("-")[0], "seed": 1},
    }
    return Run(name=name, **{**facts, **changes})


def going(name, **changes):
    """Return a run that is going."""
    return run_of(name, state="going", started=moment(), beat=moment(), **changes)


def did(record, how="computed", **changes):
    held = {"stage": record.stage, "item": record.item, "key": record.key, "kind": record.output.kind}
    return Did(**{**held, "digest": record.output.digest, "how": how, **changes})


def put(store, word, parents=(), sources=(), page=None, **changes):
    """Put an artefact; return its record."""
    inputs = {"given": tuple(parent.output for parent in parents)} if parents else {}
    files = {"files": tuple(map(key_of, sources))} if sources else {}
    facts = {"inputs": inputs, "sources": files, "stage": f"make_{word.split()[0]}", **changes}
    ref = store.put(REPORT, page or f"<p>{word}</p>", recorded(word, **facts))
    record = store.record(ref, facts.get("key", key_of(word)))
    assert record is not None
    return record


def note(store, name, records, how="computed", **changes):
    """Note a run that did what some records say."""
    runs = Runs(store)
    runs.write(run_of(name, **changes))
    runs.add(name, 1, [did(record, how) for record in records])
    return runs


def note_code(store, digest, **parts):
    Runs(store).write_code(CodeParts(digest=digest, parts=parts))
