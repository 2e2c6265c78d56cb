"""Which itemsets rules may begin with: those that have one of some columns, and none of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tasks.methods.rules.items import ItemTable


def beginning(
    table: ItemTable, itemsets: Sequence[tuple[int, ...]], required: Collection[str], excluded: Collection[str]
) -> list[tuple[int, ...]]:
    """Return the itemsets that have an item of a required column, if any is, and none of an excluded one.

    What they are does not depend on how antecedents and consequents go together, so that only they are searched.
    """
    columns = [item.column for item in table.items]
    wanted = {place for place, column in enumerate(columns) if not required or column in required}
    unwanted = {place for place, column in enumerate(columns) if column in excluded}
    return [one for one in itemsets if not wanted.isdisjoint(one) and unwanted.isdisjoint(one)]


def require_columns_apart(required: Collection[str], excluded: Collection[str]) -> None:
    """Raise `ValueError` where a column is both required and excluded."""
    both = sorted(set(required) & set(excluded))
    if both:
        raise ValueError(f"A column is required or excluded: {', '.join(both)} is both. Take it out of one.")


def require_items_of(table: ItemTable, required: Collection[str], excluded: Collection[str]) -> None:
    """Refuse columns that no item is of.

    Raises
    ------
    BadData
        If there is one.
    """
    columns = {item.column for item in table.items}
    unknown = sorted({*required, *excluded} - columns)
    if unknown:
        raise BadData(
            "unknown_antecedent",
            f"Columns required or excluded have items: {', '.join(sorted(columns))}",
            f"{', '.join(unknown)} came",
            "Correct `required_columns` or `excluded_columns`, or leave them empty.",
        )
