"""Mouths are compared over common time, and a shifted sound reads as what it is."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval.lip_sync import av_offset_ms, common_mouths, compare_mouths, mouth_in_silence, mouth_record
from src.motion import CORE7, Motion
from tests.eval.test_metrics import mouth


def motion(jaw: np.ndarray, start_s: float = 0.0, valid: np.ndarray | None = None, fps: float = 25.0) -> Motion:
    values = np.zeros((len(jaw), CORE7.size), np.float32)
    values[:, 0] = jaw
    return Motion(values, CORE7, fps, start_s, valid)  # type: ignore[arg-type]


def test_the_same_motion_follows_without_lag_and_moves_as_much() -> None:
    result = compare_mouths(motion(mouth()), motion(mouth()))
    assert result.r.value == pytest.approx(1)
    assert result.lag.value == pytest.approx(0, abs=0.1)
    assert result.movement.value == pytest.approx(1)


@pytest.mark.parametrize("shift_ms", [-80, 40, 80])
def test_a_picture_that_is_late_by_80_ms_reads_80_ms(shift_ms: float) -> None:
    measured = av_offset_ms(shown=motion(mouth(shift_s=shift_ms / 1000)), predicted=motion(mouth()))
    assert measured.metric.id == "av_offset"
    assert measured.value == pytest.approx(shift_ms, abs=3)


def test_motions_that_start_at_different_times_are_compared_at_the_same_instants() -> None:
    whole = mouth(100)
    first, second, _ = common_mouths(motion(whole), motion(whole[10:], start_s=0.4))
    np.testing.assert_array_equal(first, second)
    first, second, _ = common_mouths(motion(whole[10:60], start_s=0.4), motion(whole))
    np.testing.assert_array_equal(first, second)
    assert len(first) == 50


def test_frames_that_were_guessed_do_not_count_for_the_correlation() -> None:
    jaw, wrong = mouth(), mouth()
    wrong[100:120] = 9.0
    valid = np.ones(250, bool)
    valid[100:120] = False
    assert compare_mouths(motion(jaw), motion(wrong, valid=valid)).r.value == pytest.approx(1, abs=1e-6)


def test_motions_of_different_rates_are_refused() -> None:
    with pytest.raises(MotionError, match="share no grid"):
        compare_mouths(motion(mouth()), motion(mouth(), fps=30.0))
    with pytest.raises(MotionError, match="share no grid"):
        compare_mouths(motion(mouth()), motion(mouth(), start_s=0.013))


def test_a_mouth_that_flaps_in_silence_is_seen() -> None:
    waveform = np.concatenate([np.full(32_000, 0.3), np.zeros(32_000)]).astype(np.float32)
    spread, speed = mouth_in_silence(motion(np.tile([0.0, 0.1], 50)), waveform, 16_000)
    assert spread.value == pytest.approx(0.05, abs=1e-3)
    assert speed.value == pytest.approx(2.5, rel=1e-3)


def test_the_record_of_a_mouth_says_what_can_be_said() -> None:
    moving, sound = motion(mouth()), np.tile(np.float32([0.1, -0.1]), 80_000)
    known = mouth_record(moving, moving, sound, 16_000)
    assert (known["r"], known["lag_ms"], known["movement"]) == (1.0, pytest.approx(0.0, abs=0.01), 1.0)
    assert known["silence_std"] is None  # nobody is ever silent
    unknown = mouth_record(moving, None, sound, 16_000)
    assert (unknown["r"], unknown["lag_ms"], unknown["movement"]) == (None, None, None)
