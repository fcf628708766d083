"""What was said since the last barge-in: its sound, and the motion that the model makes of it, frame by frame.

Spoken frames are counted from 0. Speech comes in segments; each begins on the grid of frames, and silence of less than
a frame completes its last one. The model runs only a little ahead of what is shown, so a sentence that arrives at once
neither holds up the pictures nor is computed in vain when it is interrupted.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.motion import MotionSpec
from src.realtime.sample_queue import SampleQueue
from src.realtime.timeline import MotionTimeline
from src.realtime.voice import VoiceGate, close_mouth


class Stream(Protocol):
    """Prediction of one segment of speech."""

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """(s,) samples -> the (t, C) frames that they complete."""
        ...

    def finish(self) -> NDArray[np.float32]:
        """The remaining frames, ceil(S fps / sample_rate_hz) in all."""
        ...


class Predictor(Protocol):
    """What a session needs of a model; `SpeechToMotion` is one."""

    @property
    def spec(self) -> MotionSpec:
        """Vocabulary of the frames."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second."""
        ...

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples that streams take."""
        ...

    @property
    def latency_ms(self) -> float:
        """Sound needed after a frame's time before the frame comes out."""
        ...

    def stream(self) -> Stream:
        """A new stream at sample 0."""
        ...


@dataclass(frozen=True, eq=False)
class SpokenFrame:
    """A frame of speech.

    Attributes:
        audio: (samples_per_frame,) its sound.
        values: (C,) its motion; that of the frame before where `held`.
        held: the motion had not come so far.
        arrival_s: when its first sample arrived.
        ends_segment: the segment ends in it.
    """

    audio: NDArray[np.float32]
    values: NDArray[np.float32]
    held: bool
    arrival_s: float
    ends_segment: bool


@dataclass(frozen=True, eq=False)
class _Piece:
    samples: NDArray[np.float32]
    ends: bool = False


class Spoken:
    """Sound goes in as it arrives, frames come out in order.

    Args:
        predictor: gives a stream per segment.
        voice: hears all sound; reset here.
        delay_s: playout delay; a chunk longer than that was not spoken just before it arrived.
        capacity: samples that may wait.
        run_ahead: the model computes up to so many frames beyond the next one.
    """

    def __init__(
        self, *, predictor: Predictor, voice: VoiceGate, delay_s: float, capacity: int, run_ahead: int
    ) -> None:
        self._predictor, self._voice, self._delay_s, self._run_ahead = predictor, voice, delay_s, run_ahead
        self._needed = math.ceil(predictor.latency_ms * predictor.sample_rate_hz / 1000.0)
        self._rate = predictor.sample_rate_hz
        self._step = round(predictor.sample_rate_hz / predictor.fps)
        self._sound = SampleQueue(capacity=capacity)
        self._unheard: deque[_Piece] = deque()  # by the model
        self._stream: Stream | None = None
        self._motion = MotionTimeline(spec=predictor.spec, fps=predictor.fps, capacity=run_ahead + _OWED_FRAMES)
        self._starts: deque[tuple[int, float]] = deque()  # frame, and when its presentation may begin
        self._ends: deque[int] = deque()  # last frames of segments
        self._is_open = False
        self._segment_began_s = 0.0
        self._segment_samples = self._longest = 0
        self._next = 0
        self.delivered_ahead = False
        voice.reset()

    @property
    def next(self) -> int:
        """The first frame that was not taken."""
        return self._next

    @property
    def num_free(self) -> int:
        """Samples that `push` would take now."""
        return self._sound.free

    @property
    def num_complete(self) -> int:
        """Frames whose sound is here."""
        return self._sound.end // self._step

    @property
    def num_ready(self) -> int:
        """Frames whose motion is computed."""
        return self._motion.num_frames

    @property
    def chunk_s(self) -> float:
        """Length of the longest piece in which the newest segment came."""
        return self._longest / self._rate

    @property
    def is_open(self) -> bool:
        """A segment has begun and not ended."""
        return self._is_open

    @property
    def is_over(self) -> bool:
        """Every segment is complete and taken."""
        return not self._is_open and self._next >= self.num_complete

    def push(self, samples: NDArray[np.float32], now_s: float) -> float:
        """Take the next (s,) samples; they begin a segment where none is open.

        Args:
            samples: mono at the predictor's rate.
            now_s: when they arrived.

        Returns:
            When their first frame may be presented if they begin a segment.

        Raises:
            StreamError: they don't fit.
        """
        self._sound.push(samples, now_s)
        # A chunk is spoken until it arrives, so its first sample is already that old; but a source that delivers
        # faster than speech does not shorten the wait below nothing.
        began_s = now_s - min(len(samples) / self._rate, self._delay_s)
        if not self._is_open:
            self._is_open = True
            self._starts.append(((self._sound.end - len(samples)) // self._step, began_s + self._delay_s))
            self._segment_began_s, self._segment_samples, self._longest = began_s, 0, 0
            self.delivered_ahead = False
        self._segment_samples += len(samples)
        self._longest = max(self._longest, len(samples))
        self._unheard.append(_Piece(samples))
        ahead_s = self._segment_samples / self._rate - (now_s - self._segment_began_s) * (1.0 + _CLOCK_ERROR)
        self.delivered_ahead = self.delivered_ahead or ahead_s > _AHEAD_S
        return began_s + self._delay_s

    def end_segment(self, now_s: float) -> bool:
        """The sentence is over: what is owed for it needs no more sound. True if all of it was taken before."""
        if not self._is_open:
            return False
        self._is_open = False
        missing = np.zeros(-self._sound.end % self._step, np.float32)
        self._sound.pad(len(missing), now_s)
        self._unheard.append(_Piece(missing, ends=True))
        last = self.num_complete - 1
        if last < self._next:
            return True
        self._ends.append(last)
        return False

    def listen(self) -> None:
        """Compute motion up to a few frames beyond the next one, as far as sound is here."""
        while self._unheard and self.num_ready <= self._next + self._run_ahead:
            piece = self._unheard.popleft()
            if self._stream is None:
                self._stream = self._predictor.stream()
            if piece.ends:  # silence that completes the frame: no part of what was said
                self._voice.push(piece.samples)
                self._motion.push(self._stream.finish())
                self._stream = None
                continue
            samples, rest = np.split(piece.samples, [self._step])
            if len(rest):
                self._unheard.appendleft(_Piece(rest))
            self._voice.push(samples)
            self._motion.push(self._stream.push(samples))

    def earliest_s(self) -> float:
        """When the next frame may be presented at the earliest; long ago where it follows another."""
        return self._starts[0][1] if self._starts and self._starts[0][0] == self._next else -np.inf

    def begins_segment(self) -> bool:
        """The next frame is the first of a segment."""
        return bool(self._starts) and self._starts[0][0] == self._next

    def is_pause(self) -> bool:
        """Nobody speaks in the next frame, nor in the 80 ms after it, which the gate has heard; inside a segment."""
        inside = not self.begins_segment() and not (self._ends and self._ends[0] == self._next)
        return inside and not self._voice.gain(self._next)

    def known_s(self) -> float | None:
        """When all sound that the motion of the next frame needs had arrived; None if it has not."""
        return self._sound.arrival_s(self._next * self._step + self._needed)

    def next_sound(self, num_samples: int) -> NDArray[np.float32]:
        """Up to so many samples that come next, without taking them."""
        return self._sound.peek(num_samples)

    def take(self) -> SpokenFrame:
        """The next frame; its sound must be complete."""
        index = self._next
        assert index < self.num_complete
        arrival_s = self._sound.arrival_s(index * self._step)
        assert arrival_s is not None
        sample = self._motion.sample(index / self._predictor.fps)
        values = sample.values
        if not sample.held:
            values = close_mouth(values, self._voice.gain(index))
        while self._starts and self._starts[0][0] <= index:
            self._starts.popleft()
        ends = bool(self._ends) and self._ends[0] == index
        if ends:
            self._ends.popleft()
        self._next += 1
        return SpokenFrame(self._sound.take_until(self._next * self._step), values, sample.held, arrival_s, ends)


_OWED_FRAMES = 32
"""More than any model gives at once: one frame per frame of sound, and its look-ahead when a segment ends."""
_AHEAD_S = 0.2
"""Sound that comes so much faster than speech was not spoken just now: its pauses are the speaker's and are kept."""
_CLOCK_ERROR = 1e-3
"""More than any sound card's: a source that is no faster is live, however long it speaks."""
