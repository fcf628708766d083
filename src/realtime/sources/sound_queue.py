"""What has come from a device or a client and was not asked for yet: bounded, and safe between two threads."""

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Taken:
    """(s,) samples, s may be 0, and what happened after or before them; as in `Chunk`."""

    samples: NDArray[np.float32]
    ends_segment: bool = False
    clears: bool = False


NOTHING = np.zeros(0, np.float32)
"""A sign of life without sound."""
_END = object()


class SoundQueue:
    """Sound between the thread that it comes from and the thread that asks for chunks.

    Args:
        capacity: samples. `put` waits for room, `offer` makes room by dropping the oldest and counts it.
    """

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[NDArray[np.float32] | object] = deque()
        self._num_waiting = 0
        self._cleared = self._finished = self._closed = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self.num_dropped = 0
        self.num_cleared = 0

    @property
    def is_closed(self) -> bool:
        """Nobody asks any more: whoever puts may stop."""
        return self._closed

    def put(self, samples: NDArray[np.float32], turn: int | None = None) -> bool:
        """Append (s,) samples when there is room for them.

        Args:
            samples: more than `capacity` at once have room when nothing else waits.
            turn: `num_cleared` of the time at which they were ordered; of an earlier time they are forgotten.

        Returns:
            False when nobody wants them, or anything more of their kind.
        """
        with self._changed:
            while self._wants(turn) and self._num_waiting and self._num_waiting + len(samples) > self._capacity:
                self._changed.wait()
            if self._wants(turn):
                self._append(samples)
            return self._wants(turn)

    def offer(self, samples: NDArray[np.float32]) -> None:
        """Append (s,) samples now."""
        with self._changed:
            self._append(samples)
            while self._num_waiting > self._capacity and len(self._items) > 1:
                oldest = self._items.popleft()
                if isinstance(oldest, np.ndarray):
                    self._num_waiting -= len(oldest)
                    self.num_dropped += len(oldest)

    def end_segment(self) -> None:
        """The sentence that was put is over."""
        with self._changed:
            self._items.append(_END)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget what waits; the next thing taken says so."""
        with self._changed:
            self._items.clear()
            self._num_waiting = 0
            self._cleared = True
            self.num_cleared += 1
            self._changed.notify_all()

    def finish(self, failure: BaseException | None = None) -> None:
        """Nothing more comes; `take` raises the failure when the rest is taken."""
        with self._changed:
            self._finished, self._failure = True, failure
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody asks any more: `put` stops waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, most: int, timeout_s: float) -> Taken | None:
        """The next samples, at most so many.

        Returns:
            Nothing in it when nothing came in time; None after the end.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._cleared or self._finished, timeout_s)
            if self._cleared:
                self._cleared = False
                return Taken(NOTHING, clears=True)
            if not self._items:
                if self._finished and self._failure is not None:
                    raise self._failure
                return None if self._finished else Taken(NOTHING)
            pieces: list[NDArray[np.float32]] = []
            while most > 0 and self._items and isinstance(piece := self._items[0], np.ndarray):
                self._items.popleft()
                if len(piece) > most:
                    piece, rest = piece[:most], piece[most:]
                    self._items.appendleft(rest)
                pieces.append(piece)
                most -= len(piece)
            samples = np.concatenate([NOTHING, *pieces])
            self._num_waiting -= len(samples)
            ends = bool(self._items) and self._items[0] is _END
            if ends:
                self._items.popleft()
            self._changed.notify_all()
            return Taken(samples, ends_segment=ends)

    def _wants(self, turn: int | None) -> bool:
        return not self._closed and turn in (None, self.num_cleared)

    def _append(self, samples: NDArray[np.float32]) -> None:
        if len(samples) and not self._closed:
            self._items.append(samples)
            self._num_waiting += len(samples)
            self._changed.notify_all()
