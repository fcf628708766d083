"""The core gives the right picture with the right sound at the right time, and counts what it could not."""

from itertools import product

import numpy as np
import pytest

from src.errors import ConfigError, StreamError
from src.realtime.session import Frame, Session
from tests.realtime.fakes import FPS, RATE, STEP, Follower, make_session, ramp


def play(session: Session, waveform: np.ndarray, chunk: int, look_s: float = 0.004) -> list[Frame]:
    """Deliver chunks when they were spoken and look for frames every few milliseconds."""
    frames, sent, step = [], 0, 0
    while not (sent == len(waveform) and session.idle):
        now_s = step * look_s
        step += 1
        while sent < len(waveform) and min(sent + chunk, len(waveform)) / RATE <= now_s:
            session.push_audio(waveform[sent : sent + chunk], min(sent + chunk, len(waveform)) / RATE)
            sent = min(sent + chunk, len(waveform))
            if sent == len(waveform):
                session.end_segment()
        frame = session.pull_frame(now_s)
        if frame is not None:
            frames.append(frame)
        assert now_s < 60, "the session does not come to an end"
    return frames


@pytest.mark.parametrize(
    ("num_samples", "chunk"),
    [*product([1, 640, 641], [1, 37, 160, 640, 1000]), *product([16_077], [37, 160, 640, 1000])],
)
def test_every_frame_comes_once_in_order_with_its_own_motion_and_all_the_sound(chunk: int, num_samples: int) -> None:
    waveform = ramp(3.0)[:num_samples]
    session = make_session()
    frames = play(session, waveform, chunk)
    assert [frame.index for frame in frames] == list(range(-(-num_samples // STEP)))
    assert [frame.time_s for frame in frames] == [frame.index / FPS for frame in frames]
    for frame in frames:
        assert frame.image[0, 0, 0] == round(float(waveform[frame.index * STEP]) * 510)
        assert not frame.held
    np.testing.assert_array_equal(np.concatenate([frame.audio for frame in frames]), waveform)
    assert (session.num_dropped, session.num_repeated, session.num_underruns) == (0, 0, 0)


def test_picture_and_sound_are_due_the_playout_delay_after_they_were_spoken() -> None:
    for frame in play(make_session(playout_delay_ms=150), ramp(1.0), 160):
        assert frame.deadline_s == pytest.approx(frame.time_s + 0.150)
        assert frame.time_s <= frame.arrival_s <= frame.time_s + 0.010 + 1e-9


def test_the_same_calls_give_the_same_frames() -> None:
    first, second = (play(make_session(), ramp(1.3), 160) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        assert (one.time_s, one.deadline_s, one.arrival_s) == (other.time_s, other.deadline_s, other.arrival_s)


def test_a_caller_who_comes_late_loses_pictures_but_no_sound_and_no_time() -> None:
    session, waveform = make_session(), ramp(1.0)
    session.push_audio(waveform, 1.0)
    session.end_segment()
    first = session.pull_frame(1.05)
    late = session.pull_frame(1.05 + 0.3)
    assert first is not None
    assert late is not None
    assert (first.index, late.index) == (1, 8)
    assert len(first.audio) + len(late.audio) == 9 * STEP
    assert late.image[0, 0, 0] == round(float(waveform[8 * STEP]) * 510)
    assert session.num_dropped == 1 + 6


def test_motion_that_is_not_there_yet_holds_the_last_and_is_counted() -> None:
    class Tardy(Follower):
        """Says 50 ms and needs 290."""

        latency_ms = 50.0

    session = make_session(Tardy(latency_samples=4640))
    frames = play(session, ramp(1.0), 160)
    assert len(frames) == 25
    held = [frame for frame in frames if frame.held]
    assert len(held) == session.num_repeated
    assert 15 <= len(held) < 25, "the last frames are known when the segment ends"
    assert [frame.index for frame in frames] == list(range(25)), "the sound does not wait for the motion"


def test_a_source_that_pauses_stops_picture_and_sound_together() -> None:
    session, waveform = make_session(), ramp(1.0)
    for number in range(50):
        pause_s = 0.0 if number < 25 else 2.0
        session.push_audio(waveform[number * 320 : (number + 1) * 320], (number + 1) * 0.02 + pause_s)
        frame = session.pull_frame((number + 1) * 0.02 + pause_s)
        if frame is not None:
            assert not frame.held
    assert session.num_underruns == 1
    assert session.num_dropped <= 12  # only those between the last look and the pause
    assert session.num_repeated == 0


def test_a_second_segment_follows_on_the_frame_grid_with_a_fresh_stream() -> None:
    session = make_session()
    first = play(session, ramp(1.0)[:1000], 160)
    assert session.idle
    spoken = ramp(1.0)[:1280]
    session.push_audio(spoken, 100.0)
    session.end_segment()
    second = [frame for step in range(200) if (frame := session.pull_frame(100.0 + step * 0.004)) is not None]
    assert [frame.index for frame in first + second] == [0, 1, 2, 3]
    assert [frame.image[0, 0, 0] for frame in second] == [round(float(spoken[i * STEP]) * 510) for i in range(2)]
    assert sum(len(frame.audio) for frame in first + second) == 4 * STEP
    assert session.num_underruns == 0


def test_sound_beyond_the_bound_is_refused_and_the_bound_is_visible() -> None:
    session = make_session(max_ahead_s=0.5)
    assert session.num_free == 8000
    with pytest.raises(StreamError, match="room for 8000"):
        session.push_audio(np.zeros(8001, np.float32), 0.0)
    session.push_audio(np.zeros(8000, np.float32), 0.5)
    assert session.num_free == 0


def test_sound_of_two_channels_or_with_holes_is_refused() -> None:
    for bad in (np.zeros((2, 100), np.float32), np.array([0.0, np.nan], np.float32)):
        with pytest.raises(StreamError, match="one row of finite mono samples"):
            make_session().push_audio(bad, 0.0)


def test_a_delay_shorter_than_the_look_ahead_is_refused_with_the_least_that_works() -> None:
    with pytest.raises(ConfigError, match="playout_delay_ms=60 is too short.*Set it to 70 or more"):
        make_session(playout_delay_ms=60, preparation_ms=20)


def test_ending_without_sound_is_no_error_and_gives_no_frame() -> None:
    session = make_session()
    session.end_segment()
    assert session.idle
    assert session.pull_frame(1.0) is None
    assert session.next_due_s() is None
