"""Motion is found by presentation time, and holding the last frame is counted."""

import numpy as np
import pytest

from src.errors import StreamError
from src.motion import CORE7, Motion
from src.realtime.timeline import MotionTimeline


def frames(count: int, first: int = 0) -> np.ndarray:
    return (first + np.arange(count, dtype=np.float32))[:, None] * np.ones(CORE7.size, np.float32)


def timeline(capacity: int = 100) -> MotionTimeline:
    return MotionTimeline(spec=CORE7, fps=25.0, capacity=capacity)


def test_before_the_first_frame_the_face_is_neutral_and_held() -> None:
    sample = timeline().sample(0.0)
    assert sample.held
    np.testing.assert_array_equal(sample.values, CORE7.neutral)


def test_frames_come_back_exactly_at_their_own_times() -> None:
    line = timeline()
    line.push(frames(90))
    for index in range(90):
        sample = line.sample(index / 25.0)
        assert not sample.held
        assert sample.values[0] == index
    assert line.num_held == 0


def test_times_between_frames_equal_the_interpolation_of_motion() -> None:
    line, values = timeline(), np.random.default_rng(0).random((20, CORE7.size), np.float32)
    line.push(values[:7])
    line.push(values[7:])
    for time_s in (0.013, 0.21, 0.555, 0.7599):
        np.testing.assert_allclose(line.sample(time_s).values, Motion(values, CORE7).sample(time_s), atol=1e-6)


def test_a_time_after_the_newest_frame_holds_it_and_counts() -> None:
    line = timeline()
    line.push(frames(3))
    assert line.sample(0.08).held is False
    late = line.sample(0.1)
    assert late.held
    assert late.values[0] == 2
    assert line.num_held == 1


def test_memory_stays_bounded_and_the_oldest_frames_go() -> None:
    line = timeline(capacity=4)
    for first in range(0, 30, 3):
        line.push(frames(3, first))
    assert line.num_frames == 30
    assert line.sample(29 / 25).values[0] == 29
    assert line.sample(26 / 25).values[0] == 26
    assert line.sample(0.0).values[0] == 26


def test_one_push_larger_than_the_buffer_keeps_its_end() -> None:
    line = timeline(capacity=4)
    line.push(frames(11))
    assert line.sample(10 / 25).values[0] == 10
    assert line.sample(7 / 25).values[0] == 7


def test_a_buffer_too_small_to_interpolate_is_refused() -> None:
    with pytest.raises(StreamError, match="1 frames can't interpolate"):
        timeline(capacity=1)
