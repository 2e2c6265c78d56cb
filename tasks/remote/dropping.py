"""Writing what a receiver takes into a drop folder: a folder a study, a file an instance."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from tasks.formats.content import Held
from tasks.formats.dicom.parse import parse_header
from tasks.remote.tray import file_name, private_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STUDY_DIGITS = 16


def dropping(folder: Path) -> Callable[[str, bytes], bool]:
    """Return what keeps instances in a folder, each study in one of its own; an instance that comes again is replaced.

    The names are digests of the UIDs. What is no DICOM that can be understood is not wanted.
    """

    def keep(uid: str, content: bytes) -> bool:
        try:
            study = parse_header(Held(content)).dataset.text("StudyInstanceUID")
        except BadData:
            return False
        name = hashlib.sha256(study.encode()).hexdigest()[:STUDY_DIGITS]
        write_whole(private_folder(folder / name) / file_name(uid), [content])
        return True

    return keep
