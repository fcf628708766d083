"""The core gives the right picture with the right sound at the right time, and counts what it could not."""

from itertools import product

import numpy as np
import pytest

from src.errors import ConfigError, StreamError
from src.realtime.core import SessionCore
from src.realtime.frame import Frame
from tests.realtime.fakes import FPS, RATE, STEP, Follower, make_core, ramp, sound_of

LOOK_S = 0.004


def play(
    core: SessionCore, script: list[tuple[float, np.ndarray]], until_s: float | None = None, begin_s: float = 0.0
) -> list[Frame]:
    """Deliver (arrival, samples) and look for frames every few milliseconds; without `until_s` to the end."""
    frames, waiting, now_s = [], list(script), begin_s
    while (waiting or not core.idle) if until_s is None else now_s < until_s:
        while waiting and waiting[0][0] <= now_s + 1e-9:
            arrival_s, samples = waiting.pop(0)
            core.push_audio(samples, arrival_s)
            core.listen()
            if not waiting and until_s is None:
                core.end_segment(arrival_s)
        frame = core.pull_frame(now_s)
        if frame is not None:
            frames.append(frame)
        now_s = round(now_s + LOOK_S, 6)
        assert now_s < 4000, "the session does not come to an end"
    return frames


def spoken(waveform: np.ndarray, chunk: int, begin_s: float = 0.0) -> list[tuple[float, np.ndarray]]:
    """Chunks at the times at which they were spoken."""
    ends = range(chunk, len(waveform) + chunk, chunk)
    return [(begin_s + min(end, len(waveform)) / RATE, waveform[end - chunk : end]) for end in ends]


def jaw(frame: Frame) -> int:
    return int(frame.image[0, 0, 0])


def asked(value: float) -> int:
    return round(float(value) * 510)


@pytest.mark.parametrize(
    ("num_samples", "chunk"),
    [*product([1, 640, 641], [1, 37, 160, 640, 700]), *product([16_077], [37, 160, 640, 700])],
)
def test_every_frame_comes_once_in_order_with_its_own_motion_and_all_the_sound(chunk: int, num_samples: int) -> None:
    waveform = ramp(3.0)[:num_samples]
    core = make_core()
    frames = play(core, spoken(waveform, chunk))
    assert [frame.index for frame in frames] == list(range(-(-num_samples // STEP)))
    assert [frame.time_s for frame in frames] == [frame.index / FPS for frame in frames]
    for frame in frames:
        assert jaw(frame) == asked(waveform[frame.index * STEP])
        assert not frame.held
        assert not frame.filler
        assert len(frame.audio) == STEP
    sound = sound_of(frames)
    np.testing.assert_array_equal(sound[:num_samples], waveform)
    assert not sound[num_samples:].any()
    assert [frame.num_ended for frame in frames] == [0] * (len(frames) - 1) + [1]
    counts = core.counts
    assert (counts.dropped, counts.held, counts.underruns, counts.fillers, counts.skipped) == (0, 0, 0, 0, 0)


def test_picture_and_sound_are_due_the_playout_delay_after_they_were_spoken() -> None:
    for frame in play(make_core(playout_delay_ms=150), spoken(ramp(1.0), 160)):
        assert frame.deadline_s == pytest.approx(frame.time_s + 0.150)
        assert frame.arrival_s is not None
        assert frame.time_s <= frame.arrival_s <= frame.time_s + 0.010 + 1e-9


def test_the_same_calls_give_the_same_frames() -> None:
    first, second = (play(make_core(), spoken(ramp(1.3), 160)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        assert (one.time_s, one.deadline_s, one.arrival_s) == (other.time_s, other.deadline_s, other.arrival_s)


def test_a_caller_who_comes_late_loses_pictures_but_no_sound_and_no_time() -> None:
    core, waveform = make_core(), ramp(1.0)
    core.push_audio(waveform, 1.0)
    core.end_segment(1.0)
    first = core.pull_frame(1.05)
    late = core.pull_frame(1.05 + 0.3)
    assert first is not None
    assert late is not None
    assert (first.index, late.index) == (1, 9)
    assert len(first.audio) + len(late.audio) == 10 * STEP
    assert jaw(late) == asked(waveform[9 * STEP])
    assert core.counts.dropped == 1 + 7


def test_motion_that_is_not_there_yet_is_held_then_waited_for_and_the_sound_waits_too() -> None:
    class Tardy(Follower):
        """Says 50 ms and needs 290."""

        latency_ms = 50.0

    core, waveform = make_core(Tardy(latency_samples=4640)), ramp(1.0)
    frames = play(core, spoken(waveform, 160))
    heard = [frame for frame in frames if not frame.filler]
    np.testing.assert_array_equal(sound_of(heard), waveform)
    for frame in heard:
        if not frame.held:
            assert jaw(frame) == asked(frame.audio[0]), "sound and motion were never parted"
    assert core.counts.fillers >= 4, "290 ms do not fit into a delay of 150"


@pytest.mark.parametrize("pause_s", [0.3, 0.9])
def test_a_source_that_pauses_in_mid_word_costs_silence_and_goes_on_where_it_was(pause_s: float) -> None:
    core, waveform = make_core(), ramp(1.0)
    script = [(at_s + pause_s * (number >= 25), piece) for number, (at_s, piece) in enumerate(spoken(waveform, 320))]
    frames = play(core, script)
    heard = [frame for frame in frames if not frame.filler]
    np.testing.assert_array_equal(sound_of(heard), waveform)
    assert core.counts.underruns == 1
    assert core.counts.starved == len(frames) - len(heard) == pytest.approx(pause_s * FPS, abs=4)
    assert [frame.index for frame in frames] == list(range(len(frames))), "the timeline has no holes"
    # The last motion known when the sound stopped is held for 200 ms, then eased to rest.
    silent = [jaw(frame) for frame in frames if frame.filler]
    assert len(set(silent[:5])) == 1
    assert silent == sorted(silent, reverse=True)
    if pause_s > 0.6:
        assert silent[10] == 0
    for frame in heard:
        if not frame.held:
            assert jaw(frame) == asked(frame.audio[0])


def test_a_segment_that_nobody_ends_is_ended_after_a_second_and_loses_nothing() -> None:
    core, waveform = make_core(), ramp(1.0)[:10_300]
    frames = play(core, spoken(waveform, 160), until_s=4.0)
    assert core.idle
    heard = [frame for frame in frames if not frame.filler]
    np.testing.assert_array_equal(sound_of(heard)[:10_300], waveform)
    assert sum(frame.num_ended for frame in frames) == 1


def test_time_goes_on_between_segments_and_the_second_is_as_late_behind_its_voice_as_the_first() -> None:
    core = make_core()
    first = play(core, spoken(ramp(1.0)[:1000], 160))
    said = ramp(1.0)[3200:4480]
    frames = first + play(core, spoken(said, 160, begin_s=3.01), begin_s=first[-1].deadline_s)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    second = [frame for frame in frames if not frame.filler and frame.index > 10]
    np.testing.assert_array_equal(sound_of(second), said)
    assert second[0].deadline_s - 3.01 == pytest.approx(0.15, abs=0.04)
    assert core.counts.underruns == 0
    assert core.counts.starved == 0
    resting = [frame for frame in frames if frame.filler]
    assert all(not frame.audio.any() for frame in resting)
    assert jaw(resting[-1]) == 0


def test_sentences_that_arrive_at_once_follow_each_other_without_a_gap() -> None:
    core = make_core()
    for start in range(3):
        core.push_audio(ramp(0.4), 1.0 + start * 0.001)
        core.end_segment(1.0 + start * 0.001)
    frames = play(core, [], begin_s=1.0)
    np.testing.assert_array_equal(sound_of(frames), np.tile(ramp(0.4), 3))
    assert sum(frame.num_ended for frame in frames) == 3
    assert core.counts.fillers == 0


def test_a_face_is_there_before_the_first_word() -> None:
    core = make_core()
    core.start(10.0)
    frames = play(core, spoken(ramp(0.4), 160, begin_s=11.0), begin_s=10.0)
    assert frames[0].index == 0
    assert frames[0].filler
    assert frames[0].deadline_s == pytest.approx(10.02)
    heard = [frame for frame in frames if not frame.filler]
    np.testing.assert_array_equal(sound_of(heard), ramp(0.4))


def test_an_interruption_closes_the_mouth_within_80_ms_and_forgets_all_that_waits() -> None:
    for offset_s in np.arange(0.0, 0.04, 0.004):
        core = make_core()
        core.push_audio(np.full(2 * RATE, 0.4, np.float32), 0.0)
        cleared_s = 1.0 + offset_s
        before = play(core, [], until_s=cleared_s)
        assert jaw(before[-1]) == asked(0.4)
        core.clear(cleared_s)
        assert core.idle
        after = play(core, [], until_s=cleared_s + 0.5, begin_s=cleared_s)
        assert jaw(after[0]) == 0
        assert after[0].deadline_s - cleared_s <= 0.080
        assert after[0].index == before[-1].index + 1
        assert all(frame.filler and frame.turn == 1 for frame in after)
        sound = sound_of(after)
        assert np.abs(np.diff(sound[:80])).max() < 0.01, "no click"
        assert not sound[80:].any()
        assert sum(frame.num_ended for frame in after) == 0


def test_speech_after_an_interruption_starts_anew() -> None:
    core = make_core()
    core.push_audio(np.full(RATE, 0.4, np.float32), 0.0)
    play(core, [], until_s=0.5)
    core.clear(0.5)
    said = ramp(0.4)
    frames = play(core, spoken(said, 160, begin_s=0.6), begin_s=0.5)
    heard = [frame for frame in frames if not frame.filler]
    np.testing.assert_array_equal(sound_of(heard), said)
    assert heard[0].deadline_s - 0.6 == pytest.approx(0.15, abs=0.04)
    for frame in heard:
        assert jaw(frame) == asked(frame.audio[0])


def test_a_frame_that_was_drawn_while_the_session_was_cleared_becomes_silence() -> None:
    core = make_core()
    core.push_audio(np.full(RATE, 0.4, np.float32), 0.0)
    plan = core.plan(0.0)
    assert plan is not None
    core.clear(0.01)
    assert core.keep(core.draw(plan)) is None
    after = core.pull_frame(0.05)
    assert after is not None
    assert len(after.audio) == 2 * STEP
    assert not after.audio[:STEP].any()


class Pausing:
    """A voice that is silent in every frame whose number is a multiple of a hundred and in the nine after it."""

    def push(self, samples: np.ndarray) -> None:
        pass

    def gain(self, index: int) -> float:
        return 0.0 if index % 100 < 10 else 1.0

    def reset(self) -> None:
        pass


@pytest.mark.parametrize("ppm", [-1000, 1000])
def test_a_source_with_another_clock_is_set_right_in_pauses(ppm: int) -> None:
    core = make_core(Follower(latency_samples=1600), voice=Pausing())
    waveform = np.tile(ramp(4.0), 30)
    script = [(at_s / (1 + ppm * 1e-6), piece) for at_s, piece in spoken(waveform, 160)]
    frames = play(core, script)
    counts = core.counts
    heard = [frame for frame in frames if not frame.filler]
    assert counts.underruns == 0
    late_s = [frame.deadline_s - frame.arrival_s for frame in heard if frame.arrival_s is not None]
    assert counts.held == 0
    assert max(late_s) < 0.15 + 0.05, "40 ms, and what gathers until the next pause"
    if ppm > 0:
        assert counts.skipped == pytest.approx(2.5, abs=1)
        assert len(sound_of(heard)) == len(waveform) - counts.skipped * STEP
    else:
        assert counts.stretched == pytest.approx(3.5, abs=1)
        np.testing.assert_array_equal(sound_of(heard), waveform)
    for frame in heard:
        assert jaw(frame) == asked(frame.audio[0] * core_gain(frame)) or frame.index < 3


def core_gain(frame: Frame) -> float:
    """The gate of `Pausing` closes the mouth in the first tenth of each ramp of four seconds."""
    return 0.0 if frame.audio[0] < 0.5 * 10 / 100 - 1e-4 else 1.0


def test_sound_beyond_the_bound_is_refused_and_the_bound_is_visible() -> None:
    core = make_core(max_ahead_ms=500)
    assert core.num_free == 8000
    with pytest.raises(StreamError, match="room for 8000"):
        core.push_audio(np.zeros(8001, np.float32), 0.0)
    assert core.next_due_s() is None, "nothing was taken"
    core.push_audio(np.zeros(8000, np.float32), 0.5)
    assert core.num_free == 0
    core.end_segment(0.5)


def test_sound_of_two_channels_or_with_holes_is_refused() -> None:
    for bad in (np.zeros((2, 100), np.float32), np.array([0.0, np.nan], np.float32)):
        with pytest.raises(StreamError, match="one row of finite mono samples"):
            make_core().push_audio(bad, 0.0)


def test_a_delay_shorter_than_the_look_ahead_is_refused_with_the_least_that_works() -> None:
    with pytest.raises(ConfigError, match=r"playout_delay_ms=60 is too short.*Set it to 70 or more"):
        make_core(playout_delay_ms=60)


def test_times_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="Set lead_ms to preparation_ms or more"):
        make_core(lead_ms=10)


def test_ending_without_sound_is_no_error_and_gives_no_frame() -> None:
    core = make_core()
    core.end_segment(0.0)
    assert core.idle
    assert core.pull_frame(1.0) is None
    assert core.next_due_s() is None


def test_what_waits_is_bounded_over_ten_minutes() -> None:
    core = make_core(draw=lambda values: np.zeros((1, 1, 3), np.uint8))
    piece = np.zeros(STEP, np.float32)
    ten_minutes = 15_000
    for number in range(ten_minutes):
        core.push_audio(piece, (number + 1) / FPS)
        while core.pull_frame((number + 1) / FPS) is not None:
            pass
    assert core.num_waiting <= 5 * STEP
    assert core.counts.frames == pytest.approx(ten_minutes, abs=5)
    assert (core.counts.dropped, core.counts.fillers, core.counts.skipped) == (0, 0, 0)
