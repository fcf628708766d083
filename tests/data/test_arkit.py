import numpy as np
import pytest

from src.data.arkit import label_arkit55
from src.errors import DataError
from src.motion import ARKIT55, BLENDSHAPES, CORE7, Motion

T = 60


def core7(valid: np.ndarray | None = None) -> Motion:
    values = np.zeros((T, 7), np.float32)
    values[:, 3:6] = np.random.default_rng(0).normal(size=(T, 3))
    return Motion(values, CORE7, 25.0, 0.4, np.ones(T, bool) if valid is None else valid)


def scores(**curves: np.ndarray) -> np.ndarray:
    values = np.full((T, len(BLENDSHAPES)), 0.05, np.float32)
    for name, curve in curves.items():
        values[:, BLENDSHAPES.index(name)] = curve
    return values


def test_blendshapes_are_what_exceeds_the_neutral_of_the_clip() -> None:
    opening = 0.2 + 0.3 * (np.sin(np.arange(T) / 3) > 0)
    motion = label_arkit55(scores(jawOpen=opening), core7())
    assert motion.spec is ARKIT55
    assert motion.channel("jawOpen")[opening < 0.3].min() == 0
    assert motion.channel("jawOpen").max() == pytest.approx(0.3, abs=1e-6)
    assert np.abs(motion.channel("mouthPucker")).max() < 1e-6


def test_clock_head_and_validity_are_those_of_core7() -> None:
    valid = np.arange(T) % 7 != 3
    reference = core7(valid)
    motion = label_arkit55(scores(), reference)
    assert (motion.fps, motion.start_s) == (25.0, 0.4)
    np.testing.assert_array_equal(motion.valid, valid)
    np.testing.assert_array_equal(motion.values[:, 52:], reference.values[:, 3:6])


def test_frames_without_a_face_are_not_read_but_filled() -> None:
    valid = np.ones(T, bool)
    valid[20:23] = False
    ramp = np.linspace(0, 0.6, T)
    given = scores(jawOpen=np.where(valid, ramp, 99.0))
    motion, seen = label_arkit55(given, core7(valid)), label_arkit55(scores(jawOpen=ramp), core7())
    np.testing.assert_allclose(motion.channel("jawOpen"), seen.channel("jawOpen"), atol=5e-3)


def test_lips_are_smoothed_lightly_and_lids_not_at_all() -> None:
    pulse = np.zeros(T)
    pulse[30] = 0.8
    motion = label_arkit55(scores(jawOpen=pulse, eyeBlinkLeft=pulse), core7())
    assert motion.channel("jawOpen")[29:32] == pytest.approx([0.1, 0.6, 0.1])
    assert motion.channel("eyeBlinkLeft")[29:32] == pytest.approx([0.0, 0.8, 0.0])


def test_scores_of_other_frames_are_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(59, 52\), expected \(60, 52\)"):
        label_arkit55(scores()[1:], core7())


def test_a_clip_without_a_face_has_no_labels() -> None:
    with pytest.raises(DataError, match="seen in no frame"):
        label_arkit55(scores(), core7(np.zeros(T, bool)))
