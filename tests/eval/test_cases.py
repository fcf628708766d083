import numpy as np
import pytest

from src.errors import MotionError
from src.eval.cases import Case
from src.motion import CORE7, Motion


def case_of(predicted: Motion, reference: Motion) -> Case:
    return Case("clip", "speaker", "en", predicted, reference, np.zeros(16000, np.float32), 16000)


def test_another_prediction_counts_only_where_it_and_the_reference_are_known() -> None:
    seen = np.array([True, True, False, True])
    reference = Motion(np.zeros((4, 7), np.float32), CORE7, valid=seen)
    control = case_of(reference, reference).predicting(np.ones((4, 7)), np.array([False, True, True, True]))
    assert control.reference.valid.tolist() == [False, True, False, True]
    assert control.frames == 2
    assert (control.predicted.values == 1.0).all()


def test_motions_of_different_lengths_are_refused() -> None:
    with pytest.raises(MotionError, match="clip 'clip': 3 frames of core7 at 25 fps predicted, 4 of core7"):
        case_of(Motion(np.zeros((3, 7), np.float32), CORE7), Motion(np.zeros((4, 7), np.float32), CORE7))


def test_motions_that_begin_elsewhere_are_refused() -> None:
    late = Motion(np.zeros((4, 7), np.float32), CORE7, start_s=0.04)
    with pytest.raises(MotionError, match="begin at 0.04 s"):
        case_of(late, late)
