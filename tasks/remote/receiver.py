"""A receiver of our own: takes what a PACS sends by C-STORE, from those alone that may."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, _config, evt
from pynetdicom.transport import ThreadedAssociationServer

from data_catalog.errors import PlanError
from tasks.remote.archive import unlogged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pynetdicom.events import Event

    Keep = Callable[[str, bytes], bool]

STORED, NOT_AUTHORISED, OUT_OF_RESOURCES = 0x0000, 0x0124, 0xA700
"""What a sender is answered."""
PDU_BYTES = 128 << 10
"""Larger pieces on the wire: the library's own size of 16 kB halves the speed."""
ASSOCIATIONS = 100
"""A PACS may open one for every series, and be slow to close the last."""
POLL_SECONDS = 0.2
"""How soon a receiver ends after it was told to."""
HANDSHAKE_SECONDS = 15
"""A machine that connects and is silent keeps the others waiting so long."""
QUICK_ACKNOWLEDGEMENT: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux has it; it holds for the next bytes only."""
VERIFICATION = "1.2.840.10008.1.1"
"""C-ECHO: whoever runs the PACS can try whether we are there."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Listening:
    """Say where a receiver listens and who may send to it.

    Parameters
    ----------
    title : str
        Our AE title; a sender must call it.
    port : int
        0 takes a free one.
    address : str
        Empty listens at every address of this machine.
    titles : tuple of str
        AE titles that may send; empty allows any from the hosts allowed.
    hosts : tuple of str
        Names or addresses of machines that may send.
    tls : ssl.SSLContext or None
        With what to speak TLS.
    """

    title: str
    port: int
    address: str
    titles: tuple[str, ...]
    hosts: tuple[str, ...]
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@contextmanager
def receiver(listening: Listening, keep: Keep) -> Iterator[int]:
    """Receive while the block runs; give the port that is listened at.

    `keep` is given the UID of each instance and its file: the encoded dataset as it came, with the head of a
    file before it. It returns whether the instance was wanted. Nothing is decoded here.

    Raises
    ------
    PlanError
        When the port cannot be listened at, or a host is not known.
    """
    entity = AE(listening.title)
    entity.add_supported_context(VERIFICATION)
    entity.require_called_aet = True
    entity.require_calling_aet = list(listening.titles)
    entity.maximum_pdu_size = PDU_BYTES
    entity.maximum_associations = ASSOCIATIONS
    _config.UNRESTRICTED_STORAGE_SERVICE = True  # every storage class, in the transfer syntax its sender prefers
    handlers = receiving(keep)
    allowed = _addresses(listening.hosts)
    with unlogged("pynetdicom", "pydicom"):
        try:
            server = entity.make_server(
                (listening.address, listening.port),
                evt_handlers=handlers,
                ssl_context=listening.tls,
                server_class=_Guarded,
                allowed=allowed,
            )
        except OSError as fault:
            raise PlanError(
                f"Our receiver can listen at port {listening.port}",
                f"it cannot ({fault.strerror})",
                "Choose another port, or end what listens there.",
            ) from None
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            for association in server.active_associations:
                association.abort()
            socketserver.BaseServer.shutdown(server)
            server.server_close()
            thread.join()


def receiving(keep: Keep) -> list[Any]:
    """Return the handlers of an association over which instances come."""
    return [(evt.EVT_C_STORE, lambda event: _stored(event, keep)), (evt.EVT_CONN_OPEN, promptly)]


def promptly(event: Event) -> None:
    """Have each side told at once what the other sends: else every message waits 40 ms for an acknowledgement."""
    connection = event.assoc.dul.socket
    if connection is None or connection.socket is None:
        return
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if QUICK_ACKNOWLEDGEMENT is None:
        return
    receive = connection.recv

    def recv(count: int) -> bytearray:
        if connection.socket is not None:
            connection.socket.setsockopt(socket.IPPROTO_TCP, QUICK_ACKNOWLEDGEMENT, 1)
        return receive(count)

    connection.recv = recv  # type: ignore[method-assign, assignment]


def _stored(event: Event, keep: Keep) -> int:
    """Keep what a sender stores; return what it is answered."""
    try:
        wanted = keep(str(event.request.AffectedSOPInstanceUID), event.encoded_dataset())  # type: ignore[union-attr]
    except OSError:
        return OUT_OF_RESOURCES
    return STORED if wanted else NOT_AUTHORISED


class _Guarded(ThreadedAssociationServer):
    """Turns away machines that may not send before it listens to them."""

    def __init__(self, *arguments: object, allowed: frozenset[str], **named: object) -> None:
        self.allowed = allowed
        super().__init__(*arguments, **named)  # type: ignore[arg-type]

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection; an `OSError` has the server wait for the next."""
        if self.socket is None:
            raise OSError
        client, address = self.socket.accept()
        try:
            if _plain(address[0]) not in self.allowed:
                raise ConnectionRefusedError
            if self.ssl_context is not None:
                client.settimeout(HANDSHAKE_SECONDS)
                client = self.ssl_context.wrap_socket(client, server_side=True)
                client.settimeout(None)
        except OSError:
            client.close()
            raise
        return client, address


def _plain(address: str) -> str:
    """Return an address as IPv4 where it is one in the clothes of IPv6."""
    return address.removeprefix("::ffff:")


def _addresses(hosts: tuple[str, ...]) -> frozenset[str]:
    found: set[str] = set()
    for host in hosts:
        try:
            found |= {str(one[4][0]) for one in socket.getaddrinfo(host, None)}
        except OSError:
            raise PlanError(
                "The machines that may send are known by name or address",
                f"{host} is not",
                "Correct the name, or give the address.",
            ) from None
    return frozenset(found)


def serving_tls(certificate: Path, key: Path, trusted: Path | None) -> ssl.SSLContext:
    """Return what a receiver speaks TLS with; where certificates to trust are named, a sender must show one.

    Raises `PlanError` when a file cannot be read.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
        if trusted is not None:
            context.load_verify_locations(trusted)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError:
        raise _unreadable() from None
    return context


def asking_tls(certificate: Path | None, key: Path | None, trusted: Path | None, *, check_name: bool) -> ssl.SSLContext:
    """Return what we speak TLS with to a PACS, which must show a certificate we can verify.

    Raises `PlanError` when a file cannot be read.
    """
    context = ssl.create_default_context()
    context.check_hostname = check_name
    try:
        if trusted is not None:
            context.load_verify_locations(trusted)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError:
        raise _unreadable() from None
    return context


def _unreadable() -> PlanError:
    return PlanError(
        "`ca_file`, `certificate` and `key` of the source are PEM files, without a password",
        "one cannot be read as such",
        "Correct the path, or the file.",
    )
