"""The time until a mouth is closed for good, of those barge-ins that met an open one."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval.live.interruption import INTERRUPTION, interruption_ms, interruptions
from tests.eval.documented import assert_documented

TIMES = np.arange(50) / 25


def jaw(*open_frames: int) -> np.ndarray:
    opening = np.full(50, 0.01)
    opening[list(open_frames)] = 0.2
    return opening


def test_the_time_is_from_the_barge_in_to_the_first_picture_that_stays_closed() -> None:
    found = interruptions(jaw(*range(5, 20), 21, *range(30, 40)), TIMES, [0.65, 1.21])
    assert [one.closed_ms for one in found] == pytest.approx([230, 390])  # frame 20 is closed, but 21 is open again
    assert all(one.met_open_mouth for one in found)
    assert interruption_ms(found).value == pytest.approx(310)


def test_a_mouth_that_closes_with_the_picture_that_is_on_screen_took_no_time() -> None:
    assert interruptions(jaw(5, 6), TIMES, [0.3])[0].closed_ms == 0


def test_a_closed_mouth_is_no_interruption_and_one_that_never_closes_no_figure() -> None:
    closed = interruptions(jaw(), TIMES, [0.5])
    assert "met an open mouth" in interruption_ms(closed).reason
    never = interruptions(jaw(*range(5, 50)), TIMES, [0.5])
    assert never[0].closed_ms is None
    assert "did not close after 1 of 1" in interruption_ms(never).reason
    before_the_next = interruptions(jaw(*range(5, 30)), TIMES, [0.5, 0.9])
    assert [one.closed_ms for one in before_the_next] == [None, pytest.approx(300)]


def test_a_barge_in_after_the_last_picture_has_nothing_to_close() -> None:
    assert interruptions(jaw(49), TIMES, [5.0]) == []
    with pytest.raises(MotionError, match="one per picture"):
        interruptions(jaw(), TIMES[1:], [0.5])


def test_the_metric_is_documented() -> None:
    assert_documented(INTERRUPTION, interruption_ms)
