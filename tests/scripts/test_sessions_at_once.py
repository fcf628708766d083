"""Eight faces in one process, on threads of their own, over shared weights and textures: none knows of the others."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.live import open_animator
from src.realtime.animator import Animator
from src.realtime.clock import VirtualClock
from src.realtime.frame import Frame
from src.realtime.session import Session

RATE, CHUNK_S, SECONDS = 48_000, 0.02, 1.0
NUM_SESSIONS = 8


@pytest.fixture(scope="module")
def animator(inputs: Path) -> Animator:
    return open_animator(f"checkpoint='{inputs / 'best.ckpt'}'", f"avatar='{inputs / 'avatar'}'", "render.size=256")


def said(number: int) -> NDArray[np.float32]:
    """A second and a bit of sound of its own for each session: syllables of noise, and a pause."""
    rng = np.random.default_rng(number)
    times = np.arange(round(SECONDS * RATE)) / RATE
    loudness = np.maximum(np.sin(2 * np.pi * (3 + number / 4) * times), 0) * (times % 1.0 < 0.8)
    return (0.3 * loudness * rng.standard_normal(len(times))).astype(np.float32)


def talk(session: Session, clock: VirtualClock, sound: NDArray[np.float32]) -> list[Frame]:
    """Push sound and pull frames in virtual time; a barge-in in the middle, a client who leaves in a word."""
    frames: list[Frame] = []
    step = round(CHUNK_S * RATE)
    for number, start in enumerate(range(0, len(sound), step)):
        session.push_audio(sound[start : start + step], RATE)
        if number == 25:
            session.clear()
        clock.pass_by(CHUNK_S)
        while (frame := session.pull_frame()) is not None:
            frames.append(frame)
    session.close()
    return frames


def run_one(animator: Animator, number: int) -> list[Frame]:
    clock = VirtualClock()
    return talk(animator.session(seed=number, clock=clock.now_s), clock, said(number))


def test_eight_sessions_at_once_show_what_each_shows_alone(animator: Animator) -> None:
    alone = [run_one(animator, number) for number in range(NUM_SESSIONS)]
    together: list[list[Frame]] = [[] for _ in range(NUM_SESSIONS)]
    at_once = threading.Barrier(NUM_SESSIONS)

    def run(number: int) -> None:
        at_once.wait()
        together[number] = run_one(animator, number)

    with ThreadPoolExecutor(NUM_SESSIONS) as threads:
        for outcome in [threads.submit(run, number) for number in range(NUM_SESSIONS)]:
            outcome.result()
    for one, other in zip(alone, together, strict=True):
        assert len(one) == len(other) > 15
        for first, second in zip(one, other, strict=True):
            assert (first.index, first.deadline_s, first.turn, first.held) == (
                second.index,
                second.deadline_s,
                second.turn,
                second.held,
            )
            np.testing.assert_array_equal(first.image, second.image)
            np.testing.assert_array_equal(first.audio, second.audio)
    assert not np.array_equal(together[0][10].image, together[1][10].image), "each says something of its own"


def test_a_closed_session_leaves_nothing_behind(animator: Animator) -> None:
    clock = VirtualClock()
    session = animator.session(clock=clock.now_s)
    core = weakref.ref(session._core)
    talk(session, clock, said(0))
    del session
    gc.collect()
    assert core() is None
    num_objects = []
    for number in range(3):
        run_one(animator, number)
        gc.collect()
        num_objects.append(len(gc.get_objects()))
    assert num_objects[-1] - num_objects[0] < 100
