"""Samples come out as they went in, with the times at which they arrived."""

import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.sample_queue import SampleQueue


@pytest.mark.parametrize("size", [1, 7, 100])
def test_samples_come_out_in_order_whatever_the_pieces(size: int) -> None:
    waveform = np.arange(1000, dtype=np.float32)
    waiting = SampleQueue(capacity=1000)
    for start in range(0, 1000, size):
        waiting.push(waveform[start : start + size], start / 1000)
    taken = [waiting.take_until(index) for index in (0, 3, 640, 640, 999, 5000)]
    assert [len(part) for part in taken] == [0, 3, 637, 0, 359, 1]
    np.testing.assert_array_equal(np.concatenate(taken), waveform)
    assert waiting.free == 1000


def test_arrival_is_that_of_the_chunk_which_holds_the_sample() -> None:
    waiting = SampleQueue(capacity=100)
    waiting.push(np.zeros(10, np.float32), 1.0)
    waiting.push(np.zeros(10, np.float32), 2.0)
    assert waiting.arrival_s(9) == 1.0
    assert waiting.arrival_s(10) == 2.0
    assert waiting.arrival_s(20) is None


def test_a_full_queue_refuses_and_says_what_to_do() -> None:
    waiting = SampleQueue(capacity=100)
    waiting.push(np.zeros(60, np.float32), 0.0)
    with pytest.raises(StreamError, match="60 audio samples arrived, room for 40.*max_ahead_ms"):
        waiting.push(np.zeros(60, np.float32), 0.0)
    assert waiting.end == 60


def test_silence_that_completes_a_frame_always_fits() -> None:
    waiting = SampleQueue(capacity=100)
    waiting.push(np.ones(100, np.float32), 0.0)
    waiting.pad(28, 0.0)
    assert waiting.free == 0
    np.testing.assert_array_equal(waiting.take_until(128)[98:], [1, 1] + [0] * 28)


def test_looking_at_samples_leaves_them() -> None:
    waiting = SampleQueue(capacity=100)
    waiting.push(np.arange(10, dtype=np.float32), 0.0)
    np.testing.assert_array_equal(waiting.peek(3), [0, 1, 2])
    assert len(waiting.take_until(10)) == 10
    assert len(waiting.peek(3)) == 0
