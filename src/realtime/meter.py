"""What a run was like: counts and latencies, gathered while it runs and frozen when it ends."""

from dataclasses import dataclass

from src.realtime.core import SessionCore
from src.realtime.counts import Counts
from src.realtime.frame import Frame
from src.realtime.statistics import LatencyHistogram, LatencySummary

STAGES = ("features_model", "render", "sink")
"""Per chunk: features and model. Per frame: idle layer and renderer; encoding or display."""


@dataclass(frozen=True)
class RunFigures:
    """Figures of a finished run.

    Attributes:
        frames: pictures that the sink took.
        dropped: frames that were never shown: too late to draw, or the sink was too slow to take them.
        deadline_misses: pictures that reached the sink after their presentation time.
        fps: pictures per second between the first and the last one; None below two pictures.
        first_frame_ms: from the arrival of the first sound to the first picture at the sink.
        latency: from the arrival of the sound of a frame to its picture at the sink, look-ahead included; of frames
            in which somebody speaks.
        stages: computing time of each of `STAGES`.
        latency_bars: edges in ms and counts of the distribution of `latency`.
        seconds: of stream time that the pictures cover.
        counts: what the session counted.
    """

    frames: int
    dropped: int
    deadline_misses: int
    fps: float | None
    first_frame_ms: float | None
    latency: LatencySummary | None
    stages: dict[str, LatencySummary | None]
    latency_bars: tuple[list[float], list[int]]
    seconds: float
    counts: Counts


class RunMeter:
    """Gathers durations and counts. One thread per method, so nothing is locked."""

    def __init__(self) -> None:
        self._stages = {stage: LatencyHistogram() for stage in STAGES}
        self._latency = LatencyHistogram()
        self._num_frames = 0
        self._num_missed = 0
        self._begin_s = self._last_s = 0.0
        self._first_ms: float | None = None
        self._heard: tuple[float, float] | None = None
        self._end_s = 0.0
        self.num_refused = 0

    def stage(self, name: str, seconds: float) -> None:
        """Count the computing time of one call of a stage."""
        self._stages[name].add(1000.0 * seconds)

    def handed(self, frame: Frame, now_s: float, fps: float) -> None:
        """Count a picture at the moment the sink gets it."""
        if self._num_frames == 0:
            self._begin_s = now_s
        if frame.arrival_s is not None:
            latency_ms = 1000.0 * (now_s - frame.arrival_s)
            self._first_ms = latency_ms if self._first_ms is None else self._first_ms
            self._latency.add(latency_ms)
        self._num_frames += 1
        self._last_s = now_s
        self._end_s = frame.time_s + 1.0 / fps
        self._num_missed += now_s > frame.deadline_s

    def played(self, position_s: float | None, now_s: float) -> None:
        """Keep what a sink said about its own clock, for the thread of the session."""
        if position_s is not None:
            self._heard = (position_s, now_s)

    def told(self) -> tuple[float, float] | None:
        """What `played` kept since the last call: the second of the timeline that was heard, and when."""
        heard, self._heard = self._heard, None
        return heard

    def figures(self, core: SessionCore) -> RunFigures:
        """Freeze the figures, with the counts that the session kept."""
        elapsed_s = self._last_s - self._begin_s
        edges, counts = self._latency.bars()
        return RunFigures(
            frames=self._num_frames,
            dropped=core.counts.dropped + self.num_refused,
            deadline_misses=self._num_missed,
            fps=(self._num_frames - 1) / elapsed_s if self._num_frames > 1 and elapsed_s > 0 else None,
            first_frame_ms=self._first_ms,
            latency=self._latency.summary(),
            stages={name: histogram.summary() for name, histogram in self._stages.items()},
            latency_bars=(edges.tolist(), counts.tolist()),
            seconds=self._end_s,
            counts=core.counts,
        )
