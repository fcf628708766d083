"""The shell for programs: any sound, any thread, frames as they fall due."""

import asyncio
import threading
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from src.errors import RenderError, StreamError
from src.realtime.frame import Frame
from src.realtime.session import Session
from tests.realtime.fakes import LAYOUT, RATE, STEP, jaw_picture, make_core, ramp, sound_of


class HandClock:
    """Time that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def session_of(clock: Callable[[], float], **core: float) -> Session:
    return Session(make_core(**core), LAYOUT, clock)


def pulled(session: Session, clock: HandClock, seconds: float) -> list[Frame]:
    frames = []
    for _ in range(round(seconds * 250)):
        frame = session.pull_frame()
        if frame is not None:
            frames.append(frame)
        clock.now_s += 0.004
    return frames


@pytest.mark.parametrize(
    ("pcm", "sample_rate"),
    [
        (ramp(1.0), 16_000),
        ((ramp(1.0) * 32767).astype(np.int16), 16_000),
        ((ramp(1.0) * 32767).astype("<i2").tobytes(), 16_000),
        (np.stack([ramp(1.0)] * 2, axis=1), 16_000),
        (np.linspace(0, 0.5, 48_000, dtype=np.float32), 48_000),
        (np.linspace(0, 0.5, 44_100, dtype=np.float32), 44_100),
    ],
)
def test_sound_of_any_kind_is_shown(pcm: NDArray[np.float32] | bytes, sample_rate: int) -> None:
    clock = HandClock()
    session = session_of(clock)
    session.push_audio(pcm, sample_rate)
    session.end_segment()
    frames = pulled(session, clock, 1.0)
    assert [frame.index for frame in frames[:25]] == list(range(25))
    np.testing.assert_allclose(sound_of(frames[:25])[100:-100], ramp(1.0)[100:-100], atol=1e-3)
    assert sum(frame.num_ended for frame in frames) == 1


def test_frames_are_given_as_they_fall_due_until_the_session_is_closed() -> None:
    session = Session(make_core(), LAYOUT)

    async def watch() -> list[Frame]:
        frames = []
        session.push_audio(ramp(0.4), RATE)
        session.end_segment()
        async for frame in session:
            frames.append(frame)
            if frame.num_ended:
                session.close()
        return frames

    frames = asyncio.run(asyncio.wait_for(watch(), 30))
    assert frames[0].index == 0
    heard = [frame for frame in frames if not frame.filler]
    np.testing.assert_array_equal(sound_of(heard), ramp(0.4))
    assert session.closed
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("draw")]


def test_closing_wakes_whoever_waits_for_a_frame() -> None:
    session = Session(make_core(), LAYOUT, clock=lambda: 0.0)  # time stands still: after the first, no frame is due

    async def watch() -> int:
        count = 0
        async for _ in session:
            count += 1
            threading.Timer(0.0, session.close).start()
        return count

    assert asyncio.run(asyncio.wait_for(watch(), 30)) == 1


def test_two_iterations_over_one_session_are_refused() -> None:
    session = Session(make_core(), LAYOUT)

    async def watch() -> None:
        async for _ in session:
            async for _ in session:
                pass

    with pytest.raises(StreamError, match="two iterations over one session"):
        asyncio.run(asyncio.wait_for(watch(), 30))


def test_a_picture_that_cannot_be_drawn_reaches_whoever_iterates() -> None:
    def broken(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        raise RenderError("the picture is gone")

    session = Session(make_core(draw=broken), LAYOUT)

    async def watch() -> None:
        async for _ in session:
            pass

    with pytest.raises(RenderError, match="the picture is gone"):
        asyncio.run(asyncio.wait_for(watch(), 30))


def test_sound_is_taken_while_a_picture_is_drawn_and_a_barge_in_then_replaces_the_picture() -> None:
    drawing, go_on = threading.Event(), threading.Event()

    def slow(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        drawing.set()
        assert go_on.wait(30)
        return jaw_picture(values)

    clock = HandClock()
    session = Session(make_core(draw=slow), LAYOUT, clock)
    session.push_audio(np.full(RATE, 0.4, np.float32), RATE)
    results: list[Frame | None] = []
    thread = threading.Thread(target=lambda: results.append(session.pull_frame()))
    thread.start()
    assert drawing.wait(30)
    session.push_audio(ramp(0.1), RATE)
    session.clear()
    go_on.set()
    thread.join(30)
    assert results == [None]
    clock.now_s += 0.05
    frame = session.pull_frame()
    assert frame is not None
    assert frame.turn == 1
    assert len(frame.audio) == 2 * STEP
    assert not frame.audio[:STEP].any()


def test_no_room_is_an_error_that_takes_nothing_and_is_known_beforehand() -> None:
    session = session_of(HandClock(), max_ahead_ms=500)
    assert session.num_free_s == pytest.approx(0.5)
    with pytest.raises(StreamError, match=r"1\.00 s of sound arrived, room for 0\.50 s"):
        session.push_audio(ramp(1.0), RATE)
    assert session.waiting_s == 0.0
    session.push_audio(ramp(0.5), RATE)
    assert session.num_free_s == 0.0


def test_the_end_of_a_segment_always_fits_whatever_the_resampler_holds() -> None:
    session = session_of(HandClock(), max_ahead_ms=500)
    piece = np.full(480, 0.1, np.float32)
    while True:
        try:
            session.push_audio(piece, 48_000)
        except StreamError:
            break
    session.end_segment()
    assert session.waiting_s <= 0.541


def test_a_closed_session_takes_nothing() -> None:
    session = session_of(HandClock())
    session.close()
    for call in (session.end_segment, session.clear, lambda: session.push_audio(ramp(0.1), RATE)):
        with pytest.raises(StreamError, match="the session was closed"):
            call()
    assert session.pull_frame() is None


def test_the_resampler_counts_as_latency() -> None:
    session = session_of(HandClock())
    assert session.latency_ms == 50.0
    session.push_audio(np.zeros(480, np.float32), 48_000)
    assert 50.0 < session.latency_ms < 53.0


def test_pictures_follow_the_sound_that_is_heard() -> None:
    clock = HandClock()
    session = session_of(clock)
    session.start()
    before = session.next_due_s()
    for _ in range(3):
        session.notify_playback(clock.now_s - 100.02 + 0.2)  # 0.2 s ahead of the pictures: a stop, not a clock
        clock.now_s += 0.01
    after = session.next_due_s()
    assert before is not None
    assert after is not None
    assert before - after == pytest.approx(0.2, abs=1e-6)
    assert session.counts.drift.num_jumps == 1
