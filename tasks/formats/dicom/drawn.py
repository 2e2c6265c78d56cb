"""What the header of a drawn object (structure set, segmentation) tells: on which series, which regions, by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.formats.dicom.labels import identity_tokens, safe_label
from tasks.formats.dicom.rtstruct import names_of

if TYPE_CHECKING:
    from tasks.formats.dicom.elements import DataSet
    from tasks.formats.identities import Identities


def structure_facts(header: DataSet, identities: Identities) -> dict[str, Any]:
    """Return what an RTSTRUCT was drawn on, the names of its regions, and who drew them; identities replaced."""
    drawn_on = [
        identities.opaque(series.require_text("SeriesInstanceUID"))
        for frame in header.items("ReferencedFrameOfReferenceSequence")
        for study in frame.items("RTReferencedStudySequence")
        for series in study.items("RTReferencedSeriesSequence")
    ]
    drawer = header.text("ReviewerName") or header.text("OperatorsName")
    return {
        "referenced_series": tuple(dict.fromkeys(drawn_on)),
        "regions": tuple(names_of(header)),
        "reader": identities.opaque(drawer) if drawer else None,
        "label": safe_label(header.text("StructureSetLabel"), identity_tokens(header)),
    }
