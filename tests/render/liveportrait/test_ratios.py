"""Openings don't depend on where and how large a face is."""

import numpy as np
import pytest

from src.errors import RenderError
from src.render.liveportrait.ratios import eye_ratios, lip_ratios


def landmarks() -> np.ndarray:
    points = np.random.default_rng(0).uniform(0, 256, (1, 203, 2))
    points[0, [6, 18, 0, 12]] = [[10, 8], [10, 12], [0, 10], [20, 10]]  # an opening of 4 over a width of 20
    points[0, [90, 102, 48, 66]] = [[50, 50], [50, 53], [40, 50], [70, 50]]
    return points


def test_ratios_are_opening_over_width() -> None:
    assert eye_ratios(landmarks())[0, 0] == pytest.approx(0.2)
    assert lip_ratios(landmarks())[0, 0] == pytest.approx(0.1)


def test_ratios_stay_when_the_face_is_moved_turned_and_scaled() -> None:
    turn = 3 * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    moved = landmarks() @ turn.T + [100, -50]
    np.testing.assert_allclose(eye_ratios(moved), eye_ratios(landmarks()), rtol=1e-5)
    np.testing.assert_allclose(lip_ratios(moved), lip_ratios(landmarks()), rtol=1e-5)


def test_other_landmarks_and_nan_are_refused() -> None:
    with pytest.raises(RenderError, match=r"shape \(1, 106, 2\), expected \(N, 203, 2\)"):
        eye_ratios(np.zeros((1, 106, 2)))
    with pytest.raises(RenderError, match="NaN or infinity among the landmarks"):
        lip_ratios(np.full((1, 203, 2), np.nan))
