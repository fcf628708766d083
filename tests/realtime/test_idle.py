"""Blinks and head movement are functions of time and seed, with the shape that the config says."""

import numpy as np
import pytest

from src.errors import ConfigError
from src.motion import CORE7
from src.realtime.idle import BlinkController, IdleFace, IdleHead, NoIdle

FINE = np.arange(0.0, 120.0, 0.001)


def blinks(seed: int = 0, duration_s: float = 0.2) -> BlinkController:
    return BlinkController(interval_min_s=2.0, interval_max_s=5.0, duration_s=duration_s, seed=seed)


def head(seed: int = 0) -> IdleHead:
    return IdleHead(yaw_deg=2.0, pitch_deg=1.5, roll_deg=1.0, slowest_hz=0.05, fastest_hz=0.35, seed=seed)


def closures(controller: BlinkController, times: np.ndarray) -> np.ndarray:
    return np.array([controller.closure(time) for time in times])


def test_time_between_blinks_is_random_between_two_and_five_seconds() -> None:
    closed = closures(blinks(), FINE) > 0
    starts = FINE[1:][closed[1:] & ~closed[:-1]]
    gaps = np.diff(starts)
    assert len(gaps) > 20
    assert gaps.min() >= 2.0 - 0.01
    assert gaps.max() <= 5.0 + 0.01
    assert gaps.std() > 0.3
    assert 2.0 - 0.01 <= starts[0] <= 5.01


def test_a_blink_closes_for_30_percent_holds_for_40_and_opens_for_30() -> None:
    curve = closures(blinks(duration_s=1.0), FINE)
    start = int(np.argmax(curve > 0))
    one = curve[start : start + 1000]
    shut = np.flatnonzero(one >= 1.0)
    assert shut[0] == pytest.approx(300, abs=3)
    assert shut[-1] == pytest.approx(700, abs=3)
    assert (np.diff(one[:299]) > 0).all()
    assert (np.diff(one[702:998]) < 0).all()
    assert curve[start + 1005] == 0


def test_the_answer_depends_on_the_time_and_not_on_the_order_of_questions() -> None:
    times = np.random.default_rng(1).permutation(np.arange(0, 60, 0.04))
    asked_at_random = dict(zip(times, closures(blinks(), times), strict=True))
    in_order = closures(blinks(), np.sort(times))
    assert [asked_at_random[time] for time in np.sort(times)] == in_order.tolist()


def test_another_seed_blinks_at_other_times_and_seed_zero_counts() -> None:
    times = np.arange(0, 30, 0.04)
    assert closures(blinks(0), times).tolist() == closures(blinks(0), times).tolist()
    assert closures(blinks(0), times).tolist() != closures(blinks(1), times).tolist()


def test_intervals_that_do_not_fit_a_blink_are_refused() -> None:
    with pytest.raises(ConfigError, match="0 < duration_s <= interval_min_s"):
        BlinkController(interval_min_s=0.1, interval_max_s=5.0, duration_s=0.2, seed=0)


def test_the_head_stays_within_its_limits_moves_slowly_and_does_not_repeat() -> None:
    times = np.arange(0, 600, 0.04)
    angles = np.array([head().angles_deg(time) for time in times])
    assert (np.abs(angles) <= [2.0, 1.5, 1.0]).all()
    assert (angles.std(axis=0) > 0.2).all()
    assert np.abs(np.diff(angles, axis=0)).max() < 0.2  # degrees per frame: invisible steps
    yaw = angles[::5, 0] - angles[:, 0].mean()  # 5 a second
    for lag in range(5 * 20, 5 * 300):  # no period between 20 s and 5 minutes
        assert np.corrcoef(yaw[lag:], yaw[:-lag])[0, 1] < 0.99


def test_lids_follow_whoever_closes_them_more_and_angles_add_up_inside_the_range() -> None:
    face = IdleFace(blink=blinks(), head=head())
    lids, yaw = CORE7.index("eye_blink"), CORE7.index("head_yaw")
    quiet = next(float(t) for t in FINE if blinks().closure(t) == 0)
    shut = next(float(t) for t in FINE if blinks().closure(t) == 1.0)
    values = CORE7.neutral
    values[lids], values[yaw], values[0] = 0.4, 29.5, 0.3
    assert face.apply(values, quiet)[lids] == np.float32(0.4)
    assert face.apply(values, shut)[lids] == 1.0
    expected = min(29.5 + head().angles_deg(quiet)[0], 30.0)
    assert face.apply(values, quiet)[yaw] == pytest.approx(expected, abs=1e-5)
    assert face.apply(values, shut)[0] == np.float32(0.3)
    assert values[lids] == np.float32(0.4), "the prediction itself must not change"
    for time in np.arange(0, 20, 0.04):
        alive = face.apply(values, float(time))
        assert (alive >= CORE7.minimum).all()
        assert (alive <= CORE7.maximum).all()


def test_no_idle_shows_the_prediction_alone_inside_the_range() -> None:
    values = np.full(CORE7.size, 0.1, np.float32)
    np.testing.assert_array_equal(NoIdle().apply(values, 3.0), values)
    assert (NoIdle().apply(values + 99, 3.0) == CORE7.maximum).all()
