"""What the header of a drawn object (structure set, segmentation) tells: on which series, which regions, by whom."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from tasks.formats.dicom.labels import identity_tokens, safe_label
from tasks.formats.dicom.rtstruct import names_of
from tasks.formats.dicom.seg import LABEL_MAP, SEGMENTATION, segment_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.identities import Identities

INSTANCES = 64
"""Images that a segmentation refers to, so many of which tell the series."""


def structure_facts(header: DataSet, identities: Identities) -> dict[str, Any]:
    """Return what a file was drawn on, the names of its regions, and who drew them; identities replaced."""
    if header.text("SOPClassUID") in {SEGMENTATION, LABEL_MAP}:
        return _segmentation_facts(header, identities)
    drawn_on = [
        series
        for frame in header.items("ReferencedFrameOfReferenceSequence")
        for study in frame.items("RTReferencedStudySequence")
        for series in study.items("RTReferencedSeriesSequence")
    ]
    return {
        "referenced_series": _keyed(drawn_on, identities),
        "referenced_instances": _instances(_of_contours(header), identities),
        "regions": tuple(names_of(header)),
        "reader": _reader(header.text("ReviewerName") or header.text("OperatorsName"), identities),
        "label": safe_label(header.text("StructureSetLabel"), identity_tokens(header)),
    }


def _segmentation_facts(header: DataSet, identities: Identities) -> dict[str, Any]:
    """Return the facts of a segmentation; its label names the kind of content, not a reader."""
    named = _keyed(header.items("ReferencedSeriesSequence"), identities)
    return {
        "referenced_series": named,
        "referenced_instances": () if named else _instances(_of_frames(header), identities),
        "regions": tuple(segment_names(header)),
        "reader": _reader(header.text("ContentCreatorName"), identities),
        "label": None,
    }


def _of_contours(header: DataSet) -> Iterator[DataSet]:
    """Yield the images that contours say they were drawn on."""
    for region in header.items("ROIContourSequence"):
        for contour in region.items("ContourSequence"):
            yield from contour.items("ContourImageSequence")


def _of_frames(header: DataSet) -> Iterator[DataSet]:
    """Yield the images that the frames of a segmentation were derived from."""
    groups = (*header.items("SharedFunctionalGroupsSequence"), *header.items("PerFrameFunctionalGroupsSequence"))
    derived = (one for group in groups for one in group.items("DerivationImageSequence"))
    for holder in chain(derived, (header,)):
        yield from holder.items("SourceImageSequence")


def _instances(images: Iterable[DataSet], identities: Identities) -> tuple[str, ...]:
    """Return the keyed names of the first of some images, each once."""
    uids = filter(None, (one.text("ReferencedSOPInstanceUID") for one in images))
    seen: dict[str, None] = {}
    for uid in uids:
        seen[uid] = None
        if len(seen) == INSTANCES:
            break
    return tuple(map(identities.opaque, seen))


def _keyed(series: Iterable[DataSet], identities: Identities) -> tuple[str, ...]:
    named = (one.require_text("SeriesInstanceUID") for one in series)
    return tuple(dict.fromkeys(identities.opaque(uid) for uid in named))


def _reader(name: str, identities: Identities) -> str | None:
    return identities.opaque(name) if name else None
