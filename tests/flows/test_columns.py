"""What the columns of a cohort are called."""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.columns import _measured


@dataclass
class Drawn:
    modality: str
    regions: list[str] = field(default_factory=list)


def test_the_scans_that_were_measured_tell_the_unit():
    plain, drawn, other = Drawn("PT"), Drawn("PT", ["tumour"]), Drawn("CT")
    assert _measured([plain, drawn, other]) == [drawn, other]
