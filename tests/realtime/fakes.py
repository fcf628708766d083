"""Stand-ins for the model, the renderer, the source and the sink."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from src.motion import CORE7, MotionSpec
from src.realtime.idle import NoIdle
from src.realtime.session import Frame, Session
from src.realtime.sinks import Layout, Write

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
        self._heard = np.zeros(0, np.float32)
        self._given = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        self._heard = np.concatenate([self._heard, samples])
        return self._give(max((len(self._heard) - self._latency - 1) // STEP + 1, 0))

    def finish(self) -> NDArray[np.float32]:
        return self._give(-(-len(self._heard) // STEP))

    def _give(self, end: int) -> NDArray[np.float32]:
        frames = np.zeros((max(end - self._given, 0), CORE7.size), np.float32)
        frames[:, 0] = self._heard[self._given * STEP : max(end, self._given) * STEP : STEP]
        self._given = max(end, self._given)
        return frames


def jaw_picture(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A tiny picture that says how open the jaw is: 0 .. 0.5 becomes 0 .. 255."""
    return np.full((2, 2, 3), round(float(values[0]) * 510), np.uint8)


def make_session(
    predictor: Follower | None = None,
    draw: Callable[[NDArray[np.float32]], NDArray[np.uint8]] = jaw_picture,
    playout_delay_ms: float = 150,
    preparation_ms: float = 20,
    max_ahead_s: float = 2.0,
) -> Session:
    return Session(
        predictor=predictor or Follower(),
        draw=draw,
        idle=NoIdle(),
        playout_delay_ms=playout_delay_ms,
        preparation_ms=preparation_ms,
        max_ahead_s=max_ahead_s,
    )


def ramp(seconds: float) -> NDArray[np.float32]:
    """Sound that says its own time: rises from 0 to 0.5."""
    return np.linspace(0, 0.5, round(seconds * RATE), dtype=np.float32)


@dataclass
class ListSource:
    """A waveform in chunks; raises `failure` after `fails_after` chunks."""

    waveform: NDArray[np.float32]
    chunk_samples: int = 160
    sample_rate_hz: int = RATE
    fails_after: int | None = None
    failure: Exception = field(default_factory=lambda: RuntimeError("the microphone is gone"))

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        for number, start in enumerate(range(0, len(self.waveform), self.chunk_samples)):
            if number == self.fails_after:
                raise self.failure
            yield self.waveform[start : start + self.chunk_samples]


@dataclass
class ListSink:
    """Keeps what it is given; `on_write` may be slow, fail, or return False to leave."""

    on_write: Callable[[Frame], bool] = lambda frame: True
    frames: list[Frame] = field(default_factory=list)
    outcome: str = "not opened"

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Write]:
        self.outcome = "open"

        def write(frame: Frame) -> bool:
            self.frames.append(frame)
            return self.on_write(frame)

        try:
            yield write
        except BaseException:
            self.outcome = "discarded"
            raise
        self.outcome = "complete"


LAYOUT = Layout(width=2, height=2, fps=FPS, sample_rate_hz=RATE)
