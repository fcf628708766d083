"""A sink that stands between engine and sink and remembers what passed, for whoever judges the run afterwards."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from src.realtime.frame import Frame, Layout, Output, Sink
from src.realtime.sinks.through import seen_by
from src.realtime.statistics import LatencyHistogram

KEEP_EVERY, MOST_KEPT = 37, 12
"""Of so many pictures one is kept, up to so many: enough to see what encoding costs, whatever the length of a run."""

RSS_EVERY_S = 1.0
MIB = 2**20


class Witness:
    """Hands everything on to another sink.

    Attributes:
        begin_s: when the sink was opened, on the engine's clock.
        origin_s: when slot 0 of the timeline is presented, on the engine's clock, as the last frame says; None before.
        rss_mb: time of the stream in seconds and resident memory of this process in MiB, once a second.
        kept: files of some pictures as they were drawn, as NumPy writes them, by slot. On the disk, because in memory
            they would be most of what a run seems to need.
    """

    def __init__(self, sink: Sink, now_s: Callable[[], float], latency: LatencyHistogram, folder: Path) -> None:
        """Watch a sink.

        Args:
            sink: to hand on to.
            now_s: the engine's clock.
            latency: gets the time from the arrival of each spoken frame's sound to the sink, in ms; may be shared.
            folder: for the pictures that are kept; the caller removes it.
        """
        self._sink, self._now_s, self._latency, self._folder = sink, now_s, latency, folder
        self._hash = hashlib.sha256()
        self._next_rss_s = 0.0
        self._num_frames = 0
        self.begin_s = 0.0
        self.origin_s: float | None = None
        self.rss_mb: list[tuple[float, float]] = []
        self.kept: dict[int, Path] = {}

    @property
    def sha256(self) -> str:
        """Of slot, kind, picture and sound of every frame, in order: equal for equal streams and for no others."""
        return self._hash.hexdigest()

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Output]:
        """See `Sink.open`."""
        self.begin_s = self._now_s()
        with seen_by(self._see, self._sink).open(layout) as output:
            yield output

    def _see(self, frame: Frame) -> None:
        self.origin_s = frame.deadline_s - frame.time_s
        if frame.arrival_s is not None:
            self._latency.add(1000.0 * (self._now_s() - frame.arrival_s))
        self._hash.update(f"{frame.index} {frame.held:d}{frame.filler:d} {frame.turn} {frame.image.shape}".encode())
        self._hash.update(np.ascontiguousarray(frame.image).data)
        self._hash.update(f"{len(frame.audio)}".encode())
        self._hash.update(np.ascontiguousarray(frame.audio).data)
        if self._num_frames % KEEP_EVERY == KEEP_EVERY // 2 and len(self.kept) < MOST_KEPT:
            self.kept[frame.index] = self._folder / f"{frame.index}.npy"
            np.save(self.kept[frame.index], frame.image)
        self._num_frames += 1
        if frame.time_s >= self._next_rss_s:
            self.rss_mb.append((frame.time_s, rss_mb()))
            self._next_rss_s = frame.time_s + RSS_EVERY_S


def rss_mb() -> float:
    """Resident memory of this process in MiB."""
    return float(psutil.Process().memory_info().rss) / MIB
