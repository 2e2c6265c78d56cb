"""A list of rules that classifies, and its words."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import SkipTestWarning
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils.estimator_checks import check_estimator

from tasks.methods.learning.cohort import Cohort
from tasks.methods.learning.estimators.rule_list_classifier import PRIOR_ROWS, RuleListClassifier
from tasks.methods.learning.harmonisation import NoHarmonisation
from tasks.methods.learning.rule_list import RuleListLearner
from tasks.methods.learning.rule_list_words import RuleListInWords, rule_list_in_words
from tasks.methods.rules.items import ColumnLabel


def drawn():
    """Return rows that are events above 19.5 in the first column, and else above 29.5 in the second."""
    first, second = np.tile(np.arange(40.0), 2), np.repeat([10.0, 50.0], 40)
    second[:40] = np.arange(40)[::-1]
    events = (first > 19.5) | (second > 29.5)
    return np.column_stack([first, second]), events.astype(int)


def test_a_drawn_list_has_its_rules_counts_and_probabilities():
    matrix, events = drawn()
    fitted = RuleListClassifier().fit(matrix, events)
    assert (fitted.predict(matrix) == events).all()
    *rules, rest = fitted.rules_
    assert rest.conditions == ()
    assert sum(rule.decides for rule in fitted.rules_).tolist() == np.bincount(events).tolist()
    first = rules[0]
    assert first.applies.tolist() == np.bincount(events[first.met(matrix)], minlength=2).tolist()
    expected = (first.decides + PRIOR_ROWS * np.bincount(events) / 80) / (first.decides.sum() + PRIOR_ROWS)
    assert fitted.predict_proba(matrix[first.met(matrix)])[0] == pytest.approx(expected)


def test_it_is_an_estimator_as_scikit_learn_asks_for():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)  # array API, which it does not claim
        checks = check_estimator(RuleListClassifier(), on_fail=None)
    assert len(checks) > 40
    failed = [check["check_name"] for check in checks if check["status"] not in {"passed", "skipped"}]
    assert failed == []
    assert [check["check_name"] for check in checks if check["status"] == "skipped"] == ["check_array_api_input"]


def test_breast_cancer_is_told_in_held_out_folds_as_published_lists_do():
    """Wisconsin Diagnostic: 10 folds, cut-offs learnt in the training folds; CBA reaches 0.951 there."""
    matrix, benign = load_breast_cancer(return_X_y=True)
    for seed in (0, 1):
        folds = StratifiedKFold(10, shuffle=True, random_state=seed)
        predicted = cross_val_predict(RuleListClassifier(), matrix, benign, cv=folds)
        assert (predicted == benign).mean() >= 0.95


def beside_something_else(seed=0):
    """Return rows that are mostly events where the first column is high and the second is 1, and noise beside it."""
    rng = np.random.default_rng(seed)
    high, mutated = rng.random(240), rng.integers(0, 2, 240)
    events = rng.random(240) < np.where((high > 2 / 3) & (mutated == 1), 0.9, 0.2)
    return np.column_stack([high, mutated, rng.normal(size=(240, 3)), rng.integers(0, 2, (240, 2))]), events.astype(int)


@pytest.mark.parametrize("seed", range(4))
def test_what_tells_only_beside_something_else_is_found(seed):
    """Neither the number nor the category need have a cut that is worth it alone."""
    matrix, events = beside_something_else(seed)
    listed = RuleListClassifier().fit(matrix, events).rules_
    (planted,) = [rule for rule in listed if [condition.column for condition in rule.conditions] == [0, 1]]
    assert {condition.high for condition in planted.conditions} == {np.inf}
    assert planted.applies[1] / planted.applies.sum() > 0.85


def test_an_either_or_of_which_no_part_tells_alone_is_found_by_thirds_of_the_rows():
    """Half of the rows are events all along the number and in both values of the other column."""
    number, other = np.arange(300), np.arange(300) % 2
    events = np.select([number >= 200, number < 100], [other == 1, other == 0], number % 4 < 2)
    fitted = RuleListClassifier().fit(np.column_stack([number, other]), events.astype(int))
    asked = {condition for rule in fitted.rules_ for condition in rule.conditions if condition.column == 0}
    assert {end for condition in asked for end in (condition.low, condition.high) if np.isfinite(end)} == {99.5, 199.5}
    first, *_ = fitted.rules_
    assert first.applies.tolist() in ([50, 0], [0, 50])


@pytest.mark.parametrize("seed", range(8))
def test_of_noise_no_rule_is_made(seed):
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([rng.normal(size=(240, 4)), rng.integers(0, 2, (240, 4))])
    assert len(RuleListClassifier().fit(matrix, (rng.random(240) < 0.3).astype(int)).rules_) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(12, 60), st.integers(1, 4), st.integers(2, 3), st.integers(0, 2**32 - 1))
def test_every_row_is_decided_by_the_first_rule_that_it_meets(rows, columns, kinds, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, columns)).round(1)
    classes = np.append(np.arange(kinds), (matrix[kinds:, 0] * 2).round().astype(int) % kinds)
    fitted = RuleListClassifier(min_correct=2).fit(matrix, classes)
    place = fitted.deciding(matrix)
    for row in range(rows):
        assert place[row] == next(i for i, rule in enumerate(fitted.rules_) if rule.met(matrix[row : row + 1])[0])
    for number, rule in enumerate(fitted.rules_):
        assert rule.decides.tolist() == np.bincount(classes[place == number], minlength=kinds).tolist()
        assert (rule.applies >= rule.decides).all()
    most = max(np.bincount(classes))
    assert sum(rule.decides.max() for rule in fitted.rules_) >= most, "no worse than the most frequent class"


def test_without_a_worthy_cut_everybody_has_the_shares_of_the_table():
    rng = np.random.default_rng(0)
    matrix, classes = np.ones((30, 2)), rng.integers(0, 2, 30)
    fitted = RuleListClassifier().fit(matrix, classes)
    assert len(fitted.rules_) == 1
    assert fitted.predict_proba(matrix)[:, 1] == pytest.approx(classes.mean())


def test_text_and_truth_values_are_classes_too():
    matrix, events = drawn()
    words = np.where(events, "yes", "no")
    fitted = RuleListClassifier().fit(matrix, words)
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert (fitted.predict(matrix) == words).all()


@pytest.fixture
def cohort():
    rng = np.random.default_rng(1)
    age = rng.integers(40, 80, 120).astype(float)
    sex = np.where(rng.random(120) < 0.5, "f", "m")
    dose = np.where(rng.random(120) < 0.3, np.nan, rng.normal(size=120))
    outcome = (((sex == "f") & (age > 60)) | np.isnan(dose)).astype(int)
    table = pd.DataFrame({"age": age, "sex": sex, "dose": dose})
    return Cohort.of(table, outcome, np.arange(120).astype(str))


def test_a_learners_list_is_told_in_words_and_units(cohort):
    fitted = RuleListLearner(k=(4,))(cohort, NoHarmonisation(), 2, 0)
    words = rule_list_in_words(fitted.pipeline, {"age": ColumnLabel(label="patient's age", unit="years")})
    assert words.rows == 120
    clauses = {clause for rule in words.rules for clause in rule.conditions}
    assert any(clause.startswith("patient's age is ") and clause.endswith(" years") for clause in clauses)
    assert clauses & {"dose is not known", "dose is known"}
    assert words.rules[-1].claim == "Otherwise"
    assert words.rules[0].claim.startswith("If ")
    assert sum(rule.decides_events for rule in words.rules) == cohort.outcome.sum()
    probability = fitted.probability(cohort.table)
    assert set(probability.round(9)) <= {round(rule.probability, 9) for rule in words.rules}
    assert RuleListInWords.model_validate_json(words.model_dump_json()) == words


@pytest.mark.parametrize("empty", [False, True])
def test_a_category_and_its_absence_are_told_as_such(empty):
    sex = np.where(np.arange(60) % 3 == 0, "f", "m").astype(object)
    outcome = (sex == "f").astype(int)
    if empty:
        sex[sex == "f"] = None
    table = pd.DataFrame({"sex": sex, "noise": np.random.default_rng(0).normal(size=60)})
    cohort = Cohort.of(table, outcome, np.arange(60).astype(str))
    first, *_ = rule_list_in_words(RuleListLearner(k=(3,))(cohort, NoHarmonisation(), 2, 0).pipeline, {}).rules
    told = {("sex is not known",), ("sex is known",), ("sex is m",), ("sex is not m",)}
    assert first.conditions in (told if empty else {("sex is f",), ("sex is not f",), ("sex is m",), ("sex is not m",)})
    assert (first.decides, first.decides_events) in {(20, 20), (40, 0)}
