"""Stand-ins for the model, the renderer, the source and the sink."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from src.motion import CORE7, MotionSpec
from src.realtime.core import SessionCore
from src.realtime.drift import DriftMonitor, Slew
from src.realtime.frame import Chunk, Frame, Layout
from src.realtime.idle import NoIdle
from src.realtime.timing import Timing
from src.realtime.voice import AlwaysOpen, VoiceGate

RATE, FPS, STEP = 16_000, 25.0, 640


@dataclass
class Follower:
    """A model whose jaw_open in frame i is the sample at frame i's time, known `latency_samples` later."""

    latency_samples: int = 800
    spec: MotionSpec = CORE7
    fps: float = FPS
    sample_rate_hz: int = RATE

    @property
    def latency_ms(self) -> float:
        return 1000.0 * self.latency_samples / self.sample_rate_hz

    def stream(self) -> "FollowerStream":
        return FollowerStream(self.latency_samples)


class FollowerStream:
    def __init__(self, latency_samples: int) -> None:
        self._latency = latency_samples
        self._heard = np.zeros(0, np.float32)  # from the next frame on

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self._heard = np.concatenate([self._heard, samples])
        return self._give(max((len(self._heard) - self._latency - 1) // STEP + 1, 0))

    def finish(self) -> NDArray[np.float32]:
        return self._give(-(-len(self._heard) // STEP))

    def _give(self, num_frames: int) -> NDArray[np.float32]:
        frames = np.zeros((num_frames, CORE7.size), np.float32)
        frames[:, 0] = self._heard[: num_frames * STEP : STEP]
        self._heard = self._heard[num_frames * STEP :]
        return frames


def jaw_picture(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A tiny picture that says how open the jaw is: 0 .. 0.5 becomes 0 .. 255."""
    return np.full((2, 2, 3), round(float(values[0]) * 510), np.uint8)


TIMING = Timing(
    playout_delay_ms=150,
    preparation_ms=20,
    lead_ms=40,
    max_ahead_ms=2000,
    hold_ms=200,
    starve_ms=200,
    rest_ms=120,
    begin_ms=0,
    head_ms=0,
    abandon_ms=1000,
    late_ms=25,
)


def slew_of(ms_per_s: float) -> DriftMonitor:
    return DriftMonitor(threshold_ms=40, jump_ms=80, smoothing_s=2.0, correction=Slew(ms_per_s=ms_per_s))


def make_core(
    predictor: Follower | None = None,
    draw: Callable[[NDArray[np.float32]], NDArray[np.uint8]] = jaw_picture,
    voice: VoiceGate | None = None,
    drift: DriftMonitor | None = None,
    **times: float,
) -> SessionCore:
    return SessionCore(
        predictor=predictor or Follower(),
        draw=draw,
        idle=NoIdle(),
        voice=voice or AlwaysOpen(),
        drift=drift or slew_of(5.0),
        timing=replace(TIMING, **times),
    )


def ramp(seconds: float) -> NDArray[np.float32]:
    """Sound that says its own time: rises from 0 to 0.5."""
    return np.linspace(0, 0.5, round(seconds * RATE), dtype=np.float32)


@dataclass
class ListSource:
    """A waveform in chunks as they are spoken; raises `failure` after `fails_after` chunks."""

    waveform: NDArray[np.float32]
    chunk_samples: int = 160
    sample_rate_hz: int = RATE
    fails_after: int | None = None
    failure: Exception = field(default_factory=lambda: RuntimeError("the microphone is gone"))

    def chunks(self) -> Iterator[Chunk]:
        for number, start in enumerate(range(0, len(self.waveform), self.chunk_samples)):
            if number == self.fails_after:
                raise self.failure
            samples = self.waveform[start : start + self.chunk_samples]
            yield Chunk(samples, at_s=(start + len(samples)) / self.sample_rate_hz)


@dataclass
class ScriptSource:
    """Chunks as they are written down."""

    script: list[Chunk]
    chunk_samples: int = 160
    sample_rate_hz: int = RATE

    def chunks(self) -> Iterator[Chunk]:
        yield from self.script


@dataclass
class ListSink:
    """Keeps what it is given; `on_write` may be slow, fail, or return False to leave."""

    on_write: Callable[[Frame], bool] = lambda frame: True
    frames: list[Frame] = field(default_factory=list)
    outcome: str = "not opened"
    num_flushed: int = 0
    position: Callable[[], float | None] = lambda: None

    @contextmanager
    def open(self, layout: Layout) -> Iterator["ListSink"]:
        self.outcome = "open"
        try:
            yield self
        except BaseException:
            self.outcome = "discarded"
            raise
        self.outcome = "complete"

    def show(self, frame: Frame) -> bool:
        self.frames.append(frame)
        return self.on_write(frame)

    def flush(self) -> None:
        self.num_flushed += 1

    def played_s(self) -> float | None:
        return self.position()


def sound_of(frames: list[Frame]) -> NDArray[np.float32]:
    """What was heard."""
    return np.concatenate([frame.audio for frame in frames])


LAYOUT = Layout(width=2, height=2, fps=FPS, sample_rate_hz=RATE)
