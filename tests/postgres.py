"""A PostgreSQL of the tests' own: on the loopback address, run by a user that is not root, gone with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.orthanc import free_port

HERE = "127.0.0.1"
USER = "voxmine"
READY_SECONDS = 60


def programs():
    """Return the folder of PostgreSQL's programs, or None."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


def somebody():
    """Return a user that may run the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


@contextmanager
def server():
    """Give the URL of a server, without a database's name; skip where PostgreSQL is not installed."""
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    user = somebody()
    if os.geteuid() == 0 and user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
    folder = Path(tempfile.mkdtemp(prefix="voxmine-postgres-", dir=os.environ.get("TMPDIR", "/tmp")))
    try:
        if user is not None:
            shutil.chown(folder, user)
        with running(bin_folder, folder, user) as port:
            yield f"postgresql://{USER}@{HERE}:{port}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(bin_folder, folder, user):
    """Run a server whose files lie in a folder, and give its port."""
    port, data, log = free_port(), folder / "data", folder / "log.txt"
    options = {"user": user, "cwd": folder, "stdin": subprocess.DEVNULL}
    setup = [
        bin_folder / "initdb",
        "-D",
        data,
        "-U",
        USER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    made = subprocess.run(setup, capture_output=True, text=True, check=False, **options)
    assert made.returncode == 0, made.stderr
    settings = {"listen_addresses": HERE, "port": port, "unix_socket_directories": "", "fsync": "off"}
    command = [bin_folder / "postgres", "-D", data]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, **options)
    try:
        wait_for(port, process, log)
        yield port
    finally:
        process.send_signal(signal.SIGINT)  # ends the connections that are left, too
        process.wait(30)


def wait_for(port, process, log):
    limit = time.monotonic() + READY_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        try:
            psycopg.connect(host=HERE, port=port, user=USER, dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("PostgreSQL does not start: " + log.read_text(encoding="utf-8")[-2000:])


def new_database(url):
    """Return the URL of an empty database of a server."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url}/{name}"
