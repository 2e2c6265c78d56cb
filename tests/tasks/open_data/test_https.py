"""One file over https: whole and checked, or a refusal that says what to do; never half a file under its name."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections import namedtuple
from ipaddress import ip_address

import pytest

from data_catalog.open_data import File
from tasks.open_data import https
from tasks.open_data.answers import DownloadError
from tasks.open_data.https import fetch, sha256_of

SIZE = 307_200


def silent(_):
    pass


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_nothing_is_left_beside_it(there, server, tmp_path):
    came = fetch(there(), tmp_path / "below" / "data.bin", None, silent)
    assert came.path.read_bytes() == server.content
    assert (came.size, came.sha256, came.how) == (SIZE, sha256_of(came.path), "fetched")
    assert names(tmp_path / "below") == ["data.bin"]


def test_a_file_that_is_there_is_not_asked_for_again(there, server, tmp_path):
    fetch(there(), tmp_path / "data.bin", None, silent)
    assert fetch(there(), tmp_path / "data.bin", None, silent).how == "there"
    assert len(server.asked) == 1


def test_another_file_of_the_name_is_refused_and_not_touched(there, server, tmp_path):
    target = tmp_path / "data.bin"
    for other, told in ((b"mine", "it has 4 bytes and not 307,200"), (bytes(SIZE), "its SHA-256 begins with")):
        target.write_bytes(other)
        with pytest.raises(DownloadError, match=told):
            fetch(there(), target, None, silent)
        assert target.read_bytes() == other
    assert not server.asked


def test_a_cut_connection_is_taken_up_where_it_ended(there, server, tmp_path):
    server.cuts = 2
    fetch(there("cut"), tmp_path / "data.bin", None, silent)
    assert (tmp_path / "data.bin").read_bytes() == server.content
    assert [asked for _, asked in server.asked] == [None, "bytes=100000-", "bytes=200000-"]


def test_what_has_come_is_kept_for_the_next_call(there, server, tmp_path):
    server.cuts = 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(https, "ATTEMPTS", 1)
        with pytest.raises(DownloadError, match=r"the connection was cut.*run the same command again to go on"):
            fetch(there("cut"), tmp_path / "data.bin", None, silent)
    assert names(tmp_path) == ["data.bin.part", "data.bin.part.version"]
    assert (tmp_path / "data.bin.part").stat().st_size == 100_000
    fetch(there("cut"), tmp_path / "data.bin", None, silent)
    assert names(tmp_path) == ["data.bin"]
    assert (tmp_path / "data.bin").read_bytes() == server.content


def test_a_file_that_has_changed_on_the_server_is_begun_anew(there, server, tmp_path):
    """Without a published checksum nothing else would tell that two halves are of two files."""
    part = tmp_path / "data.bin.part"
    part.write_bytes(b"of the file before")
    part.with_name("data.bin.part.version").write_text('"before"')
    came = fetch(there(sha256=None, at_most=SIZE), tmp_path / "data.bin", None, silent)
    assert came.path.read_bytes() == server.content
    assert server.asked == [("/file/data.bin", "bytes=18-")]


@pytest.mark.parametrize(("sha256", "resumed"), [("known", True), (None, False)])
def test_a_part_is_resumed_only_where_it_can_be_told_that_it_is_of_the_same_file(
    there, server, tmp_path, sha256, resumed
):
    file = there("weak", size=SIZE) if sha256 else there("weak", sha256=None, at_most=SIZE)
    fetch(file, tmp_path / "data.bin", None, silent)
    assert (tmp_path / "data.bin").read_bytes() == server.content
    assert server.asked[1][1] == ("bytes=100000-" if resumed else None)


def test_a_server_that_cannot_resume_sends_all_of_it(there, server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(server.content[:1000])
    fetch(there("deaf"), tmp_path / "data.bin", None, silent)
    assert (tmp_path / "data.bin").read_bytes() == server.content


def test_another_part_than_was_asked_for_is_not_appended(there, server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(server.content[:1000])
    fetch(there("wrongpart"), tmp_path / "data.bin", None, silent)
    assert (tmp_path / "data.bin").read_bytes() == server.content


@pytest.mark.parametrize("sizes", [{"size": SIZE}, {"at_most": SIZE + 5}])
def test_a_part_that_is_whole_already_only_gets_its_name(there, server, tmp_path, sizes):
    (tmp_path / "data.bin.part").write_bytes(server.content)
    fetch(there(**sizes), tmp_path / "data.bin", None, silent)
    assert (tmp_path / "data.bin").read_bytes() == server.content
    assert names(tmp_path) == ["data.bin"]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(there, server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(server.content + b"more")
    fetch(there(at_most=SIZE + 5), tmp_path / "data.bin", None, silent)
    assert (tmp_path / "data.bin").read_bytes() == server.content


def test_a_wrong_checksum_is_refused_and_what_came_is_kept_as_bad(there, server, tmp_path):
    with pytest.raises(DownloadError, match=r"its SHA-256 begins with .* and not with 000000000000; it is kept as"):
        fetch(there(sha256="0" * 64), tmp_path / "data.bin", None, silent)
    assert names(tmp_path) == ["data.bin.bad"]
    assert (tmp_path / "data.bin.bad").read_bytes() == server.content
    fetch(there(), tmp_path / "data.bin", None, silent)
    assert names(tmp_path) == ["data.bin", "data.bin.bad"]


def test_a_file_without_a_published_checksum_is_compared_with_the_recorded_one(there, tmp_path):
    with pytest.raises(DownloadError, match="and not with 111111111111"):
        fetch(there(sha256=None, at_most=SIZE), tmp_path / "data.bin", "1" * 64, silent)


def test_a_shorter_file_than_stated_is_refused(there, tmp_path):
    with pytest.raises(DownloadError, match="it has 307,200 bytes and not 400,000"):
        fetch(there(sha256=None, size=400_000), tmp_path / "data.bin", None, silent)


@pytest.mark.parametrize(("kind", "came"), [("file", "307,200"), ("silent", "more")])
def test_no_more_than_the_stated_size_is_taken(there, tmp_path, kind, came):
    with pytest.raises(DownloadError, match=f"has at most 1,000 bytes: {came} were to come"):
        fetch(there(kind, at_most=1000), tmp_path / "data.bin", None, silent)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000


def test_a_file_whose_length_the_server_does_not_say_comes_too(there, server, tmp_path):
    fetch(there("silent"), tmp_path / "data.bin", None, silent)
    assert (tmp_path / "data.bin").read_bytes() == server.content


def test_a_full_disk_is_told_before_anything_comes(there, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 8, 2))
    with pytest.raises(DownloadError, match="it needs 307,200 bytes and 2 are free"):
        fetch(there(), tmp_path / "data.bin", None, silent)


def test_a_busy_server_is_asked_again(there, server, tmp_path):
    server.cuts = 2
    fetch(there("busy"), tmp_path / "data.bin", None, silent)
    server.cuts = 9
    with pytest.raises(DownloadError, match=r"the server is busy \(it answered 503\), 4 times"):
        fetch(there("busy"), tmp_path / "other.bin", None, silent)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nothing", "127.0.0.1 answered 404"),
        ("page", "a web page came"),
        ("loop", "5 redirects, and no end"),
        ("away", "a redirect leads away from it"),
    ],
)
def test_what_is_no_file_is_refused_with_what_to_do(there, tmp_path, kind, told):
    with pytest.raises(DownloadError, match=told) as refused:
        fetch(there(kind), tmp_path / "data.bin", None, silent)
    assert refused.value.remedy
    assert names(tmp_path) == []


def test_a_redirect_that_stays_here_is_followed(there, tmp_path):
    assert fetch(there("redirect"), tmp_path / "data.bin", None, silent).size == SIZE


def test_progress_is_told(there, tmp_path, monkeypatch):
    monkeypatch.setattr(https, "TELL_BYTES", 1)
    told = []
    fetch(there(), tmp_path / "data.bin", None, told.append)
    assert told[-1] == "  data.bin: 0 of 0 MB"


@pytest.mark.parametrize("address", ["https://127.0.0.1:{port}/data.bin", "https://no-such-host.invalid/data.bin"])
def test_without_a_connection_one_sentence_says_so(tmp_path, address, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        file = File(url=address.format(port=free.getsockname()[1]), at_most=9, sha256=None)
    with pytest.raises(DownloadError, match=r"can be reached over the network: .*Check the connection") as refused:
        fetch(file, tmp_path / "data.bin", None, silent)
    assert "\n" not in str(refused.value)
    assert names(tmp_path) == []


def certificate(folder):
    """Write a key and a certificate of this machine that it has signed itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "cert.pem").write_bytes(made.public_bytes(encoding))


def test_https_is_checked(server, there, tmp_path, monkeypatch):
    certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    file = there().model_copy(update={"url": there().url.replace("http:", "https:")})
    with pytest.raises(DownloadError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(file, tmp_path / "data.bin", None, silent)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    assert fetch(file, tmp_path / "data.bin", None, silent).size == SIZE
