"""What a page shows about its session: rates, latencies, counts. Fixed memory, however long it runs."""

import math
from collections import deque
from typing import Any

import numpy as np

from src.realtime.frame import Frame

RATE_WINDOW_S = 4.0
LATENCY_SAMPLES = 500
"""20 s of speech: a figure that somebody watches must move."""


class LiveFigures:
    """Collects frames as they are handed to the viewer; the caller gives the time."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque()
        self._latencies_ms: deque[float] = deque(maxlen=LATENCY_SAMPLES)
        self.is_speaking = False

    def add(self, frame: Frame, now_s: float) -> None:
        """Count a frame that is handed out now."""
        self.is_speaking = not frame.filler
        self._times_s.append(now_s)
        self._forget(now_s)
        if frame.arrival_s is not None:
            self._latencies_ms.append(1000.0 * (now_s - frame.arrival_s))

    def record(self, now_s: float) -> dict[str, Any]:
        """Frames per second over the last seconds; ms from sound in to frame out. None where nothing is known."""
        self._forget(now_s)
        times = self._times_s
        span_s = times[-1] - times[0] if len(times) > 1 else 0.0
        latency = None
        if self._latencies_ms:
            p50, p95, p99 = np.percentile(list(self._latencies_ms), (50, 95, 99))
            latency = {"p50": round(p50, 1), "p95": round(p95, 1), "p99": round(p99, 1)}
        return {
            "speaking": self.is_speaking,
            "fps": round((len(times) - 1) / span_s, 2) if span_s else None,
            "latency_ms": latency,
        }

    def _forget(self, now_s: float) -> None:
        while self._times_s and self._times_s[0] < now_s - RATE_WINDOW_S:
            self._times_s.popleft()


class PlaybackLag:
    """How far a page plays behind the session, to tell its clock from its distance.

    What it plays is behind by the network and its buffer, which is no drift; what changes afterwards is. The lag is
    learned from the first reports, and again after the page had to wait.
    """

    def __init__(self, *, num_learned: int) -> None:
        self._num_learned = num_learned
        self._lags_s: list[float] = []

    def position_s(self, played_s: float, ours_s: float) -> float | None:
        """Which second would be heard if the page were here; None while the lag is being learned.

        Args:
            played_s: second of the timeline that the page plays.
            ours_s: second that the session presents now.
        """
        if not (math.isfinite(played_s) and math.isfinite(ours_s)):
            return None
        if len(self._lags_s) < self._num_learned:
            self._lags_s.append(ours_s - played_s)
            return None
        return played_s + float(np.median(self._lags_s))

    def forget(self) -> None:
        """Learn it again."""
        self._lags_s.clear()
