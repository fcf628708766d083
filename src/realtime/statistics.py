"""Latency figures of a stream that may run for hours.

A histogram of fixed size instead of a growing list: percentiles are exact to one bin, memory stays
what it was at the start, and the report draws its picture from the same counts.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BIN_MS = 0.1
NUM_BINS = 20_000
"""0.1 ms steps up to 2 s. Later than that is counted in the last bin; the maximum stays exact."""


@dataclass(frozen=True)
class LatencySummary:
    """Percentiles of one stage in milliseconds, and how many samples they stand on."""

    p50: float
    p95: float
    p99: float
    max: float
    mean: float
    count: int


class LatencyHistogram:
    """Counts durations in milliseconds and answers with their percentiles."""

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(NUM_BINS, np.int64)
        self._total_ms = 0.0
        self._maximum_ms = -math.inf
        self._minimum_ms = math.inf

    @property
    def count(self) -> int:
        """Samples so far."""
        return int(self._counts.sum())

    def add(self, duration_ms: float) -> None:
        """Count one duration. Negative ones (a clock that stepped back) count as 0."""
        duration_ms = max(duration_ms, 0.0)
        self._counts[min(int(duration_ms / BIN_MS), NUM_BINS - 1)] += 1
        self._total_ms += duration_ms
        self._maximum_ms = max(self._maximum_ms, duration_ms)
        self._minimum_ms = min(self._minimum_ms, duration_ms)

    def percentile(self, share: float) -> float | None:
        """The smallest duration that `share` (0 .. 1) of all samples do not exceed; None without samples.

        Exact to one bin: never below the true value, at most `BIN_MS` above it.
        """
        if self.count == 0:
            return None
        rank = max(math.ceil(share * self.count), 1)
        position = int(np.searchsorted(np.cumsum(self._counts), rank))
        if position == NUM_BINS - 1:
            return self._maximum_ms
        return min((position + 1) * BIN_MS, self._maximum_ms)

    def summary(self) -> LatencySummary | None:
        """All figures at once; None without samples."""
        p50, p95, p99 = (self.percentile(share) for share in (0.50, 0.95, 0.99))
        if p50 is None or p95 is None or p99 is None:
            return None
        return LatencySummary(p50, p95, p99, self._maximum_ms, self._total_ms / self.count, self.count)

    def bars(self, num_bars: int = 40) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The histogram for a picture: even bars from the smallest to the largest sample.

        Returns:
            (num_bars + 1,) edges in ms and (num_bars,) counts; both empty without samples. Samples
            above the last bin of the histogram are in the last bar.
        """
        if self.count == 0:
            return np.zeros(0), np.zeros(0, np.int64)
        first = int(self._minimum_ms / BIN_MS)
        last = min(int(self._maximum_ms / BIN_MS), NUM_BINS - 1) + 1
        step = max(math.ceil((last - first) / num_bars), 1)  # whole bins, so that no sample is split
        padded = np.zeros(step * num_bars, np.int64)
        padded[: last - first] = self._counts[first:last]
        edges = (first + step * np.arange(num_bars + 1)) * BIN_MS
        return edges, padded.reshape(num_bars, step).sum(axis=1)
