import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.synthetic.design import _dealt, _standardised, added_case, cases


def test_forty_patients_are_laid_out_as_the_table_says():
    counted = {}
    for case in cases(7, 40):
        key = (case.texture, case.marker, case.progression)
        counted[key] = counted.get(key, 0) + 1
    assert counted == {
        ("high", "positive", "yes"): 10,
        ("high", "negative", "no"): 4,
        ("middle", "negative", "no"): 6,
        ("low", "positive", "yes"): 1,
        ("low", "positive", "no"): 12,
        ("low", "negative", "yes"): 1,
        ("low", "negative", "no"): 6,
    }  # fmt: skip


def test_the_least_of_the_upper_third_does_not_meet_the_rule():
    high = sorted((c for c in cases(7, 40) if c.texture == "high"), key=lambda c: c.texture_hu)
    assert (len(high), high[0].texture_hu, high[0].marker) == (14, 36.0, "negative")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), patients=st.integers(4, 60))
def test_every_size_has_both_outcomes_both_scanners_and_someone_of_the_rule(seed, patients):
    cohort = cases(seed, patients)
    assert [case.number for case in cohort] == list(range(patients))
    assert {case.progression for case in cohort} == {"yes", "no"}
    assert abs(sum(1 if case.scanner == "A" else -1 for case in cohort)) <= 1
    with_both = [case for case in cohort if case.texture == "high" and case.marker == "positive"]
    assert with_both
    assert {case.progression for case in with_both} == {"yes"}
    assert cohort == cases(seed, patients)


@pytest.mark.parametrize("seed", [0, 7, 123])
def test_age_and_birth_date_agree(seed):
    for case in [*cases(seed, 8), added_case(seed, 40)]:
        assert 0 <= (case.first_visit - case.birth_date).days - 365.25 * case.age_years <= 360


def test_dealing_keeps_the_values_and_evens_them_out():
    rng = np.random.default_rng(0)
    target = np.repeat([0, 1], 20)
    values = np.repeat(["left", "right"], 20)
    dealt = _dealt(values, _standardised(target)[:, np.newaxis], rng)
    assert sorted(dealt) == sorted(values)
    assert (dealt[target == 1] == "left").sum() == 10


def test_a_constant_column_has_no_direction():
    assert _standardised(np.full(5, 3.0)).tolist() == [0.0] * 5


def test_one_more_patient_has_nothing_of_the_rule():
    case = added_case(7, 40)
    assert (case.number, case.texture, case.marker, case.progression) == (40, "low", "negative", "no")
    assert added_case(7, 41) != case
