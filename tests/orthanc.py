"""A real archive for the tests: Orthanc on the loopback address, and a line to it that can be watched and cut."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom.uid import generate_uid

from tests.tasks.conftest import dicom

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
needs_orthanc = pytest.mark.skipif(
    shutil.which("Orthanc") is None or not PLUGIN.exists(),
    reason="Orthanc is not installed (apt-get install orthanc orthanc-dicomweb)",
)
LEAK = "ignore:Exception ignored in. <(socket|ssl):pytest.PytestUnraisableExceptionWarning"
"""pynetdicom leaves a socket open that could not be connected, for the garbage collector to close."""
READY_SECONDS = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Orthanc:
    """An archive in a folder of its own, from its start until `kill`."""

    def __init__(self, folder, our_port=None, auth=None, **configuration):
        self.folder, self.auth = folder, auth
        self.http, self.dicom, self.our_port = free_port(), free_port(), our_port or free_port()
        users = {"AuthenticationEnabled": True, "RegisteredUsers": dict([auth])} if auth else {}
        held = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [str(PLUGIN)],
            "HttpPort": self.http,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomPort": self.dicom,
            "DicomAet": "ORTHANC",
            "DicomCheckCalledAet": True,
            "DicomModalities": {"us": ["VOXMINE", "127.0.0.1", self.our_port]},
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "StableAge": 1,
            "OverwriteInstances": True,
            **users,
            **configuration,
        }
        folder.mkdir()
        (folder / "orthanc.json").write_text(json.dumps(held), encoding="utf-8")
        self.start()

    def start(self):
        log = (self.folder / "log.txt").open("ab")
        command = ["Orthanc", str(self.folder / "orthanc.json")]
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        limit = time.monotonic() + READY_SECONDS
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                if httpx.get(self.at("/system"), auth=self.auth).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        pytest.fail("Orthanc does not start: " + (self.folder / "log.txt").read_text(encoding="utf-8")[-2000:])

    def at(self, path):
        return f"http://127.0.0.1:{self.http}{path}"

    @property
    def url(self):
        return self.at("/dicom-web")

    def upload(self, *files):
        """Store files; return those it takes: it refuses what is no whole DICOM."""
        with httpx.Client(auth=self.auth) as client:
            return [one for one in files if client.post(self.at("/instances"), content=one).is_success]

    def delete_all(self):
        for patient in httpx.get(self.at("/patients")).json():
            httpx.delete(self.at(f"/patients/{patient}")).raise_for_status()

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def orthanc_of(tmp_path):
    """Return the function that starts an archive with a configuration; all end with the test."""
    started = []

    def start(**configuration):
        started.append(Orthanc(tmp_path / f"orthanc-{len(started)}", **configuration))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture(scope="module")
def orthanc_of_a_module(tmp_path_factory):
    """Return an archive that the tests of a module fill once and only read from."""
    one = Orthanc(tmp_path_factory.mktemp("archive") / "orthanc")
    yield one
    one.kill()


@pytest.fixture
def orthanc(orthanc_of):
    """Return an empty archive that lets everyone in."""
    return orthanc_of()


def slices(count, patient="MRN-7744110", series="1.2.4", first=0, **elements):
    """Return the files of an axial series of 24 x 20 pixels, each slice with values of its own."""
    return [
        dicom(
            PatientID=patient,
            StudyInstanceUID=f"{series}.1",
            SeriesInstanceUID=series,
            SOPInstanceUID=generate_uid(entropy_srcs=[series, str(z)]),
            Rows=24,
            Columns=20,
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            BitsAllocated=16,
            BitsStored=16,
            HighBit=15,
            PixelRepresentation=1,
            PixelSpacing=[2.0, 1.0],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0.0, 0.0, 3.0 * z],
            RescaleSlope=1,
            RescaleIntercept=-1000,
            PixelData=np.random.default_rng(z).integers(0, 2000, (24, 20), dtype="int16").tobytes(),
            **elements,
        )
        for z in range(first, first + count)
    ]


class Relay:
    """A line to a server: notes what is asked for, and can break off or fall silent after some bytes."""

    def __init__(self, port):
        self.target, self.asked = port, []
        self.breaks, self.stalls_after = [], None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def paths(self, pattern):
        """Return the paths asked for that match."""
        return [path for path in self.asked if re.search(pattern, path)]

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
            try:
                while data := client.recv(1 << 16):
                    self.asked += re.findall(r"^GET (\S+)", data.decode("latin-1"), flags=re.MULTILINE)
                    server.sendall(data)
            except OSError:
                pass

    def _answers(self, server, client):
        try:
            while data := server.recv(1 << 12):
                for place, (pattern, left) in enumerate(self.breaks):
                    if re.search(pattern, self.asked[-1]):
                        self.breaks[place] = (pattern, left - len(data))
                        if left <= len(data):
                            del self.breaks[place]
                            client.sendall(data[: max(left, 0)])
                            client.shutdown(socket.SHUT_RDWR)
                            return
                        break
                client.sendall(data)
                self._stall(len(data))
        except OSError:
            pass

    def _stall(self, count):
        if self.stalls_after is not None and re.search(r"/series/[0-9.]+$", self.asked[-1]):
            self.stalls_after -= count
            if self.stalls_after <= 0:
                time.sleep(60)


@pytest.fixture
def relay(orthanc):
    """Return a line to the archive's web service."""
    line = Relay(orthanc.http)
    yield line
    line.listener.close()
