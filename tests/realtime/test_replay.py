"""In virtual time a run is exact: every count and latency has a known answer."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.clock import VirtualClock
from src.realtime.frame import Chunk, Frame
from src.realtime.meter import RunFigures
from src.realtime.replay import VirtualEngine
from tests.realtime.fakes import (
    LAYOUT,
    RATE,
    Follower,
    ListSink,
    ListSource,
    ScriptSource,
    jaw_picture,
    make_core,
    ramp,
    slew_of,
    sound_of,
)


def run(
    predictor: Follower | None = None, clock: VirtualClock | None = None, **core: Any
) -> tuple[RunFigures, ListSink]:
    sink = ListSink()
    figures = VirtualEngine(clock=clock or VirtualClock()).run(
        core=make_core(predictor, **core), source=ListSource(ramp(2.0)), sink=sink, layout=LAYOUT
    )
    return figures, sink


def test_an_undisturbed_run_holds_25_fps_and_loses_nothing() -> None:
    figures, sink = run()
    assert sink.outcome == "complete"
    assert (figures.frames, figures.dropped, figures.counts.held, figures.counts.fillers) == (50, 0, 0, 0)
    assert (figures.deadline_misses, figures.counts.underruns) == (0, 0)
    assert figures.fps == pytest.approx(25.0)
    assert figures.seconds == pytest.approx(2.0)


def test_latency_is_the_delay_less_the_lead_and_the_age_of_the_sample_in_its_chunk() -> None:
    figures, _ = run(playout_delay_ms=150, preparation_ms=20)
    assert figures.latency is not None
    # The motion of frame i needs 50 ms of sound and is drawn 40 ms before its deadline at the earliest: 110 ms after
    # it was spoken. Its sample is the first of its 10 ms chunk, so it is 10 ms old when it arrives.
    assert figures.latency.p50 == pytest.approx(100.0, abs=0.2)
    assert figures.latency.max == pytest.approx(100.0, abs=0.2)
    assert figures.first_frame_ms == pytest.approx(100.0, abs=0.2)


def test_a_picture_is_drawn_as_soon_as_its_motion_is_there() -> None:
    figures, _ = run(Follower(latency_samples=1840))  # 115 ms, known with the chunk at 120
    assert figures.latency is not None
    assert figures.latency.max == pytest.approx(110.0, abs=0.2)


def test_two_runs_are_alike_bit_for_bit() -> None:
    (first_figures, first), (second_figures, second) = run(), run()
    assert first_figures.latency == second_figures.latency
    assert first_figures.fps == second_figures.fps
    for one, other in zip(first.frames, second.frames, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.audio, other.audio)
        assert one.deadline_s == other.deadline_s


def test_a_renderer_that_stalls_300_ms_drops_counted_frames_and_is_back_at_once() -> None:
    clock, calls = VirtualClock(), 0

    def stalls_once(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        nonlocal calls
        calls += 1
        if calls == 20:
            clock.pass_by(0.3)
        return jaw_picture(values)

    figures, sink = run(clock=clock, draw=stalls_once)
    assert figures.dropped == 6
    assert figures.frames == 44
    assert figures.counts.underruns == 0
    assert figures.deadline_misses >= 1
    after = [frame for frame in sink.frames if frame.index > 28]
    assert [frame.index for frame in after] == list(range(29, 50)), "no frame is lost after the stall"
    assert sum(len(frame.audio) for frame in sink.frames) == 32_000, "no sound is lost in it"


def test_a_renderer_slower_than_the_frame_rate_shows_every_second_frame() -> None:
    clock = VirtualClock()

    def slow(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        clock.pass_by(0.06)
        return jaw_picture(values)

    figures, sink = run(clock=clock, draw=slow)
    assert figures.frames + figures.dropped == 50
    assert 12 <= figures.dropped <= 25
    offsets = [frame.image[0, 0, 0] - round(frame.time_s * 255 / 2) for frame in sink.frames]
    assert max(map(abs, offsets)) <= 1, "what is shown is still the motion of its own time"


def test_a_viewer_who_leaves_ends_the_run_in_order() -> None:
    sink = ListSink(on_write=lambda frame: frame.index < 9)
    figures = VirtualEngine(clock=VirtualClock()).run(
        core=make_core(), source=ListSource(ramp(2.0)), sink=sink, layout=LAYOUT
    )
    assert figures.frames == 10
    assert sink.outcome == "complete"


def test_a_failure_leaves_no_half_written_output() -> None:
    def fails(frame: Frame) -> bool:
        raise OSError("disk full")

    for sink, source in (
        (ListSink(), ListSource(ramp(2.0), fails_after=30)),
        (ListSink(on_write=fails), ListSource(ramp(2.0))),
    ):
        with pytest.raises((RuntimeError, OSError), match=r"the microphone is gone|disk full"):
            VirtualEngine(clock=VirtualClock()).run(core=make_core(), source=source, sink=sink, layout=LAYOUT)
        assert sink.outcome == "discarded"


def test_sound_of_another_rate_is_converted() -> None:
    sink, waveform = ListSink(), np.linspace(0, 0.5, 88_200, dtype=np.float32)
    source = ListSource(waveform, chunk_samples=441, sample_rate_hz=44_100)
    VirtualEngine(clock=VirtualClock()).run(core=make_core(), source=source, sink=sink, layout=LAYOUT)
    np.testing.assert_allclose(sound_of(sink.frames)[100:31_900], ramp(2.0)[100:31_900], atol=1e-3)
    assert len(sink.frames) == 50


@pytest.mark.parametrize(("chunk", "sample_rate_hz"), [(1600, RATE), (533, RATE), (3200, RATE), (1470, 44_100)])
def test_chunks_longer_than_the_delay_come_later_and_are_said_to(
    chunk: int, sample_rate_hz: int, caplog: pytest.LogCaptureFixture
) -> None:
    sink = ListSink()
    source = ListSource(np.full(2 * sample_rate_hz, 0.25, np.float32), chunk, sample_rate_hz)
    figures = VirtualEngine(clock=VirtualClock()).run(core=make_core(), source=source, sink=sink, layout=LAYOUT)
    assert (figures.counts.dropped, figures.deadline_misses) == (0, 0)
    assert figures.counts.starved <= (chunk == 3200), "once, until it is known that chunks are longer than the delay"
    assert sum(len(frame.audio) for frame in sink.frames if not frame.filler) == 32_000
    assert figures.latency is not None
    assert figures.latency.max <= 1000 * chunk / sample_rate_hz + 150.0
    assert ("chunks of" in caplog.text) == (1000 * chunk / sample_rate_hz > 80)


def test_a_sentence_longer_than_the_queue_goes_in_part_by_part() -> None:
    sink = ListSink()
    source = ScriptSource([Chunk(ramp(3.0), at_s=0.0, ends_segment=True)])
    figures = VirtualEngine(clock=VirtualClock()).run(
        core=make_core(max_ahead_ms=500), source=source, sink=sink, layout=LAYOUT
    )
    np.testing.assert_array_equal(sound_of(sink.frames), ramp(3.0))
    assert figures.counts.fillers == 0


def test_a_source_without_times_has_no_virtual_time() -> None:
    with pytest.raises(ConfigError, match="clock=virtual needs a recording"):
        VirtualEngine(clock=VirtualClock()).run(
            core=make_core(), source=ScriptSource([Chunk(ramp(0.1), None)]), sink=ListSink(), layout=LAYOUT
        )


def test_a_source_that_is_ahead_waits_for_room() -> None:
    sink = ListSink()
    source = ScriptSource([Chunk(ramp(1.0), at_s=0.0), Chunk(ramp(1.0), at_s=0.0), Chunk(ramp(1.0), at_s=0.0)])
    VirtualEngine(clock=VirtualClock()).run(core=make_core(), source=source, sink=sink, layout=LAYOUT)
    np.testing.assert_array_equal(sound_of(sink.frames), np.tile(ramp(1.0), 3))


def test_a_barge_in_tells_the_sink_and_what_came_before_is_not_heard() -> None:
    sink = ListSink()
    script = [Chunk(ramp(1.0), at_s=0.0), Chunk(np.full(640, 0.25, np.float32), at_s=0.5, clears=True)]
    figures = VirtualEngine(clock=VirtualClock()).run(
        core=make_core(), source=ScriptSource(script), sink=sink, layout=LAYOUT
    )
    assert sink.num_flushed == 1
    assert figures.counts.cleared == 1
    assert {frame.turn for frame in sink.frames} == {0, 1}
    heard = sound_of([frame for frame in sink.frames if frame.turn == 1])
    assert (heard == 0.25).sum() == 640
    assert not heard[80 : np.argmax(heard == 0.25)].any(), "silence but for the end of a fade"


def test_a_sink_with_a_fast_clock_is_followed_by_the_pictures() -> None:
    """200 ppm of an hour in a minute: 12,000 ppm."""
    clock = VirtualClock()
    sink = ListSink(position=lambda: clock.now_s() * 1.012)
    run_of = VirtualEngine(clock=clock)
    figures = run_of.run(
        core=make_core(drift=slew_of(20.0)), source=ListSource(np.tile(ramp(2.0), 30)), sink=sink, layout=LAYOUT
    )
    drift = figures.counts.drift
    assert drift.drift_ms is not None
    assert abs(drift.drift_ms) <= 41.0
    assert drift.num_corrections >= 1
    assert drift.corrected_ms > 400.0
