"""The card gets every sample once and on time; what can't be on time is set right where nobody hears it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.realtime.sinks.sound_ring import CardClock, SoundRing

RATE, STEP = 1000, 40
BLOCK = 10


def ring(**changes: float) -> SoundRing:
    return SoundRing(**{"sample_rate_hz": RATE, "capacity_s": 1.0, "late_limit_s": 0.2, **changes})


def speech(slot: int, num: int = STEP) -> np.ndarray:
    """Samples that say which they are; none is 0."""
    return (np.arange(slot * STEP, slot * STEP + num) + 1).astype(np.float32)


def fill(sound: SoundRing, slots: range, late_s: float = 0.0, *, silent: bool = False) -> None:
    for slot in slots:
        samples = np.zeros(STEP, np.float32) if silent else speech(slot)
        sound.write(samples, slot * STEP, 1.0 + slot * STEP / RATE + late_s)


def play(sound: SoundRing, num_blocks: int, start_s: float = 1.0) -> np.ndarray:
    return np.concatenate([sound.read(BLOCK, start_s + number * BLOCK / RATE) for number in range(num_blocks)])


def test_sound_begins_when_it_is_due_to_the_sample_and_goes_on_without_a_gap() -> None:
    sound = ring()
    fill(sound, range(5))
    heard = play(sound, 30, start_s=0.963)
    np.testing.assert_array_equal(heard[:37], 0)
    np.testing.assert_array_equal(heard[37:237], np.concatenate([speech(slot) for slot in range(5)]))
    assert (sound.num_overflowed, sound.num_left_out, sound.num_waiting) == (0, 0, 0)


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(st.integers(1, 90), min_size=1, max_size=12),
    blocks=st.lists(st.integers(1, 70), min_size=1, max_size=8),
)
def test_whatever_the_pieces_and_the_blocks_every_sample_is_heard_once(pieces: list[int], blocks: list[int]) -> None:
    sound = ring(capacity_s=10.0)
    whole = (np.arange(sum(pieces)) + 1).astype(np.float32)
    for end, size in zip(np.cumsum(pieces), pieces, strict=True):
        sound.write(whole[end - size : end], int(end) - size, 1.0 + (end - size) / RATE)
    heard, at = [], 0
    while sum(map(len, heard)) < len(whole) + 100:
        size = blocks[len(heard) % len(blocks)]
        heard.append(sound.read(size, 0.95 + at / RATE))
        at += size
    given_samples = np.concatenate(heard)
    np.testing.assert_array_equal(given_samples[given_samples > 0], whole)


def test_a_card_that_runs_dry_is_counted_once_and_goes_on_when_sound_comes() -> None:
    sound = ring()
    fill(sound, range(2))
    np.testing.assert_array_equal(play(sound, 12)[80:], 0)
    assert sound.num_underruns == 1
    fill(sound, range(2, 4))
    np.testing.assert_array_equal(play(sound, 8, 1.12), np.concatenate([speech(2), speech(3)]))


def test_running_dry_in_silence_is_heard_by_nobody_and_not_counted() -> None:
    sound = ring()
    fill(sound, range(2), silent=True)
    play(sound, 12)
    assert sound.num_underruns == 0


def test_speech_that_is_a_little_late_is_heard_whole() -> None:
    sound = ring()
    fill(sound, range(4), late_s=-0.1)
    np.testing.assert_array_equal(play(sound, 16), np.concatenate([speech(slot) for slot in range(4)]))
    assert sound.num_left_out == 0


def test_lateness_is_made_up_for_in_silence() -> None:
    sound = ring()
    fill(sound, range(2), late_s=-0.1)
    fill(sound, range(2, 6), late_s=-0.1, silent=True)
    fill(sound, range(6, 8), late_s=-0.1)
    heard = play(sound, 30)
    np.testing.assert_array_equal(heard[:80], np.concatenate([speech(0), speech(1)]))
    np.testing.assert_array_equal(
        heard[140:220], np.concatenate([speech(6), speech(7)])
    )  # due at 0.14 s, 100 ms sooner
    assert sound.num_left_out == 0


def test_a_card_that_is_fast_gets_more_silence_where_there_is_some() -> None:
    sound = ring()
    fill(sound, range(1))
    fill(sound, range(1, 2), late_s=0.05, silent=True)
    fill(sound, range(2, 3), late_s=0.05)
    heard = play(sound, 30)
    np.testing.assert_array_equal(heard[:40], speech(0))
    np.testing.assert_array_equal(heard[120:160], speech(2))  # due at 0.13 s: 10 ms are left as they are
    assert sound.num_underruns == 1  # at the end


def test_speech_beyond_the_limit_is_left_out_until_it_is_on_time_and_counted() -> None:
    sound = ring()
    fill(sound, range(10), late_s=-0.25)
    heard = play(sound, 20)
    np.testing.assert_array_equal(heard[:150], np.concatenate([speech(slot) for slot in range(10)])[250:])
    assert sound.num_left_out == 250


def test_too_much_sound_loses_the_oldest_and_counts_it() -> None:
    sound = ring(capacity_s=0.1)
    fill(sound, range(3))
    assert (sound.num_waiting, sound.num_overflowed) == (100, 20)
    np.testing.assert_array_equal(play(sound, 12, 1.0)[20:], np.concatenate([speech(s) for s in range(3)])[20:])


def test_flushing_forgets_what_waits_and_is_no_underrun() -> None:
    sound = ring()
    fill(sound, range(5))
    play(sound, 2)
    sound.flush()
    heard = play(sound, 5, 1.02)
    np.testing.assert_allclose(heard[:5], speech(0)[20:25] * [1, 0.75, 0.5, 0.25, 0], rtol=1e-6)  # 5 ms: no click
    np.testing.assert_array_equal(heard[5:], 0)
    assert (sound.num_waiting, sound.num_underruns) == (0, 0)
    fill(sound, range(7, 9))
    heard = play(sound, 12, 1.24)[40:]  # when it is due, however soon it came
    np.testing.assert_allclose(heard[:5], speech(7)[:5] * [0, 0.25, 0.5, 0.75, 1], rtol=1e-6)
    np.testing.assert_array_equal(heard[5:], np.concatenate([speech(7), speech(8)])[5:])
    play(sound, 1, 1.36)
    assert sound.num_underruns == 1  # the next time it is one again


def test_what_comes_right_after_an_interruption_is_still_heard_when_it_is_due() -> None:
    sound = ring()
    fill(sound, range(2))
    play(sound, 2)
    sound.flush()
    fill(sound, range(2, 3))
    heard = play(sound, 12, 1.02)
    np.testing.assert_array_equal(heard[5:60], 0)
    assert heard[64] == speech(2)[4]


def test_running_dry_at_the_end_is_no_underrun() -> None:
    sound = ring()
    fill(sound, range(1))
    sound.end()
    play(sound, 6)
    assert sound.num_underruns == 0


def test_it_tells_what_is_heard_and_when_something_will_be() -> None:
    sound = ring()
    assert sound.played_s(5.0) is None
    fill(sound, range(3))
    assert sound.heard_s(0.1) is None
    play(sound, 5)  # given up to 0.05 s, which is heard at 1.05
    assert sound.played_s(1.02) == pytest.approx(0.02)
    assert sound.heard_s(0.1) == pytest.approx(1.1)
    assert sound.played_s(9.0) == pytest.approx(0.05)  # nothing that was not given is heard


def test_the_clock_of_a_card_is_smooth_where_its_reports_are_not() -> None:
    rng = np.random.default_rng(0)
    clock = CardClock(sample_rate_hz=RATE)
    true_s = 5.0 + np.arange(500) * 0.01 * 1.0002  # 200 ppm
    said_s = true_s + rng.uniform(-0.004, 0.004, 500)
    error_s = np.array([clock.block(at_s, 10) for at_s in said_s]) - true_s
    assert np.abs(error_s[250:]).max() < 0.0015


def test_the_clock_of_a_card_that_stood_still_starts_anew() -> None:
    clock = CardClock(sample_rate_hz=RATE)
    assert clock.block(1.0, 10) == 1.0
    assert clock.block(2.0, 10) == 2.0


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(1, 90), st.integers(-400, 400)),
            st.tuples(st.just("silence"), st.integers(1, 90), st.integers(-400, 400)),
            st.tuples(st.just("read"), st.integers(1, 70), st.integers(-40, 40)),
        ),
        max_size=60,
    )
)
def test_speech_is_never_changed_and_never_lost_uncounted_whatever_happens(
    events: list[tuple[str, int, int]],
) -> None:
    sound, written, spoken, now = ring(capacity_s=0.5), 0, 0, 1000
    heard: list[np.ndarray] = []
    for what, size, jitter in events:
        if what == "read":
            heard.append(sound.read(size, (now + jitter) / RATE))
            now += size
            played_s = sound.played_s(now / RATE)
            assert played_s is None or played_s <= written / RATE + 1e-9
        else:
            samples = np.arange(written, written + size, dtype=np.float32) + 1
            spoken += size if what == "write" else 0
            sound.write(
                samples if what == "write" else np.zeros(size, np.float32), written, 1.0 + (written + jitter) / RATE
            )
            written += size
        assert sound.num_waiting <= 500
    sound.end()
    while sound.num_waiting:
        heard.append(sound.read(50, now / RATE))
        now += 50
    loud = np.concatenate([np.zeros(0), *heard])
    loud = loud[loud > 0]
    assert (np.diff(loud) > 0).all()
    assert spoken - sound.num_left_out - sound.num_overflowed <= len(loud) <= spoken - sound.num_left_out
