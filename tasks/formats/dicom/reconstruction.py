"""How a CT image was reconstructed: images of two kernels, or tube voltages, do not belong into one volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.formats.dicom.labels import machine_name
from tasks.formats.dicom.moments import first_number, levels_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.formats.dicom.elements import DataSet


@dataclass(frozen=True)
class Reconstruction:
    """What of its reconstruction a CT image states.

    Parameters
    ----------
    kernel : str
        Letters, digits and blanks only; '' where it is not stated.
    tube_kv : float or None
        Tube voltage.
    """

    kernel: str = ""
    tube_kv: float | None = None

    def is_like(self, other: Reconstruction) -> bool:
        """Say whether both may be of one volume: what one does not state, or spells otherwise, does not part them."""
        return may_be_one((self, other))


NOT_STATED = Reconstruction()


def reconstruction(dataset: DataSet, frame: DataSet | None = None) -> Reconstruction:
    """Return how an image, or a frame by its functional groups, was reconstructed; of CT alone it is asked."""
    if dataset.text("Modality") != "CT":
        return NOT_STATED
    levels = levels_of(dataset, frame)
    holders = [*(item for level in levels for item in level.items("CTReconstructionSequence")), *levels]
    kernel = next(filter(None, (holder.text("ConvolutionKernel") for holder in holders)), "")
    return Reconstruction(machine_name(kernel), first_number(levels, ("KVP", "CTXRayDetailsSequence")))


def first_reconstruction(dataset: DataSet) -> Reconstruction:
    """Return how the first frame of a file was reconstructed."""
    return reconstruction(dataset, next(iter(dataset.items("PerFrameFunctionalGroupsSequence")), None))


def may_be_one(found: Iterable[Reconstruction]) -> bool:
    """Say whether images may be of one volume by what they state."""
    held = set(found)
    kernels = {one.kernel.casefold() for one in held} - {""}
    return len(kernels) <= 1 and len({one.tube_kv for one in held} - {None}) <= 1
