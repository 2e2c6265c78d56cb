"""The archive that the tests of fetching start, and certificates for lines that are encrypted."""

from __future__ import annotations

import datetime as dt
import gc
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tasks.remote import archive
from tests.orthanc import orthanc, orthanc_of, orthanc_of_a_module, relay  # noqa: F401 - fixtures


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """Take the place of waiting; return how long was waited."""
    slept = []
    monkeypatch.setattr(archive, "sleep", slept.append)
    return slept


@pytest.fixture(autouse=True, scope="module")
def _collected():
    """Have what the tests of a module leave behind collected while their own filters of warnings hold."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Return the files of a certificate for this machine that vouches for itself, and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder / "certificate.pem", folder / "key.pem"
