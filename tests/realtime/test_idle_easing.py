"""A movement that starts and ends gently."""

import numpy as np
import pytest

from src.realtime.idle.easing import ease


def test_it_goes_from_end_to_end_without_turning_back_and_is_held_outside() -> None:
    values = [ease(share) for share in np.linspace(-0.5, 1.5, 201).tolist()]
    assert (values[0], values[-1]) == (0.0, 1.0)
    assert ease(0.5) == pytest.approx(0.5)
    assert (np.diff(values) >= 0).all()


def test_both_ends_are_gentle_and_alike() -> None:
    assert ease(0.02) < 0.001
    for share in (0.1, 0.3):
        assert ease(share) == pytest.approx(1 - ease(1 - share))
