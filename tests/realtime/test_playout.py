"""The position of the audio: late by the delay, stopped by a silent source, never lost."""

import math

import numpy as np
import pytest

from src.errors import StreamError
from src.realtime.playout import PlayoutClock, SampleQueue


def clock() -> PlayoutClock:
    return PlayoutClock(sample_rate_hz=1000, delay_s=0.1)


def test_nothing_is_played_before_the_first_sound_arrived() -> None:
    assert clock().position_s(5.0) == -math.inf
    assert clock().time_of(0.0) is None


def test_a_sample_is_played_the_delay_after_it_was_spoken() -> None:
    playout = clock()
    playout.receive(20, 7.02)  # spoken from 7.00 on
    assert playout.time_of(0.0) == pytest.approx(7.1)
    assert playout.position_s(7.11) == pytest.approx(0.01)


def test_the_position_stops_at_the_last_sample_and_its_time_is_unknown() -> None:
    playout = clock()
    playout.receive(20, 0.02)
    assert playout.position_s(99.0) == pytest.approx(0.019)
    assert playout.time_of(0.02) is None


def test_steady_chunks_are_no_underrun_and_time_runs_on() -> None:
    playout = clock()
    for number in range(1, 500):
        playout.receive(20, number * 0.02)
    assert playout.num_underruns == 0
    assert playout.position_s(9.9) == pytest.approx(9.8)


def test_a_pause_of_the_source_stops_the_sound_and_the_next_sample_waits_for_the_delay_again() -> None:
    playout = clock()
    playout.receive(20, 0.02)
    playout.receive(20, 1.02)  # spoken from 1.00 on, 20 ms of sound were there
    assert playout.num_underruns == 1
    assert playout.time_of(0.02) == pytest.approx(1.1)


def test_a_wanted_pause_is_no_underrun() -> None:
    playout = clock()
    playout.receive(20, 0.02)
    playout.receive(20, 1.02, resumes=True)
    assert playout.num_underruns == 0


def test_a_source_faster_than_speech_starts_at_once_and_not_in_the_past() -> None:
    playout = clock()
    playout.receive(5000, 3.0)
    assert playout.position_s(3.0) == pytest.approx(0.0)


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
    with pytest.raises(StreamError, match="60 audio samples arrived, room for 40.*max_ahead_s"):
        waiting.push(np.zeros(60, np.float32), 0.0)
    assert waiting.end == 60
