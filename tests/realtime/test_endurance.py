"""Figures of long runs, on runs and curves whose answers are known."""

import numpy as np
import pytest

from src.motion import CORE7
from src.realtime.clock import VirtualClock
from src.realtime.conversation import TURNS, Conversation
from src.realtime.endurance import Watch, mouth_lag_frames, slope_per_hour
from src.realtime.replay import VirtualEngine
from tests.realtime.numbered import (
    LAYOUT,
    RATE,
    STEP,
    NumberShower,
    Recorded,
    hour,
    make_core,
    number_picture,
    numbers,
    run_numbered,
)

UTTERANCES = [numbers(round(seconds * RATE), round(100_000 * seconds)) for seconds in (1.7, 2.9, 0.8, 2.2)]


def watched(seconds: float, block_s: float) -> tuple[Watch, object]:
    """A written talk, in virtual time, without a real face."""
    clock = VirtualClock()
    watch = Watch(block_s=block_s, clock=clock, memory_mb=lambda: 100.0 + clock.now_s() / 60.0)
    core = make_core(watch.drawing(number_picture, CORE7))
    talk = Conversation(utterances=UTTERANCES, turns=TURNS, seconds=seconds, chunk_samples=320, sample_rate_hz=RATE)
    return watch, VirtualEngine(clock=clock).run(core=core, source=watch.speaking(talk), sink=watch, layout=LAYOUT)


def test_blocks_cover_the_run_and_everything_is_counted() -> None:
    watch, figures = watched(60.0, 20.0)
    assert [round(block.end_s) for block in watch.blocks[:3]] == [20, 40, 60]
    assert figures.frames == watch.num_slots
    assert sum(block.frames for block in watch.blocks) == pytest.approx(figures.frames, abs=50), "but for a short rest"
    assert watch.num_samples == watch.num_slots * STEP
    assert (watch.num_missing, figures.dropped) == (0, 0)
    assert watch.timeline_error_ms == pytest.approx(0.0, abs=1e-6)
    assert watch.blocks[2].memory_mb == pytest.approx(101.0, abs=0.1)
    draw = watch.blocks[0].draw
    assert draw is not None
    assert draw.count == watch.blocks[0].frames


def test_every_interruption_is_timed() -> None:
    watch, figures = watched(60.0, 20.0)
    summary = watch.interruptions.summary()
    assert summary is not None
    assert summary.count == figures.counts.cleared >= 4
    assert 0.0 < summary.max <= 80.0 + 0.1


def test_the_model_is_timed_and_gives_the_same() -> None:
    watch = Watch(block_s=20.0, clock=VirtualClock(), memory_mb=lambda: 0.0)
    plain, timed = NumberShower().stream(), watch.listening(NumberShower()).stream()
    sound = numbers(RATE)
    np.testing.assert_array_equal(timed.push(sound), plain.push(sound))
    np.testing.assert_array_equal(timed.finish(), plain.finish())
    assert watch.listening(NumberShower()).latency_ms == NumberShower.latency_ms


@pytest.mark.parametrize("lag", [-3.0, 0.0, 1.0, 2.5])
def test_the_lag_of_a_mouth_is_found(lag: float) -> None:
    times = np.arange(1500) / 25
    level = sum(np.sin(2 * np.pi * hz * times + hz) for hz in (0.31, 0.7, 1.3, 2.1)) + 4.0
    jaw = sum(np.sin(2 * np.pi * hz * (times - lag / 25) + hz) for hz in (0.31, 0.7, 1.3, 2.1))
    assert mouth_lag_frames(jaw, level) == pytest.approx(lag, abs=0.1)


def test_a_mouth_that_is_still_or_hardly_seen_has_no_lag() -> None:
    level = np.abs(np.sin(np.arange(1500.0)))
    assert mouth_lag_frames(np.zeros(1500), level) is None
    assert mouth_lag_frames(level[:400], level[:400]) is None
    assert mouth_lag_frames(np.full(1500, np.nan), level) is None


def test_a_slope_is_per_hour() -> None:
    assert slope_per_hour(np.array([0.0, 1800.0, 3600.0]), np.array([5.0, 6.0, 7.0])) == pytest.approx(2.0)
    assert slope_per_hour(np.array([0.0, 1800.0]), np.array([5.0, 6.0])) is None


@hour
def test_an_hour_of_talk_has_every_sample_in_its_place() -> None:
    watch, figures = watched(3600.0, 300.0)
    assert figures.frames == watch.num_slots == pytest.approx(90_000, abs=200)
    assert watch.num_samples == watch.num_slots * STEP
    assert (figures.dropped, figures.counts.underruns, figures.deadline_misses) == (0, 0, 0)
    assert watch.timeline_error_ms == pytest.approx(0.0, abs=1e-6)
    assert figures.latency is not None
    worst_ms = watch.interruptions.summary()
    assert worst_ms is not None
    assert worst_ms.max <= 80.0 + 0.1


def test_a_long_open_microphone_leaves_nothing_behind() -> None:
    outcome = run_numbered(Recorded(numbers(60 * RATE), chunk_samples=320))
    assert outcome.core.num_waiting == 0
    assert np.abs(outcome.offsets_ms()).max() == 0.0
