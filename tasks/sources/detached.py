"""Which file holds the voxels of a header that stands alone: `.nhdr`, `.mhd`, `.hdr`."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from tasks.formats.content import HEAD_BYTES
from tasks.formats.metaimage import is_metaimage, read_meta_header
from tasks.formats.nifti import is_detached
from tasks.formats.nrrd import is_nrrd, read_nrrd_header

if TYPE_CHECKING:
    from tasks.formats.content import Content

ROLES = ("image", "mask")
"""What may have a header of its own."""


def voxel_file(name: str, content: Content) -> str | None:
    """Return the name of the file that holds a header's voxels, None where they follow it or it names none.

    Names are POSIX paths below the source's root. A file is looked for beside the header and below; whoever names
    another place, several files, or none that can be understood, gets none.
    """
    here = PurePosixPath(name)
    named = _named(here, content.range(0, HEAD_BYTES))
    if named is None:
        return None
    beside = PurePosixPath(named)
    if beside.is_absolute() or ".." in beside.parts or "\\" in named or ":" in named:
        return None
    return (here.parent / beside).as_posix()


def _named(here: PurePosixPath, head: bytes) -> str | None:
    if is_detached(head):
        return here.with_suffix(".IMG" if here.suffix == ".HDR" else ".img").name
    try:
        if is_nrrd(head):
            return read_nrrd_header(head).data_file
        return read_meta_header(head).data_file if is_metaimage(head) else None
    except BadData:  # whoever reads the file says what is wrong with it
        return None
