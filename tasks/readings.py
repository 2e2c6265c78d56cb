"""Read the table of readings under pseudonyms, and mine rules over several readers' ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData
from data_catalog.kinds import RULES, TABLE
from tasks.formats.table import infer, read_table
from tasks.stage import stage
from tasks.tables import patient_ids

if TYPE_CHECKING:
    import pandas as pd

    from tasks.formats.content import Content
    from tasks.formats.identities import Identities
    from tasks.methods.rules import Discretiser
    from tasks.methods.rules.items import ColumnLabel
    from tasks.methods.rules.reading_rule import ReadingRuleSet
    from tasks.methods.rules.readings import ReadingMiner


@stage(TABLE, keeps_parameters=False)
def read_readings(
    files: list[Content],
    *,
    sheet: str | None,
    patient: str,
    pattern: str,
    case: str,
    reader: str,
    ratings: tuple[str, ...],
    identities: Identities,
) -> pd.DataFrame:
    """Return one row a reading: the pseudonym, the number of the patient's case, the reader, and the ratings."""
    written = read_table(files[0].read(), sheet)
    missing = [column for column in (patient, case, reader, *ratings) if column not in written.columns]
    if missing:
        raise BadData(
            "no_such_column",
            f"The table of readings has the columns {', '.join((patient, case, reader, *ratings))}",
            f"it lacks {', '.join(missing)}",
            "Correct the plan, or the table's head.",
        )
    ids = patient_ids(written, patient, pattern)
    table = infer(written[list(ratings)])
    table.insert(0, "patient", [None if one is None else identities.pseudonym(one) for one in ids])
    table.insert(1, "case", written[case].where(written[case] != "").to_numpy())
    table.insert(2, "reader", written[reader].where(written[reader] != "").to_numpy())
    table = table[table["patient"].notna()].sort_values(["patient", "case", "reader"], ignore_index=True)
    return table.assign(case=table.groupby("patient")["case"].transform(_numbered))


def _numbered(cases: pd.Series) -> pd.Series:
    """Return the numbers of a patient's cases from 1, by their names, which may tell the patient; missing stays so."""
    import pandas as pd

    numbers, _ = pd.factorize(cases, sort=True)
    return pd.Series(numbers + 1, index=cases.index, dtype="Int64").where(cases.notna())


@stage(RULES)
def mine_readings(
    readings: pd.DataFrame,
    cohort: pd.DataFrame,
    *,
    columns: dict[str, ColumnLabel],
    discretiser: Discretiser,
    miner: ReadingMiner,
) -> ReadingRuleSet:
    """Return the rules over the readings of the cohort's patients."""
    return miner(readings[readings["patient"].isin(cohort["patient"])], columns, discretiser)
