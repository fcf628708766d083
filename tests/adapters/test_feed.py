"""Sound of agents, who deliver a whole answer at once, into a session that takes little ahead."""

import asyncio

import numpy as np

from src.realtime.adapters.feed import ROOM_S, SpeechFeed, pcm16, samples_of
from src.realtime.frame import Frame
from tests.adapters.stage import make_session, steps


def test_samples_survive_the_way_to_sixteen_bits_and_back() -> None:
    samples = np.array([-32767, -1, 0, 1, 32767], np.int16)
    assert np.array_equal(samples_of(pcm16(samples / 32767.0), 1)[:, 0], samples)
    assert pcm16(np.array([-2.0, 2.0])) == pcm16(np.array([-1.0, 1.0]))
    assert samples_of(samples[:4].tobytes(), 2).shape == (2, 2)


def test_more_sound_than_the_session_holds_comes_out_whole() -> None:
    sound = steps(*np.linspace(0.1, 0.5, 15))
    feed = SpeechFeed(make_session(max_ahead_ms=1000 * ROOM_S + 100))

    async def run() -> list[Frame]:
        async def speak() -> None:
            await feed.push(sound[:, None], 16_000)
            assert feed.end()
            assert not feed.end()  # nothing was said since
            await feed.spoken()
            feed.close()

        speaking = asyncio.create_task(speak())
        frames = [frame async for frame in feed.frames()]
        await speaking
        return frames

    frames = asyncio.run(run())
    heard = np.concatenate([frame.audio for frame in frames])
    spoken = heard[np.flatnonzero(heard)[0] :][: len(sound)]
    assert pcm16(spoken) == sound.tobytes()
    assert sum(frame.num_ended for frame in frames) == 1


def test_clearing_lets_go_of_whoever_waits_for_room_and_forgets_what_waits() -> None:
    feed = SpeechFeed(make_session(max_ahead_ms=1000 * ROOM_S + 100))

    async def run() -> list[Frame]:
        speaking = asyncio.create_task(feed.push(steps(*[0.5] * 250)[:, None], 16_000))
        frames: list[Frame] = []
        async for frame in feed.frames():
            frames.append(frame)
            if not frame.filler and feed.turn == 0:
                feed.clear()
                await speaking  # ten seconds of sound would never have had room
            if frame.turn == 1 and frame.index > frames[0].index + 10:
                feed.close()
        return frames

    frames = asyncio.run(run())
    assert {frame.turn for frame in frames} == {0, 1}
    assert all(frame.filler and not frame.image.any() for frame in frames if frame.turn == 1)


def test_a_closed_feed_takes_nothing_and_holds_nobody() -> None:
    feed = SpeechFeed(make_session())
    feed.close()

    async def run() -> list[Frame]:
        await feed.push(steps(0.5)[:, None], 16_000)
        assert not feed.end()
        feed.clear()
        await feed.spoken()
        return [frame async for frame in feed.frames()]

    assert asyncio.run(run()) == []
