"""One talking face: sound goes in, pictures with their sound and their time come out.

The pure core of the engine. It joins motion prediction, the motion timeline, idle movement, the frame
scheduler and the renderer, and owns no thread, no clock and no device: whoever calls hands in the time.
The same calls at the same times give the same frames, bit for bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError, StreamError
from src.motion import MotionSpec
from src.realtime.idle import Idle, Loudness
from src.realtime.playout import PlayoutClock, SampleQueue
from src.realtime.scheduler import Action, FrameScheduler
from src.realtime.timeline import MotionTimeline


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
class Frame:
    """One picture of the stream, with the sound that belongs to it.

    Attributes:
        index: frame number; `time_s` is index / fps.
        time_s: presentation time in seconds of the stream, on the same zero as the sound.
        image: (H, W, 3) uint8 RGB.
        audio: (S,) the samples from the end of the last frame's sound to the end of this frame, so
            that all frames together hold every sample once, whatever was dropped.
        held: the motion had not come so far and the last one was shown.
        deadline_s: when picture and sound are to be presented, on the caller's clock.
        arrival_s: when the sample at `time_s` arrived, on the caller's clock.
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]
    audio: NDArray[np.float32]
    held: bool
    deadline_s: float
    arrival_s: float


class Session:
    """Push sound as it comes, pull frames as they fall due.

    Speech comes in segments: `end_segment` completes one, the next `push_audio` begins another, whose
    first frame follows the last one of the segment before.

    Queues: sound that waits for its presentation is bounded by `max_ahead_s` (`push_audio` refuses,
    `num_free` tells beforehand); motion is bounded a second above that (the oldest frame goes).
    """

    def __init__(
        self,
        *,
        predictor: Predictor,
        draw: Callable[[NDArray[np.float32]], NDArray[np.uint8]],
        idle: Idle,
        playout_delay_ms: float,
        preparation_ms: float,
        max_ahead_s: float,
    ) -> None:
        """See the class.

        Args:
            predictor: gives a stream per segment.
            draw: (C,) motion values to an (H, W, 3) picture.
            idle: blinks, head movement and the like, added to the prediction; of this session alone.
            playout_delay_ms: picture and sound are presented this long after they were spoken.
            preparation_ms: work on a picture begins this long before it is presented.
            max_ahead_s: bound of the sound that waits.

        Raises:
            ConfigError: the delay leaves no time for the look-ahead.
        """
        least_ms = predictor.latency_ms + preparation_ms
        if playout_delay_ms < least_ms:
            raise ConfigError(
                f"playout_delay_ms={playout_delay_ms:g} is too short: the model needs {predictor.latency_ms:g} ms of "
                f"sound after a frame and {preparation_ms:g} ms are kept for drawing. Set it to {least_ms:g} or more, "
                "or use a checkpoint with a shorter look-ahead."
            )
        self._predictor, self._draw, self._idle = predictor, draw, idle
        self._preparation_s = preparation_ms / 1000.0
        self._sample_rate_hz, self._fps = predictor.sample_rate_hz, predictor.fps
        self._samples_per_frame = round(self._sample_rate_hz / self._fps)
        self._playout = PlayoutClock(
            sample_rate_hz=self._sample_rate_hz, delay_s=(playout_delay_ms - preparation_ms) / 1000.0
        )
        self._sound = SampleQueue(capacity=round(max_ahead_s * self._sample_rate_hz))
        self._timeline = MotionTimeline(
            spec=predictor.spec, fps=self._fps, capacity=round((max_ahead_s + 1.0) * self._fps)
        )
        self._loudness = Loudness(
            samples_per_frame=self._samples_per_frame, capacity=round((max_ahead_s + 1.0) * self._fps)
        )
        self._scheduler = FrameScheduler(fps=self._fps)
        self._stream: Stream | None = None

    @property
    def sample_rate_hz(self) -> int:
        """Of the samples in and out."""
        return self._sample_rate_hz

    @property
    def fps(self) -> float:
        """Frames per second of the stream."""
        return self._fps

    @property
    def spare_ms(self) -> float:
        """Time that the playout delay leaves beyond look-ahead and drawing: room for the size of chunks."""
        return 1000.0 * self._playout.delay_s - self._predictor.latency_ms

    @property
    def num_free(self) -> int:
        """Samples that `push_audio` would take now."""
        return self._sound.free

    @property
    def num_dropped(self) -> int:
        """Frames that were never drawn because their time had passed."""
        return self._scheduler.num_dropped

    @property
    def num_repeated(self) -> int:
        """Frames that were drawn with the motion before them because theirs was not there."""
        return self._scheduler.num_repeated

    @property
    def num_underruns(self) -> int:
        """Times that the sound ran out in the middle of a segment."""
        return self._playout.num_underruns

    @property
    def idle(self) -> bool:
        """Every segment is complete and every frame of it was shown or dropped."""
        return self._stream is None and self._scheduler.next_index * self._samples_per_frame >= self._sound.end

    def push_audio(self, samples: NDArray[np.float32], arrival_s: float) -> None:
        """Take the next sound: features and motion of it are computed in this call.

        Args:
            samples: (s,) mono in [-1, 1] at `sample_rate_hz`, any s.
            arrival_s: when they arrived, on the clock of `pull_frame`. It may be before the last pull: a
                caller who was busy must not make the sound late.

        Raises:
            StreamError: wrong shape, not finite, or more than `num_free`.
        """
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise StreamError(
                f"audio of shape {samples.shape} must be one row of finite mono samples in [-1, 1]. Convert it first."
            )
        resumes = self._stream is None
        if self._stream is None:
            # A segment begins on the grid of frames; at most one frame of silence completes the last.
            missing = -self._sound.end % self._samples_per_frame
            samples = np.concatenate([np.zeros(missing, np.float32), samples])
            self._sound.push(samples, arrival_s)
            self._stream = self._predictor.stream()
            spoken = samples[missing:]
        else:
            self._sound.push(samples, arrival_s)
            spoken = samples
        self._loudness.push(samples)
        self._playout.receive(len(samples), arrival_s, resumes=resumes)
        self._timeline.push(self._stream.push(spoken))

    def end_segment(self) -> None:
        """Say that the sentence is over: the motion still owed for it is computed without waiting for more."""
        if self._stream is not None:
            self._timeline.push(self._stream.finish())
            self._stream = None

    def next_due_s(self) -> float | None:
        """When `pull_frame` has something to give, on the caller's clock; None until more sound arrives."""
        return self._playout.time_of(self._scheduler.next_s)

    def pull_frame(self, now_s: float) -> Frame | None:
        """Draw the frame that is due; None when none is. Never waits.

        A caller who comes late gets the newest due frame; those in between are dropped and counted.
        """
        decision = self._scheduler.decide(self._playout.position_s(now_s), self._timeline.num_frames)
        if decision.action is Action.WAIT:
            return None
        time_s = decision.index / self._fps
        first_sample = decision.index * self._samples_per_frame
        arrival_s, due_s = self._sound.arrival_s(first_sample), self._playout.time_of(time_s)
        assert arrival_s is not None
        assert due_s is not None  # the clock stops at the last sample received, so this one is there
        sample = self._timeline.sample(time_s)
        return Frame(
            index=decision.index,
            time_s=time_s,
            image=self._draw(self._idle.apply(sample.values, self._loudness.take_through(decision.index))),
            audio=self._sound.take_until(first_sample + self._samples_per_frame),
            held=sample.held,
            deadline_s=due_s + self._preparation_s,
            arrival_s=arrival_s,
        )
