"""Stand by as a receiver of what a PACS sends, and write it into a drop folder."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from tasks.remote.dropping import dropping
from tasks.remote.receiver import LOOPBACK, Listening, receiver
from tasks.remote.tray import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def listening(title: str, port: int, hosts: tuple[str, ...], titles: tuple[str, ...], address: str = "") -> Listening:
    """Return where to listen: without hosts to this machine alone, and then at its loopback address alone."""
    near = {LOOPBACK, "localhost"}
    return Listening(
        title=title,
        port=port,
        address=address or (LOOPBACK if near.issuperset(hosts) else ""),
        titles=titles,
        hosts=hosts or (LOOPBACK,),
    )


def receive(folder: Path, where: Listening, tell: Callable[[str], None]) -> None:
    """Receive instances into a folder, each study in one of its own, until `KeyboardInterrupt`.

    Raises
    ------
    PlanError
        When the port cannot be listened at, or a machine that may send is not known.
    """
    with receiver(where, dropping(private_folder(folder))) as port:
        tell(f"Receiving as {where.title} at port {port}, into {folder}. Ctrl-C ends it.")
        Event().wait()
