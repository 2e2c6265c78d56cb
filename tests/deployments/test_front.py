"""What stands in front of Prefect: certificates that hold, and an nginx that lets in by TLS alone."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import distributed.security
import httpx
import pytest

import deployments

FOLDER = Path(deployments.__file__).parent
CONFIGURATION = (FOLDER / "nginx.conf").read_text(encoding="utf-8")
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (apt-get install nginx-light)")
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
HOST = "scans.example"


def make(folder):
    return subprocess.run(
        [FOLDER / "make-secrets.sh", "--host", HOST, folder], capture_output=True, text=True, check=True
    )


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    make(folder)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_secrets_are_made_once_and_kept(secrets):
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    assert len(before) > 8
    make(secrets)
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before


def test_passwords_are_long_and_none_is_like_another(secrets, tmp_path):
    make(tmp_path / "others")
    texts = [
        (folder / name).read_text(encoding="ascii").strip()
        for folder in (secrets, tmp_path / "others")
        for name in ("api-auth", "database", "study-key")
    ]
    assert len(set(texts)) == 6
    assert all(re.fullmatch(r"(voxmine:)?[0-9a-f]{64}", text) for text in texts)


def test_others_of_the_machine_do_not_reach_the_secrets(secrets):
    assert secrets.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o222 == 0 for path in secrets.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in secrets.glob("*-ca.key"))


def test_what_is_made_says_nothing_secret(tmp_path):
    said = make(tmp_path / "secrets").stdout
    assert (tmp_path / "secrets" / "study-key").read_text(encoding="ascii").strip() not in said


@contextmanager
def shaking(certificate, key, authority):
    """Give what a client finds out who shakes hands with a server of a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)

    def shake(client, name):
        ours, theirs = socket.socketpair()
        with ours, theirs:

            def serve():
                with context.wrap_socket(theirs, server_side=True, do_handshake_on_connect=False) as held:
                    held.do_handshake()
                    held.sendall(b"in")

            server = threading.Thread(target=serve)
            server.start()
            try:
                with client.wrap_socket(ours, server_hostname=name) as held:
                    return held.recv(2)
            finally:
                server.join()

    yield shake


def test_the_parts_of_dask_shake_hands_by_their_certificates(secrets):
    client = ssl.create_default_context(cafile=secrets / "dask-ca.pem")
    client.load_cert_chain(secrets / "dask.pem", secrets / "dask.key")
    with shaking(secrets / "dask.pem", secrets / "dask.key", secrets / "dask-ca.pem") as shake:
        assert shake(client, "dask-scheduler") == b"in"


def test_dask_takes_the_certificates(secrets):
    ends = {
        f"tls_{role}_{word}": str(secrets / f"dask.{ending}")
        for role in ("scheduler", "worker", "client")
        for word, ending in (("cert", "pem"), ("key", "key"))
    }
    held = distributed.security.Security(tls_ca_file=str(secrets / "dask-ca.pem"), require_encryption=True, **ends)
    for role in ("scheduler", "worker", "client"):
        assert held.get_connection_args(role)["ssl_context"].verify_mode is ssl.CERT_REQUIRED


def directives(text):
    """Return the directives of a configuration as words, each with the blocks it stands in."""
    plain = re.sub(r"#.*", "", text)
    found, blocks = [], []
    for words, end in re.findall(r"([^;{}]*)([;{}])", plain):
        if end == ";":
            found.append((tuple(blocks), words.split()))
        elif end == "{":
            blocks.append(words.split()[0])
        else:
            assert not words.strip(), f"{words} has no end"
            blocks.pop()
    assert not blocks
    assert not re.sub(r"[^;{}]*[;{}]", "", plain).strip(), "after the last block nothing is left"
    return found


def test_every_directive_of_nginx_ends_and_every_block_is_closed():
    assert len(directives(CONFIGURATION)) > 30
    with pytest.raises((AssertionError, IndexError)):
        directives(CONFIGURATION.replace("}", "", 1))


def test_nginx_listens_with_tls_alone_and_notes_no_address():
    held = directives(CONFIGURATION)
    assert all("ssl" in words for _, words in held if words[0] == "listen")
    assert [words for _, words in held if words[0] == "ssl_protocols"] == [["ssl_protocols", "TLSv1.2", "TLSv1.3"]]
    assert [words for _, words in held if words[0] == "access_log"] == [["access_log", "off"]]
    passed = {words[1]: words[2] for blocks, words in held if words[0] == "proxy_set_header"}
    assert passed["Upgrade"] == "$http_upgrade", "logs and events come over WebSockets"


class Upstream(BaseHTTPRequestHandler):
    """Stands for Prefect's server: lets in with a password, and tells what it was sent."""

    def do_GET(self):
        let_in = self.headers.get("Authorization") == httpx.BasicAuth("voxmine", "word")._auth_header
        self.send_response(200 if let_in else 401)
        self.end_headers()
        if let_in:
            self.wfile.write("\n".join(f"{name}: {value}" for name, value in self.headers.items()).encode())

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def front(secrets, tmp_path_factory):
    """Start nginx with our configuration in front of a server; give a client that trusts our authority alone."""
    folder = tmp_path_factory.mktemp("nginx")
    upstream = HTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port = free_port()
    text = CONFIGURATION.replace("/tmp/", f"{folder}/").replace("/run/secrets", str(secrets))
    text = text.replace("listen 8443", f"listen 127.0.0.1:{port}")
    text = text.replace("http://server:4200", f"http://127.0.0.1:{upstream.server_port}")
    (folder / "nginx.conf").write_text("daemon off;\n" + text, encoding="utf-8")
    command = [NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        trusted = ssl.create_default_context(cafile=secrets / "web-ca.pem")
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted) as client:
            limit = time.monotonic() + 20
            while time.monotonic() < limit and process.poll() is None:
                try:
                    client.get("/")
                except httpx.TransportError:
                    time.sleep(0.05)
                else:
                    break
            yield client
    finally:
        process.terminate()
        process.communicate(timeout=20)
        upstream.shutdown()
        upstream.server_close()


@needs_nginx
def test_nginx_hands_on_to_the_server_by_tls_and_says_so(front):
    answer = front.get("/api/flows", auth=("voxmine", "word"))
    assert answer.status_code == 200
    assert "X-Forwarded-Proto: https" in answer.text
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["x-frame-options"] == "DENY"
    assert not re.search(r"\d", answer.headers["server"]), "the version is nobody's business"


@needs_nginx
def test_nginx_lets_the_server_refuse(front):
    assert front.get("/api/flows", auth=("voxmine", "guess")).status_code == 401
    assert front.get("/api/flows").status_code == 401


@needs_nginx
def test_nginx_does_not_speak_without_tls(front):
    plain = str(front.base_url).replace("https", "http")
    assert httpx.get(plain, auth=("voxmine", "word")).status_code == 400


@needs_nginx
def test_nginx_hands_web_sockets_on(front):
    answer = front.get("/api/events/out", auth=("voxmine", "word"), headers={"Upgrade": "websocket"})
    assert "Upgrade: websocket" in answer.text
    assert "Connection: upgrade" in answer.text
