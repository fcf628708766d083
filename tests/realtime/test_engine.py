"""Threads around the core: they end together, and a failure in any of them reaches the caller.

Nothing here asserts how fast this machine is.
"""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from src.errors import ConfigError, StreamError
from src.realtime.engine import WallEngine
from src.realtime.frame import Chunk, Frame
from tests.realtime.fakes import LAYOUT, RATE, STEP, ListSink, ListSource, make_core, ramp, sound_of


def engine(outbox_frames: int = 8, stall_timeout_s: float = 5.0) -> WallEngine:
    return WallEngine(inbox_chunks=20, outbox_frames=outbox_frames, stall_timeout_s=stall_timeout_s)


def no_thread_is_left() -> bool:
    return not {"source", "core"} & {thread.name for thread in threading.enumerate()}


def test_a_recording_is_played_to_its_end_with_all_of_its_sound() -> None:
    sink, waveform = ListSink(), ramp(0.5)
    figures = engine().run(core=make_core(), source=ListSource(waveform), sink=sink, layout=LAYOUT)
    assert sink.outcome == "complete"
    assert figures.frames == len(sink.frames)
    assert figures.frames + figures.dropped == 13
    np.testing.assert_array_equal(sound_of(sink.frames)[: len(waveform)], waveform)
    assert figures.latency is not None
    assert figures.latency.count == figures.frames
    assert figures.latency.p50 >= 100.0 - 1.0, "no picture before its sound, look-ahead and lead were there"
    assert {name for name, summary in figures.stages.items() if summary} == {"features_model", "render", "sink"}
    assert no_thread_is_left()


def test_a_source_that_fails_reaches_the_caller_and_discards_the_output() -> None:
    sink = ListSink()
    with pytest.raises(RuntimeError, match="the microphone is gone"):
        engine().run(core=make_core(), source=ListSource(ramp(1), fails_after=30), sink=sink, layout=LAYOUT)
    assert sink.outcome == "discarded"
    assert no_thread_is_left()


def test_a_renderer_that_fails_reaches_the_caller_and_discards_the_output() -> None:
    def broken(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        raise StreamError("the picture is gone")

    sink = ListSink()
    with pytest.raises(StreamError, match="the picture is gone"):
        engine().run(core=make_core(draw=broken), source=ListSource(ramp(1)), sink=sink, layout=LAYOUT)
    assert sink.outcome == "discarded"
    assert no_thread_is_left()


def test_a_sink_that_fails_ends_the_threads() -> None:
    def full(frame: Frame) -> bool:
        raise OSError("no space left on device")

    sink = ListSink(on_write=full)
    with pytest.raises(OSError, match="no space left"):
        engine().run(core=make_core(), source=ListSource(ramp(1)), sink=sink, layout=LAYOUT)
    assert sink.outcome == "discarded"
    assert no_thread_is_left()


def test_a_viewer_who_leaves_ends_the_run_in_order() -> None:
    sink = ListSink(on_write=lambda frame: frame.index < 3)
    engine().run(core=make_core(), source=ListSource(ramp(5)), sink=sink, layout=LAYOUT)
    assert sink.outcome == "complete"
    assert sink.frames[-1].index >= 3
    assert no_thread_is_left()


def test_a_sink_that_is_too_slow_costs_counted_pictures_but_no_sound() -> None:
    """The sink blocks until frames were refused, by an event and not by a pause."""
    refused = threading.Event()
    drawn = 0

    def draw(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        nonlocal drawn
        drawn += 1
        if drawn == 8:  # one is with the sink, two are in the queue: at least four were refused
            refused.set()
        return np.zeros((2, 2, 3), np.uint8)

    def blocks(frame: Frame) -> bool:
        assert refused.wait(30)
        return True

    sink, waveform = ListSink(on_write=blocks), ramp(0.5)
    figures = engine(outbox_frames=2).run(
        core=make_core(draw=draw), source=ListSource(waveform), sink=sink, layout=LAYOUT
    )
    assert figures.dropped >= 4
    assert figures.frames + figures.dropped == 13
    np.testing.assert_array_equal(sound_of(sink.frames)[: len(waveform)], waveform)
    for before, after in zip(sink.frames, sink.frames[1:], strict=False):
        assert len(after.audio) <= (after.index - before.index) * STEP
    assert no_thread_is_left()


def test_a_sink_that_hangs_is_an_error_with_advice() -> None:

    def hangs(frame: Frame) -> bool:
        next(thread for thread in threading.enumerate() if thread.name == "core").join(30)
        return True

    with pytest.raises(StreamError, match=r"took no picture for 0.2 s.*stall_timeout_s"):
        engine(outbox_frames=1, stall_timeout_s=0.2).run(
            core=make_core(), source=ListSource(ramp(1.5)), sink=ListSink(on_write=hangs), layout=LAYOUT
        )
    assert no_thread_is_left()


def test_queues_without_bound_are_refused() -> None:
    with pytest.raises(ConfigError, match="latency without bound"):
        WallEngine(inbox_chunks=0, outbox_frames=8, stall_timeout_s=5.0)


def test_a_barge_in_reaches_the_sink_at_once_and_what_came_before_is_not_heard() -> None:
    """The sink is told although no frame follows: the source says nothing more until it was."""
    flushed = threading.Event()

    class Told(ListSink):
        def flush(self) -> None:
            super().flush()
            flushed.set()

    class Interrupted:
        sample_rate_hz, chunk_samples = RATE, 160

        def chunks(self) -> Iterator[Chunk]:
            yield Chunk(np.full(RATE, 0.4, np.float32), at_s=0.0)
            yield Chunk(np.zeros(0, np.float32), at_s=0.3, clears=True)
            assert flushed.wait(30)
            yield Chunk(ramp(0.2), at_s=None)

    sink = Told()
    figures = engine().run(core=make_core(), source=Interrupted(), sink=sink, layout=LAYOUT)
    assert sink.num_flushed == 1
    assert figures.counts.cleared == 1
    assert [frame.turn for frame in sink.frames] == sorted(frame.turn for frame in sink.frames)
    after = sound_of([frame for frame in sink.frames if frame.turn == 1 and not frame.filler])
    np.testing.assert_array_equal(after, ramp(0.2))
    assert sum(len(frame.audio) for frame in sink.frames) == (sink.frames[-1].index + 1) * STEP, "no hole in the sound"
