"""Figures about labels, on signals of which they are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.data.label_measures import (
    STILL_FRAMES,
    ValueCounts,
    correlation,
    count_blinks,
    halves_of_the_face,
    lag_frames,
    still_noise,
    still_windows,
)
from src.motion import CORE7, head_rotation

YAW, JAW, BLINK = (CORE7.index(name) for name in ("head_yaw", "jaw_open", "eye_blink"))


def rest(frames: int, noise: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
    """A face that keeps still inside of all its ranges."""
    values = np.tile([0.1, 0.05, 0.02, 0.0, 0.0, 0.0, 0.2], (frames, 1))
    width = (CORE7.maximum - CORE7.minimum).astype(np.float64)
    return values + noise * width * np.random.default_rng(seed).normal(size=values.shape)


def test_the_noise_at_rest_is_the_noise_that_was_put_in() -> None:
    values = rest(2000, 0.004)
    still = still_windows(values, np.ones(2000, bool))
    assert still.mean() > 0.9
    expected = 0.004 * (CORE7.maximum - CORE7.minimum)
    np.testing.assert_allclose(still_noise(values, CORE7, still), expected, rtol=0.12)


def test_speech_and_turns_of_the_head_are_no_noise() -> None:
    values = rest(1000, 0.002)
    talking = slice(0, 500)
    values[talking, JAW] += 0.1 * np.abs(np.sin(np.arange(500) * 0.6))
    values[talking, YAW] += 10 * np.sin(np.arange(500) / 10)
    still = still_windows(values, np.ones(1000, bool))
    step = STILL_FRAMES // 2
    assert not still[: 500 // step - 2].any()
    np.testing.assert_allclose(still_noise(values, CORE7, still)[JAW], 0.002 * 0.5, rtol=0.15)


def test_a_slow_drift_is_no_noise() -> None:
    values = rest(500)
    values[:, YAW] += np.linspace(0, 20, 500)
    still = still_windows(values, np.ones(500, bool))
    assert still.all()
    assert still_noise(values, CORE7, still)[YAW] == pytest.approx(0, abs=1e-9)


def test_guessed_frames_are_in_no_still_window() -> None:
    valid = np.ones(100, bool)
    valid[50] = False
    still = still_windows(rest(100), valid)
    assert not still[[9, 10]].any()
    assert still[[0, 8, 11]].all()


def test_a_channel_that_rests_at_its_end_has_no_noise_to_measure() -> None:
    values = rest(100)
    values[:, BLINK] = 0.0
    noise = still_noise(values, CORE7, still_windows(values, np.ones(100, bool)))
    assert np.isnan(noise[BLINK])
    assert not np.isnan(noise[YAW])


@pytest.mark.parametrize("frames", [1, STILL_FRAMES - 1])
def test_clips_shorter_than_a_window_have_none(frames: int) -> None:
    assert len(still_windows(rest(frames), np.ones(frames, bool))) == 0
    assert np.isnan(still_noise(rest(frames), CORE7, np.zeros(0, bool))).all()


@pytest.mark.parametrize(
    ("closure", "blinks"),
    [
        ([0, 0.2, 0.9, 1.0, 0.4, 0.1], 1),
        ([0, 0.9, 0.4, 0.9, 0.1], 1),  # half opened in between
        ([0, 0.9, 0.1, 0.9, 0.1], 2),
        ([0.9, 0.9, 0.1, 0.2], 0),  # began before the clip
        ([0.1, 0.4, 0.4, 0.1], 0),
        ([], 0),
    ],
)
def test_blinks_are_counted_once_each(closure: list[float], blinks: int) -> None:
    assert count_blinks(np.array(closure), np.ones(len(closure), bool)) == blinks


def test_a_guessed_closure_is_no_blink() -> None:
    assert count_blinks(np.array([0.1, 0.9, 0.1]), np.array([True, False, True])) == 0


@pytest.mark.parametrize("late", [-2, 0, 3])
def test_a_late_label_has_a_positive_lag(late: int) -> None:
    truth = np.convolve(np.random.default_rng(1).normal(size=220), np.hanning(7), "same")
    assert lag_frames(np.roll(truth, late)[10:-10], truth[10:-10], 5) == pytest.approx(late, abs=0.05)


def test_a_lag_between_frames_is_found() -> None:
    time = np.arange(200.0)
    curve = lambda t: np.sin(t / 4) + np.sin(t / 2.3)  # noqa: E731
    assert lag_frames(curve(time - 0.4), curve(time), 5) == pytest.approx(0.4, abs=0.05)


def test_unrelated_curves_have_no_lag() -> None:
    generator = np.random.default_rng(0)
    assert np.isnan(lag_frames(generator.normal(size=300), generator.normal(size=300), 5))
    assert np.isnan(lag_frames(np.zeros(300), generator.normal(size=300), 5))


def test_constant_or_short_curves_have_no_correlation() -> None:
    assert np.isnan(correlation(np.zeros(50), np.arange(50.0)))
    assert np.isnan(correlation(np.arange(9.0), np.arange(9.0)))
    assert correlation(np.arange(50.0), 3 - 2 * np.arange(50.0)) == pytest.approx(-1)


@given(st.floats(-40, 40), st.floats(-40, 40), st.floats(-40, 40), st.floats(0.2, 5))
def test_a_turned_or_nearer_face_has_the_same_halves(yaw: float, pitch: float, roll: float, scale: float) -> None:
    points = np.random.default_rng(3).normal(size=(4, 478, 3)) * 100
    turned = scale * points @ head_rotation(yaw, pitch, roll).T + 50
    for name, halves in halves_of_the_face(points).items():
        np.testing.assert_allclose(halves_of_the_face(turned)[name], halves, rtol=1e-6, err_msg=name)


def test_left_is_the_persons_left(face: NDArray[np.float32]) -> None:
    moved = face.copy()
    moved[[263, 385, 387, 362, 380, 373], 1] = face[263, 1]  # the person's left eye, flat
    left, right = halves_of_the_face(moved[None])["eye_blink"]
    straight_left, straight_right = halves_of_the_face(face[None])["eye_blink"]
    assert left < straight_left
    assert right == straight_right


def test_percentiles_over_clips_are_those_of_all_values_together() -> None:
    generator = np.random.default_rng(0)
    clips = [np.abs(generator.normal(0, 0.05, (n, 7))) * (CORE7.maximum > 0) for n in (10, 9000, 50)]
    counts = ValueCounts.empty(CORE7)
    for clip in clips:
        counts.add(clip)
    together = np.concatenate(clips)
    shares = np.array([0.5, 1, 50, 99, 99.5])
    for channel in range(CORE7.size):
        width = float(CORE7.maximum[channel] - CORE7.minimum[channel])
        clipped = np.clip(together[:, channel], CORE7.minimum[channel], CORE7.maximum[channel])
        expected = np.percentile(clipped, shares, method="inverted_cdf")
        np.testing.assert_allclose(counts.percentiles(channel, shares), expected, atol=width / 1000)
    assert counts.frames == 9060


def test_histograms_hold_nearly_all_values() -> None:
    values = np.tile(CORE7.neutral, (1000, 1))
    values[:, JAW] = np.random.default_rng(0).beta(2, 5, 1000) * 0.5
    values[:, BLINK] = 1.0
    counts = ValueCounts.empty(CORE7)
    counts.add(values)
    for channel in (JAW, BLINK, YAW):
        edges, bars = counts.histogram(channel, 40)
        assert len(edges) == len(bars) + 1 <= 41
        assert sum(bars) >= 998
        assert np.all(np.diff(edges) > 0)


def test_no_frames_have_no_histogram() -> None:
    assert ValueCounts.empty(CORE7).histogram(0, 40) == ([], [])
