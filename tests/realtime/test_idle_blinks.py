"""Blinks come as often, as unevenly and as quickly as those of people, and where speech pauses."""

import numpy as np
import pytest
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.idle import Blinks, SpeechTracker
from tests.realtime.talk import FPS, largest_return, silent, talking


def blinks(seed: int = 0, **changed: float) -> Blinks:
    settings = {
        "rate_per_min": 17.0, "speaking_factor": 1.15, "interval_spread": 0.65, "duration_s": 0.22,
        "pause_chance": 0.35, "move_chance": 0.4, "double_chance": 0.06, "fps": 25.0,
    }  # fmt: skip
    return Blinks(**(settings | changed), seed=seed)


def closures(levels_db: NDArray[np.float64], controller: Blinks) -> NDArray[np.float64]:
    tracker = SpeechTracker(fps=25.0, range_db=28.0, quietest_db=-50.0)
    return np.array([controller.closure(tracker.follow(level), False) for level in levels_db])


def starts(curve: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.flatnonzero((curve[1:] > 0) & (curve[:-1] == 0)) + 1


def test_a_silent_face_blinks_15_to_20_times_a_minute_and_a_speaking_one_more() -> None:
    rest = len(starts(closures(silent(15), blinks()))) / 15
    speech = len(starts(closures(talking(15), blinks()))) / 15
    assert 15 <= rest <= 20
    assert rest + 2 < speech <= 30


def test_intervals_are_skewed_to_the_right() -> None:
    gaps = np.diff(starts(closures(silent(20), blinks()))) / FPS
    assert gaps.mean() > 1.1 * np.median(gaps)
    assert np.percentile(gaps, 95) > 2 * np.median(gaps)
    assert 0.02 < (gaps < 0.9).mean() < 0.2, "a few doubles"


def test_a_blink_shuts_the_eye_within_400_ms_and_closes_twice_as_fast_as_it_opens() -> None:
    curve = closures(silent(15), blinks())
    lengths, down, up = [], [], []
    for start in starts(curve)[:-1]:  # the recording may end in the last
        end = start + int(np.argmax(curve[start:] == 0))
        lengths.append((end - start + 1) / FPS)
        steps = np.diff(np.concatenate([[0.0], curve[start:end], [0.0]]))
        down.append((steps > 0).sum())
        up.append((steps < 0).sum())
        assert curve[start:end].max() > 0.7
    assert 0.16 <= np.median(lengths) <= 0.28
    assert np.percentile(lengths, 99) <= 0.45
    assert 1.5 < np.mean(up) / np.mean(down) < 3


def test_lids_come_down_faster_than_they_go_up() -> None:
    speed = np.diff(closures(silent(15), blinks())) * FPS
    begun = starts(closures(silent(15), blinks()))[:-1]
    down = np.array([speed[start - 1 : start + 10].max() for start in begun])
    up = -np.array([speed[start - 1 : start + 10].min() for start in begun])
    assert np.median(down / up) > 1.4
    assert np.percentile(down / up, 5) > 1.0


def test_nothing_repeats() -> None:
    assert largest_return(closures(silent(15), blinks()), shortest=FPS) < 0.12


def test_blinks_gather_where_speech_pauses() -> None:
    levels = talking(12)
    tracker = SpeechTracker(fps=25.0, range_db=28.0, quietest_db=-50.0)
    pauses = np.flatnonzero([tracker.follow(level).pause_begins for level in levels])
    begun = starts(closures(levels, blinks()))
    near = np.isin(begun[:, None] - np.arange(4), pauses).any(axis=1).mean()
    by_chance = 4 * len(pauses) / len(levels)
    assert near > 2 * by_chance


def test_a_large_move_brings_a_blink_as_often_as_configured() -> None:
    tracker = SpeechTracker(fps=25.0, range_db=28.0, quietest_db=-50.0)
    controller = blinks(rate_per_min=0.5, move_chance=0.5)
    curve = np.array([controller.closure(tracker.follow(-70.0), frame % 50 == 0) for frame in range(50 * 400)])
    assert 120 < len(starts(curve)) < 280


def test_seed_zero_is_a_seed() -> None:
    levels = talking(2)
    assert closures(levels, blinks(0)).tolist() == closures(levels, blinks(0)).tolist()
    assert closures(levels, blinks(0)).tolist() != closures(levels, blinks(1)).tolist()


def test_blinks_that_nobody_makes_are_refused() -> None:
    with pytest.raises(ConfigError, match="are not those of people"):
        blinks(duration_s=1.0)
