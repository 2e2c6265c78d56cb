"""Judge models by nested cross-validation, beside controls that show what chance and leakage would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_catalog.kinds import CONTROL, EVALUATION, MODEL, RULES, TABLE
from tasks.methods.cohort.wide import OUTCOME
from tasks.methods.learning.final_model import fit_final
from tasks.methods.learning.repeated import Repeated
from tasks.methods.learning.rule_list_words import rule_list_in_words
from tasks.methods.learning.scanner_effects import scanner_effects as effects_of_scanners
from tasks.stage import stage

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from tasks.methods.learning import Harmoniser, Learner
    from tasks.methods.learning.controls import LeakCheck, LeakReport, Permutations, PermutedLabels
    from tasks.methods.learning.evaluation import Evaluation
    from tasks.methods.learning.nested import NestedCrossValidation
    from tasks.methods.learning.rule_list_words import RuleListInWords
    from tasks.methods.learning.stable_features import StableFeatures
    from tasks.methods.rules.items import ColumnLabel

UNKNOWN_SCANNER = "unknown"


def _known(
    cohort: pd.DataFrame, columns: tuple[str, ...]
) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    """Return features, outcome, patients and scanners of the rows whose outcome is known."""
    rows = cohort[cohort[OUTCOME].notna()]
    return (
        rows[list(columns)],
        rows[OUTCOME].to_numpy().astype(int),
        rows["patient"].to_numpy(),
        rows["scanner"].fillna(UNKNOWN_SCANNER).to_numpy(),
    )


def _repeated(
    cohort: pd.DataFrame, columns: tuple[str, ...], perturbed: pd.DataFrame | None, readings: pd.DataFrame | None
) -> Repeated | None:
    """Return what was measured again of the rows whose outcome is known, or None where nothing was."""
    if perturbed is None and readings is None:
        return None
    return Repeated.of(cohort[cohort[OUTCOME].notna()], columns, perturbed=perturbed, readings=readings)


@stage(EVALUATION)
def evaluate(
    cohort: pd.DataFrame,
    perturbed: pd.DataFrame | None = None,
    readings: pd.DataFrame | None = None,
    *,
    columns: tuple[str, ...],
    learner: Learner,
    harmoniser: Harmoniser,
    validation: NestedCrossValidation,
    stability: StableFeatures | None = None,
) -> Evaluation:
    """Return what a learner reaches on patients it has not seen.

    `perturbed` and `readings` are what was measured again: one row a patient, visit and repetition or reader.
    """
    table, outcome, patients, scanners = _known(cohort, columns)
    repeated = _repeated(cohort, columns, perturbed, readings)
    return validation(
        table, outcome, patients, learner, harmoniser, scanner=scanners, repeated=repeated, stability=stability
    )


@stage(CONTROL)
def permute(
    cohort: pd.DataFrame,
    perturbed: pd.DataFrame | None = None,
    readings: pd.DataFrame | None = None,
    *,
    columns: tuple[str, ...],
    learner: Learner,
    harmoniser: Harmoniser,
    control: PermutedLabels,
    stability: StableFeatures | None = None,
) -> Permutations:
    """Return what the learner reaches on outcomes shuffled between patients."""
    table, outcome, patients, scanners = _known(cohort, columns)
    repeated = _repeated(cohort, columns, perturbed, readings)
    return control(
        table, outcome, patients, learner, harmoniser, scanner=scanners, repeated=repeated, stability=stability
    )


@stage(CONTROL)
def leak(cohort: pd.DataFrame, *, columns: tuple[str, ...], control: LeakCheck) -> LeakReport:
    """Return what choosing features before the split would have shown."""
    table, outcome, patients, _ = _known(cohort, columns)
    return control(table, outcome, patients)


@stage(MODEL)
def fit_model(
    cohort: pd.DataFrame,
    perturbed: pd.DataFrame | None = None,
    readings: pd.DataFrame | None = None,
    *,
    columns: tuple[str, ...],
    learner: Learner,
    harmoniser: Harmoniser,
    seed: int,
    stability: StableFeatures | None = None,
) -> Pipeline:
    """Return the model fitted to all rows with a known outcome; the evaluation of its learner says what to expect."""
    table, outcome, patients, scanners = _known(cohort, columns)
    return fit_final(
        table,
        outcome,
        patients,
        learner,
        harmoniser,
        scanner=scanners,
        seed=seed,
        repeated=_repeated(cohort, columns, perturbed, readings),
        stability=stability,
    )


@stage(RULES)
def tell_rule_list(model: Pipeline, *, columns: dict[str, ColumnLabel]) -> RuleListInWords:
    """Return the list of a fitted rule list in words, with the training rows of each rule."""
    return rule_list_in_words(model, columns)


@stage(TABLE)
def scanner_effects(cohort: pd.DataFrame, *, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return how far each feature tells the scanners apart."""
    return effects_of_scanners(
        cohort[list(columns)], cohort["scanner"].fillna(UNKNOWN_SCANNER).to_numpy(), cohort["patient"].to_numpy()
    )
