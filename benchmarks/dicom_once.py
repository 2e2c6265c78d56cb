"""One piece of work in a process of its own: `python -m benchmarks.dicom_once WAY FIRST FOLDER STORE STARTED`.

Prints what it took as JSON: seconds to start (Python, imports, and the same work on the first, tiny folder), to scan
and to convert, CPU seconds, bytes held at most.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil

KEY = b"nobody is hidden in a benchmark!"


def main() -> None:
    """Import what the work needs, do it on a tiny folder, then on the folder that counts, and tell."""
    way, first, folder, root, started = sys.argv[1:]
    name, _, compression = way.partition(":")
    work = WAYS[name]
    work(Path(first), Path(root) / "first", compression)
    start = time.time() - float(started)
    before, cpu = _forget_peak(), time.process_time()
    told = work(Path(folder), Path(root) / "store", compression)
    told |= {"start": start, "cpu": time.process_time() - cpu, "held": _peak() - before}
    print(json.dumps(told))


def _convert(folder: Path, root: Path, compression: str) -> dict[str, Any]:
    """Scan a folder and make volumes of its series, under the policy of `tasks.stage`: checks, digests and records."""
    from tasks.formats.identities import Identities  # noqa: PLC0415 - to import is part of the start
    from tasks.ingest import read_dicom  # noqa: PLC0415
    from tasks.sources.found import dicom_found  # noqa: PLC0415
    from tasks.stage import perform  # noqa: PLC0415

    begun = time.perf_counter()
    found = dicom_found(_scanned(folder, root, Identities(KEY)), (), {}, 0)
    scanned = time.perf_counter()
    jobs = [read_dicom.job(series.item, {"files": series.files}) for series in found.series]
    outcomes = [perform(root, job, compression) for job in jobs]
    done = time.perf_counter()
    refused = (*found.refusals, *(outcome.refusal for outcome in outcomes if outcome.refusal))
    return {
        "scan": scanned - begun,
        "convert": done - scanned,
        "digests": [outcome.ref.digest for outcome in outcomes if outcome.ref],
        "refusals": [f"{refusal.verdict}: {refusal.came}" for refusal in refused],
    }


def _scanned(folder: Path, root: Path, who: Any) -> list[Any]:  # noqa: ANN401
    from data_catalog.store import Store  # noqa: PLC0415
    from tasks.scan import list_files, scan_dicom  # noqa: PLC0415
    from tasks.stage import perform  # noqa: PLC0415

    scanned = []
    listings, *_ = list_files(folder, who)
    for listing in listings:
        outcome = perform(root, scan_dicom.job(listing.stamp[:12], {"listing": listing}, {"identities": who}))
        scanned += zip(listing.files, Store(root).open(outcome.ref).files, strict=True)
    return scanned


def _scan(folder: Path, root: Path, _: str) -> dict[str, Any]:
    """Read every header of a folder and keep what it tells in the store."""
    from tasks.formats.identities import Identities  # noqa: PLC0415

    begun = time.perf_counter()
    scanned = _scanned(folder, root, Identities(KEY))
    took = time.perf_counter() - begun
    return {"scan": took, "positions": [facts.dicom.plane.position_mm[0] for _, facts in scanned]}


def _pydicom(folder: Path, _: Path, __: str) -> dict[str, Any]:
    """Read every header of a folder with pydicom, as its documentation says."""
    from pydicom import dcmread  # noqa: PLC0415

    begun = time.perf_counter()
    headers = [dcmread(path, stop_before_pixels=True) for path in sorted(folder.rglob("*.dcm"))]
    took = time.perf_counter() - begun
    return {"scan": took, "positions": [float(header.ImagePositionPatient[2]) for header in headers]}


WAYS = {"convert": _convert, "scan": _scan, "pydicom": _pydicom}


def _forget_peak() -> int:
    """Begin to look for the most memory held anew; return what is held now."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        print("the peak is that of the whole process: it cannot be forgotten here", file=sys.stderr)
    return int(psutil.Process(os.getpid()).memory_info().rss)


def _peak() -> int:
    """Return the most memory held since."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
