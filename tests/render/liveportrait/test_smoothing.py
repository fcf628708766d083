"""The smoother gives the mean that the model of its noise implies."""

import numpy as np
import pytest

from src.render.liveportrait.smoothing import FIRST_VARIANCE, PROCESS_VARIANCE, smooth_sequence


@pytest.mark.parametrize("variance", [3e-7, 1e-5, 1e-2])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_smoothing_is_the_posterior_mean_of_a_random_walk(variance: float, count: int) -> None:
    seen = np.random.default_rng(0).normal(size=(count, 2, 3)).astype(np.float32)
    precision = np.eye(count) / variance
    precision[0, 0] += 1 / FIRST_VARIANCE
    steps = np.diff(np.eye(count), axis=0)
    precision += steps.T @ steps / PROCESS_VARIANCE
    evidence = seen.reshape(count, -1).astype(np.float64) / variance
    evidence[0] += seen[0].ravel() / FIRST_VARIANCE
    expected = np.linalg.solve(precision, evidence).reshape(seen.shape)
    np.testing.assert_allclose(smooth_sequence(seen, variance), expected, atol=1e-6)


def test_what_does_not_move_stays() -> None:
    np.testing.assert_array_equal(smooth_sequence(np.full((5, 3), 0.25)), np.full((5, 3), 0.25, np.float32))
