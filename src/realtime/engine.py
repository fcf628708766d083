"""Threads and wall clock around a session: the engine that really runs at 25 frames a second.

Three threads and two bounded queues:

    source thread --chunks--> core thread (the session) --frames--> calling thread (the sink)

* Chunks, full: the source waits (a recording can), so no sound is lost.
* Frames, full: the picture is dropped and counted, its sound goes along with the next frame.

The sink has the calling thread, because windows work only there on some systems. Whatever fails in a
thread ends the others and is raised by `run`.
"""

import logging
import queue
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError, StreamError
from src.realtime.crew import LOOK_S, NOTHING, Crew, get
from src.realtime.meter import RunFigures, RunMeter
from src.realtime.session import Frame, Session
from src.realtime.sinks import Layout, Sink
from src.realtime.sources import Source

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Chunk:
    """(s,) samples and the time at which they arrived."""

    samples: NDArray[np.float32]
    arrival_s: float


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

    def run(self, *, session: Session, source: Source, sink: Sink, layout: Layout) -> RunFigures:
        """Play the source to its end.

        Raises:
            StreamError, DataError, RenderError: from source, session or sink; the sink was closed so
                that it leaves nothing half-written.
        """
        check_source(session, source)
        meter, crew = RunMeter(), Crew()
        inbox: queue.Queue[Chunk | None] = queue.Queue(self._inbox_chunks)
        outbox: queue.Queue[Frame | None] = queue.Queue(self._outbox_frames)
        try:
            with sink.open(layout) as write:
                crew.start("source", lambda: _speak(source, inbox, crew))
                crew.start("core", lambda: self._animate(session, inbox, outbox, meter, crew))
                while not crew.stopping:
                    frame = get(outbox, LOOK_S)
                    if frame is NOTHING:
                        continue
                    if frame is None:
                        break
                    meter.handed(frame, time.monotonic(), session.fps)
                    begin_s = time.perf_counter()
                    goes_on = write(frame)
                    meter.stage("sink", time.perf_counter() - begin_s)
                    if not goes_on:
                        logger.info("the viewer closed the stream after %.1f s", frame.time_s)
                        break
                crew.join()  # inside the `with`: a failure elsewhere must also discard what was written
        finally:
            crew.stop()
        return meter.figures(session)

    def _animate(
        self,
        session: Session,
        inbox: "queue.Queue[Chunk | None]",
        outbox: "queue.Queue[Frame | None]",
        meter: RunMeter,
        crew: Crew,
    ) -> None:
        """The core thread: sound into the session when it comes, frames out of it when they are due."""
        feeder = _Feeder(outbox, meter, crew, self._stall_timeout_s, session.sample_rate_hz)
        chunk: Chunk | object | None = NOTHING
        while not crew.stopping and not (chunk is None and session.idle):
            due_s = session.next_due_s()
            wait_s = LOOK_S if due_s is None else min(max(due_s - time.monotonic(), 0.0), LOOK_S)
            if chunk is NOTHING:
                chunk = get(inbox, wait_s)
            else:  # sound is over, or the session has no room yet
                crew.wait(wait_s)
            if chunk is None:
                session.end_segment()
            elif isinstance(chunk, Chunk) and len(chunk.samples) <= session.num_free:
                begin_s = time.perf_counter()
                session.push_audio(chunk.samples, chunk.arrival_s)
                meter.stage("features_model", time.perf_counter() - begin_s)
                chunk = NOTHING
                if not inbox.empty():
                    continue  # after a slow picture: first hear what has come, then see which frame is due
            begin_s = time.perf_counter()
            frame = session.pull_frame(time.monotonic())
            if frame is not None:
                meter.stage("render", time.perf_counter() - begin_s)
                feeder.offer(frame)
        feeder.close()


def check_source(session: Session, source: Source) -> None:
    """See that a source suits a session.

    Raises:
        ConfigError: another sample rate, or chunks so long that every frame would come late.
    """
    if source.sample_rate_hz != session.sample_rate_hz:
        raise ConfigError(
            f"the source gives {source.sample_rate_hz} Hz, the checkpoint needs {session.sample_rate_hz} Hz. "
            f"Set the source's sample_rate_hz to {session.sample_rate_hz}."
        )
    chunk_ms = 1000.0 * source.chunk_samples / source.sample_rate_hz
    if chunk_ms > session.spare_ms:
        raise ConfigError(
            f"chunks of {chunk_ms:g} ms don't fit: the playout delay leaves {session.spare_ms:g} ms beyond look-ahead "
            f"and drawing. Raise playout_delay_ms by {chunk_ms - session.spare_ms:g} or deliver smaller chunks."
        )


class _Feeder:
    """Puts frames into a full or empty queue without ever holding up the core."""

    def __init__(
        self,
        outbox: "queue.Queue[Frame | None]",
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
            frame = replace(frame, audio=np.concatenate([self._refused.audio, frame.audio]))
        try:
            self._outbox.put_nowait(frame)
            self._refused = None
        except queue.Full:
            self._meter.num_refused += 1
            self._refused = frame
            if len(frame.audio) > self._most_samples:
                raise self._stalled() from None

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


def _speak(source: Source, inbox: "queue.Queue[Chunk | None]", crew: Crew) -> None:
    """The source thread: give each chunk at the moment its last sample would have been spoken."""
    begin_s = time.monotonic()
    num_samples = 0
    for samples in source.chunks():
        num_samples += len(samples)
        crew.wait(begin_s + num_samples / source.sample_rate_hz - time.monotonic())
        if not crew.put(inbox, Chunk(samples, time.monotonic())):
            return
    crew.put(inbox, None)
