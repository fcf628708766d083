"""Samples that wait for their turn."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError


class SampleQueue:
    """Audio samples between arrival and presentation, with the time at which each arrived.

    Full: `push` refuses (StreamError), so the caller keeps the samples and asks `free` first.
    """

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._pieces: deque[NDArray[np.float32]] = deque()
        self._arrivals: deque[tuple[int, float]] = deque()  # (index after the last sample, arrival)
        self._first = 0
        self._end = 0

    @property
    def end(self) -> int:
        """Index after the newest sample, counted from the start of the stream."""
        return self._end

    @property
    def free(self) -> int:
        """Samples that `push` would take now."""
        return max(self._capacity - (self._end - self._first), 0)

    def push(self, samples: NDArray[np.float32], now_s: float) -> None:
        """Append (S,) samples that arrived now.

        Raises:
            StreamError: they don't fit.
        """
        if len(samples) > self.free:
            raise StreamError(
                f"{len(samples)} audio samples arrived, room for {self.free}: the source is ahead of playback. "
                "Wait while there is no room, deliver smaller chunks, or raise the session's max_ahead_ms."
            )
        self._append(samples, now_s)

    def pad(self, num_samples: int, now_s: float) -> None:
        """Append silence, full or not: the rest of a frame must never be what does not fit."""
        self._append(np.zeros(num_samples, np.float32), now_s)

    def _append(self, samples: NDArray[np.float32], now_s: float) -> None:
        self._pieces.append(samples)
        self._end += len(samples)
        self._arrivals.append((self._end, now_s))

    def take_until(self, index: int) -> NDArray[np.float32]:
        """Remove and return the samples before `index`, as many as have arrived."""
        taken: list[NDArray[np.float32]] = []
        while self._pieces and self._first < index:
            piece = self._pieces.popleft()
            if self._first + len(piece) > index:
                piece, rest = np.split(piece, [index - self._first])
                self._pieces.appendleft(rest)
            taken.append(piece)
            self._first += len(piece)
        while self._arrivals and self._arrivals[0][0] <= self._first:
            self._arrivals.popleft()
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)

    def peek(self, num_samples: int) -> NDArray[np.float32]:
        """Up to so many samples that are next, which stay."""
        first = self._pieces[0] if self._pieces else np.zeros(0, np.float32)
        return first[:num_samples]

    def arrival_s(self, index: int) -> float | None:
        """When the sample at `index`, which was not taken, arrived; None if it has not."""
        return next((arrival_s for end, arrival_s in self._arrivals if index < end), None)
