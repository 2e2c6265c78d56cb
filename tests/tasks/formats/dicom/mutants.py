"""Read many broken files, in a process of limited memory and time, and say what became of them as JSON.

Run as `python mutants.py COUNT SEED [FOLDER ...]`: the originals are pydicom's own files, and those of the folders.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
from pydicom.data import get_testdata_files

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.header import read_header
from tasks.formats.dicom.parse import parse
from tasks.formats.dicom.rtstruct import read_contours
from tasks.formats.dicom.volume import read_series
from tasks.formats.identities import Identities

LARGEST = 300_000
"""Bytes of an original: small ones are read quickly, and break in the same ways."""
SECONDS = 20
"""A file that takes longer hangs."""
MEMORY = 6 << 30
"""Address space of the process: what Python, NumPy and the codecs need, and little more."""
LENGTHS = (0, 1, 0x10, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF)
NUMBERS = (b"\x28\x00\x02\x00", b"\x28\x00\x08\x00", b"\x28\x00\x10\x00", b"\x28\x00\x11\x00", b"\x28\x00\x00\x01")
"""Tags of samples, frames, rows, columns and bits allocated."""
SHORTEST_TOKEN = 5
PEOPLE = ("PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "ReferringPhysicianName", "StudyDate")


class Hangs(BaseException):
    """A file took too long; no reader may swallow this."""


def originals(folders):
    """Return the bytes of small DICOM files."""
    paths = [Path(name) for name in get_testdata_files()]
    paths += [path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    small = [path for path in sorted(set(paths)) if path.is_file() and 0 < path.stat().st_size <= LARGEST]
    return [data for data in (path.read_bytes() for path in small) if len(data) > 200]


def flip(data, chance):
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data, chance):
    del data[chance.randrange(1, len(data)) :]


def lengthen(data, chance):
    """Write a length where one may stand."""
    at = chance.randrange(max(len(data) - 4, 1))
    data[at : at + 4] = chance.choice(LENGTHS).to_bytes(4, "little")


def announce(data, chance):
    """Change a number that says how large the image is."""
    places = [place for tag in NUMBERS for place in [data.find(tag)] if place > 0]
    if places:
        at = chance.choice(places) + 8
        data[at : at + 2] = chance.choice((0, 1, 2, 7, 0x2020, 0xFFFF)).to_bytes(2, "little")


def double(data, chance):
    """Repeat a piece."""
    start = chance.randrange(len(data))
    stop = min(len(data), start + chance.randint(1, 4000))
    data[start:start] = data[start:stop]


def drop(data, chance):
    """Leave a piece out."""
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 2000)]


WAYS = (flip, cut, lengthen, announce, double, drop)


def mutated(data, chance):
    """Return a broken copy; the preamble is left alone, so that the file still looks like DICOM."""
    head, body = data[:132], bytearray(data[132:])
    for way in chance.choices(WAYS, k=chance.randint(1, 3)):
        if len(body) > 1:
            way(body, chance)
    return head + bytes(body)


def tokens(data):
    """Return the words of a file that no message may hold."""
    try:
        dataset = parse(data).dataset
    except BadData:
        return frozenset()
    words = " ".join(dataset.text(keyword) for keyword in PEOPLE).replace("^", " ").split()
    return frozenset(word for word in words if len(word) >= SHORTEST_TOKEN)


def read_all(data, who):
    """Read a file in every way there is; return the verdict of each."""
    ways = (lambda: read_header(Held(data), who), lambda: series(data), lambda: outlines(data))
    return [refusal for way in ways for refusal in [refused(way)] if refusal is not None]


def series(data):
    values, _, _ = read_series([Held(data)])
    np.asarray(values)


def outlines(data):
    for name in ("tumour", "GTV", "ROI 1"):
        read_contours(data, name)


def refused(way):
    try:
        way()
    except BadData as refusal:
        return refusal
    return None


def main(count, seed, folders):
    """Print what became of `count` mutants."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(Hangs))
    files, who = originals(folders), Identities(key=bytes(32))
    said = [tokens(data) for data in files]
    verdicts, broken, slowest = Counter(), [], 0.0
    chance = random.Random(seed)
    for number in range(count):
        which = chance.randrange(len(files))
        data = mutated(files[which], chance)
        began = time.perf_counter()
        signal.alarm(SECONDS)
        try:
            refusals = read_all(data, who)
        except (Exception, Hangs) as defect:  # noqa: BLE001 - every defect is what this looks for
            frame = traceback.extract_tb(defect.__traceback__)[-1]
            broken.append(f"mutant {number}: {type(defect).__name__} at {Path(frame.filename).name}:{frame.lineno}")
            continue
        finally:
            signal.alarm(0)
        slowest = max(slowest, time.perf_counter() - began)
        verdicts.update(refusal.verdict for refusal in refusals)
        broken += [f"mutant {number} is told" for one in refusals if any(word in str(one) for word in said[which])]
    # Not `ru_maxrss`: that of the process which started this one is taken over.
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024
    print(
        json.dumps(
            {
                "originals": len(files),
                "verdicts": verdicts,
                "broken": broken,
                "slowest_s": round(slowest, 2),
                "peak_mb": peak,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
