"""Known answers of smoothness, head, beats and diversity: parabolas, cubics, sines and drawn beats."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval import timing_metrics
from src.eval.timing_metrics import (
    beat_alignment,
    diversity,
    head_beats_s,
    head_movement,
    high_frequency,
    jerk,
    jitter,
    sound_beats_s,
)
from tests.eval.documented import assert_documented

FPS = 25.0
TIMES = np.arange(250) / FPS


def test_jitter_and_jerk_of_a_straight_line_are_zero() -> None:
    assert jitter(0.3 * TIMES + 1).value == pytest.approx(0.0, abs=1e-12)
    assert jerk(0.3 * TIMES + 1, fps=FPS).value == pytest.approx(0.0, abs=1e-9)


def test_jitter_of_a_parabola_is_its_acceleration_per_frame_squared() -> None:
    assert jitter(3.0 * TIMES**2).value == pytest.approx(6.0 / FPS**2)


@pytest.mark.parametrize("fps", [25.0, 50.0])
def test_jerk_of_a_cubic_is_its_third_derivative_at_any_frame_rate(fps: float) -> None:
    times = np.arange(100) / fps
    assert jerk(2.0 * times**3, fps=fps).value == pytest.approx(12.0)


def test_alternating_frames_are_the_worst_jitter_and_channels_are_averaged() -> None:
    shaking = np.tile([0.0, 1.0], 125)
    assert jitter(shaking).value == pytest.approx(2.0)
    assert jitter(np.stack([shaking, np.zeros(250)], axis=1)).value == pytest.approx(1.0)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_high_frequency_is_the_share_of_the_fast_sine(offset: float) -> None:
    slow, fast = np.sin(2 * np.pi * 2 * TIMES), np.sin(2 * np.pi * 10 * TIMES)
    assert high_frequency(slow + offset, fps=FPS).value == pytest.approx(0.0, abs=1e-3)
    assert high_frequency(fast + offset, fps=FPS).value == pytest.approx(1.0, abs=1e-3)
    assert high_frequency(2 * slow + fast + offset, fps=FPS).value == pytest.approx(1 / 5, abs=1e-3)


def test_high_frequency_of_white_noise_is_the_share_of_the_band() -> None:
    noise = np.random.default_rng(0).standard_normal((2500, 8))
    assert high_frequency(noise, fps=FPS).value == pytest.approx((12.5 - 8) / 12.5, abs=0.02)


def test_high_frequency_leaves_out_still_channels_and_has_a_reason_when_all_are() -> None:
    fast = np.sin(2 * np.pi * 10 * TIMES)
    assert high_frequency(np.stack([fast, np.ones(250)], axis=1), fps=FPS).value == pytest.approx(1.0, abs=1e-3)
    assert high_frequency(np.ones(250), fps=FPS).reason == "no channel moves"
    with pytest.raises(MotionError, match="15 fps hold nothing above 8 Hz"):
        high_frequency(fast, fps=15.0)


def test_a_head_that_turns_evenly_has_nine_tenths_of_its_way_and_its_speed() -> None:
    turn = np.stack([3.0 * TIMES, 0 * TIMES, 4.0 * TIMES], axis=1)
    extent, speed = head_movement(turn, fps=FPS)
    assert extent.value == pytest.approx(0.9 * 7 * TIMES[-1] / 3)
    assert speed.value == pytest.approx(5.0)


def test_a_still_head_has_neither_range_nor_speed_nor_beats_wherever_it_looks() -> None:
    still = np.tile([20.0, -5.0, 3.0], (250, 1))
    extent, speed = head_movement(still, fps=FPS)
    assert (extent.value, speed.value) == (0.0, 0.0)
    assert len(head_beats_s(still, fps=FPS)) == 0
    with pytest.raises(MotionError, match="yaw, pitch, roll"):
        head_movement(still[:, :2], fps=FPS)


def test_beat_alignment_is_one_on_the_beat_and_the_gaussian_beside_it() -> None:
    beats = np.array([1.0, 2.0, 3.0])
    assert beat_alignment(beats, beats).value == 1.0
    assert beat_alignment(beats + 0.05, beats).value == pytest.approx(np.exp(-0.5))
    assert beat_alignment(np.array([1.0, 2.1]), beats[:2]).value == pytest.approx((1 + np.exp(-2.0)) / 2)


def test_beat_alignment_goes_from_motion_to_sound_and_needs_both() -> None:
    beats = np.array([1.0, 2.0, 3.0])
    assert beat_alignment(beats[:1], beats).value == 1.0
    assert (beat_alignment(beats, beats[:1]).value or 1) == pytest.approx(1 / 3)
    assert beat_alignment(np.empty(0), beats).reason == "the motion has no beats"
    assert beat_alignment(beats, np.empty(0)).reason == "the sound has no beats"


def test_head_beats_are_where_a_nodding_head_turns_back() -> None:
    nod = np.stack([0 * TIMES, 10 * np.cos(2 * np.pi * 0.5 * TIMES), 0 * TIMES], axis=1)
    beats = head_beats_s(nod, fps=FPS)
    np.testing.assert_allclose(beats, np.arange(1, 10), atol=0.5 / FPS + 1e-9)


def test_sound_beats_are_the_onsets_at_any_gain() -> None:
    loudness = np.full(100, 0.01)
    loudness[20:30] = loudness[50:60] = 0.5
    for gain in (1e-3, 1.0, 7.0):
        np.testing.assert_allclose(sound_beats_s(gain * loudness, fps=FPS), [19.5 / FPS, 49.5 / FPS])
    assert len(sound_beats_s(np.zeros(100), fps=FPS)) == 0


def test_a_rise_in_the_first_frames_is_a_beat() -> None:
    loudness = np.concatenate([[0.0], np.ones(20)])
    np.testing.assert_allclose(sound_beats_s(loudness, fps=FPS), [0.5 / FPS])


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    base = np.random.default_rng(0).standard_normal((20, 2))
    samples = np.stack([base, base + np.array([3.0, 4.0]), base])
    assert diversity(samples).value == pytest.approx((5 + 0 + 5) / 3)
    assert diversity(np.stack([base, base])).value == 0.0
    assert diversity(samples[:1]).reason == "1 predictions, 2 are needed"
    points = np.repeat(samples[:, :, None], 7, axis=2)
    assert diversity(points).value == pytest.approx(10 / 3), "points are averaged"
    with pytest.raises(MotionError, match="Stack predictions of the same length"):
        diversity(base)


def test_short_motion_gives_a_reason() -> None:
    short = np.zeros((9, 3))
    results = [jitter(short), jerk(short, fps=FPS), high_frequency(short, fps=FPS), *head_movement(short, fps=FPS)]
    assert {result.reason for result in results} == {"9 frames, 10 are needed"}


def test_every_metric_says_its_id_version_unit_and_source_in_its_docstring() -> None:
    documented = {
        timing_metrics.JITTER: jitter,
        timing_metrics.JERK: jerk,
        timing_metrics.HIGH_FREQUENCY: high_frequency,
        timing_metrics.HEAD_RANGE: head_movement,
        timing_metrics.HEAD_SPEED: head_movement,
        timing_metrics.BEAT_ALIGNMENT: beat_alignment,
        timing_metrics.DIVERSITY: diversity,
    }
    for metric, function in documented.items():
        assert_documented(metric, function)
