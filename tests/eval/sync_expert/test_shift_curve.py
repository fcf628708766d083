"""Shift curves: whose motion is late, and that clips add up."""

import numpy as np
import pytest

from src.errors import MotionError
from src.eval.sync_expert.shift_curve import MAX_SHIFT_FRAMES, SHIFTS, ShiftCurve, pooled, shift_curve


def unit_vectors(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 16))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("late", [-6, 0, 3])
def test_a_mouth_that_is_late_by_k_frames_is_nearest_at_k(late: int) -> None:
    sound = unit_vectors(80)
    curve = shift_curve(np.roll(sound, late, axis=0)[10:70], sound[10:70], np.ones(60, bool))
    assert SHIFTS[curve.means.argmin()] == late
    assert curve.means.min() == pytest.approx(0, abs=1e-9)


def test_every_shift_counts_the_windows_that_have_a_partner() -> None:
    counted = np.ones(20, bool)
    counted[0] = False
    curve = shift_curve(unit_vectors(20), unit_vectors(20, seed=1), counted)
    assert curve.num_windows == 19
    assert curve.counts[MAX_SHIFT_FRAMES + 15] == 5  # mouths 15 to 19
    assert curve.counts[MAX_SHIFT_FRAMES - 15] == 4  # mouths 0 to 4, of which the first was not seen


def test_a_short_clip_leaves_far_shifts_empty() -> None:
    curve = shift_curve(unit_vectors(5), unit_vectors(5), np.ones(5, bool))
    assert np.isnan(curve.means[0])
    assert curve.counts[MAX_SHIFT_FRAMES - 4] == 1


def test_clips_pooled_are_the_sums_of_their_windows() -> None:
    first, second = (shift_curve(unit_vectors(n, n), unit_vectors(n, n + 1), np.ones(n, bool)) for n in (20, 40))
    both = pooled([first, ShiftCurve.empty("too short"), second])
    np.testing.assert_allclose(both.sums, first.sums + second.sums)
    np.testing.assert_array_equal(both.counts, first.counts + second.counts)
    assert both.reason == ""


def test_clips_without_windows_say_why() -> None:
    assert pooled([ShiftCurve.empty("a"), ShiftCurve.empty("b"), ShiftCurve.empty("b")]).reason == "b"
    assert pooled([]).reason == "no clips"
    assert shift_curve(unit_vectors(5), unit_vectors(5), np.zeros(5, bool)).reason


def test_embeddings_of_different_clips_are_refused() -> None:
    with pytest.raises(MotionError, match="same frames"):
        shift_curve(unit_vectors(5), unit_vectors(6), np.ones(5, bool))
