"""The offset of sound and picture: found at known shifts, and not claimed where it can't be known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from src.data.sync import RELIABLE_CONFIDENCE, AvOffset, estimate_offset, pool_offsets
from src.errors import DataError

SAMPLE_RATE_HZ = 16_000
Clip = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float32]]


def talk(seconds: float, late_ms: float = 0.0, seed: int = 0, noise: float = 0.005) -> Clip:
    """A mouth that opens and closes, and a buzz that is as loud as the mouth was open `late_ms` ago."""
    rng = np.random.default_rng(seed)
    ticks = round((seconds + 2) * 1000)
    open_at_ms = np.clip(gaussian_filter1d(rng.normal(0, 1, ticks), 55), 0, None)
    open_at_ms *= 0.12 / np.percentile(open_at_ms, 95)
    start = 1000
    frames = np.arange(round(seconds * 25)) * 40 + start
    opening = open_at_ms[frames] + rng.normal(0, 0.002, len(frames))
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) * 1000 / SAMPLE_RATE_HZ + start - late_ms
    loud = np.interp(at, np.arange(ticks), open_at_ms)
    phase = 2 * np.pi * 110 * np.arange(len(at)) / SAMPLE_RATE_HZ
    buzz = sum(np.sin(k * phase + k * k) for k in range(1, 35)) / 10
    waveform = loud * buzz + rng.normal(0, noise, len(at))
    return opening, np.ones(len(opening), bool), waveform.astype(np.float32)


@settings(max_examples=15)
@given(late_ms=st.floats(-560, 560), seed=st.integers(0, 20))
def test_a_known_offset_is_found_with_its_sign(late_ms: float, seed: int) -> None:
    found = estimate_offset(*talk(8, late_ms, seed))
    assert found.reliable
    assert found.offset_ms == pytest.approx(late_ms, abs=12)


def test_positive_means_that_the_sound_comes_after_its_picture() -> None:
    opening, valid, waveform = talk(8)
    delayed = np.concatenate([np.zeros(SAMPLE_RATE_HZ // 5, np.float32), waveform])[: len(waveform)]
    assert estimate_offset(opening, valid, delayed).offset_ms == pytest.approx(200, abs=12)


@settings(max_examples=10)
@given(gain=st.floats(0.01, 1), scale=st.floats(0.5, 2), seed=st.integers(0, 9))
def test_level_and_size_of_the_mouth_do_not_matter(gain: float, scale: float, seed: int) -> None:
    opening, valid, waveform = talk(8, 80, seed)
    found = estimate_offset(scale * opening, valid, (gain * waveform).astype(np.float32))
    assert found.reliable
    assert found.offset_ms == pytest.approx(80, abs=12)


def test_frames_that_are_not_valid_are_not_compared() -> None:
    opening, valid, waveform = talk(12, 120)
    hidden = np.zeros(len(valid), bool)
    hidden[100:180] = True
    wrong = np.where(hidden, np.nan, opening)
    found = estimate_offset(wrong, valid & ~hidden, waveform)
    assert found.frames == len(valid) - 80
    assert found.reliable
    assert found.offset_ms == pytest.approx(120, abs=15)


def test_a_few_wild_frames_do_not_pull_the_estimate() -> None:
    opening, valid, waveform = talk(12, -80)
    opening[[30, 31, 150, 222]] = 1.5
    waveform[50_000:50_400] = 1.0
    found = estimate_offset(opening, valid, waveform)
    assert found.reliable
    assert found.offset_ms == pytest.approx(-80, abs=15)


@pytest.mark.parametrize("seed", range(10))
def test_sound_of_another_is_hardly_ever_taken_for_ones_own(seed: int) -> None:
    opening, valid, _ = talk(8, seed=seed)
    assert not estimate_offset(opening, valid, talk(8, seed=seed + 100)[2]).reliable


@pytest.mark.parametrize("late_ms", [-900.0, -720.0, 720.0, 900.0])
def test_an_offset_beyond_the_search_is_not_taken_for_another(late_ms: float) -> None:
    assert not estimate_offset(*talk(8, late_ms)).reliable


def test_the_search_can_be_narrowed() -> None:
    found = estimate_offset(*talk(8, 400), max_offset_ms=200)
    assert abs(found.offset_ms) <= 200
    assert not found.reliable


@pytest.mark.parametrize("late_ms", [0.0, 240.0])
def test_a_clip_of_a_second_is_not_believed(late_ms: float) -> None:
    assert not any(estimate_offset(*talk(1.2, late_ms, seed)).reliable for seed in range(20))


def test_short_clips_tell_their_offset_together() -> None:
    clips = [estimate_offset(*talk(1.2, 120, seed, noise=0.02)) for seed in range(40)]
    together = pool_offsets(clips)
    assert together.reliable
    assert together.offset_ms == pytest.approx(120, abs=15)
    assert together.frames == sum(clip.frames for clip in clips)


def test_a_pool_of_one_is_that_clip() -> None:
    alone = estimate_offset(*talk(6, 40))
    pooled = pool_offsets([alone])
    assert (pooled.offset_ms, pooled.confidence) == pytest.approx((alone.offset_ms, alone.confidence))


@pytest.mark.parametrize("kind", ["silence", "tone", "still mouth", "nothing seen", "half a second", "no samples"])
def test_with_nothing_to_compare_there_is_no_offset(kind: str) -> None:
    opening, valid, waveform = talk(0.5 if kind == "half a second" else 6)
    if kind == "silence":
        waveform = np.zeros_like(waveform)
    elif kind == "tone":
        waveform = np.sin(np.arange(len(waveform)) * 0.2).astype(np.float32)
    elif kind == "still mouth":
        opening = np.full_like(opening, 0.02)
    elif kind == "nothing seen":
        valid = np.zeros_like(valid)
    elif kind == "no samples":
        waveform = waveform[:0]
    found = estimate_offset(opening, valid, waveform)
    assert not found.reliable
    if kind != "tone":
        assert (found.offset_ms, found.confidence) == (0.0, 0.0)


@settings(max_examples=40)
@given(frames=st.integers(0, 60), samples=st.integers(0, 40_000), seed=st.integers(0, 99))
def test_any_lengths_give_an_estimate_within_the_search(frames: int, samples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = estimate_offset(
        rng.uniform(0, 0.2, frames), rng.random(frames) < 0.8, rng.normal(0, 0.1, samples).astype(np.float32)
    )
    assert abs(found.offset_ms) <= 605
    assert 0 <= found.confidence <= 1
    assert found.curve.shape == found.lags_ms.shape
    assert np.isfinite(found.curve).all()


def test_the_curve_peaks_at_the_offset() -> None:
    found = estimate_offset(*talk(8, 160))
    assert found.lags_ms[np.argmax(found.curve)] == pytest.approx(found.offset_ms, abs=5)
    assert found.lags_ms[0] == -found.lags_ms[-1] < -800


def test_reliable_is_a_matter_of_confidence() -> None:
    nothing = np.zeros(1)
    assert AvOffset(0.0, RELIABLE_CONFIDENCE, nothing, nothing, 1).reliable
    assert not AvOffset(0.0, RELIABLE_CONFIDENCE - 0.01, nothing, nothing, 1).reliable


def test_wrong_arguments_are_refused() -> None:
    opening, valid, waveform = talk(2)
    with pytest.raises(DataError, match=r"opening \(50,\) and valid \(49,\)"):
        estimate_offset(opening, valid[1:], waveform)
    with pytest.raises(DataError, match="not finite"):
        estimate_offset(np.full_like(opening, np.nan), valid, waveform)
    with pytest.raises(DataError, match="within 800 ms"):
        estimate_offset(opening, valid, waveform, max_offset_ms=1000)
    with pytest.raises(DataError, match="no estimates to pool"):
        pool_offsets([])
