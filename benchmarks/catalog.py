"""What the catalogue costs with a million records: `why`, search, descendants, and making it anew.

`python -m benchmarks.catalog --records 1000000 --folder /somewhere` writes the records of invented studies into a store
(16 GB of small files for a million), makes the catalogue, asks it, and removes everything. With `--postgres URL` the
catalogue is also made in that database, which must be empty.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from data_catalog.catalog import Catalog
from data_catalog.catalog_build import rebuild
from data_catalog.catalog_engine import sqlite_url
from data_catalog.catalog_search import Asked
from data_catalog.refs import Ref
from data_catalog.runs import Did, Run, Runs
from data_catalog.store import Store
from flows.explain import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERIES = 5000
"""Series of one study; each has eight records, and the study some of its own."""
SLICES = 60
ROUNDS = 20
CODE = {
    "version": "0.1.0",
    "digest": hashlib.sha256(b"code").hexdigest(),
    "places": [f"tasks.module_{n}" for n in range(30)],
}
STEPS = {"steps": [{"method": "resample", "spacing_mm": 1.0}, {"method": "clip_outliers", "low": -1000.0}]}
MEASURES = {"measures": [{"extractor": {"method": "recipe", "binning": {"method": "fixed_size", "size": 25.0}}}]}
Wanted = tuple[str, str, str, dict[str, list[Ref]], list[str], dict[str, object]]


def sha(*words: object) -> str:
    """Return a digest that some words stand for."""
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


def study(number: int) -> Iterator[Wanted]:
    """Yield what is made in one study: kind, stage, item, inputs, source digests, parameters."""
    features = []
    for series in range(SERIES):
        patient, modality = f"P-{sha(number, series // 4)[:12]}", ("CT", "MR", "PT")[series % 3]
        item = f"{patient}/v{series % 2}/{modality}/{sha(number, series, 'uid')[:6]}"
        region = f"{item}/tumour/reader-A"
        image, mask, clean, clean_mask = (
            Ref(kind=kind, digest=sha(number, series, stage))
            for kind, stage in (
                ("volume", "read_dicom"),
                ("mask", "draw_region"),
                ("volume", "preprocess"),
                ("mask", "preprocess_mask"),
            )
        )
        slices = [sha(number, series, "slice", z) for z in range(SLICES)]
        yield "contents", "scan_dicom", f"0/{sha(number, series)[:12]}", {}, [sha(number, series, "listing")], {}
        yield "volume", "read_dicom", item, {}, slices, {"pixel_size_mm": None}
        yield "mask", "draw_region", region, {"image": [image]}, [sha(number, series, "rtstruct")], {"region": "tumour"}
        yield "volume", "preprocess", item, {"image": [image]}, [], STEPS
        yield "mask", "preprocess_mask", region, {"labels": [mask]}, [], STEPS
        both = {"image": [clean], "labels": [clean_mask]}
        yield "features", "radiomics", region, both, [], MEASURES
        yield (
            "features",
            "radiomics_perturbed",
            region,
            both,
            [],
            {**MEASURES, "chain": {"method": "perturbation_chain"}},
        )
        yield "table", "locate_region", region, {"labels": [clean_mask]}, [], {}
        features.append(Ref(kind="features", digest=sha(number, series, "radiomics")))
    table = Ref(kind="features", digest=sha(number, "gather_features"))
    cohort = Ref(kind="cohort", digest=sha(number, "build_cohort"))
    judged = Ref(kind="evaluation", digest=sha(number, "evaluate"))
    yield "features", "gather_features", f"study{number}", {"tables": features}, [], {}
    yield "cohort", "build_cohort", f"study{number}", {"features": [table]}, [], {}
    yield "evaluation", "evaluate", "logistic on all", {"cohort": [cohort]}, [], {"learner": {"method": "logistic"}}
    yield "report", "write_report", f"study{number}", {"cohort": [cohort], "evaluations": [judged]}, [], {}


def write_store(store: Path, records: int) -> int:
    """Write the records of as many studies as are needed; return how many records."""
    count = 0
    for number in range(-(-records // (8 * SERIES))):
        did = []
        for place, (kind, stage, item, inputs, sources, parameters) in enumerate(study(number)):
            if count >= records and stage not in {"gather_features", "build_cohort", "evaluate", "write_report"}:
                continue
            is_whole = "/" not in item
            digest = sha(number, stage) if is_whole else sha(number, (place // 8), stage)
            key = sha("key", number, place)
            _write(
                store,
                digest,
                key,
                {
                    "key": key,
                    "output": {"kind": kind, "digest": digest},
                    "stage": stage,
                    "item": item,
                    "inputs": {name: [ref.model_dump() for ref in refs] for name, refs in inputs.items()},
                    "sources": {"files": sources} if sources else {},
                    "parameters": parameters,
                    "code": CODE,
                    "python": "3.11.7",
                    "started": _time(number, count),
                    "seconds": 0.5,
                    "cpu_seconds": 0.4,
                },
            )
            did.append(Did(stage, item, key, kind, digest, "computed"))
            count += 1
        name = f"study{number}-20260101T000000-{number:06x}"
        runs = Runs(Store(store))
        time_ = "2026-01-01T00:00:00.000+00:00"
        runs.write(
            Run(
                name=name,
                study=f"study{number}",
                flow="",
                version="0.1.0",
                started=time_,
                beat=time_,
                state="completed",
            )
        )
        runs.add(name, 1, did)
    return count


def _time(number: int, count: int) -> str:
    return f"2026-{1 + number % 12:02d}-{1 + count % 28:02d}T{count % 24:02d}:{count // 24 % 60:02d}:00.000+00:00"


def _write(store: Path, digest: str, key: str, record: dict[str, object]) -> None:
    folder = store / "objects" / digest[:2] / digest / "records"
    folder.mkdir(parents=True)
    (folder.parent / "manifest.json").write_text('{"kind": "volume", "files": {}}')
    (folder / f"{key}.json").write_text(json.dumps(record, indent=1))


def timed(what: str, function: Callable[[], object]) -> float:
    """Print the median and the worst of some rounds in ms; return the median."""
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        function()
        took.append((time.perf_counter() - begun) * 1000)
    median = statistics.median(took)
    print(f"| {what} | {median:.1f} | {max(took):.1f} |")
    return median


def ask(workspace: Path, catalog: Catalog) -> None:
    """Print how long questions take."""
    patient = f"P-{sha(0, 7 // 4)[:12]}"
    image = Ref(kind="volume", digest=sha(0, 7, "read_dicom"))
    report = Ref(kind="report", digest=sha(0, "write_report"))
    run = catalog.run_names()[0]
    print("| question | median ms | worst ms |\n|---|--:|--:|")
    timed("`why` of a report (5,000 series behind it)", lambda: explain(workspace, report.short))
    timed("`why` of a volume", lambda: explain(workspace, image.short))
    for words, asked in {
        "patient": Asked(patient=patient),
        "patient and stage": Asked(patient=patient, stage="radiomics"),
        "modality": Asked(modality="MR"),
        "stage": Asked(stage="evaluate"),
        "stage and modality": Asked(stage="radiomics", modality="PT"),
        "method, of two eighths of all": Asked(method="resample"),
        "method, of a few": Asked(method="logistic"),
        "version, of all": Asked(version="0.1.0"),
        "run": Asked(run=run),
        "run and stage": Asked(run=run, stage="build_cohort"),
        "kind": Asked(kind="report"),
        "what nothing is": Asked(stage="radiomics", modality="US"),
    }.items():
        timed(f"search: {words}", lambda asked=asked: catalog.search(asked))  # type: ignore[misc]
    timed("descendants of a volume", lambda: catalog.descendants(image))
    timed("descendants of a source file", lambda: catalog.made_of_file(sha(0, 7, "slice", 3)))


def main() -> None:
    """Measure and print; everything that is written is removed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000, help="records at least (100000)")
    parser.add_argument("--folder", type=Path, default=None, help="where the files are written (a temporary folder)")
    parser.add_argument("--postgres", default=None, help="URL of an empty database")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="voxmine-catalog-", dir=chosen.folder))
    try:
        begun = time.perf_counter()
        count = write_store(folder / "store", chosen.records)
        print(f"{count:,} records written in {time.perf_counter() - begun:.0f} s")
        urls = [sqlite_url(folder / "catalog.sqlite"), *([chosen.postgres] if chosen.postgres else [])]
        for url in urls:
            begun, cpu = time.perf_counter(), time.process_time()
            catalog = rebuild(Store(folder / "store"), url)
            wall, own = time.perf_counter() - begun, time.process_time() - cpu
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"\n{url.partition(':')[0]}: made anew in {wall:.0f} s ({own:.0f} s of CPU here), {peak:.1f} GiB")
            if url.startswith("sqlite"):
                print(f"file: {(folder / 'catalog.sqlite').stat().st_size / 2**20:,.0f} MiB")
            else:
                (folder / "catalog.url").write_text(url)
            print(catalog.counts())
            ask(folder, catalog)
            catalog.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
