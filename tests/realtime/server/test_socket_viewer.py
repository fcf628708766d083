"""A slow line gets fewer pictures and all of the sound."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from src.realtime.server.socket_viewer import GIVE_UP_S, HEAD, LAG_S, SocketViewer
from tests.realtime.server.fakes import LAYOUT, STEP, frame


class Line:
    """Keeps messages; `open` closed holds them up."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.open = asyncio.Event()
        self.gave_up = 0
        self.open.set()
        self.viewer = SocketViewer(layout=LAYOUT, jpeg_quality=80, send=self.send, give_up=self.give_up)

    async def send(self, message: bytes) -> None:
        await self.open.wait()
        self.messages.append(message)

    def give_up(self, message: str) -> None:
        assert "too slow even for sound" in message
        self.gave_up += 1

    async def until(self, num_messages: int) -> None:
        while len(self.messages) < num_messages:
            await asyncio.sleep(0)

    def sound(self) -> np.ndarray:
        counts = [HEAD.unpack_from(message)[1] for message in self.messages]
        return np.concatenate(
            [np.frombuffer(m, "<i2", count, HEAD.size) for m, count in zip(self.messages, counts, strict=True)]
        )

    def pictures(self) -> int:
        return sum(len(message) > HEAD.size + 2 * HEAD.unpack_from(message)[1] for message in self.messages)


def on_a_line(work: Callable[[Line], Awaitable[None]]) -> None:
    async def run() -> None:
        line = Line()
        await work(line)
        await line.viewer.close()

    asyncio.run(run())


def test_a_page_that_keeps_up_gets_everything_at_its_time() -> None:
    async def work(line: Line) -> None:
        for index in range(100, 130):
            line.viewer.put(frame(index, level=index / 200))
            await line.until(index - 99)
            line.viewer.received((index + 1) / 25)
        heads = [HEAD.unpack_from(message) for message in line.messages]
        np.testing.assert_allclose(
            [head[2:4] for head in heads], [(index / 25, index / 25) for index in range(100, 130)]
        )
        assert (line.pictures(), line.viewer.sent().pictures, line.viewer.sent().dropped) == (30, 30, 0)
        assert line.viewer.sent().bytes == sum(map(len, line.messages))

    on_a_line(work)


def test_a_page_that_falls_behind_gets_sound_alone_until_it_has_caught_up() -> None:
    async def work(line: Line) -> None:
        for index in range(40):  # nothing is acknowledged
            line.viewer.put(frame(index))
            await line.until(index + 1)
        assert LAG_S * 25 <= line.pictures() <= LAG_S * 25 + 4
        assert len(line.sound()) == 40 * STEP
        line.viewer.received(40 / 25)
        line.viewer.put(frame(40))
        await line.until(41)
        assert line.viewer.sent().dropped == 41 - line.pictures()
        assert len(line.messages[-1]) > HEAD.size + 2 * STEP

    on_a_line(work)


def test_a_line_that_takes_nothing_loses_pictures_and_no_sound() -> None:
    async def work(line: Line) -> None:
        line.open.clear()
        for index in range(25):
            line.viewer.put(frame(index, level=(index + 1) / 100))
            await asyncio.sleep(0)
        line.open.set()
        while len(line.sound() if line.messages else ()) < 25 * STEP:
            await asyncio.sleep(0)
        expected = np.round(np.repeat((np.arange(25) + 1) / 100, STEP).astype(np.float32) * 32767)
        np.testing.assert_array_equal(line.sound(), expected)
        assert line.viewer.sent().dropped > 0
        assert line.gave_up == 0

    on_a_line(work)


def test_a_line_that_does_not_even_carry_sound_is_given_up() -> None:
    async def work(line: Line) -> None:
        line.open.clear()
        for index in range(round(GIVE_UP_S * 25) + 10):
            line.viewer.put(frame(index))
        assert line.gave_up > 0

    on_a_line(work)


def test_a_page_cannot_claim_to_have_received_what_was_not_sent() -> None:
    async def work(line: Line) -> None:
        line.viewer.put(frame(25))
        await line.until(1)
        line.viewer.received(1e9)
        assert line.viewer.lag_s == 0.0

    on_a_line(work)


def test_what_is_interrupted_becomes_silence() -> None:
    async def work(line: Line) -> None:
        line.open.clear()
        for index in range(3):
            line.viewer.put(frame(index, level=0.5))
        line.viewer.flush()
        line.open.set()
        line.viewer.put(frame(3, level=0.25, turn=1))
        while len(line.sound() if line.messages else ()) < 4 * STEP:
            await asyncio.sleep(0)
        assert not line.sound()[: 3 * STEP].any()

    on_a_line(work)
