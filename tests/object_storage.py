"""Object storage for tests: moto's S3 server on this machine, with made-up credentials."""

from __future__ import annotations

import logging
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import pytest
import s3fs
from moto.server import ThreadedMotoServer

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@cache
def endpoint() -> str:
    """Return where the server of this process answers; it is started once, and ends with the process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@contextmanager
def empty_bucket():
    """Give the URL of a bucket of its own; the environment leads every S3 client there, of child processes too."""
    name = f"bucket-{uuid.uuid4().hex}"
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in ENVIRONMENT.items():
            patch.setenv(variable, value)
        patch.setenv("AWS_ENDPOINT_URL", endpoint())
        patch.delenv("AWS_PROFILE", raising=False)
        s3fs.S3FileSystem().mkdir(name)
        yield f"s3://{name}"


@dataclass
class Requests:
    """What was asked of the object storage since it was last cleared: method, name and range of bytes."""

    made: list[tuple[str, str, str]] = field(default_factory=list)

    def methods(self):
        """Return what was asked for, in order: and forget it."""
        asked = [method for method, _, _ in self.made]
        self.made.clear()
        return asked


@contextmanager
def noted_requests():
    """Note every request that this process makes inside the block."""
    requests = Requests()
    original = s3fs.S3FileSystem._call_s3

    async def noted(self, method, *arguments, **named):
        asked = {**(arguments[0] if arguments else {}), **named}
        requests.made.append((method, asked.get("Key") or asked.get("Prefix") or "", asked.get("Range", "")))
        return await original(self, method, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3fs.S3FileSystem, "_call_s3", noted)
        yield requests
