"""A fault is what its pattern says: the same chunks at written times, no sample more or less than promised."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf

from scripts.entry import CONFIG_FOLDER
from src.errors import ConfigError
from src.realtime.clock import VirtualClock
from src.realtime.faults import (
    Arrivals,
    Bursts,
    ClockOff,
    Fault,
    Jitter,
    Late,
    Leaves,
    Missing,
    Pieces,
    SlowViewer,
    SoundCard,
    SpeakerSink,
    Stalls,
    ViewerLeaves,
)
from src.realtime.faults.fault import FaultySource
from src.realtime.frame import Chunk, Frame, Layout
from tests.realtime.outputs import KeptOutput, KeptSink

RATE = 1000
LAYOUT = Layout(2, 2, 25.0, RATE)
FAULTS = CONFIG_FOLDER / "realtime" / "fault"


@dataclass
class Counting:
    """A second of samples 0, 1, 2 ... in chunks of 10 ms, of which number `marked` ends a segment."""

    marked: int | None = None
    sample_rate_hz: int = RATE
    chunk_samples: int = 10
    closed: bool = False

    def chunks(self) -> Iterator[Chunk]:
        try:
            for number in range(100):
                samples = np.arange(10 * number, 10 * number + 10, dtype=np.float32)
                yield Chunk(samples, (number + 1) / 100, ends_segment=number == self.marked)
        finally:
            self.closed = True


def arrived(*patterns: Arrivals, marked: int | None = None) -> list[Chunk]:
    return list(FaultySource(Counting(marked), patterns).chunks())


def times_ms(chunks: list[Chunk]) -> list[int]:
    return [round(1000 * (chunk.at_s or 0)) for chunk in chunks]


def sound(chunks: list[Chunk]) -> NDArray[np.float32]:
    return np.concatenate([chunk.samples for chunk in chunks])


def test_jitter_delays_chunk_after_chunk_by_its_list_and_none_overtakes() -> None:
    chunks = arrived(Jitter(delays_ms=[0, 25, 0], from_s=0.105, until_s=0.165))
    assert times_ms(chunks)[9:18] == [100, 110, 145, 145, 145, 175, 175, 175, 180]
    np.testing.assert_array_equal(sound(chunks), np.arange(1000))


def test_late_makes_every_nth_chunk_late_and_those_behind_wait() -> None:
    chunks = arrived(Late(every=5, delay_ms=30, from_s=0.1, until_s=0.2))
    assert times_ms(chunks)[8:20] == [90, 130, 130, 130, 130, 140, 180, 180, 180, 180, 190, 200]


def test_bursts_come_when_their_last_chunk_was_spoken() -> None:
    chunks = arrived(Bursts(num_chunks=4, from_s=0.1, until_s=0.16))
    assert times_ms(chunks)[8:17] == [90, 130, 130, 130, 130, 150, 150, 160, 170]
    assert times_ms(arrived(Bursts(num_chunks=30, from_s=0.9, until_s=9)))[-12:] == [890] + 11 * [1000]


def test_missing_chunks_never_come_but_their_marks_do() -> None:
    chunks = arrived(Missing(every=10, num_chunks=2, from_s=0.1, until_s=0.3), marked=9)
    assert len(chunks) == 100
    assert np.setdiff1d(np.arange(1000), sound(chunks)).tolist() == [*range(90, 110), *range(190, 210)]
    assert (len(chunks[9].samples), chunks[9].ends_segment) == (0, True)


def test_a_fast_clock_gives_the_same_sound_sooner() -> None:
    chunks = arrived(ClockOff(ppm=1e5))
    assert times_ms(chunks)[10] == 100
    np.testing.assert_array_equal(sound(chunks), np.arange(1000))


@pytest.mark.parametrize("sizes_ms", [[3], [1000 / 30], [7, 40, 1], [5000]])
def test_pieces_hold_the_same_sound_and_come_when_their_last_sample_was_spoken(sizes_ms: list[float]) -> None:
    source = FaultySource(Counting(marked=41), [Pieces(sizes_ms=sizes_ms)])
    chunks = list(source.chunks())
    np.testing.assert_array_equal(sound(chunks), np.arange(1000))
    ends = np.cumsum([len(chunk.samples) for chunk in chunks])
    assert times_ms(chunks) == ends.tolist()
    assert [end for end, chunk in zip(ends, chunks, strict=True) if chunk.ends_segment] == [420]
    assert max(len(chunk.samples) for chunk in chunks) <= source.chunk_samples


def test_a_speaker_who_leaves_says_nothing_more_and_the_source_is_closed() -> None:
    source = Counting()
    chunks = list(FaultySource(source, [Leaves(at_s=0.43)]).chunks())
    assert times_ms(chunks)[-1] == 420
    assert not chunks[-1].ends_segment
    assert source.closed


def test_patterns_follow_one_another_and_are_the_same_each_time() -> None:
    patterns = [Missing(every=7, num_chunks=1, from_s=0, until_s=1), Bursts(num_chunks=3, from_s=0.5, until_s=9)]
    first, second = arrived(*patterns), arrived(*patterns)
    assert times_ms(first) == times_ms(second)
    np.testing.assert_array_equal(sound(first), sound(second))


def test_a_source_without_times_is_refused() -> None:
    now = Chunk(np.zeros(1, np.float32), None)
    with pytest.raises(ConfigError, match="this source doesn't say when"):
        list(ClockOff(ppm=1).arriving(iter([now]), RATE))


def frame(index: int, num_samples: int = 40) -> Frame:
    """Of the timeline that begins 0.2 s after the clock."""
    return Frame(
        index=index,
        time_s=index / 25,
        image=np.zeros((2, 2, 3), np.uint8),
        audio=np.zeros(num_samples, np.float32),
        held=False,
        filler=False,
        deadline_s=0.2 + index / 25,
        arrival_s=None,
        turn=0,
        num_ended=0,
    )


def test_a_renderer_stalls_for_the_pictures_that_are_written() -> None:
    clock = VirtualClock()
    draw = Stalls(pictures=[1, 3], seconds=0.3).around(lambda values: np.zeros((2, 2, 3), np.uint8), clock)
    passed = []
    for _ in range(5):
        draw(np.zeros(7, np.float32))
        passed.append(clock.now_s())
    assert passed == pytest.approx([0, 0.3, 0.3, 0.6, 0.6])


def test_a_slow_viewer_takes_time_and_one_who_left_takes_nothing() -> None:
    clock, kept = VirtualClock(), KeptSink()
    sink = ViewerLeaves(at_s=0.12).around(
        SlowViewer(interval_ms=70, from_s=0.04, until_s=0.12).around(kept, clock), clock
    )
    with sink.open(LAYOUT) as output:
        assert [output.show(frame(index)) for index in range(4)] == [True, True, True, False]
    assert clock.now_s() == pytest.approx(0.14)


@pytest.mark.parametrize("ppm", [-200.0, 0.0, 200.0, 1000.0])
def test_a_sound_card_drifts_by_what_its_clock_is_off(ppm: float) -> None:
    clock, heard = VirtualClock(), []
    sink = SpeakerSink(
        KeptSink(), ppm=ppm, reserve_ms=0, clock=clock, tell=lambda time_s, offset_ms: heard.append(offset_ms)
    )
    with sink.open(LAYOUT) as output:
        assert output.played_s() is None
        for index in range(26):
            clock.wait_until(0.2 + index / 25 - 0.04)  # one frame ahead
            output.show(frame(index))
        clock.wait_until(1.2)
        assert output.played_s() == pytest.approx(1.0 * (1 + ppm * 1e-6), abs=1e-9)
    # Picture n is shown n / 25 s after the card began: the voice is ahead by ppm millionths of that.
    np.testing.assert_allclose(heard, [-ppm * 1e-3 * index / 25 for index in range(26)], atol=1e-6)


def test_a_reserve_makes_picture_and_sound_later_alike_and_a_fast_card_has_sound_until_it_is_used_up() -> None:
    clock, heard = VirtualClock(), []
    sink = SpeakerSink(
        KeptSink(), ppm=5e4, reserve_ms=60, clock=clock, tell=lambda time_s, offset_ms: heard.append(offset_ms)
    )
    with sink.open(LAYOUT) as output:
        for index in range(26):
            clock.wait_until(0.2 + index / 25)
            output.show(frame(index))
            if index == 10:
                assert output.played_s() == pytest.approx(0.4 + 0.05 * (0.4 - 0.06))
        clock.wait_until(1.3)
    np.testing.assert_allclose(heard, [-50 * index / 25 for index in range(24)], atol=1e-6)


def test_a_sound_card_without_sound_is_silent_and_goes_on_when_sound_is_due_again() -> None:
    clock = VirtualClock()
    with SpeakerSink(KeptSink(), ppm=0, reserve_ms=0, clock=clock, tell=lambda time_s, offset_ms: None).open(
        LAYOUT
    ) as output:
        output.show(frame(0))
        clock.wait_until(0.5)
        assert output.played_s() == pytest.approx(0.04)
        output.show(frame(10))
        clock.wait_until(0.62)
        assert output.played_s() == pytest.approx(0.42)
        output.show(frame(11))
        output.flush()
        clock.wait_until(0.7)
        assert output.played_s() == pytest.approx(0.42)


@pytest.mark.parametrize(
    "path", sorted((CONFIG_FOLDER / "realtime" / "fault").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_fault_of_the_configuration_wraps_a_run(path) -> None:
    fault = instantiate(OmegaConf.load(path))
    assert isinstance(fault, Fault)
    clock = VirtualClock()
    assert len(list(fault.source(Counting()).chunks())) > 10
    assert fault.draw(lambda values: np.zeros((2, 2, 3), np.uint8), clock)(np.zeros(7, np.float32)).shape == (2, 2, 3)
    with fault.sink(KeptSink(), clock).open(LAYOUT) as output:
        assert output.show(frame(0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Jitter(delays_ms=[], from_s=0, until_s=1), "at least one delay"),
        (lambda: Late(every=0, delay_ms=1, from_s=0, until_s=1), "must be above 0"),
        (lambda: Bursts(num_chunks=1, from_s=0, until_s=1), "two chunks or more"),
        (lambda: Missing(every=3, num_chunks=3, from_s=0, until_s=1), "not all"),
        (lambda: Pieces(sizes_ms=[10, 0]), "at least one size above 0"),
        (lambda: Stalls(pictures=[1], seconds=-1), "can't stall for -1 s"),
    ],
)
def test_patterns_that_mean_nothing_are_refused(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        wrong()


def test_the_card_of_a_fault_belongs_to_its_run() -> None:
    kept = KeptSink()
    with SoundCard(ppm=200, reserve_ms=60).around(kept, VirtualClock()).open(LAYOUT) as output:
        output.show(frame(0))
    assert isinstance(kept.output, KeptOutput)
    assert [shown.index for shown in kept.output.frames] == [0]
