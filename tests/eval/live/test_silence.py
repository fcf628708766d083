"""A mouth at rest scores 1, one that flaps, trembles or stays open does not, and speech does not count."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval.live.silence import SILENCE_STABILITY, silence_stability
from tests.eval.documented import assert_documented

LOUD = np.concatenate([np.full(50, 0.2), np.zeros(50)])  # 2 s of speech, 2 s of silence


def stability(silent_jaw: np.ndarray) -> float | None:
    speaking = np.tile([0.0, 0.2], 25)
    return silence_stability(np.concatenate([speaking, silent_jaw]), LOUD, fps=25).value


def test_a_closed_and_still_mouth_rests() -> None:
    assert stability(np.full(50, 0.012)) == 1


def test_a_mouth_that_flaps_or_stays_open_does_not() -> None:
    assert stability(np.tile([0.0, 0.02], 25)) == 0  # closed in each frame, but never still
    assert stability(np.full(50, 0.1)) == 0
    assert stability(np.concatenate([np.full(27, 0.1), np.zeros(23)])) == pytest.approx(22 / 46)  # 4 frames settle


def test_without_silence_there_is_no_figure() -> None:
    found = silence_stability(np.zeros(100), np.full(100, 0.2), fps=25)
    assert (found.value, found.reason) == (None, "0 frames of silence, 10 are needed")
    with pytest.raises(MotionError, match="Measure both"):
        silence_stability(np.zeros(100), LOUD[1:], fps=25)


def test_the_metric_is_documented() -> None:
    assert_documented(SILENCE_STABILITY, silence_stability)
