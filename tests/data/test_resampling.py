import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.resampling import HOLD_S, resample_landmarks
from src.errors import DataError
from src.face import NUM_LANDMARKS

WANTED_S = np.arange(250) / 25


def filmed(curve: np.ndarray) -> np.ndarray:
    """(N, 478, 3) landmarks that all follow one curve."""
    return np.broadcast_to(curve[:, None, None], (len(curve), NUM_LANDMARKS, 3)).astype(np.float32)


def picture_times(rate: float | None) -> np.ndarray:
    """Presentation times of 10 s at a rate, starting off the grid; a variable rate for None."""
    if rate is not None:
        return -0.007 + np.arange(round(10.1 * rate)) / rate
    return -0.05 + np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 320))


def lag_s(curve: np.ndarray, frequency_hz: float) -> float:
    """How much later a sine is than sin(2 pi f t) on the motion grid."""
    inside = slice(5, -5)
    phase = 2 * np.pi * frequency_hz * WANTED_S[inside]
    a, b = np.linalg.lstsq(np.stack([np.sin(phase), np.cos(phase)], axis=1), curve[inside], rcond=None)[0]
    return float(-np.arctan2(b, a) / (2 * np.pi * frequency_hz))


@pytest.mark.parametrize("frequency_hz", [1.0, 4.0])
@pytest.mark.parametrize("rate", [15.0, 24.0, 25.0, 29.97, 30.0, 50.0, None])
def test_no_rate_delays_a_movement(rate: float | None, frequency_hz: float) -> None:
    times_s = picture_times(rate)
    curve = np.sin(2 * np.pi * frequency_hz * times_s)
    landmarks, present, interpolated = resample_landmarks(times_s, filmed(curve), WANTED_S)
    assert present.all()
    assert not interpolated.any()
    assert abs(lag_s(landmarks[:, 0, 0], frequency_hz)) < 1e-3


@pytest.mark.parametrize(("rate", "kept"), [(24.0, 0.86), (29.97, 0.93), (30.0, 0.93), (50.0, 0.99)])
def test_fast_movements_keep_their_size(rate: float, kept: float) -> None:
    times_s = picture_times(rate)
    landmarks, _, _ = resample_landmarks(times_s, filmed(np.sin(2 * np.pi * 6 * times_s)), WANTED_S)
    assert landmarks[:, 0, 0].std() * np.sqrt(2) > kept


@pytest.mark.parametrize("rate", [24.0, 29.97, None])
def test_straight_movements_are_followed(rate: float | None) -> None:
    times_s = picture_times(rate)
    landmarks, _, _ = resample_landmarks(times_s, filmed(100 * times_s), WANTED_S)
    off_s = np.abs(landmarks[:, 5, 1] / 100 - WANTED_S)
    assert off_s.max() < 1.01e-3  # where a picture lies within a millisecond it is taken as it is
    assert np.median(off_s) < 1e-6


def test_pictures_on_the_grid_are_taken_as_they_are() -> None:
    curve = np.random.default_rng(0).normal(size=250)
    landmarks, present, interpolated = resample_landmarks(WANTED_S + 4e-4, filmed(curve), WANTED_S)
    np.testing.assert_array_equal(landmarks, filmed(curve))
    assert present.all()
    assert not interpolated.any()


@pytest.mark.parametrize(("rate", "lost"), [(25.0, 1), (25.0, 3), (30.0, 3), (50.0, 6)])
def test_short_gaps_are_interpolated_and_marked(rate: float, lost: int) -> None:
    times_s = np.arange(round(10 * rate) + 1) / rate
    kept = np.delete(np.arange(len(times_s)), np.arange(100, 100 + lost))
    landmarks, present, interpolated = resample_landmarks(times_s[kept], filmed(times_s[kept]), WANTED_S)
    assert present.all()
    start_s, end_s = times_s[99], times_s[100 + lost]
    inside = np.minimum(WANTED_S - start_s, end_s - WANTED_S) > 2e-3
    np.testing.assert_array_equal(interpolated, inside)
    np.testing.assert_allclose(landmarks[:, 0, 0], WANTED_S, atol=1e-4)


@pytest.mark.parametrize(("rate", "lost"), [(25.0, 4), (30.0, 5), (50.0, 8)])
def test_longer_gaps_are_absent(rate: float, lost: int) -> None:
    times_s = np.arange(round(10 * rate) + 1) / rate
    kept = np.delete(np.arange(len(times_s)), np.arange(100, 100 + lost))
    landmarks, present, interpolated = resample_landmarks(times_s[kept], filmed(times_s[kept] + 1), WANTED_S)
    start_s, end_s = times_s[99] + HOLD_S, times_s[100 + lost] - HOLD_S
    inside = np.minimum(WANTED_S - start_s, end_s - WANTED_S) > 2e-3
    assert inside.any()
    assert not present[inside].any()
    assert (landmarks[~present] == 0).all()
    assert not interpolated.any()


def test_nothing_is_guessed_before_the_first_picture_or_after_the_last() -> None:
    times_s = 1.0 + np.arange(50) / 25
    _, present, interpolated = resample_landmarks(times_s, filmed(times_s), WANTED_S)
    np.testing.assert_array_equal(present, (WANTED_S > 0.99) & (WANTED_S < 2.97))
    assert not interpolated.any()


def test_a_single_picture_stands_for_its_own_frame() -> None:
    _, present, _ = resample_landmarks(np.array([1.01]), filmed(np.ones(1)), WANTED_S)
    np.testing.assert_array_equal(np.flatnonzero(present), [25])


def test_no_pictures_give_no_landmarks() -> None:
    landmarks, present, interpolated = resample_landmarks(np.zeros(0), filmed(np.zeros(0)), WANTED_S)
    assert landmarks.shape == (250, NUM_LANDMARKS, 3)
    assert not present.any()
    assert not interpolated.any()


@settings(max_examples=20)
@given(spacings=st.lists(st.floats(0.0, 0.4), min_size=1, max_size=40), start=st.floats(-1, 1))
def test_whatever_the_spacing_constant_landmarks_stay_constant(spacings: list[float], start: float) -> None:
    times_s = start + np.cumsum(spacings)
    landmarks, present, interpolated = resample_landmarks(times_s, filmed(np.full(len(times_s), 7.0)), WANTED_S)
    np.testing.assert_allclose(landmarks[present], 7, atol=1e-3)
    assert (landmarks[~present] == 0).all()
    assert present[interpolated].all()


def test_the_order_of_the_instants_and_their_chunks_do_not_matter() -> None:
    times_s = picture_times(29.97)
    wanted_s = np.arange(5000) / 500
    landmarks, _, _ = resample_landmarks(times_s, filmed(np.sin(times_s)), wanted_s)
    backwards, _, _ = resample_landmarks(times_s, filmed(np.sin(times_s)), wanted_s[::-1])
    np.testing.assert_array_equal(landmarks, backwards[::-1])


@pytest.mark.parametrize("times_s", [np.array([0.0, 1.0, 0.5]), np.array([0.0, np.nan, 1.0]), np.zeros(2)])
def test_times_that_do_not_fit_are_refused(times_s: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"Sort them|one row per picture"):
        resample_landmarks(times_s, filmed(np.zeros(3)), WANTED_S)
