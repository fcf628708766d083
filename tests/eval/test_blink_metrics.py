"""Blinks drawn at known times are counted and timed."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval import blink_metrics
from src.eval.blink_metrics import Blink, blinking, find_blinks
from tests.eval.documented import assert_documented

FPS = 25.0


def triangle(middles_s: list[float], half_width_s: float = 0.2, num_frames: int = 500) -> np.ndarray:
    """Closes and opens in straight lines: half shut for exactly `half_width_s`."""
    times = np.arange(num_frames) / FPS
    return np.max([np.clip(1 - np.abs(times - middle) / half_width_s, 0, 1) for middle in middles_s], axis=0)


@pytest.mark.parametrize("middle_s", [2.0, 2.012, 2.031])
def test_a_blink_has_its_duration_between_frames(middle_s: float) -> None:
    (blink,) = find_blinks(triangle([middle_s]), fps=FPS)
    assert blink.start_s == pytest.approx(middle_s - 0.1, abs=1e-9)
    assert blink.end_s == pytest.approx(middle_s + 0.1, abs=1e-9)


def test_rate_duration_and_interval_are_those_drawn() -> None:
    rate, duration, interval = blinking(triangle([2.0, 5.0, 9.0, 17.0]), fps=FPS)
    assert rate.value == pytest.approx(12.0), "4 in 20 s"
    assert duration.value == pytest.approx(200.0)
    assert interval.value == pytest.approx(5.0)


def test_open_eyes_blink_0_times_and_have_neither_duration_nor_interval() -> None:
    rate, duration, interval = blinking(np.full(500, 0.1), fps=FPS)
    assert rate.value == 0.0
    assert (duration.value, duration.reason) == (None, "no blinks")
    assert (interval.value, interval.reason) == (None, "0 blinks, 2 are needed")
    assert blinking(triangle([3.0]), fps=FPS)[2].reason == "1 blinks, 2 are needed"


def test_closed_eyes_half_blinks_and_single_slips_are_no_blinks() -> None:
    asleep = np.zeros(500)
    asleep[100:130] = 1.0
    slip = np.zeros(500)
    slip[100] = 0.9
    for closure in (asleep, 0.5 * triangle([3.0]), 0.55 * slip, np.ones(500), np.empty(0)):
        assert find_blinks(closure, fps=FPS) == []


def test_blinks_cut_by_the_ends_do_not_count_and_do_not_shift_the_others() -> None:
    closure = triangle([0.02, 5.0, 19.98])
    (blink,) = find_blinks(closure, fps=FPS)
    assert (blink.start_s + blink.end_s) / 2 == pytest.approx(5.0)


def test_time_reversal_keeps_the_figures() -> None:
    closure = triangle([2.0, 5.3, 9.1])
    forth, back = blinking(closure, fps=FPS), blinking(closure[::-1], fps=FPS)
    assert [one.value for one in back] == pytest.approx([one.value for one in forth])


def test_short_clips_give_a_reason_and_two_channels_are_a_mistake() -> None:
    assert {one.reason for one in blinking(np.zeros(9), fps=FPS)} == {"9 frames, 10 are needed"}
    with pytest.raises(MotionError, match="Give one channel"):
        find_blinks(np.zeros((20, 2)), fps=FPS)
    assert find_blinks(np.array([0.0, 1.0, 1.0, 0.0]), fps=FPS) == [Blink(0.5 / FPS, 2.5 / FPS)]


def test_every_metric_says_its_id_version_unit_and_source_in_its_docstring() -> None:
    for metric in (blink_metrics.BLINK_RATE, blink_metrics.BLINK_DURATION, blink_metrics.BLINK_INTERVAL):
        assert_documented(metric, blinking)
