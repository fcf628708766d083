"""The sound that waits for a sound card: what it gets when, and which second of the timeline is heard.

Pure: the card's callback says when its next block will be heard. Speech is given without gap or change; only where
nobody speaks is it moved, so that sound is heard when it should be without anybody hearing the correction.

* Too early (the beginning, after a gap, in silence): the card gets silence until the sound is due.
* Too late in silence: the silence is shortened. Nothing is lost.
* Too late in speech: it goes on late and is set right in the next silence; beyond `late_limit_s` what is late is left
  out and counted.
* Nothing there: silence, counted as an underrun where somebody spoke. Too much there: the oldest goes and is counted.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE_S = 0.01
"""Silence is not cut for less: a quarter of a frame, and about what the times of sound cards waver."""
FADE_S = 0.005
"""Sound that is cut is led to silence, and the next begins from it, so that neither clicks."""


@dataclass
class _Piece:
    samples: NDArray[np.float32]
    position: int
    due_s: float
    silent: bool
    ends: bool = False
    """Nothing follows it: what comes next begins when it is due."""


class SoundRing:
    """Sound of the timeline between the engine and a sound card. Not thread-safe: the shell locks.

    Args:
        sample_rate_hz: of the card.
        capacity_s: bound; beyond it the oldest sound goes.
        late_limit_s: speech that would be heard later than this after its time is left out.
    """

    def __init__(self, *, sample_rate_hz: int, capacity_s: float, late_limit_s: float) -> None:
        self._rate = sample_rate_hz
        self._capacity = round(capacity_s * sample_rate_hz)
        self._limit = round(late_limit_s * sample_rate_hz)
        self._tolerance = round(TOLERANCE_S * sample_rate_hz)
        self._pieces: deque[_Piece] = deque()
        self._num_waiting = 0
        self._running = False
        self._catching_up = False
        self._ending = self._fades_in = self._in_silence = False
        self._num_fading = round(FADE_S * sample_rate_hz)
        self._given: tuple[int, float] | None = None
        """Position after the last sample that the card got, and when that will be heard."""
        self.num_underruns = 0
        self.num_overflowed = 0
        self.num_left_out = 0

    @property
    def num_waiting(self) -> int:
        """Samples that the card has not got yet."""
        return self._num_waiting

    def write(self, samples: NDArray[np.float32], position: int, due_s: float) -> None:
        """Append sound that follows what was written before.

        Args:
            samples: (s,) mono at `sample_rate_hz`. Kept, not copied.
            position: sample of the timeline that the first one is.
            due_s: when that is to be heard.
        """
        if not len(samples):
            return
        if self._fades_in:
            ramp = np.ones(len(samples), np.float32)
            ramp[: self._num_fading] = np.linspace(0.0, 1.0, self._num_fading, dtype=np.float32)[: len(samples)]
            samples, self._fades_in = samples * ramp, False
        self._pieces.append(_Piece(samples, position, due_s, not samples.any()))
        self._num_waiting += len(samples)
        while self._num_waiting > self._capacity:
            self.num_overflowed += self._leave_out(
                min(len(self._pieces[0].samples), self._num_waiting - self._capacity)
            )

    def read(self, num_samples: int, heard_s: float) -> NDArray[np.float32]:
        """The next block for the card: (num_samples,), the first of which is heard at `heard_s`."""
        block, filled = np.zeros(num_samples, np.float32), 0
        while filled < num_samples and self._pieces:
            piece = self._pieces[0]
            late = filled + round((heard_s - piece.due_s) * self._rate)
            self._catching_up = late > (0 if self._catching_up else self._limit)
            if late < (-self._tolerance if self._running else 0) and (piece.silent or not self._running):
                filled += min(-late, num_samples - filled)
            elif self._catching_up or (piece.silent and late > self._tolerance):
                left_out = self._leave_out(min(late, len(piece.samples)))
                self.num_left_out += 0 if piece.silent else left_out
            else:
                taken = piece.samples[: num_samples - filled]
                block[filled : filled + len(taken)] = taken
                filled += len(taken)
                self._given = piece.position + len(taken), heard_s + filled / self._rate
                self._in_silence = piece.silent
                self._running = not (piece.ends and len(taken) == len(piece.samples))
                self._leave_out(len(taken))
        if filled < num_samples and self._running:
            self._running = False
            self.num_underruns += not (self._ending or self._in_silence)
        return block

    def flush(self) -> None:
        """Forget what the card has not got yet, but for a few milliseconds in which the sound is led to silence."""
        cut = self._pieces[0] if self._pieces and self._running else None
        self._pieces.clear()
        self._num_waiting = 0
        self._catching_up, self._fades_in = False, True
        if cut is not None:
            tail = cut.samples[: self._num_fading]
            faded = tail * np.linspace(1.0, 0.0, len(tail), dtype=np.float32)
            self._pieces.append(_Piece(faded, cut.position, cut.due_s, silent=False, ends=True))
            self._num_waiting = len(faded)
        self._running = cut is not None

    def end(self) -> None:
        """Nothing more will be written: running dry is no underrun any more."""
        self._ending = True

    def played_s(self, now_s: float) -> float | None:
        """Which second of the timeline is heard now; None before the first sound."""
        if self._given is None:
            return None
        position, heard_s = self._given
        return position / self._rate - max(heard_s - now_s, 0.0)

    def heard_s(self, time_s: float) -> float | None:
        """When a second of the timeline is heard, or was; None while nothing is being played."""
        if self._given is None or not self._running:
            return None
        position, heard_s = self._given
        return heard_s + time_s - position / self._rate

    def _leave_out(self, num_samples: int) -> int:
        piece = self._pieces[0]
        if num_samples == len(piece.samples):
            self._pieces.popleft()
        else:
            piece.samples = piece.samples[num_samples:]
            piece.position += num_samples
            piece.due_s += num_samples / self._rate
        self._num_waiting -= num_samples
        return num_samples


class CardClock:
    """When the blocks of a sound card are heard, smoothed: what cards report wavers by milliseconds.

    Args:
        sample_rate_hz: as the card counts it.
    """

    def __init__(self, *, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._next_s: float | None = None

    def block(self, reported_s: float, num_samples: int) -> float:
        """When the first of the next `num_samples` is heard.

        Args:
            reported_s: what the card says about it.
            num_samples: of the block.
        """
        if self._next_s is None or abs(reported_s - self._next_s) > _JUMP_S:
            start_s = reported_s
        else:
            start_s = self._next_s + _GAIN * (reported_s - self._next_s)
        self._next_s = start_s + num_samples / self._rate
        return start_s


_GAIN = 0.02
"""At blocks of 10 ms half a second of smoothing; 200 ppm between the clocks then lag by 0.1 ms."""
_JUMP_S = 0.03
"""More than wavering: the card stood still, or lost a block."""
