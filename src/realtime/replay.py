"""A session in virtual time: the same loop as the wall-clock engine, faster and always alike.

One thread. Time jumps from one event to the next, a chunk that arrives or a frame that is due, and
computing takes none of it. So the same input gives the same frames and figures, bit for bit, and an
hour of speech takes minutes. Stage times are still measured on the real clock.
"""

import time
from typing import Protocol

from src.realtime.engine import check_source
from src.realtime.meter import RunFigures, RunMeter
from src.realtime.session import Session
from src.realtime.sinks import Layout, Sink, Write
from src.realtime.sources import Source


class Clock(Protocol):
    """Virtual time."""

    def now_s(self) -> float:
        """Seconds; never goes back."""
        ...

    def wait_until(self, time_s: float) -> None:
        """Go on to a time; a time that has passed is no wait."""
        ...


class VirtualClock:
    """Time that passes only when somebody waits, or says so with `pass_by`."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        """Seconds since the clock was made."""
        return self._now_s

    def wait_until(self, time_s: float) -> None:
        """Go on to a time; a time that has passed is no wait."""
        self._now_s = max(self._now_s, time_s)

    def pass_by(self, seconds: float) -> None:
        """Let time pass, as work that takes so long would."""
        self._now_s += seconds


class VirtualEngine:
    """Runs a session as fast as it computes, on a clock of its own.

    Args (of the constructor):
        clock: what the run calls time; a fresh `VirtualClock` per run.
    """

    clock_name = "virtual"

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def run(self, *, session: Session, source: Source, sink: Sink, layout: Layout) -> RunFigures:
        """Play the source to its end; see `WallEngine.run`."""
        check_source(session, source)
        meter = RunMeter()
        begin_s, num_samples = self._clock.now_s(), 0
        with sink.open(layout) as write:
            for chunk in source.chunks():
                num_samples += len(chunk)
                arrival_s = begin_s + num_samples / source.sample_rate_hz
                if not self._show_until(arrival_s, session, write, meter):
                    return meter.figures(session)
                started_s = time.perf_counter()
                session.push_audio(chunk, arrival_s)
                meter.stage("features_model", time.perf_counter() - started_s)
            session.end_segment()
            self._show_until(float("inf"), session, write, meter)
        return meter.figures(session)

    def _show_until(self, time_s: float, session: Session, write: Write, meter: RunMeter) -> bool:
        """Show what is due before a time, and go on to it. False when the viewer left."""
        # A time that has passed is a chunk that is waiting: it is heard before the next frame is chosen.
        while self._clock.now_s() < time_s and (due_s := session.next_due_s()) is not None and due_s < time_s:
            self._clock.wait_until(due_s)
            started_s = time.perf_counter()
            frame = session.pull_frame(self._clock.now_s())
            if frame is None:  # float64 put the position a hair before the frame it was computed from
                self._clock.wait_until(due_s + 1e-6)
                continue
            drawn_s = time.perf_counter()
            meter.stage("render", drawn_s - started_s)
            meter.handed(frame, self._clock.now_s(), session.fps)
            goes_on = write(frame)
            meter.stage("sink", time.perf_counter() - drawn_s)
            if not goes_on:
                return False
        if time_s != float("inf"):
            self._clock.wait_until(time_s)
        return True
