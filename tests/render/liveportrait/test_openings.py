"""Ratios of FaceMesh landmarks are those of the official landmarks on the same face."""

import numpy as np
import pytest

from src.face import INNER_LIP_BOTTOM, INNER_LIP_TOP, LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER
from src.render.liveportrait.openings import openings_of
from src.render.liveportrait.ratios import eye_ratios, lip_ratios
from tests.render.portraits import drawn_landmarks


@pytest.mark.parametrize("gap", [0.0, 3.0, 20.0])
def test_they_are_the_ratios_of_the_same_places(gap: float) -> None:
    face = drawn_landmarks(gap)
    official = np.zeros((1, 203, 2), np.float32)
    places = {90: 13, 102: 14, 48: 61, 66: 291, 6: 159, 18: 145, 0: 33, 12: 133, 30: 386, 42: 374, 24: 362, 36: 263}
    for index, point in places.items():
        official[0, index] = face[point, :2]
    openings = openings_of(face)
    assert openings.lips == pytest.approx(lip_ratios(official)[0, 0], abs=1e-5)
    assert openings.eyes == pytest.approx(eye_ratios(official)[0], abs=1e-5)
    width = np.linalg.norm(face[RIGHT_MOUTH_CORNER, :2] - face[LEFT_MOUTH_CORNER, :2])
    assert openings.lips == pytest.approx(gap / width, abs=1e-3)


def test_a_gap_in_face_sizes_is_the_ratio_of_that_gap() -> None:
    face = drawn_landmarks()
    openings = openings_of(face)
    opened = face.copy()
    opened[INNER_LIP_TOP, 1] -= 0.05 * openings.lips_per_jaw * 46
    opened[INNER_LIP_BOTTOM, 1] += 0.05 * openings.lips_per_jaw * 46
    assert openings_of(opened).lips - openings.lips == pytest.approx(0.1 * openings.lips_per_jaw, abs=1e-4)


def test_they_do_not_depend_on_size_and_place() -> None:
    face, moved = openings_of(drawn_landmarks(8.0)), openings_of(2.5 * drawn_landmarks(8.0) + 30)
    np.testing.assert_allclose(np.hstack(moved), np.hstack(face), atol=1e-5)
