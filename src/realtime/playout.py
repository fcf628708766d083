"""How far the sound has come, and the samples that wait for their turn.

Sound and picture are both presented a fixed delay behind the voice. The delay buys the time that
features, look-ahead and rendering need; that both have the same one keeps the mouth with its voice.
"""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError


class PlayoutClock:
    """The position of the audio, which everything else follows. Time is an argument.

    The first sample is played `delay_s` after it was spoken. A source that stops delivering stops the
    clock at the last sample it gave; when it comes back, its next sample again waits for `delay_s`
    (an underrun, counted): the picture waits with the sound, and both stay together.
    """

    def __init__(self, *, sample_rate_hz: int, delay_s: float) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._delay_s = delay_s
        self._origin_s: float | None = None  # the time at which position 0 was, or would have been
        self._num_received = 0
        self.num_underruns = 0

    @property
    def delay_s(self) -> float:
        """Seconds between the speaking and the playing of a sample."""
        return self._delay_s

    @property
    def received_s(self) -> float:
        """Seconds of audio received since the start of the stream."""
        return self._num_received / self._sample_rate_hz

    def receive(self, num_samples: int, now_s: float, *, resumes: bool = False) -> None:
        """Count samples that arrived now.

        Args:
            num_samples: a chunk is spoken until it arrives, so its first sample is already this old,
                but never older than the delay (a source that delivers faster than speech).
            now_s: any monotonic clock.
            resumes: the first chunk after a wanted pause; a new start, not an underrun.
        """
        age_s = min(num_samples / self._sample_rate_hz, self._delay_s)
        start_s = now_s - age_s + self._delay_s - self.received_s
        if self._origin_s is None:
            self._origin_s = start_s
        elif now_s - self._origin_s > self.received_s:
            self._origin_s = start_s
            self.num_underruns += not resumes
        self._num_received += num_samples

    def position_s(self, now_s: float) -> float:
        """Seconds of the stream that have been played; never past the last sample received."""
        if self._origin_s is None:
            return -math.inf
        return min(now_s - self._origin_s, (self._num_received - 1) / self._sample_rate_hz)

    def time_of(self, position_s: float) -> float | None:
        """When a position is reached; None when its sample has not arrived yet."""
        if self._origin_s is None or position_s * self._sample_rate_hz > self._num_received - 1:
            return None
        return self._origin_s + position_s


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
        return self._capacity - (self._end - self._first)

    def push(self, samples: NDArray[np.float32], now_s: float) -> None:
        """Append (S,) samples that arrived now.

        Raises:
            StreamError: they don't fit.
        """
        if len(samples) > self.free:
            raise StreamError(
                f"{len(samples)} audio samples arrived, room for {self.free}: the source is ahead of playback. "
                "Deliver smaller chunks at the pace of speech, or raise the session's `max_ahead_s`."
            )
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
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)

    def arrival_s(self, index: int) -> float | None:
        """When the sample at `index` arrived; None if it has not. Forgets the arrivals before it."""
        while self._arrivals and self._arrivals[0][0] <= index:
            self._arrivals.popleft()
        return self._arrivals[0][1] if self._arrivals else None
