import numpy as np
import pytest

from src.face import LEFT_EAR_POINTS, NUM_LANDMARKS, RIGHT_EAR_POINTS, eye_aspect_ratio


def face(right: float, left: float) -> np.ndarray:
    """(478, 3) points of which only the eyes are set: 1 wide, of the given heights."""
    points = np.zeros((NUM_LANDMARKS, 3))
    for eye, height in ((RIGHT_EAR_POINTS, right), (LEFT_EAR_POINTS, left)):
        x = np.array([0.0, 0.3, 0.7, 1.0, 0.7, 0.3])
        y = np.array([0.0, -height / 2, -height / 2, 0.0, height / 2, height / 2])
        points[list(eye), :2] = np.stack([x, y], axis=1)
    return points


def test_the_eye_aspect_ratio_is_height_over_width_of_both_eyes() -> None:
    assert eye_aspect_ratio(face(0.3, 0.3)) == pytest.approx(0.3)
    assert eye_aspect_ratio(face(0.4, 0.2)) == pytest.approx(0.3)
    assert eye_aspect_ratio(face(0.0, 0.0)) == 0.0


def test_the_eye_aspect_ratio_takes_any_number_of_faces_and_their_size_does_not_matter() -> None:
    faces = np.stack([face(0.3, 0.3), 50 * face(0.3, 0.3), face(0.1, 0.1)])
    assert eye_aspect_ratio(faces) == pytest.approx([0.3, 0.3, 0.1])
