"""How much of a study may be quarantined: the part of a plan that ends a run rather than go on with what is left."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from data_catalog.errors import PlanError
from tasks.sources.tables import Part

if TYPE_CHECKING:
    from data_catalog.refs import Study


ROUNDING = 1e-9
"""A limit this little below a whole number is that number: 0.29 of 100 items are 29."""


class Tolerance(Part):
    """How much of a study may be quarantined before the run ends."""

    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Largest share of the items found (series, recordings, reports and files that could not be read) that may be
    refused: 0.05 ends the run when more than one in twenty is."""
    items: Annotated[int, Field(ge=0)] | None = None
    """Most items that may be refused; empty sets no number."""

    def require(self, study: Study) -> None:
        """Refuse to go on where more is refused than is tolerated. What was computed is kept.

        Raises
        ------
        PlanError
            With what was refused, by verdict.
        """
        refused = len({refusal.item for refusal in study.refusals})
        found = max(study.found, refused)
        most = self.share * found if self.items is None else min(self.share * found, self.items)
        if refused <= most + ROUNDING:
            return
        counts = Counter(verdict for _, verdict in {(one.item, one.verdict) for one in study.refusals})
        reasons = ", ".join(f"{count} for {verdict}" for verdict, count in sorted(counts.items(), key=_most_first))
        again = ", some of them for several reasons" if sum(counts.values()) > refused else ""
        limit = f"{100 * self.share:g} % of {found}" + ("" if self.items is None else f", and at most {self.items}")
        raise PlanError(
            f"At most so many items are refused as the plan's `tolerance` allows: {limit}",
            f"{refused} were{again}: {reasons}",
            "Mend or leave out what is in quarantine, or raise the tolerance; what was computed is kept.",
        )


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    verdict, count = counted
    return -count, verdict
