"""Sound of any kind and rate becomes the session's: same samples for any chunks, in time, none lost."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.errors import StreamError
from src.realtime.intake import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, AudioIntake

RATE = 16_000
RATES = [8_000, 11_025, 22_050, 44_056, 44_100, 48_000, 192_000]


def noise(num_samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, num_samples).astype(np.float32)


def taken(pcm: NDArray[np.float32], rate: int, chunk: int) -> NDArray[np.float32]:
    intake = AudioIntake(sample_rate_hz=RATE)
    pieces = [intake.take(pcm[start : start + chunk], rate) for start in range(0, len(pcm), chunk)]
    return np.concatenate([*pieces, intake.finish()])


@pytest.mark.parametrize("rate", RATES)
def test_any_chunks_give_the_samples_of_the_whole(rate: int) -> None:
    sound = noise(1500)
    whole = taken(sound, rate, len(sound))
    for chunk in (1, 7, 480):
        np.testing.assert_allclose(taken(sound, rate, chunk), whole, rtol=0, atol=1e-6 if rate == 44_056 else 0)


@settings(max_examples=25, deadline=None)
@given(
    runs=st.lists(
        st.tuples(st.sampled_from([RATE, *RATES]), st.lists(st.integers(0, 700), max_size=4)), min_size=1, max_size=5
    )
)
def test_the_number_of_samples_is_right_whatever_rates_and_chunks_came(runs: list[tuple[int, list[int]]]) -> None:
    intake, given_out, seconds = AudioIntake(sample_rate_hz=RATE), 0, 0.0
    for rate, sizes in runs:
        for size in sizes:
            given_out += len(intake.take(noise(size), rate))
            seconds += size / rate
            assert given_out <= seconds * RATE + 0.51  # never ahead of the sound
            assert seconds - given_out / RATE <= intake.latency_ms / 1000 + 1.0 / RATE
    assert abs(given_out + len(intake.finish()) - seconds * RATE) <= 0.51


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("at_s", [0.0, 0.2, 0.39])
def test_a_click_stays_where_it_was(rate: int, at_s: float) -> None:
    sound, place = np.zeros(round(0.4 * rate), np.float32), round(at_s * rate)
    sound[place] = 1.0
    energy = taken(sound, rate, rate // 100) ** 2
    centre = (energy * np.arange(len(energy))).sum() / energy.sum()
    assert abs(centre - place * RATE / rate) < 0.5


@pytest.mark.parametrize("rate", [8_000, 44_056, 48_000])
def test_an_hour_neither_loses_nor_gains_samples(rate: int) -> None:
    intake, num_given, minute = AudioIntake(sample_rate_hz=RATE), 0, np.zeros(60 * rate, np.int16)
    for number in range(1, 61):
        num_given += len(intake.take(minute, rate))
        assert 0 <= number * 60 * RATE - num_given <= intake.latency_ms * RATE / 1000
    assert num_given + len(intake.finish()) == 3600 * RATE


def test_own_rate_goes_through_untouched() -> None:
    intake, sound = AudioIntake(sample_rate_hz=RATE), noise(160)
    assert intake.take(sound, RATE) is sound
    assert intake.latency_ms == 0.0
    assert len(intake.finish()) == 0


def test_all_kinds_of_pcm_are_the_same_sound() -> None:
    levels = np.array([0, 16384, -32768, 1, -1], np.int16)
    expected = (levels / 32768).astype(np.float32)
    stereo = np.stack([levels, levels], axis=1)
    kinds = [
        levels, stereo, levels.astype(np.int32) * 65536, expected, expected.astype(np.float64),
        np.stack([expected * 0.5, expected * 1.5], axis=1), levels.tobytes(), bytearray(levels.tobytes()),
        memoryview(levels.tobytes()), np.repeat(levels, 2)[::2],
    ]  # fmt: skip
    for pcm in kinds:
        got = AudioIntake(sample_rate_hz=RATE).take(pcm, RATE)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, atol=1e-7)


def test_bytes_may_be_cut_anywhere() -> None:
    levels = np.round(noise(300) * 32767).astype(np.int16)
    heard, intake, whole = levels.tobytes(), AudioIntake(sample_rate_hz=RATE), AudioIntake(sample_rate_hz=RATE)
    cuts = [0, 1, 2, 3, 10, 11, 333, 600]
    pieces = [intake.take(heard[start:end], RATE) for start, end in pairwise(cuts)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole.take(levels, RATE))


def test_reset_forgets_sound_that_was_held_back() -> None:
    intake = AudioIntake(sample_rate_hz=RATE)
    intake.take(np.ones(500, np.float32), 48_000)
    intake.take(b"\x01", 48_000)
    intake.reset()
    assert len(intake.finish()) == 0
    np.testing.assert_array_equal(intake.take(b"\x00\x40", RATE), [0.5])


def test_loud_sound_is_clipped() -> None:
    intake = AudioIntake(sample_rate_hz=RATE)
    np.testing.assert_array_equal(intake.take(np.array([1.5, -2.0, 0.25], np.float32), RATE), [1.0, -1.0, 0.25])
    square = np.sign(np.sin(np.arange(4800) / 5)).astype(np.float32)
    assert np.abs(taken(square, 48_000, 480)).max() <= 1.0


@pytest.mark.parametrize(
    ("pcm", "rate", "message"),
    [
        (np.zeros(9, np.float32), 4000, "audio with sample_rate=4000: a whole number of 8000 .. 192000 Hz"),
        (np.zeros(9, np.float32), 16000.5, "Pass the rate at which the sound was recorded"),
        (np.zeros(9, np.float32), float("nan"), "sample_rate=nan"),
        (np.zeros(9, np.uint8), RATE, "audio is an array of uint8: expected a NumPy array of int16"),
        ([0.0, 1.0], RATE, "audio is list: expected a NumPy array"),
        (np.zeros((2, 160), np.float32), RATE, r"audio of shape \(2, 160\).*Transpose"),
        (np.zeros((2, 2, 2), np.int16), RATE, r"audio of shape \(2, 2, 2\)"),
        (np.array([0.0, np.nan], np.float32), RATE, "holds NaN or infinity.*repair the source"),
        (np.array([[0.0, np.inf]]), RATE, "audio of float64 holds NaN or infinity"),
        (np.array([12000.0, 5.0], np.float32), RATE, "reaches 12000.*Divide 16-bit values by 32768"),
    ],
)
def test_sound_that_is_none_is_refused_and_nothing_is_taken(pcm: object, rate: int, message: str) -> None:
    sound = noise(900)
    intake = AudioIntake(sample_rate_hz=RATE)
    before = intake.take(sound[:500], 48_000)
    with pytest.raises(StreamError, match=message):
        intake.take(pcm, rate)  # type: ignore[arg-type]
    after = intake.take(sound[500:], 48_000)
    np.testing.assert_array_equal(np.concatenate([before, after, intake.finish()]), taken(sound, 48_000, 900))


def test_the_bounds_of_rates_are_inside() -> None:
    for rate in (LOWEST_RATE_HZ, HIGHEST_RATE_HZ):
        assert len(taken(noise(rate // 10), rate, 100)) == RATE // 10
