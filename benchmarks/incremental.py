"""What one more patient costs, and how long a report takes after the last file: `python -m benchmarks.incremental`.

An invented cohort is studied once but for one patient; again, with nothing new; and once more with that patient: as
the demo is, from images to features only, and from images to features as deeply as papers do it. Counted is the CPU of
the run and of all processes that it starts. Then the same scans go into a drop folder that `voxmine watch` looks at,
that patient last: told is the time from the last file to the new report. It ends with 1 where a promise is not kept.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import psutil
import yaml

from tasks.synthetic.cohort import write_cohort

MOST_SHARE, MOST_SECONDS = 0.03, 10.0
"""CPU of one patient more, of that of the first run of 200; wall time of a run in which nothing is new."""
LOOK_SECONDS = 0.1
SIGMAS_MM = (1.0, 2.0, 3.0, 4.0, 5.0)
SUBBANDS = ("LLL", "LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH")
FINE_MM = 0.5
"""Grid on which the invented tumours, of some millilitres, have as many voxels as real ones have at 1 mm."""
REPORT = "demo-report.html"


@dataclass(frozen=True)
class Took:
    """What a run took, and how many items it computed."""

    cpu: float
    wall: float
    computed: int

    def row(self, name: str, first: Took) -> str:
        """Return a row of the table."""
        share = f"{100 * self.cpu / first.cpu:.1f} %"
        return f"| {name} | {self.computed} | {self.cpu:.1f} | {share} | {self.wall:.1f} |"


def _deep(modality: str, size: float) -> dict[str, object]:
    """Return how a modality is measured deeply: finely, filtered in 13 ways, all families of features."""
    filters = [{"method": "laplacian_of_gaussian", "sigma_mm": sigma} for sigma in SIGMAS_MM]
    filters += [{"method": "separable_wavelet", "wavelet": "coif1", "subband": name} for name in SUBBANDS]
    extractor = {
        "method": "recipe",
        "resampling": {"spacing_mm": [FINE_MM] * 3},
        "binning": {"method": "fixed_size", "size": size},
        "filters": filters,
    }
    return {"modality": modality, "extractor": extractor}


TO_FEATURES: dict[str, object] = {"mine": None, "learn": None, "outcome": None}
STUDIES: dict[str, dict[str, object]] = {
    "demo": {},
    "features": TO_FEATURES,
    "deep": {
        **TO_FEATURES,
        "radiomics": [_deep("CT", 25.0), _deep("PT", 0.5)],
        "perturb": {"method": "perturbation_chain", "repetitions": 10},
    },
}
"""What is changed of the demo's plan, by the name of the study."""


def main() -> None:
    """Measure and print; everything that is written goes to a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=200, help="patients, the new one counted (200)")
    parser.add_argument("--studies", nargs="*", choices=STUDIES, default=list(STUDIES), help="which studies (all)")
    parser.add_argument("--without-watch", action="store_true", help="leave the drop folder out")
    parser.add_argument("--folder", type=Path, help="where to work (a temporary folder)")
    chosen = parser.parse_args()
    os.environ["VOXMINE_KEY"] = "an invented cohort hides nobody"
    with tempfile.TemporaryDirectory(prefix="voxmine-bench-", dir=chosen.folder) as name:
        folder = Path(name)
        os.environ["PREFECT_HOME"] = str(folder / "prefect")
        write_cohort(folder / "cohort", patients=chosen.patients)
        scans = folder / "cohort" / "scans"
        last = max(path for path in scans.iterdir() if path.is_dir())
        print("| run | items computed | CPU s | of the first | wall s |\n|---|--:|--:|--:|--:|", flush=True)
        kept = [_one_more(folder, scans, last, name, STUDIES[name]) for name in chosen.studies]
        if not chosen.without_watch:
            seconds = _latency(folder, scans, last)
            print(f"\nFrom the last file to the new report, `watch --every 1`: {seconds:.1f} s.")
    sys.exit(not all(kept))


def _one_more(folder: Path, scans: Path, last: Path, name: str, changes: dict[str, object]) -> bool:
    """Study all but the last patient, then all again, then all with that patient; return whether promises are kept."""
    workspace = folder / name
    plan = _plan(folder, workspace, {"method": "dicom", "path": str(scans)}, changes)
    away = folder / "away"
    last.rename(away)
    first = _run(plan)
    again = _run(plan)
    away.rename(last)
    more = _run(plan)
    print(first.row(f"{name}: the first", first))
    print(again.row(f"{name}: again", first))
    print(more.row(f"{name}: one patient more", first), flush=True)
    kept = again.computed == 0 and again.wall <= MOST_SECONDS and more.cpu <= MOST_SHARE * first.cpu
    print("Kept." if kept else "NOT KEPT", file=sys.stderr)
    return kept


def _plan(folder: Path, workspace: Path, source: dict[str, object], changes: dict[str, object]) -> Path:
    held = yaml.safe_load((files("deployments") / "plans" / "demo.yaml").read_text(encoding="utf-8"))
    held["clinical"]["path"] = str(folder / "cohort" / "clinical.csv")
    held["events"]["path"] = str(folder / "cohort" / "events.csv")
    held |= {"sources": [source], "workspace": str(workspace), **changes}
    path = folder / f"{workspace.name}.yaml"
    path.write_text(yaml.safe_dump(held), encoding="utf-8")
    return path


def _run(plan: Path) -> Took:
    begun = time.perf_counter()
    command = [sys.executable, "-m", "flows.cli", "run", str(plan)]
    process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    spent: dict[int, float] = {}
    while process.poll() is None:
        for one in (process, *process.children(recursive=True)):
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            spent[one.pid] = times.user + times.system
        time.sleep(LOOK_SECONDS)
    wall = time.perf_counter() - begun
    text = process.communicate()[0]
    found = re.search(r"([\d,]+) items? computed", text)
    if process.returncode or found is None:
        message = f"The run ends well and says how many items it computed: it ended with {process.returncode}.\n{text}"
        raise RuntimeError(message)
    return Took(sum(spent.values()), wall, int(found[1].replace(",", "")))


def _latency(folder: Path, scans: Path, last: Path) -> float:
    """Return the seconds from the last patient's last file to the report with that patient."""
    drop, workspace, away = folder / "drop", folder / "watched", folder / "away"
    last.rename(away)
    scans.rename(drop)
    for path in drop.iterdir():
        (drop / f"{path.name}.done").touch()
    plan = _plan(folder, workspace, {"method": "drop_folder", "path": str(drop)}, {})
    watching = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "watch", str(plan), "--every", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        report = workspace / REPORT
        _written(report, watching, 0)
        time.sleep(3)  # the first run ends
        before = report.stat().st_mtime_ns
        away.rename(drop / last.name)
        (drop / f"{last.name}.done").touch()
        begun = time.perf_counter()
        _written(report, watching, before)
        return time.perf_counter() - begun
    finally:
        watching.terminate()
        watching.wait()


def _written(report: Path, watching: subprocess.Popen[bytes], after: int) -> None:
    while not (report.is_file() and report.stat().st_mtime_ns > after):
        if watching.poll() is not None:
            message = f"The watch goes on: it ended with {watching.returncode}."
            raise RuntimeError(message)
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
