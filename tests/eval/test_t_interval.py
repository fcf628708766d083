"""The t interval has the published answers."""

import numpy as np
import pytest

from src.eval.t_interval import ONE_VALUE, t_interval


def test_three_values_have_the_interval_of_the_table() -> None:
    found = t_interval([1.0, 2.0, 3.0])  # s = 1, t(0.975, 2) = 4.302653
    assert found.value == 2.0
    assert found.low == pytest.approx(2.0 - 4.302653 / 3**0.5, abs=1e-5)
    assert found.high == pytest.approx(2.0 + 4.302653 / 3**0.5, abs=1e-5)
    assert (found.count, found.reason) == (3, "")


def test_one_value_has_no_interval_and_says_why() -> None:
    found = t_interval([0.4])
    assert (found.value, found.low, found.high, found.reason) == (0.4, None, None, ONE_VALUE)
    assert t_interval([]).value is None


def test_the_interval_holds_the_true_mean_19_times_in_20() -> None:
    rng = np.random.default_rng(0)
    held = [found.low < 5.0 < found.high for found in map(t_interval, rng.normal(5.0, 2.0, (2000, 4)).tolist())]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
