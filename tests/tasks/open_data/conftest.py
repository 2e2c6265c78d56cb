"""A server on this machine that can do what servers do: resume, cut, be busy, redirect, send a page."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from data_catalog.open_data import File
from tasks.open_data import https

CONTENT = bytes(range(256)) * 1200  # 300 kB
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(200, b"")

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        name = self.path.strip("/").partition("/")[0]
        getattr(self, f"get_{name}", self.get_nothing)()

    def answer(self, status, body, sent=None, **headers):
        self.send_response(status)
        if headers.pop("Content_Length", True):
            self.send_header("Content-Length", str(len(body)))
        for field, value in headers.items():
            self.send_header(field.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body if sent is None else body[:sent])
        if sent is not None or self.headers.get("X-Close"):
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(2)

    def get_file(self, sent=None, **headers):
        """Send the content, or the rest that is asked for, as good servers do."""
        content, tag = self.server.content, headers.setdefault("ETag", self.server.tag)
        asked, condition = self.headers.get("Range"), self.headers.get("If-Range", tag)
        if asked is None or condition != tag:
            return self.answer(200, content, sent, **headers)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return self.answer(416, b"", Content_Range=f"bytes */{len(content)}")
        headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.answer(206, content[start:], sent, **headers)

    def get_deaf(self):
        """Send all, whatever part is asked for."""
        self.answer(200, self.server.content)

    def get_cut(self):
        """End the connection early, as often as the server is told."""
        self.server.cuts -= 1
        self.get_file(sent=100_000 if self.server.cuts >= 0 else None)

    def get_wrongpart(self):
        """Send another part than is asked for, once."""
        if self.headers.get("Range") is None:
            return self.get_file()
        return self.answer(206, b"x", Content_Range="bytes 7-7/8", ETag=self.server.tag)

    def get_weak(self):
        """Name the version in a way that does not tell two files apart."""
        self.server.cuts -= 1
        self.get_file(sent=100_000 if self.server.cuts >= 0 else None, ETag='W/"about"')

    def get_silent(self):
        """Say no length: the end of the connection is the end of the file."""
        self.answer(200, self.server.content, sent=len(self.server.content), Content_Length=False)

    def get_busy(self):
        self.server.cuts -= 1
        self.answer(503, b"") if self.server.cuts >= 0 else self.get_file()

    def get_nothing(self):
        self.answer(404, b"gone")

    def get_page(self):
        self.answer(200, b"<html>log in</html>", Content_Type="text/html; charset=utf-8")

    def get_redirect(self):
        self.answer(302, b"", Location="/file/data.bin")

    def get_loop(self):
        self.answer(302, b"", Location="/loop/data.bin")

    def get_away(self):
        self.answer(302, b"", Location="http://example.org/data.bin")


@pytest.fixture
def server(monkeypatch):
    """Return a server on loopback, with what it is asked for in `asked`."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(https, "WAIT_SECONDS", 0.0)
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.content, made.tag, made.cuts, made.asked = CONTENT, '"one"', 1, []
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def there(server):
    """Return the function that names a file of the server."""

    def file(kind="file", sha256=DIGEST, **sizes):
        address = f"http://127.0.0.1:{server.server_address[1]}/{kind}/data.bin"
        return File(url=address, sha256=sha256, **(sizes or {"size": len(CONTENT)}))

    return file
