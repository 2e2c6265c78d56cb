"""The text of a cell: one rule for a study's categories, and for the conditions that others compare with theirs."""

from __future__ import annotations

import re
from typing import Annotated

import numpy as np
from pydantic import AfterValidator

TRUTHS = {"true": "yes", "false": "no"}
"""Truth values, as programs write them in any case, and as they are told."""
DECIMAL = re.compile(r"-?\d+\.\d*", re.ASCII)
MORE_ZEROS = 3
"""Zeros after the last digit with which a number is looked for where its text cannot be changed, as in SQL."""


def cell_text(value: object) -> str | None:
    """Return what a cell that is not missing says, None where that is nothing.

    Blanks around it do not count. Truth values are `yes` and `no`. A number is the same however it is written: 1, 1.0
    and 1.00 are `1`, 2.50 is `2.5`; a zero before it belongs to a code: `01` stays.
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    if DECIMAL.fullmatch(text):
        return text.rstrip("0").rstrip(".")
    return TRUTHS.get(text.casefold(), text) or None


def same_cell(text: str) -> str:
    """Return a text of a plan as `cell_text` says it, so that it is found in a table; an empty one stays."""
    return cell_text(text) or text


CellText = Annotated[str, AfterValidator(same_cell)]
"""A value of a table, as `cell_text` says it, however it is written in a plan or a file of rules."""


def spellings(text: str) -> tuple[str, ...]:
    """Return what a cell may say for `cell_text` to give a text, but for numbers with many zeros, itself first."""
    for written, told in TRUTHS.items():
        if text == told:
            return text, written, written.capitalize(), written.upper()
    if re.fullmatch(r"-?\d+", text, re.ASCII):
        return text, *(f"{text}.{'0' * zeros}" for zeros in range(1, MORE_ZEROS + 1))
    if DECIMAL.fullmatch(text):
        return text, *(text + "0" * zeros for zeros in range(1, MORE_ZEROS + 1))
    return (text,)
