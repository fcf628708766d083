"""Pictures go when there are too many, sound never does."""

import asyncio

import numpy as np

from src.realtime.server.outbox import Outbox
from tests.realtime.server.fakes import STEP, frame


def sound_of(outbox: Outbox) -> np.ndarray:
    return np.concatenate([asyncio.run(outbox.get()).audio for _ in range(len(outbox))])


def test_frames_come_out_as_they_went_in() -> None:
    outbox = Outbox(capacity=3)
    for index in range(3):
        outbox.put(frame(index))
    assert [asyncio.run(outbox.get()).index for _ in range(3)] == [0, 1, 2]
    assert outbox.num_dropped == 0


def test_a_full_outbox_drops_the_oldest_picture_and_keeps_every_sample() -> None:
    outbox = Outbox(capacity=2)
    for index in range(6):
        outbox.put(frame(index, level=index / 10))
    assert (len(outbox), outbox.num_dropped, outbox.num_waiting_samples) == (2, 4, 6 * STEP)
    expected = np.repeat(np.arange(6) / 10, STEP).astype(np.float32)
    np.testing.assert_array_equal(sound_of(outbox), expected)


def test_what_was_said_is_forgotten_but_not_how_long_it_took() -> None:
    outbox = Outbox(capacity=3)
    for index in range(3):
        outbox.put(frame(index, level=0.5))
    outbox.flush()
    assert len(outbox) == 1
    np.testing.assert_array_equal(sound_of(outbox), np.zeros(3 * STEP, np.float32))
    outbox.flush()
    assert len(outbox) == 0


def test_who_waits_gets_the_next_frame() -> None:
    async def wait() -> int:
        outbox = Outbox(capacity=1)
        waiting = asyncio.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.put(frame(7))
        return (await waiting).index

    assert asyncio.run(wait()) == 7
