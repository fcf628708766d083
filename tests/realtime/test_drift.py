"""Clocks that part are measured and followed, by the policy that was named."""

import numpy as np
import pytest

from src.errors import ConfigError
from src.realtime.drift import DriftMonitor, DropOrRepeat, Slew


def follow(monitor: DriftMonitor, ppm: float, seconds: float, jitter_s: float = 0.0) -> list[float]:
    """What is left between sound and pictures when a sound card of another clock is followed."""
    rng, moved_s, left = np.random.default_rng(0), 0.0, []
    for now_s in np.arange(0.0, seconds, 0.04):
        audio_s, video_s = now_s * (1 + ppm * 1e-6), now_s + moved_s
        moved_s += monitor.observe(audio_s + rng.uniform(-jitter_s, jitter_s), video_s, float(now_s))
        left.append(audio_s - now_s - moved_s)
    return left


@pytest.mark.parametrize("ppm", [-200, 200])
@pytest.mark.parametrize("correction", [Slew(ms_per_s=5.0), DropOrRepeat(fps=25.0)], ids=["slew", "drop_or_repeat"])
def test_a_clock_that_is_200_ppm_off_stays_within_the_threshold_for_an_hour(
    ppm: int, correction: Slew | DropOrRepeat
) -> None:
    monitor = DriftMonitor(threshold_ms=40, jump_ms=80, smoothing_s=2.0, correction=correction)
    left = follow(monitor, ppm, 3600.0, jitter_s=0.01)
    assert max(map(abs, left)) < 0.045
    figures = monitor.figures
    assert figures.num_corrections == pytest.approx(3600 * 200e-6 / 0.04, abs=9)
    assert figures.num_jumps == 0
    assert figures.corrected_ms == pytest.approx(720, abs=45)
    assert figures.largest_ms < 45


def test_jitter_alone_moves_nothing() -> None:
    monitor = DriftMonitor(threshold_ms=40, jump_ms=80, smoothing_s=2.0, correction=Slew(ms_per_s=5.0))
    assert max(map(abs, follow(monitor, 0.0, 60.0, jitter_s=0.02))) == 0.0
    assert monitor.figures.num_corrections == 0


def test_pictures_are_moved_unseen_or_by_whole_frames() -> None:
    slow, whole = Slew(ms_per_s=5.0), DropOrRepeat(fps=25.0)
    assert slow.step_s(0.05, 1.0) == pytest.approx(0.005)
    assert slow.step_s(-0.05, 1.0) == pytest.approx(-0.005)
    assert slow.step_s(0.001, 1.0) == pytest.approx(0.001)
    assert whole.step_s(-0.05, 1.0) == pytest.approx(-0.04)
    assert whole.step_s(0.01, 1.0) == 0.0


def test_a_sound_card_that_stopped_is_followed_at_the_second_look_and_one_wrong_look_is_not() -> None:
    monitor = DriftMonitor(threshold_ms=40, jump_ms=80, smoothing_s=2.0, correction=Slew(ms_per_s=5.0))
    assert monitor.observe(0.0, 0.0, 0.0) == 0.0
    assert abs(monitor.observe(-0.3, 0.04, 0.04)) < 1e-3
    assert monitor.observe(0.08, 0.08, 0.08) == 0.0
    monitor.observe(-0.2, 0.12, 0.12)
    assert monitor.observe(-0.16, 0.16, 0.16) == pytest.approx(-0.32)
    figures = monitor.figures
    assert figures.num_jumps == 1
    assert figures.largest_ms == pytest.approx(320)
    assert figures.drift_ms == 0.0


def test_thresholds_that_contradict_each_other_are_refused() -> None:
    for threshold_ms, jump_ms in ((0, 80), (80, 40)):
        with pytest.raises(ConfigError, match="Correct them"):
            DriftMonitor(threshold_ms=threshold_ms, jump_ms=jump_ms, smoothing_s=2.0, correction=Slew(ms_per_s=5.0))
    with pytest.raises(ConfigError, match="moves nothing"):
        Slew(ms_per_s=0.0)
