"""How fast DICOM becomes Zarr, against dcm2niix and pydicom: interleaved, each in a fresh process, results compared.

Run by `make bench`, or with other sizes: `python -m benchmarks.dicom --rounds 5 --slices 300`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

from benchmarks.dicom_same import require_same
from benchmarks.dicom_series import ENCODINGS, write_series
from flows.clusters import KEPT_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FILES_SIDE = 128
"""Rows and columns of the files whose headers alone are read."""
SLOW, SLOW_ROUNDS = {"JPEG-LS", "JPEG 2000"}, 3
"""These series are slow: they are measured in so many rounds at most."""
PARTS = ("uncompressed", "JPEG-LS", "RLE", "JPEG 2000", "headers", "memory")
"""What can be measured alone."""
LARGE_SIDE = 720
"""Rows and columns of the large series: with 512 it would be longer than a patient can be before it has 2 GB."""
MEMORY_SHARE = 0.25
"""Of a series, held at once at most."""


class Took(NamedTuple):
    """What one way took in one round, in seconds."""

    work: float
    start: float
    cpu: float
    scan: float = 0.0
    """Of the work, to find out what the files are."""


Times = dict[str, list[Took]]
"""What each way took in each round."""


@dataclass(frozen=True)
class Claim:
    """What is said of the speed, and what was measured."""

    words: str
    limit: float
    measured: list[float]
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the median keeps it."""
        middle = median(self.measured)
        return middle >= self.limit if self.at_least else middle <= self.limit


def main() -> None:
    """Measure and print; everything that is written goes to a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times that every way is measured (5)")
    parser.add_argument("--slices", type=int, default=300, help="slices of the series, 512 x 512 each (300)")
    parser.add_argument("--files", type=int, default=5000, help="files whose headers are read (5000)")
    parser.add_argument("--memory-slices", type=int, default=2048, help="slices of the large series (2048)")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS, help="which parts (all)")
    chosen = parser.parse_args()
    dcm2niix = _dcm2niix()
    with tempfile.TemporaryDirectory(prefix="voxmine-bench-") as name:
        bench = Bench(Path(name), dcm2niix)
        claims = []
        for part in chosen.parts:
            if part == "uncompressed":
                claims += bench.uncompressed(chosen.slices, chosen.rounds)
            elif part == "headers":
                claims += bench.headers(chosen.files, chosen.rounds)
            elif part == "memory":
                claims += bench.memory(chosen.memory_slices)
            else:
                rounds = min(chosen.rounds, SLOW_ROUNDS) if part in SLOW else chosen.rounds
                claims += bench.compressed(part, chosen.slices, rounds)
    _report(claims)


def _dcm2niix() -> str:
    """Return the program itself: the command that pip installs would start Python first."""
    try:
        import dcm2niix  # noqa: PLC0415 - needed here only
    except ImportError:
        sys.exit('dcm2niix is not installed: pip install "voxmine[bench]"')
    return str(dcm2niix.bin)


@dataclass(frozen=True)
class Bench:
    """Where it is measured, and against which program."""

    folder: Path
    dcm2niix: str

    def uncompressed(self, slices: int, rounds: int) -> list[Claim]:
        """Measure the conversion of an uncompressed series."""
        series = self._series("uncompressed", slices)
        ways: dict[str, Callable[[], Took]] = {
            "dcm2niix, uncompressed": lambda: self._theirs(series, "n"),
            "voxmine, lz4": lambda: self._ours(series, "lz4"),
            "dcm2niix, gzip": lambda: self._theirs(series, "y"),
            "voxmine, zstd": lambda: self._ours(series, "zstd-1"),
        }
        self._compare(series)
        times = _in_turns(ways, rounds)
        _table(f"CT, {slices} x 512 x 512, uncompressed DICOM", times, "dcm2niix, uncompressed")
        return [
            Claim("lz4 / dcm2niix uncompressed", 1.0, _ratios(times, "voxmine, lz4", "dcm2niix, uncompressed")),
            Claim("zstd / dcm2niix gzip", 0.4, _ratios(times, "voxmine, zstd", "dcm2niix, gzip")),
        ]

    def compressed(self, name: str, slices: int, rounds: int) -> list[Claim]:
        """Measure the conversion of a compressed series."""
        series = self._series(name, slices)
        self._compare(series)
        ways: dict[str, Callable[[], Took]] = {
            "dcm2niix": lambda: self._theirs(series, "n"),
            "voxmine, lz4": lambda: self._ours(series, "lz4"),
            "voxmine, zstd": lambda: self._ours(series, "zstd-1"),
        }
        times = _in_turns(ways, rounds)
        _table(f"CT, {slices} x 512 x 512, {name}", times, "dcm2niix")
        shutil.rmtree(series)
        return [
            Claim(f"{name}: {word} / dcm2niix uncompressed", 1.0, _ratios(times, f"voxmine, {word}", "dcm2niix"))
            for word in ("lz4", "zstd")
        ]

    def headers(self, files: int, rounds: int) -> list[Claim]:
        """Measure the reading of headers."""
        series = self.folder / "headers"
        write_series(series, ENCODINGS["uncompressed"], files, FILES_SIDE)
        seen: list[list[float]] = []

        def scan(way: str) -> Took:
            with self._fresh() as root:
                told = _once(way, self._first("uncompressed"), series, root)
            seen.append(sorted(told["positions"]))
            return Took(told["scan"], told["start"], told["cpu"], told["scan"])

        times = _in_turns({"pydicom": lambda: scan("pydicom"), "voxmine": lambda: scan("scan")}, rounds)
        if any(positions != seen[0] or len(positions) != files for positions in seen):
            message = "Both read the same positions from the headers: they do not."
            raise RuntimeError(message)
        _table(f"Headers of {files:,} files", times, "pydicom")
        shutil.rmtree(series)
        return [Claim("headers: pydicom / scan", 8.0, _ratios(times, "pydicom", "voxmine"), at_least=True)]

    def memory(self, slices: int) -> list[Claim]:
        """Measure the most memory that converting a large series holds."""
        _tell("writing the large series")
        series = self.folder / "large"
        size = write_series(series, ENCODINGS["uncompressed"], slices, LARGE_SIDE)
        with self._fresh() as root:
            told = _once("convert:zstd-1", self._first("uncompressed"), series, root)
        _require_one(told)
        share = told["held"] / size
        print(f"## Memory: a series of {size / 1e9:.2f} GB\n")
        print(f"Held at most, beside the program itself: {told['held'] / 1e6:,.0f} MB, {share:.1%} of the series.\n")
        shutil.rmtree(series)
        return [Claim("memory held / size of the series", MEMORY_SHARE, [share])]

    def _series(self, name: str, slices: int) -> Path:
        _tell(f"writing {name}")
        write_series(self.folder / name, ENCODINGS[name], slices)
        return self.folder / name

    def _first(self, name: str) -> Path:
        """Return a series of two slices, with which a process gets to know the way."""
        first = self.folder / "first" / name
        if not first.exists():
            write_series(first, ENCODINGS[name], 2)
        return first

    def _fresh(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(dir=self.folder)

    def _ours(self, series: Path, compression: str) -> Took:
        """Scan and convert a series in a fresh process."""
        with self._fresh() as root:
            told = _once(f"convert:{compression}", self._first(series.name), series, root)
        _require_one(told)
        return Took(told["scan"] + told["convert"], told["start"], told["cpu"], told["scan"])

    def _theirs(self, series: Path, packed: str) -> Took:
        """Have dcm2niix convert a series; its start is that of a call that does nothing."""
        begun = time.perf_counter()
        subprocess.run([self.dcm2niix, "--version"], capture_output=True, check=False)
        start = time.perf_counter() - begun
        before = _cpu_of_children()
        with self._fresh() as out:
            begun = time.perf_counter()
            self._convert(series, out, packed)
            took = time.perf_counter() - begun
        return Took(took - start, start, _cpu_of_children() - before)

    def _convert(self, series: Path, out: str, packed: str) -> None:
        command = [self.dcm2niix, "-z", packed, "-b", "n", "-f", "made", "-o", out, str(series)]
        subprocess.run(command, capture_output=True, check=True)

    def _compare(self, series: Path) -> None:
        """Stop unless both programs make the same volume of a series."""
        with self._fresh() as root, self._fresh() as out:
            told = _once("convert:zstd-1", self._first(series.name), series, root)
            _require_one(told)
            self._convert(series, out, "n")
            (nifti,) = Path(out).glob("*.nii")
            require_same(Path(root) / "store", told["digests"][0], nifti)
            written = sum(path.stat().st_size for path in (Path(root) / "store").rglob("*") if path.is_file())
            times = nifti.stat().st_size / written
        print(f"{series.name}: all voxels and corners are equal; zstd makes the store {times:.2f} times smaller.\n")


def _cpu_of_children() -> float:
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


def _once(way: str, first: Path, series: Path, root: str) -> dict[str, Any]:
    """Do one piece of work in a fresh process, which keeps memory as the workers of a run do; return what it tells."""
    command = [sys.executable, "-m", "benchmarks.dicom_once", way, str(first), str(series), root, str(time.time())]
    around = {**KEPT_MEMORY, **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=around)
    if done.returncode:
        raise RuntimeError(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _require_one(told: dict[str, Any]) -> None:
    if len(told["digests"]) != 1 or told["refusals"]:
        refused = dict(Counter(told["refusals"]))
        message = f"The series becomes one volume: there are {len(told['digests'])}, and refused are {refused}."
        raise RuntimeError(message)


def _in_turns(ways: Mapping[str, Callable[[], Took]], rounds: int) -> Times:
    """Measure every way in every round; each round begins with another one."""
    times: Times = {way: [] for way in ways}
    names = list(ways)
    for number in range(rounds):
        turn = number % len(names)
        for way in (*names[turn:], *names[:turn]):
            _tell(f"round {number + 1} of {rounds}: {way}")
            times[way].append(ways[way]())
    _tell("")
    return times


def _ratios(times: Times, way: str, to: str) -> list[float]:
    return [mine.work / theirs.work for mine, theirs in zip(times[way], times[to], strict=True)]


def _table(title: str, times: Times, to: str) -> None:
    print(
        f"## {title}\n\n| way | work s | of it scan s | start s | CPU s | work, times {to} |\n|---|--:|--:|--:|--:|--:|"
    )
    for way, took in times.items():
        columns = [[one.work for one in took], [one.scan for one in took], [one.start for one in took]]
        cells = map(_spread, [*columns, [one.cpu for one in took], _ratios(times, way, to)])
        print(f"| {way} | {' | '.join(cells)} |")
    print(flush=True)


def _report(claims: Sequence[Claim]) -> None:
    print("## What is claimed\n\n| ratio | claimed | measured | |\n|---|--:|--:|---|")
    for claim in claims:
        sign = "≥" if claim.at_least else "≤"
        verdict = "yes" if claim.holds else "NO"
        print(f"| {claim.words} | {sign} {claim.limit:g} | {_spread(claim.measured)} | {verdict} |")
    print(
        "\nEach cell: least / median / most of the rounds. Work is without the start. For voxmine and pydicom that is"
    )
    print("Python, the imports and a first series of two slices, for dcm2niix a call for its version.")


def _spread(values: Sequence[float]) -> str:
    return " / ".join(f"{value:.2f}" for value in dict.fromkeys((min(values), median(values), max(values))))


def _tell(progress: str) -> None:
    print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
