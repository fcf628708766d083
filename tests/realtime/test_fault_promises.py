"""The engine under faults: nothing lost that was promised, bounded, and the mouth back with its voice.

Each sample is numbered and each picture shows its number (`tests/realtime/numbered.py`), so offsets are
measured on what comes out.
"""

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf

from scripts.entry import CONFIG_FOLDER
from src.realtime.clock import VirtualClock
from src.realtime.engine import WallEngine
from src.realtime.faults import Arrivals, Bursts, ClockOff, Fault, Late, Leaves, Pieces, SpeakerSink, Stalls
from src.realtime.frame import Chunk
from tests.realtime.numbered import (
    LAYOUT,
    RATE,
    SCALE,
    STEP,
    Listed,
    Outcome,
    Recorded,
    assert_promises,
    hour,
    make_core,
    number_of,
    number_picture,
    numbers,
    run_numbered,
    talk,
)
from tests.realtime.outputs import KeptSink

FAULTS = CONFIG_FOLDER / "realtime" / "fault"
FAULT_ENDS_S = 6.3
"""Of the timeline: what the files of faults call 6 s, with the delay of the playout."""
NOMINAL_MS = 150.0


def run_fault(name: str) -> Outcome:
    """A file of the configuration around a talk of 15 s."""
    fault = instantiate(OmegaConf.load(FAULTS / f"{name}.yaml"))
    assert isinstance(fault, Fault)
    clock, kept = VirtualClock(), KeptSink()
    core = make_core(draw=fault.draw(number_picture, clock))
    source = Listed(list(fault.source(Recorded(talk(15.0))).chunks()))
    return run_numbered(source, core=core, clock=clock, sink=fault.sink(kept, clock), kept=kept)


@pytest.mark.parametrize("name", sorted({path.stem for path in FAULTS.glob("*.yaml")} - {"viewer_leaves"}))
def test_a_fault_loses_nothing_and_two_seconds_after_it_the_mouth_is_with_its_voice(name: str) -> None:
    outcome = run_fault(name)
    assert_promises(outcome)
    offsets_ms = outcome.offsets_ms(FAULT_ENDS_S + 2.0)
    assert len(offsets_ms) > 100 or name == "speaker_leaves"
    assert (np.abs(offsets_ms) < 40.0).all()
    assert outcome.latencies_ms()[-1] <= NOMINAL_MS + 80.0, "what a fault cost is caught up in pauses"


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
@pytest.mark.parametrize("patterns", [[Bursts(num_chunks=15, from_s=1.0, until_s=2.5)], [Pieces(sizes_ms=[100 / 3])]])
def test_sound_of_other_rates_keeps_its_mouth_under_faults(rate: int, patterns: list[Arrivals]) -> None:
    """A ramp survives resampling, so the sound itself says its time: 0.05 to 0.45 in 5 s."""
    ramp = np.linspace(0.05, 0.45, 5 * rate, dtype=np.float32)
    outcome = run_numbered(Recorded(ramp, chunk_samples=rate // 100, sample_rate_hz=rate), patterns)
    spoken = [frame for frame in outcome.frames if not frame.filler and 3.2 < frame.time_s < 4.5]
    assert len(spoken) >= 30
    for frame in spoken:
        behind_ms = 1000.0 * (float(frame.audio[-STEP]) - number_of(frame) / SCALE) / (0.4 / 5)
        assert abs(behind_ms) < 1.0
    counts = outcome.core.counts
    assert len(outcome.audio) - STEP * (counts.fillers - counts.skipped) == 5 * RATE


@pytest.mark.parametrize("name", ["late", "stall", "missing", "card_fast"])
def test_the_same_fault_gives_the_same_frames_bit_for_bit(name: str) -> None:
    first, second = run_fault(name), run_fault(name)
    assert len(first.frames) == len(second.frames)
    for one, other in zip(first.frames, second.frames, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.audio, other.audio)
        assert (one.index, one.deadline_s, one.held, one.filler) == (
            other.index,
            other.deadline_s,
            other.held,
            other.filler,
        )


def test_a_viewer_who_leaves_ends_the_run() -> None:
    outcome = run_fault("viewer_leaves")
    assert outcome.frames[-1].time_s == pytest.approx(4.36)


def test_a_speaker_who_leaves_in_a_word_is_heard_to_the_last_sample_and_the_mouth_closes() -> None:
    chunks = list(Recorded(numbers(3 * RATE)).chunks())[:117]  # no pause in it
    begins_again = [Chunk(numbers(160, 50_000 + 160 * n), 5.0 + n / 100) for n in range(100)]
    outcome = run_numbered(Listed(chunks + begins_again))
    assert_promises(outcome)
    waiting = [frame for frame in outcome.frames if 1.6 < frame.time_s < 2.1 or 2.4 < frame.time_s < 4.9]
    assert {number_of(frame) for frame in waiting} == {0}, "closed, but for what was left of the last frame"
    assert np.abs(outcome.offsets_ms(5.2)).max() == 0.0


def test_regular_bursts_do_not_cut_words_for_ever() -> None:
    outcome = run_numbered(Recorded(talk(30.0)), [Bursts(num_chunks=20, from_s=2.0, until_s=28.0)])
    assert_promises(outcome)
    assert outcome.core.counts.starved <= 10, "a source that always comes in bursts gets the buffer that it needs"
    assert outcome.latencies_ms().max() <= NOMINAL_MS + 300.0


@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_a_source_whose_clock_is_off_is_followed_in_pauses_and_never_in_a_word(ppm: float) -> None:
    outcome = run_numbered(Recorded(talk(120.0), chunk_samples=320), [ClockOff(ppm=4.0 * ppm)])
    assert_promises(outcome)
    counts = outcome.core.counts
    assert (counts.starved, counts.held) == (0, 0)
    assert counts.skipped if ppm > 0 else counts.stretched
    assert outcome.latencies_ms(60.0).max() <= NOMINAL_MS + 80.0
    assert np.abs(outcome.offsets_ms()).max() == 0.0


@hour
@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_an_hour_of_a_source_whose_clock_is_off_has_bounded_latency(ppm: float) -> None:
    outcome = run_numbered(Recorded(talk(3600.0), chunk_samples=320), [ClockOff(ppm=ppm)])
    assert_promises(outcome)
    assert (outcome.core.counts.starved, outcome.core.counts.held) == (0, 0)
    assert outcome.latencies_ms(60.0).max() <= NOMINAL_MS + 80.0


def with_card(
    ppm: float, policy: str, seconds: float, stalls: Stalls | None = None
) -> tuple[Outcome, NDArray[np.float64]]:
    """A run whose sound is heard through a card; (T, 2) seconds of the timeline and ms that the mouth is ahead."""
    clock, kept, heard = VirtualClock(), KeptSink(), []
    draw = stalls.around(number_picture, clock) if stalls else number_picture
    sink = SpeakerSink(
        kept, ppm=ppm, reserve_ms=60.0, clock=clock, tell=lambda time_s, offset_ms: heard.append((time_s, offset_ms))
    )
    core = make_core(draw, policy)
    outcome = run_numbered(Recorded(talk(seconds), chunk_samples=320), core=core, clock=clock, sink=sink, kept=kept)
    return outcome, np.array(heard)


POLICIES = ["slew", "drop_or_repeat"]


@pytest.mark.parametrize("ppm", [200.0, -200.0])
@pytest.mark.parametrize("policy", POLICIES)
def test_pictures_follow_a_sound_card_whose_clock_is_off(ppm: float, policy: str) -> None:
    outcome, heard = with_card(4.0 * ppm, policy, 120.0)
    assert_promises(outcome)
    assert np.abs(heard[:, 1]).max() < 45.0
    assert outcome.core.counts.drift.largest_ms < 45.0


@pytest.mark.parametrize("policy", POLICIES)
def test_two_seconds_after_a_stall_the_mouth_is_with_the_voice_that_is_heard(policy: str) -> None:
    outcome, heard = with_card(0.0, policy, 20.0, Stalls(pictures=[100], seconds=0.3))
    assert_promises(outcome)
    assert outcome.core.counts.dropped >= 5
    after = np.abs(heard[heard[:, 0] > 4.3 + 2.0, 1])
    assert len(after) > 200
    assert after.max() < 40.0


@pytest.mark.parametrize("phase_ms", range(0, 40, 5))
def test_a_barge_in_closes_the_mouth_within_80_ms_and_nothing_of_before_comes_after(phase_ms: int) -> None:
    at_s = 1.0 + phase_ms / 1000.0
    chunks = [chunk for chunk in Recorded(numbers(3 * RATE)).chunks() if chunk.at_s < at_s]
    chunks.append(Chunk(np.zeros(0, np.float32), at_s, clears=True))
    chunks += [Chunk(numbers(160, 100_000 + 160 * n), at_s + 0.5 + n / 100) for n in range(100)]
    outcome = run_numbered(Listed(chunks))
    after = [frame for frame in outcome.frames if frame.turn == 1]
    assert after[0].deadline_s - at_s <= 0.08
    assert number_of(after[0]) == 0
    told = np.concatenate([frame.audio for frame in after])
    fade = round(0.005 * RATE)
    assert (np.round(told[fade:][told[fade:] != 0] * SCALE) > 100_000).all()
    assert np.count_nonzero(told[fade:]) == 16_000, "all that was said after the barge-in"
    assert outcome.flushed == [len(outcome.frames) - len(after)]


@pytest.mark.parametrize("chunk_s", [0.02, 6.0])
def test_a_barge_in_does_not_wait_behind_a_sentence_that_has_no_room(chunk_s: float) -> None:
    sentence, step = numbers(6 * RATE), round(chunk_s * RATE)
    chunks = [Chunk(sentence[start : start + step], 0.0) for start in range(0, len(sentence), step)]
    chunks.append(Chunk(np.zeros(0, np.float32), 1.0, clears=True))
    outcome = run_numbered(Listed([*chunks, Chunk(numbers(1600, 200_000), 1.5, ends_segment=True)]))
    after = [frame for frame in outcome.frames if frame.turn == 1]
    assert after[0].deadline_s - 1.0 <= 0.08
    assert np.count_nonzero(np.concatenate([frame.audio for frame in after])[round(0.005 * RATE) :]) == 1600


def test_a_barge_in_does_not_wait_behind_a_full_inbox_either() -> None:
    sentence = numbers(6 * RATE)
    chunks = [Chunk(sentence[start : start + 320], 0.0) for start in range(0, len(sentence), 320)]
    source = Listed([*chunks, Chunk(np.zeros(0, np.float32), 0.3, clears=True)])
    kept = KeptSink()
    engine = WallEngine(inbox_chunks=50, outbox_frames=8, stall_timeout_s=10.0)
    figures = engine.run(core=make_core(), source=source, sink=kept, layout=LAYOUT)
    assert figures.counts.cleared == 1
    said = sum(np.count_nonzero(frame.audio) for frame in kept.output.frames)
    assert said < 2 * RATE, "0.3 s and what a busy machine adds; with the wait for room it was 2.4 s"


def test_a_sentence_in_one_chunk_keeps_its_pauses() -> None:
    sentence = np.concatenate([numbers(9600), np.zeros(6400, np.float32), numbers(9600, 9600)])
    outcome = run_numbered(Listed([Chunk(sentence, 0.0, ends_segment=True)]))
    assert_promises(outcome)
    assert outcome.core.counts.skipped == 0


@pytest.mark.parametrize("seconds", [3.0, 12.0])
def test_a_sentence_longer_than_the_queue_in_one_chunk_is_spoken(seconds: float) -> None:
    outcome = run_numbered(Listed([Chunk(numbers(round(seconds * RATE)), 0.0, ends_segment=True)]))
    assert_promises(outcome)


def test_what_waits_stays_bounded_while_a_source_is_always_late_or_in_bursts() -> None:
    core, most = make_core(), []

    def watching(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        most.append(core.num_waiting)
        return number_picture(values)

    core = make_core(watching)
    patterns = [Late(every=30, delay_ms=400.0, from_s=0.0, until_s=20.0), Leaves(at_s=18.0)]
    outcome = run_numbered(Recorded(talk(20.0)), patterns, core=core)
    assert_promises(outcome)
    assert max(most) <= 2.0 * RATE + STEP
