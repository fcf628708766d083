"""A session in an event loop: sound waits for room, and a barge-in lets go of whoever waits.

Agents deliver a whole answer at once, faster than it is spoken, and a session takes two seconds ahead. What both
adapters need of that stands here.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from src.realtime.frame import Frame, Layout
from src.realtime.session import Session

PIECE_S = 0.1
"""Sound enters the session in pieces of this length at most, each as soon as there is room."""
ROOM_S = 0.2
"""Room that a piece waits for: its own length, and what a resampler holds back and gives with it."""


class SpeechFeed:
    """Sound in, frames out, of one session, which belongs to it alone. For one event loop, not for several threads.

    Args:
        session: new, on the wall clock.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turn = 0
        self._open = False
        self._num_owed = 0  # segments that began and whose end was not told
        self._moved = asyncio.Event()

    @property
    def layout(self) -> Layout:
        """Of pictures and sound."""
        return self._session.layout

    @property
    def turn(self) -> int:
        """How often it was cleared: `Frame.turn` of what is said now."""
        return self._turn

    async def push(self, pcm: NDArray[np.int16], sample_rate: int) -> None:
        """Take the next sound, (S, channels), waiting for room; what still waits at `clear` is forgotten."""
        turn = self._turn
        for piece in _pieces(pcm, sample_rate):
            while self._session.num_free_s < ROOM_S:
                self._moved.clear()
                await self._moved.wait()
                if self._turn != turn:
                    return
            if self._session.closed:
                return
            self._session.push_audio(piece, sample_rate)
            self._num_owed += not self._open
            self._open = True

    def end(self) -> bool:
        """End the segment; False where nothing was said since the last end, so that `frames` will tell no other."""
        was_open, self._open = self._open, False
        if was_open and not self._session.closed:
            self._session.end_segment()
        return was_open

    def clear(self) -> None:
        """Forget all that was not given out."""
        self._turn += 1
        self._open, self._num_owed = False, 0
        if not self._session.closed:
            self._session.clear()
        self._moved.set()

    def notify_playback(self, position_s: float) -> None:
        """See `Session.notify_playback`."""
        self._session.notify_playback(position_s)

    async def frames(self) -> AsyncGenerator[Frame]:
        """Frames as they fall due, none that was cleared. It ends with `close`, and closes when it ends.

        A cleared session lets its last word fade out; here that is silence, because whoever plays forgets it as well.
        """
        turn = 0
        try:
            async with aclosing(aiter(self._session)) as frames:
                async for frame in frames:
                    if frame.filler and frame.turn != turn:
                        frame = replace(frame, audio=np.zeros_like(frame.audio))
                    turn = frame.turn
                    if frame.turn == self._turn:
                        yield frame
                    if frame.turn == self._turn:
                        self._tell(frame.num_ended)
                    self._moved.set()
        finally:
            self.close()

    async def spoken(self) -> None:
        """Wait until whoever takes the frames has all that was pushed, with the ends of it."""
        while self._num_owed and not self._session.closed:
            self._moved.clear()
            await self._moved.wait()

    def close(self) -> None:
        """End `frames` and whoever waits."""
        self._session.close()
        self._turn += 1
        self._moved.set()

    def _tell(self, num_ended: int) -> None:
        self._num_owed = max(self._num_owed - num_ended, 0)
        if self._num_owed == 0:  # also where the session ended a segment that gave no sound any more
            self._open = False


def speaks(frame: Frame) -> bool:
    """There is speech in the sound of a frame, and be it a pause of it; also of slots whose picture was dropped."""
    return not frame.filler or bool(frame.audio.any())


def pcm16(audio: NDArray[np.float32]) -> bytes:
    """(S,) in [-1, 1] as 16-bit little-endian samples."""
    return np.round(np.clip(audio, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


def samples_of(pcm: bytes | memoryview, num_channels: int) -> NDArray[np.int16]:
    """(S, channels) of interleaved 16-bit little-endian samples."""
    return np.frombuffer(pcm, "<i2").reshape(-1, num_channels)


def _pieces(pcm: NDArray[np.int16], sample_rate: int) -> Iterator[NDArray[np.int16]]:
    size = round(PIECE_S * sample_rate)
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]
