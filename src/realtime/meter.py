"""What a run was like: counts and latencies, gathered while it runs and frozen when it ends."""

from dataclasses import dataclass

from src.realtime.session import Frame, Session
from src.realtime.statistics import LatencyHistogram, LatencySummary

STAGES = ("features_model", "render", "sink")
"""Per chunk: features and model. Per frame: idle layer and renderer; encoding or display."""


@dataclass(frozen=True)
class RunFigures:
    """Figures of a finished run.

    Attributes:
        frames: pictures that the sink took.
        dropped: frames that were never shown: too late to draw, or the sink was too slow to take them.
        repeated: shown with the motion before them, because theirs was not ready.
        deadline_misses: pictures that reached the sink after their presentation time.
        underruns: times that the source fell behind and the sound had to wait.
        fps: pictures per second between the first and the last one; None below two pictures.
        first_frame_ms: from the arrival of the first sound to the first picture at the sink.
        latency: from the arrival of the sound of a frame to its picture at the sink, look-ahead included.
        stages: computing time of each of `STAGES`.
        latency_bars: edges in ms and counts of the distribution of `latency`.
        seconds: of stream time that the pictures cover.
    """

    frames: int
    dropped: int
    repeated: int
    deadline_misses: int
    underruns: int
    fps: float | None
    first_frame_ms: float | None
    latency: LatencySummary | None
    stages: dict[str, LatencySummary | None]
    latency_bars: tuple[list[float], list[int]]
    seconds: float


class RunMeter:
    """Gathers durations and counts. One thread per method, so nothing is locked."""

    def __init__(self) -> None:
        self._stages = {stage: LatencyHistogram() for stage in STAGES}
        self._latency = LatencyHistogram()
        self._num_frames = 0
        self._num_missed = 0
        self._first_arrival_s = self._first_s = self._last_s = 0.0
        self._end_s = 0.0
        self.num_refused = 0

    def stage(self, name: str, seconds: float) -> None:
        """Count the computing time of one call of a stage."""
        self._stages[name].add(1000.0 * seconds)

    def handed(self, frame: Frame, now_s: float, fps: float) -> None:
        """Count a picture at the moment the sink gets it."""
        if self._num_frames == 0:
            self._first_arrival_s, self._first_s = frame.arrival_s, now_s
        self._num_frames += 1
        self._last_s = now_s
        self._end_s = frame.time_s + 1.0 / fps
        self._num_missed += now_s > frame.deadline_s
        self._latency.add(1000.0 * (now_s - frame.arrival_s))

    def figures(self, session: Session) -> RunFigures:
        """Freeze the figures, with the counts that the session kept."""
        elapsed_s = self._last_s - self._first_s
        edges, counts = self._latency.bars()
        return RunFigures(
            frames=self._num_frames,
            dropped=session.num_dropped + self.num_refused,
            repeated=session.num_repeated,
            deadline_misses=self._num_missed,
            underruns=session.num_underruns,
            fps=(self._num_frames - 1) / elapsed_s if self._num_frames > 1 and elapsed_s > 0 else None,
            first_frame_ms=1000.0 * (self._first_s - self._first_arrival_s) if self._num_frames else None,
            latency=self._latency.summary(),
            stages={name: histogram.summary() for name, histogram in self._stages.items()},
            latency_bars=(edges.tolist(), counts.tolist()),
            seconds=self._end_s,
        )
