import numpy as np
import pandas as pd
import pytest

from data_catalog.errors import BadData
from tasks.methods.learning.cohort import SCANNER, Cohort
from tasks.methods.learning.final_model import fit_final
from tasks.methods.learning.harmonisation import NoHarmonisation, ScannerLocationScale
from tasks.methods.learning.logistic import LogisticLearner


def fit(study, harmoniser, scanner):
    return fit_final(
        study.table, study.outcome, study.groups, LogisticLearner(k=(2,)), harmoniser, scanner=scanner, seed=0
    )


def test_a_shipped_model_takes_a_table_as_it_was_made(study):
    model = fit(study, NoHarmonisation(), None)
    newcomer = pd.DataFrame({"texture 0": [4.0, -4.0], "sex": ["unknown", None]}).reindex(columns=study.table.columns)
    low_and_high = model.predict_proba(newcomer)[:, 1]
    assert low_and_high[0] > 0.9
    assert low_and_high[1] < 0.1


def test_it_is_the_learner_fitted_to_all_rows(study):
    model = fit(study, ScannerLocationScale(), study.scanner)
    cohort = Cohort.of(study.table, study.outcome, study.groups, study.scanner)
    expected = LogisticLearner(k=(2,))(cohort, ScannerLocationScale(), 3, 0).probability(cohort.table)
    table = study.table.assign(**{SCANNER: study.scanner})
    np.testing.assert_array_equal(model.predict_proba(table)[:, 1], expected)


def test_a_scanner_the_model_does_not_know_is_left_alone(study):
    model = fit(study, ScannerLocationScale(), study.scanner)
    assert np.isfinite(model.predict_proba(study.table.assign(**{SCANNER: "new"}))).all()


def test_a_table_without_a_column_of_the_model_is_refused(study):
    with pytest.raises(BadData, match="absent: texture 3"):
        fit(study, NoHarmonisation(), None).predict_proba(study.table.drop(columns="texture 3"))
    with pytest.raises(BadData, match=r"absent: \(scanner\)"):
        fit(study, ScannerLocationScale(), study.scanner).predict_proba(study.table)
