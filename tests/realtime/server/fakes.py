"""A session that does as it is told, without model, renderer or clock."""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from src.realtime.frame import Frame, Layout

RATE, FPS, STEP, SIZE = 16_000, 25.0, 640, 32
LAYOUT = Layout(SIZE, SIZE, FPS, RATE)


def frame(index: int, *, turn: int = 0, level: float = 0.1, arrival_s: float | None = None, **changed: Any) -> Frame:
    """A frame of the timeline; `level` is its sound and its grey."""
    values = {
        "index": index,
        "time_s": index / FPS,
        "image": np.full((SIZE, SIZE, 3), round(255 * level), np.uint8),
        "audio": np.full(STEP, level, np.float32),
        "held": False,
        "filler": arrival_s is None,
        "deadline_s": time.monotonic(),
        "arrival_s": arrival_s,
        "num_ended": 0,
        "turn": turn,
    }
    return Frame(**(values | changed))


@dataclass
class FakeCounts:
    dropped: int = 0
    held: int = 0


@dataclass
class FakeSession:
    """Gives the frames of `give`; what it is told goes into `told`, in order."""

    told: "queue.Queue[tuple[Any, ...]]" = field(default_factory=queue.Queue)
    closed: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    counts: FakeCounts = field(default_factory=FakeCounts)

    def push_audio(self, pcm: Any, sample_rate: int) -> None:
        self.told.put(("push", np.array(pcm), sample_rate))

    def end_segment(self) -> None:
        self.told.put(("end",))

    def clear(self) -> None:
        self.told.put(("clear",))

    def notify_playback(self, position_s: float) -> None:
        self.told.put(("played", position_s))

    def close(self) -> None:
        self.closed.set()

    def give(self, *frames: Frame | Exception | None) -> None:
        for item in frames:
            self._loop.call_soon_threadsafe(self._frames.put_nowait, item)

    async def __aiter__(self) -> AsyncIterator[Frame]:
        self._loop, self._frames = asyncio.get_running_loop(), asyncio.Queue[Any]()
        self.begun.set()
        while (item := await self._frames.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item


@dataclass
class FakeFace:
    """An avatar whose sessions are kept."""

    layout: Layout = LAYOUT
    sessions: "queue.Queue[FakeSession]" = field(default_factory=queue.Queue)

    def session(self) -> FakeSession:
        made = FakeSession()
        self.sessions.put(made)
        return made
