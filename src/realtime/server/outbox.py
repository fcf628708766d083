"""Frames on their way out: a bound, and a policy for being full that never loses sound."""

import asyncio
from collections import deque
from dataclasses import replace

import numpy as np

from src.realtime.frame import Frame


class Outbox:
    """Frames between a session and the transport to its viewer.

    Full: the oldest picture goes and is counted; its sound goes along with the next frame, as `Frame` has it.
    """

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._frames: deque[Frame] = deque()
        self._filled = asyncio.Event()
        self.num_dropped = 0

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def num_waiting_samples(self) -> int:
        """Samples of sound that wait: all that was dropped of their pictures included."""
        return sum(len(frame.audio) for frame in self._frames)

    def put(self, frame: Frame) -> None:
        """Append the next frame."""
        self._frames.append(frame)
        if len(self._frames) > self._capacity:
            oldest, heir = self._frames.popleft(), self._frames.popleft()
            self._frames.appendleft(replace(heir, audio=np.concatenate([oldest.audio, heir.audio])))
            self.num_dropped += 1
        self._filled.set()

    async def get(self) -> Frame:
        """The oldest frame, as soon as there is one."""
        while not self._frames:
            self._filled.clear()
            await self._filled.wait()
        return self._frames.popleft()

    def flush(self) -> None:
        """Forget what is said in the waiting frames: one picture stays, and silence of the same length."""
        if self._frames:
            last, silence = self._frames[-1], np.zeros(self.num_waiting_samples, np.float32)
            self.num_dropped += len(self._frames) - 1
            self._frames = deque([replace(last, audio=silence)])
