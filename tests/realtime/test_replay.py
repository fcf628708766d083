"""In virtual time a run is exact: every count and latency has a known answer."""

import numpy as np
import pytest
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.meter import RunFigures
from src.realtime.replay import VirtualClock, VirtualEngine
from src.realtime.session import Frame
from tests.realtime.fakes import LAYOUT, ListSink, ListSource, jaw_picture, make_session, ramp


def run(clock: VirtualClock | None = None, **session: object) -> tuple[RunFigures, ListSink]:
    sink = ListSink()
    figures = VirtualEngine(clock=clock or VirtualClock()).run(
        session=make_session(**session), source=ListSource(ramp(2.0)), sink=sink, layout=LAYOUT
    )
    return figures, sink


def test_an_undisturbed_run_holds_25_fps_and_loses_nothing() -> None:
    figures, sink = run()
    assert sink.outcome == "complete"
    assert (figures.frames, figures.dropped, figures.repeated) == (50, 0, 0)
    assert (figures.deadline_misses, figures.underruns) == (0, 0)
    assert figures.fps == pytest.approx(25.0)
    assert figures.seconds == pytest.approx(2.0)


def test_latency_is_the_delay_less_preparation_and_the_age_of_the_sample_in_its_chunk() -> None:
    figures, _ = run(playout_delay_ms=150, preparation_ms=20)
    assert figures.latency is not None
    # The sample of frame i is the first of its 10 ms chunk, so it is 10 ms old when it arrives.
    assert figures.latency.p50 == pytest.approx(120.0, abs=0.2)
    assert figures.latency.max == pytest.approx(120.0, abs=0.2)
    assert figures.first_frame_ms == pytest.approx(120.0, abs=0.2)


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

    figures, sink = run(clock, draw=stalls_once)
    assert figures.dropped == 6
    assert figures.frames == 44
    assert figures.underruns == 0
    assert figures.deadline_misses >= 1
    after = [frame for frame in sink.frames if frame.index > 28]
    assert [frame.index for frame in after] == list(range(29, 50)), "no frame is lost after the stall"
    assert sum(len(frame.audio) for frame in sink.frames) == 32_000, "no sound is lost in it"


def test_a_renderer_slower_than_the_frame_rate_shows_every_second_frame() -> None:
    clock = VirtualClock()

    def slow(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        clock.pass_by(0.06)
        return jaw_picture(values)

    figures, sink = run(clock, draw=slow)
    assert figures.frames + figures.dropped == 50
    assert 12 <= figures.dropped <= 25
    offsets = [frame.image[0, 0, 0] - round(frame.time_s * 255 / 2) for frame in sink.frames]
    assert max(map(abs, offsets)) <= 1, "what is shown is still the motion of its own time"


def test_a_viewer_who_leaves_ends_the_run_in_order() -> None:
    sink = ListSink(on_write=lambda frame: frame.index < 9)
    figures = VirtualEngine(clock=VirtualClock()).run(
        session=make_session(), source=ListSource(ramp(2.0)), sink=sink, layout=LAYOUT
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
            VirtualEngine(clock=VirtualClock()).run(session=make_session(), source=source, sink=sink, layout=LAYOUT)
        assert sink.outcome == "discarded"


def test_a_source_of_another_rate_or_with_chunks_longer_than_the_delay_allows_is_refused() -> None:
    engine = VirtualEngine(clock=VirtualClock())
    with pytest.raises(ConfigError, match="44100 Hz, the checkpoint needs 16000"):
        engine.run(
            session=make_session(), source=ListSource(ramp(1), sample_rate_hz=44_100), sink=ListSink(), layout=LAYOUT
        )
    with pytest.raises(ConfigError, match="chunks of 100 ms don't fit.*Raise playout_delay_ms by 20"):
        engine.run(
            session=make_session(), source=ListSource(ramp(1), chunk_samples=1600), sink=ListSink(), layout=LAYOUT
        )
