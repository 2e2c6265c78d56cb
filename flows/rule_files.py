"""The rules of a study in the hands of others: the files beside the report, and their use on a table."""

from __future__ import annotations

import shutil
from collections import Counter
from importlib.metadata import version
from io import BytesIO
from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from data_catalog.errors import BadData, PlanError
from flows.words import smallest_shown
from tasks.formats.table import infer, read_table
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.rules.card_table import card_rows
from tasks.methods.rules.condition import (
    OutcomeColumn,
    PortableRules,
    apply_rules,
    portable,
)
from tasks.methods.rules.predicates import python_module, sql_script
from tasks.methods.rules.seen import column_seen, unfamiliar
from tasks.methods.rules.shown import shown_set

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from data_catalog.store import Store
    from flows.plan import Plan
    from flows.results import Mined
    from tasks.formats.table import Kind
    from tasks.methods.rules.card import CardSet
    from tasks.methods.rules.shown import ShownCards

STATES = ("holds", "fails", "applies", "does not apply", "cannot be told")
PARQUET = b"PAR1"
"""First bytes of a Parquet file."""


def rules_folder(plan: Plan) -> Path:
    """Return the folder of a study's rules, beside its report."""
    return plan.workspace / f"{plan.study}-rules"


def shown_cards(plan: Plan, mined: Mined | None, store: Store) -> ShownCards | None:
    """Return the cards of what was mined as others may see them, or None where nothing was."""
    if mined is None or mined.cards is None:
        return None
    held: CardSet = store.open(mined.cards)
    return shown_set(held, smallest_shown(plan))


def write_rules(plan: Plan, cards: ShownCards | None, cohort: pd.DataFrame) -> None:
    """Write the cards as JSON and CSV, and the rules for others as JSON, SQL and Python, beside the report.

    Of the columns of the cohort that rules ask for it is told what was seen there, but of no single patient. Without
    cards nothing of an earlier run stays there.
    """
    import pandas as pd

    folder = rules_folder(plan)
    if cards is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    asked = {item.column for card in cards.cards for item in (*card.antecedent, *card.consequent)}
    seen = {name: column_seen(cohort[name], cards.smallest) for name in sorted(asked) if name in cohort}
    rules = portable(cards.cards, plan.study, version("voxmine"), outcome_column(plan), seen)
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(card_rows(cards.cards), dtype=object)
    texts = {
        "cards.json": cards.model_dump_json(indent=1, exclude_none=False),
        "cards.csv": table.to_csv(index=False),
        "rules.json": rules.model_dump_json(indent=1),
        "rules.sql": sql_script(rules),
        "rules.py": python_module(rules),
    }
    for name, text in texts.items():
        aside = folder / f"{name}.aside"
        aside.write_text(text, encoding="utf-8")
        aside.replace(folder / name)


def outcome_column(plan: Plan) -> OutcomeColumn | None:
    """Return how the outcome stands in the clinical table; None without one."""
    outcome = plan.outcome
    if outcome is None:
        return None
    return OutcomeColumn(inside=OUTCOME, column=outcome.column, positive=outcome.positive, negative=outcome.negative)


def read_rules(path: Path) -> PortableRules:
    """Read the rules that a study has written for others (`rules.json`).

    Raises
    ------
    PlanError
        If the file is missing or holds something else.
    """
    try:
        return PortableRules.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise PlanError("The file of rules exists", f"{path} does not", "Give the `rules.json` of a study.") from None
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise PlanError(
            f"{path.name} holds the rules of a study", f"{place}: {first['msg']}", "Give the `rules.json` of a study."
        ) from None


def read_patients(path: Path, rules: PortableRules | None = None) -> pd.DataFrame:
    """Read a table to apply rules to: Parquet, CSV, TSV or Excel; columns whose cells are all numbers are numbers.

    With the rules, columns that they ask for as categories stay text, so that the code `01` is no 1.

    Raises
    ------
    PlanError
        If the file is missing or cannot be read.
    """
    import pandas as pd

    try:
        content = path.read_bytes()
        if content[:4] == PARQUET:
            return pd.read_parquet(BytesIO(content))
        written = read_table(content, None)
        kinds: dict[str, Kind] = {name: "text" for name in _categories(rules) if name in written}
        return infer(written, kinds)
    except FileNotFoundError:
        raise PlanError("The table exists", f"{path} does not", "Correct the path.") from None
    except (BadData, ValueError) as bad:
        raise PlanError(f"{path.name} can be read", str(bad), "Correct the file.") from None


def _categories(rules: PortableRules | None) -> set[str]:
    """Return the columns that rules ask for as categories."""
    asked = () if rules is None else rules.rules
    return {one.column for rule in asked for one in (*rule.antecedent, *rule.consequent) if not one.is_range}


def warnings_of(rules: PortableRules, table: pd.DataFrame) -> list[str]:
    """Return a sentence for each column of a table that holds what the study had not, or in another unit.

    Raises
    ------
    PlanError
        If a column of numbers holds something else.
    """
    try:
        return unfamiliar(rules.rules, table)
    except BadData as bad:
        raise PlanError(bad.expected, bad.came, bad.remedy) from None


def applied(rules: PortableRules, table: pd.DataFrame, key: str | None = None) -> pd.DataFrame:
    """Return one row a row of the table and rule: the row's number from 1 or its key, the rule, and its state.

    Raises
    ------
    PlanError
        If the table lacks the key, or a column that a rule asks for.
    """
    import pandas as pd

    if key is not None and key not in table:
        raise PlanError(
            "The table has the column of the key", f"it lacks {key!r}", f"Choose: {', '.join(map(str, table))}."
        )
    rows = range(1, len(table) + 1) if key is None else table[key].tolist()
    try:
        states = apply_rules(rules.rules, table)
    except BadData as bad:
        raise PlanError(bad.expected, bad.came, bad.remedy) from None
    found = [
        {"row" if key is None else key: row, "rule": rule.number, "state": state}
        for rule, of_rule in zip(rules.rules, states, strict=True)
        for row, state in zip(rows, of_rule, strict=True)
    ]
    return pd.DataFrame(found, columns=["row" if key is None else key, "rule", "state"])


def summary(rules: PortableRules, found: pd.DataFrame) -> Group:
    """Return what each rule says, and below how many rows are in which state of each, for the terminal."""
    counts = Counter(zip(found["rule"], found["state"], strict=True))
    shown = Table("rule", *(Column(state, justify="right") for state in STATES))
    for rule in rules.rules:
        shown.add_row(rule.number, *(str(counts[rule.number, state]) for state in STATES))
    said = (Text(f"{rule.number}: {rule.sentence}") for rule in rules.rules)
    return Group(*said, shown)


def chosen_rules(rules: PortableRules, numbers: tuple[str, ...] = (), *, everything: bool) -> PortableRules:
    """Return the rules of some numbers; without any those that are claimed, or all.

    Raises
    ------
    PlanError
        If a number is of no rule, or none is claimed.
    """
    unknown = sorted(set(numbers) - {rule.number for rule in rules.rules})
    if unknown:
        there = ", ".join(rule.number for rule in rules.rules)
        raise PlanError("Rules are chosen by their numbers", f"{', '.join(unknown)} is none", f"Choose among: {there}.")
    if numbers:
        chosen = tuple(rule for rule in rules.rules if rule.number in numbers)
    else:
        chosen = tuple(rule for rule in rules.rules if everything or rule.status == "claimed")
    if not chosen:
        raise PlanError(
            "A rule to apply is claimed", f"none of {len(rules.rules)} is", "Take those that are not, too, with --all."
        )
    return rules.model_copy(update={"rules": chosen})
