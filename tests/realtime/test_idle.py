"""The idle layer is a function of frame, seed and loudness; it is small, uneven, and calmer in silence."""

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from numpy.typing import NDArray

from scripts.entry import CONFIG_FOLDER
from scripts.schema import register
from src.motion import ARKIT55, CORE7, MotionSpec
from src.realtime.idle import Breathing, Head, IdleFace, NoIdle, SpeechTracker, loudness_db
from src.render.mesh.controls import Controls
from tests.realtime.talk import FPS, largest_return, silent, talking

ANGLES = ["head_yaw", "head_pitch", "head_roll"]


def natural(seed: int = 0, *changes: str) -> IdleFace:
    """The idle layer of the configuration."""
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        config = compose("realtime", overrides=[f"seed={seed}", "source=none", *changes])
    face = instantiate(config.idle)
    assert isinstance(face, IdleFace)
    return face


def show(face: IdleFace, levels_db: NDArray[np.float64], spec: MotionSpec = CORE7) -> NDArray[np.float32]:
    return np.array([face.apply(spec.neutral, levels_db[i : i + 1]) for i in range(len(levels_db))])


def heads(levels_db: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    head = Head(yaw_deg=2.6, pitch_deg=1.8, roll_deg=1.4, beat_deg=0.8, posture_s=6.0, fps=25.0, seed=seed)
    tracker = SpeechTracker(fps=25.0, range_db=28.0, quietest_db=-50.0)
    return np.array([head.angles_deg(tracker.follow(level)) for level in levels_db])


def test_a_replay_is_the_same_and_dropped_frames_change_nothing_after_them() -> None:
    levels = talking(1)
    whole = show(natural(), levels)
    np.testing.assert_array_equal(show(natural(), levels), whole)
    assert (show(natural(1), levels) != whole).any()
    face, shown, start = natural(), [], 0
    ends = np.cumsum(np.random.default_rng(0).integers(1, 9, 300))
    for end in ends[ends <= len(levels)]:
        shown.append((end - 1, face.apply(CORE7.neutral, levels[start:end])))
        start = end
    for frame, values in shown:
        np.testing.assert_array_equal(values, whole[frame])


def test_the_head_stays_within_three_degrees_and_moves_smoothly() -> None:
    angles = show(natural(), talking(4))[:, 3:6]
    assert np.abs(angles).max() <= 3.0
    assert (angles.std(axis=0) > 0.3).all()
    assert np.abs(np.diff(angles, axis=0)).max() < 0.6  # degrees in a frame, in the fastest beats


def test_the_head_is_calmer_in_silence() -> None:
    quiet, loud = (np.abs(np.diff(heads(levels), axis=0)).mean() for levels in (silent(4), talking(4)))
    assert loud > 1.3 * quiet


def test_the_heads_spectrum_falls_like_that_of_a_drift_without_a_peak() -> None:
    yaw = heads(silent(16))[:, 0]
    parts = yaw[: len(yaw) // 3000 * 3000].reshape(-1, 3000) * np.hanning(3000)
    power = (np.abs(np.fft.rfft(parts)) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(3000, 1 / FPS)
    bands = [power[(frequency >= low) & (frequency < 2 * low)].mean() for low in (0.03, 0.06, 0.12, 0.24, 0.48, 0.96)]
    assert (np.diff(np.log2(bands)) < 0).all()
    assert -3.5 < np.diff(np.log2(bands[:4])).mean() < -0.5  # 1/f is -1 per octave
    assert largest_return(yaw, shortest=45 * FPS) < 0.35


def test_stressed_syllables_move_the_head() -> None:
    levels = talking(4)
    tracker = SpeechTracker(fps=25.0, range_db=28.0, quietest_db=-50.0)
    stresses = np.array([tracker.follow(level).stress for level in levels])
    pitch = heads(levels)[:, 1]
    after = np.flatnonzero(stresses > 0)
    after = after[after < len(levels) - 4]
    assert 10 < len(after) / 4 < 180, "some in a minute, not on every syllable"
    assert np.mean(pitch[after + 3] - pitch[after]) < -0.05


def test_breath_is_slow_uneven_and_does_not_repeat() -> None:
    breathing = Breathing(period_s=4.0, fps=25.0, seed=0)
    tracker = SpeechTracker(fps=25.0, range_db=28.0, quietest_db=-50.0)
    levels = np.array([breathing.level(tracker.follow(level)) for level in silent(10)])
    centred = levels > levels.mean()
    rises = np.flatnonzero(centred[1:] & ~centred[:-1])
    periods = np.diff(rises) / FPS
    assert 0.2 < 1 / periods.mean() < 0.3
    assert periods.std() > 0.3
    assert np.abs(np.diff(levels)).max() < 0.1
    assert largest_return(levels, shortest=60 * FPS) < 0.4


def test_lids_follow_whoever_closes_them_more_and_angles_add_up_inside_the_range() -> None:
    levels = talking(1)
    lids, yaw = CORE7.index("eye_blink"), CORE7.index("head_yaw")
    values = CORE7.neutral
    values[lids], values[yaw], values[0] = 0.4, 29.5, 0.3
    alone, face = show(natural(), levels), natural()
    for i, idle in enumerate(alone):
        alive = face.apply(values, levels[i : i + 1])
        assert alive[lids] == pytest.approx(max(0.4, idle[lids]))
        assert alive[yaw] == pytest.approx(min(29.5 + idle[yaw], 30.0), abs=1e-5)
        assert alive[0] == np.float32(0.3)
    assert values[lids] == np.float32(0.4), "the prediction itself must not change"
    np.testing.assert_array_equal(alone[:, :3], 0, err_msg="idle movement leaves the mouth alone")


def test_a_gain_of_zero_takes_a_part_away_and_two_doubles_the_head() -> None:
    levels = talking(1)
    off = [f"idle.gains.{name}=0" for name in ("blink", "head", "breathing", "gaze")]
    np.testing.assert_array_equal(show(natural(0, *off), levels), 0)
    only = show(natural(0, *off[:1], *off[2:]), levels)
    twice = show(natural(0, *off[:1], *off[2:], "idle.gains.head=2"), levels)
    np.testing.assert_allclose(twice, 2 * only, atol=1e-5)
    with pytest.raises(InstantiationException, match="idle gains"):
        natural(0, "idle.gains.head=3")


def test_with_arkit55_lids_close_as_in_core7_and_eyes_turn_against_the_head() -> None:
    levels = talking(2)
    core, rich = show(natural(), levels), show(natural(), levels, ARKIT55)
    assert (rich >= ARKIT55.minimum).all()
    assert (rich <= ARKIT55.maximum).all()
    controls = [Controls.of(frame) for frame in rich]
    np.testing.assert_allclose([one.blink[0] for one in controls], core[:, CORE7.index("eye_blink")], atol=1e-5)
    np.testing.assert_allclose(rich[:, [ARKIT55.index(name) for name in ANGLES]], core[:, 3:6], atol=1e-5)
    right, left = (np.array([one.gaze[eye] for one in controls]) for eye in (0, 1))
    np.testing.assert_allclose(right, left, atol=1e-4)
    assert np.corrcoef(right[:, 0], core[:, 3])[0, 1] < -0.2
    steps = np.abs(np.diff(right[:, 0]))
    assert 20 < (steps > 0.8).sum() / 2 < 150, "jumps in a minute"
    assert np.abs(right).max() < 20


def test_no_idle_shows_the_prediction_alone_inside_the_range() -> None:
    values = np.full(CORE7.size, 0.1, np.float32)
    np.testing.assert_array_equal(NoIdle().apply(values, np.array([-20.0])), values)
    assert (NoIdle().apply(values + 99, np.array([-20.0])) == CORE7.maximum).all()


def test_loudness_is_that_of_a_sine_in_decibels_of_full_scale() -> None:
    sine = np.sin(np.arange(16_000) * 2 * np.pi * 100 / 16_000).astype(np.float32)
    assert loudness_db(sine) == pytest.approx(-3.01, abs=0.01)
    assert loudness_db(sine / 10) == pytest.approx(-23.01, abs=0.01)
    assert loudness_db(np.zeros(640, np.float32)) == -70.0
