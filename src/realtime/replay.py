"""A session in virtual time: the same loop as the wall-clock engine, faster and always alike.

One thread. Time jumps from one event to the next, a chunk that arrives or a frame that is due, and
computing takes none of it. So the same input gives the same frames and figures, bit for bit, and an
hour of speech takes minutes. Stage times are still measured on the real clock.
"""

import time

import numpy as np

from src.errors import ConfigError
from src.realtime.clock import Clock
from src.realtime.coming import Coming
from src.realtime.core import SessionCore
from src.realtime.engine import Arrival, hear, taken, warn_of_chunks
from src.realtime.frame import Chunk, Layout, Output, Sink, Source
from src.realtime.intake import AudioIntake
from src.realtime.meter import RunFigures, RunMeter


class VirtualEngine:
    """Runs a session as fast as it computes, on a clock of its own.

    Args (of the constructor):
        clock: what the run calls time; a fresh `VirtualClock` per run.
    """

    clock_name = "virtual"

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def run(self, *, core: SessionCore, source: Source, sink: Sink, layout: Layout) -> RunFigures:
        """Play the source to its end; see `WallEngine.run`.

        Raises:
            ConfigError: the source has no times of its own, as a microphone.
        """
        warn_of_chunks(core, source)
        meter, intake = RunMeter(), AudioIntake(sample_rate_hz=core.sample_rate_hz)
        begin_s = self._clock.now_s()
        with sink.open(layout) as output:
            coming = Coming(source.chunks())
            for chunk in coming:
                if chunk.at_s is None:
                    raise ConfigError(
                        "clock=virtual needs a recording: this source is heard now, and virtual time has no now. "
                        "Use clock=wall."
                    )
                arrival_s = begin_s + chunk.at_s
                if not self._show_until(arrival_s, core, output, meter):
                    return meter.figures(core)
                if chunk.clears:
                    core.clear(arrival_s)
                    output.flush()
                samples = taken(intake, chunk, source.sample_rate_hz)
                if not self._hear(Arrival(chunk, samples, arrival_s), core, output, meter, coming, begin_s):
                    return meter.figures(core)
            last = Chunk(np.zeros(0, np.float32), 0.0, ends_segment=True)
            if not self._hear(
                Arrival(last, intake.finish(), self._clock.now_s()), core, output, meter, coming, begin_s
            ):
                return meter.figures(core)
            while not core.idle:
                if not self._show_next(core, output, meter):
                    break
        return meter.figures(core)

    def _hear(
        self,
        arrival: Arrival,
        core: SessionCore,
        output: Output,
        meter: RunMeter,
        coming: Coming,
        begin_s: float,
    ) -> bool:
        """Give a chunk to the session; where it has no room the source waits. False when the viewer left."""
        left = hear(core, arrival, meter)
        while left is not None:
            due_s = core.next_due_s()
            if due_s is not None and coming.interrupts_by(due_s - begin_s):
                return True  # whoever interrupts waits for nobody; the rest of the sentence is forgotten
            if not self._show_next(core, output, meter):
                return False
            left = hear(core, left, meter)
        return True

    def _show_until(self, time_s: float, core: SessionCore, output: Output, meter: RunMeter) -> bool:
        """Show what is due before a time, and go on to it. False when the viewer left."""
        # A time that has passed is a chunk that is waiting: it is heard before the next frame is chosen.
        while self._clock.now_s() < time_s and (due_s := core.next_due_s()) is not None and due_s < time_s:
            if not self._show_next(core, output, meter):
                return False
        self._clock.wait_until(time_s)
        return True

    def _show_next(self, core: SessionCore, output: Output, meter: RunMeter) -> bool:
        """Go on to the next frame and show it. False when the viewer left."""
        due_s = core.next_due_s()
        assert due_s is not None  # sound was pushed, so the timeline has begun
        self._clock.wait_until(due_s)
        started_s = time.perf_counter()
        frame = core.pull_frame(self._clock.now_s())
        assert frame is not None
        drawn_s = time.perf_counter()
        meter.stage("render", drawn_s - started_s)
        now_s = self._clock.now_s()
        meter.handed(frame, now_s, core.fps)
        goes_on = output.show(frame)
        meter.stage("sink", time.perf_counter() - drawn_s)
        position_s = output.played_s()
        if position_s is not None:
            core.notify_playback(position_s, now_s)
        return goes_on
