"""Threads and wall clock around a session: the engine that really runs at 25 frames a second.

Three threads and two bounded queues:

    source thread --chunks--> core thread (the session) --frames--> calling thread (the sink)

* Chunks, full: the source waits (a recording can), so no sound is lost.
* Frames, full: the picture is dropped and counted, its sound goes along with the next frame.
* An interruption empties both and tells the sink.

The sink has the calling thread, because windows work only there on some systems. Whatever fails in a
thread ends the others and is raised by `run`.
"""

import logging
import queue
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError, StreamError
from src.realtime.coming import Coming
from src.realtime.core import SessionCore
from src.realtime.crew import LOOK_S, NOTHING, Crew, get
from src.realtime.frame import Chunk, Frame, Layout, Sink, Source
from src.realtime.intake import AudioIntake
from src.realtime.meter import RunFigures, RunMeter

logger = logging.getLogger(__name__)


CLEARED = object()
"""In the queue of frames: all that came before is forgotten."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """A chunk, its (s,) samples at the session's rate, when it arrived, and how many interruptions came before it."""

    chunk: Chunk
    samples: NDArray[np.float32]
    arrival_s: float
    turn: int = 0


@dataclass(eq=False)
class _Inbox:
    """What the source gave and the session has not taken; `turn` counts interruptions."""

    arrivals: "queue.Queue[Arrival | None]"
    turn: int = 0


class WallEngine:
    """Runs a session at the pace of speech.

    Args (of the constructor):
        inbox_chunks: bound of the queue between source and core.
        outbox_frames: bound of the queue between core and sink.
        stall_timeout_s: a sink that takes nothing for so long is an error.
    """

    clock_name = "wall"

    def __init__(self, *, inbox_chunks: int, outbox_frames: int, stall_timeout_s: float) -> None:
        if inbox_chunks < 1 or outbox_frames < 1 or stall_timeout_s <= 0:
            raise ConfigError(
                f"engine: inbox_chunks={inbox_chunks}, outbox_frames={outbox_frames} and stall_timeout_s="
                f"{stall_timeout_s:g} must be above 0: a queue without bound is latency without bound. Correct them."
            )
        self._inbox_chunks, self._outbox_frames = inbox_chunks, outbox_frames
        self._stall_timeout_s = stall_timeout_s

    def run(self, *, core: SessionCore, source: Source, sink: Sink, layout: Layout) -> RunFigures:
        """Play the source to its end.

        Raises:
            StreamError, DataError, RenderError: from source, session or sink; the sink was closed so
                that it leaves nothing half-written.
        """
        warn_of_chunks(core, source)
        meter, crew = RunMeter(), Crew()
        inbox = _Inbox(queue.Queue(self._inbox_chunks))
        outbox: queue.Queue[Any] = queue.Queue(self._outbox_frames)  # frames, CLEARED, and None at the end
        try:
            with sink.open(layout) as output:
                crew.start("source", lambda: _speak(source, core.sample_rate_hz, inbox, crew))
                crew.start("core", lambda: self._animate(core, inbox, outbox, meter, crew))
                while not crew.stopping:
                    frame = get(outbox, LOOK_S)
                    if frame is NOTHING:
                        continue
                    if frame is None:
                        break
                    if frame is CLEARED:
                        output.flush()
                        continue
                    meter.handed(frame, time.monotonic(), core.fps)
                    begin_s = time.perf_counter()
                    goes_on = output.show(frame)
                    meter.stage("sink", time.perf_counter() - begin_s)
                    if not goes_on:
                        logger.info("the viewer closed the stream after %.1f s", frame.time_s)
                        break
                    meter.played(output.played_s(), time.monotonic())
                crew.join()  # inside the `with`: a failure elsewhere must also discard what was written
        finally:
            crew.stop()
        return meter.figures(core)

    def _animate(
        self,
        core: SessionCore,
        inbox: _Inbox,
        outbox: "queue.Queue[Any]",
        meter: RunMeter,
        crew: Crew,
    ) -> None:
        """The core thread: sound into the session when it comes, frames out of it when they are due."""
        feeder = _Feeder(outbox, meter, crew, self._stall_timeout_s, core.sample_rate_hz)
        arrival: Arrival | object | None = NOTHING
        while not crew.stopping and not (arrival is None and core.idle):
            due_s = core.next_due_s()
            wait_s = LOOK_S if due_s is None else min(max(due_s - time.monotonic(), 0.0), LOOK_S)
            if arrival is NOTHING:
                arrival = get(inbox.arrivals, wait_s)
            else:  # sound is over, or the session has no room yet
                crew.wait(wait_s)
            while core.turn < inbox.turn:
                core.clear(time.monotonic())
                feeder.clear(core)
            if isinstance(arrival, Arrival):
                left = None if arrival.turn < core.turn else hear(core, arrival, meter)
                arrival = NOTHING if left is None else left
                if left is None and not inbox.arrivals.empty():
                    continue  # after a slow picture: first hear what has come, then see which frame is due
            if (heard := meter.told()) is not None:
                core.notify_playback(*heard)
            begin_s = time.perf_counter()
            frame = core.pull_frame(time.monotonic())
            if frame is not None:
                meter.stage("render", time.perf_counter() - begin_s)
                feeder.offer(frame)
        feeder.close()


def hear(core: SessionCore, arrival: Arrival, meter: RunMeter) -> Arrival | None:
    """Give a chunk to a session, and compute what it makes possible. What there is no room for yet comes back."""
    begin_s = time.perf_counter()
    if arrival.chunk.at_s is None:
        core.start(arrival.arrival_s)
    fitting, rest = np.split(arrival.samples, [core.num_free])
    core.push_audio(fitting, arrival.arrival_s)
    if arrival.chunk.ends_segment and not len(rest):
        core.end_segment(arrival.arrival_s)
    core.listen()
    if len(fitting):
        meter.stage("features_model", time.perf_counter() - begin_s)
    return replace(arrival, samples=rest) if len(rest) else None


def taken(intake: AudioIntake, chunk: Chunk, sample_rate_hz: int) -> NDArray[np.float32]:
    """The samples of a chunk at the rate of the session."""
    if chunk.clears:
        intake.reset()
    samples = intake.take(chunk.samples, sample_rate_hz)
    return np.concatenate([samples, intake.finish()]) if chunk.ends_segment else samples


def warn_of_chunks(core: SessionCore, source: Source) -> None:
    """Say so where chunks are so long that speech waits for them."""
    chunk_ms = 1000.0 * source.chunk_samples / source.sample_rate_hz
    if chunk_ms > core.spare_ms:
        logger.warning(
            "chunks of %g ms: the playout delay leaves %.3g ms beyond look-ahead and drawing, so speech comes about "
            "%.3g ms later than it could. Deliver smaller chunks, 10 or 20 ms.",
            chunk_ms,
            core.spare_ms,
            chunk_ms - core.spare_ms,
        )


class _Feeder:
    """Puts frames into a full or empty queue without ever holding up the core."""

    def __init__(
        self,
        outbox: "queue.Queue[Any]",
        meter: RunMeter,
        crew: Crew,
        stall_timeout_s: float,
        sample_rate_hz: int,
    ) -> None:
        self._outbox, self._meter, self._crew = outbox, meter, crew
        self._stall_timeout_s = stall_timeout_s
        self._most_samples = stall_timeout_s * sample_rate_hz
        self._refused: Frame | None = None  # the newest frame without room; holds all sound since

    def offer(self, frame: Frame) -> None:
        """Put a frame, or keep its sound for the next one."""
        if self._refused is not None:
            frame = replace(
                frame,
                audio=np.concatenate([self._refused.audio, frame.audio]),
                num_ended=self._refused.num_ended + frame.num_ended,
            )
        try:
            self._outbox.put_nowait(frame)
            self._refused = None
        except queue.Full:
            self._meter.num_refused += 1
            self._refused = frame
            if len(frame.audio) > self._most_samples:
                raise self._stalled() from None

    def clear(self, core: SessionCore) -> None:
        """Take back what the sink has not taken, and have it told now, not with the next frame."""
        waiting = [] if self._refused is None else [self._refused]
        self._refused = None
        while (frame := get(self._outbox, 0)) is not NOTHING:
            waiting.append(frame)
        for frame in waiting:
            if frame is not CLEARED:
                core.withdraw(frame)
        self._outbox.put_nowait(CLEARED)

    def close(self) -> None:
        """Put what is left and the end; here the sink may take its time."""
        if self._refused is not None:
            self._put(self._refused)
            self._meter.num_refused -= 1  # its picture is shown after all
        self._put(None)

    def _put(self, item: Frame | None) -> None:
        if not self._crew.put(self._outbox, item, self._stall_timeout_s) and not self._crew.stopping:
            raise self._stalled()

    def _stalled(self) -> StreamError:
        return StreamError(
            f"the sink took no picture for {self._stall_timeout_s:g} s. Check the disk or the display, use a faster "
            "encoder preset, or raise the engine's stall_timeout_s."
        )


def _speak(source: Source, sample_rate_hz: int, inbox: _Inbox, crew: Crew) -> None:
    """The source thread: give each chunk when it arrives."""
    intake = AudioIntake(sample_rate_hz=sample_rate_hz)
    begin_s = time.monotonic()
    coming = Coming(source.chunks())
    for chunk in coming:
        if chunk.at_s is not None:
            crew.wait(begin_s + chunk.at_s - time.monotonic())
        inbox.turn += chunk.clears
        arrival = Arrival(chunk, taken(intake, chunk, source.sample_rate_hz), time.monotonic(), inbox.turn)
        while chunk.at_s is not None and inbox.arrivals.full() and not crew.stopping:
            if coming.interrupts_by(time.monotonic() - begin_s):
                break  # whoever interrupts waits for nobody; what has no room is forgotten
            crew.wait(_ROOM_S)
        else:
            if not crew.put(inbox.arrivals, arrival):
                return
    last = Chunk(np.zeros(0, np.float32), at_s=0.0, ends_segment=True)
    crew.put(inbox.arrivals, Arrival(last, intake.finish(), time.monotonic(), inbox.turn))
    crew.put(inbox.arrivals, None)


_ROOM_S = 0.005
"""How often the source thread looks whether there is room, or somebody interrupts."""
