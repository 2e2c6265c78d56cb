import numpy as np
import pytest
from pydantic import ValidationError

from tasks.methods.learning.evaluation import Evaluation, FoldRecord, OperatingPoint, RepeatRecord


def fold(repeat, number, **changes):
    settled = {
        "repeat": repeat,
        "fold": number,
        "n_train": 2,
        "n_test": 2,
        "test_events": 1,
        "setting": {"select__k": 1, "classify__C": 1.0},
        "selected": ("volume",),
        "inner_auc": 0.9,
        "threshold": 0.5,
        "auc": 1.0,
    }
    return FoldRecord(**settled | changes)


@pytest.fixture
def evaluation():
    """Two repeats of two folds on four patients, small enough to work out by hand."""
    return Evaluation(
        learner={"method": "logistic"},
        harmoniser={"method": "no_harmonisation"},
        validation={"outer_folds": 2},
        columns=("volume", "texture"),
        empty_columns=(),
        outcome=(0, 1, 0, 1),
        patient=(0, 1, 2, 3),
        repeats=(
            RepeatRecord(fold=(0, 0, 1, 1), probability=(0.2, 0.7, 0.4, 0.6)),
            RepeatRecord(fold=(0, 1, 1, 0), probability=(0.6, 0.5, 0.2, 0.8)),
        ),
        folds=(
            fold(0, 0),
            fold(0, 1, selected=("volume", "texture"), threshold=0.65),
            fold(1, 0),
            fold(1, 1, auc=0.5),
        ),
        confidence=0.95,
        auc_interval=(0.5, 1.0),
    )


def test_its_numbers_by_hand(evaluation):
    assert (evaluation.n_rows, evaluation.n_patients, evaluation.n_events) == (4, 4, 2)
    assert evaluation.repeat_aucs == (1.0, 0.75)
    assert evaluation.auc == 0.875
    assert evaluation.fold_auc == 0.875
    assert evaluation.mean_probability == pytest.approx((0.4, 0.6, 0.3, 0.7))
    assert evaluation.roc[2] == (0.0, 1.0)
    assert evaluation.calibration.brier == pytest.approx((0.16 + 0.16 + 0.09 + 0.09) / 4)
    # Called events: rows 1 of the first repeat (0.6 misses 0.65), rows 0, 1 and 3 of the second.
    assert evaluation.operating_point == OperatingPoint(sensitivity=0.75, specificity=0.75)
    assert evaluation.selection_frequency == {"volume": 1.0, "texture": 0.25}
    assert evaluation.stability == pytest.approx(1 - (0.25 / 2) / (0.625 * 0.375))


def test_the_interval_of_the_mean_over_folds_is_corrected_for_shared_rows(evaluation):
    many = evaluation.model_copy(
        update={"folds": tuple(each.model_copy(update={"n_train": 20}) for each in evaluation.folds)}
    )
    reach = 3.182446 * np.sqrt((1 / 4 + 2 / 20) * 0.0625)
    assert many.fold_auc_interval == pytest.approx((0.875 - reach, 1.0), abs=1e-6)
    assert evaluation.fold_auc_interval == (0.0, 1.0)


def test_its_predictions_are_a_table_of_each_row_in_each_repeat(evaluation):
    table = evaluation.predictions()
    assert list(table.columns) == ["row", "repeat", "fold", "probability", "outcome"]
    assert table.iloc[5].tolist() == [1, 1, 1, 0.5, 1]
    assert len(table) == 8


def test_it_is_the_same_after_json(evaluation):
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation


def test_it_cannot_be_changed_nor_hold_other_fields(evaluation):
    with pytest.raises(ValidationError):
        evaluation.confidence = 0.5
    with pytest.raises(ValidationError):
        OperatingPoint(sensitivity=1.0, specificity=1.0, accuracy=1.0)
