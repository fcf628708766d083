"""How a run of hours goes: memory, speed, and the mouth against its voice, block by block.

A `Watch` is the sink of the run, and stands around source, model and renderer. What it keeps grows by one `Block` per
block, nothing per frame.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from src.motion import MotionSpec
from src.realtime.clock import Clock
from src.realtime.core import Draw
from src.realtime.frame import Chunk, Frame, Layout, Source
from src.realtime.spoken import Predictor, Stream
from src.realtime.statistics import LatencyHistogram, LatencySummary

MOST_LAG_FRAMES = 10
"""Mouth and voice are compared up to so far apart."""
_MOST_DRAWN = 64
"""Pictures on their way to the sink; beyond that the oldest was dropped."""


@dataclass(frozen=True)
class Block:
    """A stretch of the timeline.

    Attributes:
        end_s: where it ends.
        memory_mb: of the process, at its end.
        frames: pictures shown in it.
        draw: milliseconds of a picture; None without pictures.
        model: milliseconds of the features and the model of a chunk.
        lag_ms: by which the mouth follows the loudness of its voice: the habit of a model, the same in every block if
            nothing drifts; None where there is too little speech.
    """

    end_s: float
    memory_mb: float
    frames: int
    draw: LatencySummary | None
    model: LatencySummary | None
    lag_ms: float | None


@dataclass(eq=False)
class _Open:
    """The block that is not over."""

    frames: int = 0
    draw: LatencyHistogram = field(default_factory=LatencyHistogram)
    model: LatencyHistogram = field(default_factory=LatencyHistogram)
    jaw: list[float] = field(default_factory=list)
    level: list[float] = field(default_factory=list)


class Watch:
    """Looks at a run from where its pictures end; a sink that shows nothing.

    Args:
        block_s: of the timeline.
        clock: of the run.
        memory_mb: of the process now.

    Attributes (of the finished run):
        blocks: in order; a rest shorter than a tenth of a block is left out.
        interruptions: from each barge-in to the presentation of the first picture after it, which has a closed mouth.
        num_samples: that came out.
        num_missing: slots without a picture.
    """

    def __init__(self, *, block_s: float, clock: Clock, memory_mb: Callable[[], float]) -> None:
        self._block_s, self._clock, self._memory_mb = block_s, clock, memory_mb
        self._lock = threading.Lock()
        self._open = _Open()
        self._jaws: OrderedDict[int, float] = OrderedDict()  # by picture
        self._asked_s: deque[float] = deque()  # when interruptions come whose first picture is not there yet
        self._first: Frame | None = None
        self._last: Frame | None = None
        self.blocks: list[Block] = []
        self.interruptions = LatencyHistogram()
        self.num_samples = 0
        self.num_missing = 0
        self.memory_start_mb = memory_mb()

    def speaking(self, source: Source) -> Source:
        """The source, whose interruptions are noted."""
        return _NotedSource(source, self._clock, self._asked_s)

    def drawing(self, draw: Draw, spec: MotionSpec) -> Draw:
        """The renderer, timed."""
        jaw = spec.names.index("jaw_open" if "jaw_open" in spec.names else "jawOpen")

        def timed(values: NDArray[np.float32]) -> NDArray[np.uint8]:
            begin_s = time.perf_counter()
            image = draw(values)
            elapsed_s = time.perf_counter() - begin_s
            with self._lock:
                self._open.draw.add(1000.0 * elapsed_s)
                self._jaws[id(image)] = float(values[jaw])
                if len(self._jaws) > _MOST_DRAWN:
                    self._jaws.popitem(last=False)
            return image

        return timed

    def listening(self, predictor: Predictor) -> Predictor:
        """The model, timed."""
        return _TimedPredictor(predictor, self._heard)

    @contextmanager
    def open(self, layout: Layout) -> Iterator["Watch"]:
        """See `Sink.open`."""
        self._layout = layout
        yield self
        # A rest of seconds says nothing beside blocks of minutes.
        self._close(round(0.1 * self._block_s * layout.fps) if self.blocks else 1)

    def show(self, frame: Frame) -> bool:
        """See `Output.show`."""
        step = round(self._layout.sample_rate_hz / self._layout.fps)
        if self._last is not None:
            self.num_missing += frame.index - self._last.index - 1
        for _ in range(frame.turn - (0 if self._last is None else self._last.turn)):
            self.interruptions.add(1000.0 * (frame.deadline_s - self._asked_s.popleft()))
        self._first = self._first or frame
        self._last = frame
        self.num_samples += len(frame.audio)
        with self._lock:
            self._open.frames += 1
            self._open.jaw.append(self._jaws.pop(id(frame.image), np.nan))
            self._open.level.append(float(np.sqrt(np.mean(np.square(frame.audio[-step:])))))
        if frame.time_s >= (len(self.blocks) + 1) * self._block_s:
            self._close(1)
        return True

    def flush(self) -> None:
        """See `Output.flush`; nothing waits here."""

    def played_s(self) -> float | None:
        """See `Output.played_s`."""
        return None

    @property
    def num_slots(self) -> int:
        """Slots of the timeline from the first picture to the last."""
        return 0 if self._first is None or self._last is None else self._last.index - self._first.index + 1

    @property
    def timeline_error_ms(self) -> float:
        """How far the last picture is presented from where the first one and the frame rate put it."""
        if self._first is None or self._last is None:
            return 0.0
        expected_s = (self._last.index - self._first.index) / self._layout.fps
        return 1000.0 * (self._last.deadline_s - self._first.deadline_s - expected_s)

    def _heard(self, seconds: float) -> None:
        with self._lock:
            self._open.model.add(1000.0 * seconds)

    def _close(self, least_frames: int) -> None:
        with self._lock:
            over, self._open = self._open, _Open()
        if self._last is None or over.frames < least_frames:
            return
        lag = mouth_lag_frames(np.array(over.jaw), np.array(over.level))
        lag_ms = None if lag is None else 1000.0 * lag / self._layout.fps
        end_s = self._last.time_s + 1.0 / self._layout.fps
        self.blocks.append(
            Block(end_s, self._memory_mb(), over.frames, over.draw.summary(), over.model.summary(), lag_ms)
        )


class _NotedSource:
    def __init__(self, source: Source, clock: Clock, asked_s: deque[float]) -> None:
        self._source, self._clock, self._asked_s = source, clock, asked_s
        self.sample_rate_hz, self.chunk_samples = source.sample_rate_hz, source.chunk_samples

    def chunks(self) -> Iterator[Chunk]:
        begin_s = self._clock.now_s()
        for chunk in self._source.chunks():
            if chunk.clears:
                self._asked_s.append(self._clock.now_s() if chunk.at_s is None else begin_s + chunk.at_s)
            yield chunk


class _TimedPredictor:
    def __init__(self, predictor: Predictor, tell: Callable[[float], None]) -> None:
        self._predictor, self._tell = predictor, tell
        self.spec, self.fps = predictor.spec, predictor.fps
        self.sample_rate_hz, self.latency_ms = predictor.sample_rate_hz, predictor.latency_ms

    def stream(self) -> Stream:
        return _TimedStream(self._predictor.stream(), self._tell)


class _TimedStream:
    def __init__(self, stream: Stream, tell: Callable[[float], None]) -> None:
        self._stream, self._tell = stream, tell

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        begin_s = time.perf_counter()
        frames = self._stream.push(samples)
        self._tell(time.perf_counter() - begin_s)
        return frames

    def finish(self) -> NDArray[np.float32]:
        return self._stream.finish()


def mouth_lag_frames(jaw: NDArray[np.float64], level: NDArray[np.float64]) -> float | None:
    """How many frames the opening of a mouth follows the loudness of its voice.

    Args:
        jaw: (T,) openings; NaN where unknown.
        level: (T,) loudness of the same frames.

    Returns:
        Where their correlation is largest, to a part of a frame by a parabola; None in less than 20 s, without
        movement, or where the largest is at the end of what was looked at.
    """
    known = np.isfinite(jaw)
    if known.sum() < 500 or jaw[known].std() < 1e-6 or level[known].std() < 1e-9:
        return None
    jaw, level = np.where(known, jaw - jaw[known].mean(), 0.0), np.where(known, level - level[known].mean(), 0.0)
    inside = slice(MOST_LAG_FRAMES, -MOST_LAG_FRAMES)
    lags = range(-MOST_LAG_FRAMES, MOST_LAG_FRAMES + 1)
    likeness = np.array([np.dot(np.roll(jaw, -lag)[inside], level[inside]) for lag in lags])
    best = int(likeness.argmax())
    if best in (0, len(likeness) - 1):
        return None
    before, at, after = likeness[best - 1 : best + 2]
    return lags[best] + 0.5 * (before - after) / (before - 2.0 * at + after)


def slope_per_hour(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> float | None:
    """How fast a quantity changes: the straight line through its values; None below three."""
    if len(values) < 3:
        return None
    return float(np.polyfit(times_s, values, 1)[0] * 3600.0)
