import numpy as np
import pytest

from src.data.smoothing import HEAD_WINDOW_S, LIGHT_KERNEL, SLOW_KERNEL, fill_gaps, smooth, smooth_head


def test_short_gaps_are_interpolated_and_long_ones_held() -> None:
    present = np.ones(20, bool)
    present[:2] = present[5:8] = present[12:16] = present[19:] = False
    values = fill_gaps(np.flatnonzero(present)[:, None].astype(float), present)[:, 0]
    expected = np.arange(20.0)
    expected[:2], expected[12:16], expected[19] = 2, 11, 18
    np.testing.assert_allclose(values, expected)


@pytest.mark.parametrize("kernel", [LIGHT_KERNEL, SLOW_KERNEL])
def test_kernels_keep_levels_and_delay_nothing(kernel: tuple[float, ...]) -> None:
    pulse = np.zeros((41, 2))
    pulse[20] = 1.0
    smoothed = smooth(pulse + 3, kernel) - 3
    np.testing.assert_allclose(smoothed, smoothed[::-1])
    np.testing.assert_allclose(smoothed.sum(axis=0), 1)
    np.testing.assert_allclose(smooth(np.full((5, 1), 3.0), kernel), 3.0)


def test_heads_keep_their_turns_and_lose_their_trembling() -> None:
    time = np.arange(250) / 25
    turn = np.stack([10 * np.sin(2 * np.pi * 0.8 * time)] * 3, axis=1)
    noise = np.random.default_rng(0).normal(0, 1, turn.shape)
    smoothed = smooth_head(turn, 25.0)
    np.testing.assert_allclose(smoothed, turn, atol=0.3)
    assert smooth_head(noise, 25.0).std() < 0.6


def test_a_clip_shorter_than_the_window_stays_as_it_is() -> None:
    angles = np.random.default_rng(0).normal(size=(round(HEAD_WINDOW_S * 25) - 1, 3))
    np.testing.assert_array_equal(smooth_head(angles, 25.0), angles)
