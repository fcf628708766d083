import numpy as np
import pytest

from src.errors import MotionError
from src.eval.face_points import (
    FACE_LANDMARKS,
    LIPS,
    LOWER_INNER,
    NUM_POINTS,
    UPPER_FACE,
    UPPER_INNER,
    face_points,
)
from src.face import INNER_LIP, LOWER_INNER_LIP, OUTER_LIP, RIGID, UPPER_INNER_LIP
from tests.eval.faces import made_up_face, turned


def test_a_face_seen_from_the_front_keeps_its_coordinates() -> None:
    np.testing.assert_allclose(face_points(made_up_face()[None])[0], made_up_face()[list(FACE_LANDMARKS)], atol=1e-12)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(40.0, 0.0, 0.0), (0.0, -25.0, 0.0), (-20.0, 15.0, 170.0)])
def test_points_do_not_change_with_where_a_head_is_and_how_it_is_turned(yaw: float, pitch: float, roll: float) -> None:
    faces = np.tile(made_up_face(), (3, 1, 1))
    faces[1, INNER_LIP] += [0.0, 0.1, 0.02]
    elsewhere = turned(faces, *(np.full(3, angle) for angle in (yaw, pitch, roll)), size_px=73.0)
    np.testing.assert_allclose(face_points(elsewhere), face_points(faces), atol=1e-9)


def test_a_mouth_that_opens_most_of_the_time_does_not_move_the_frame() -> None:
    faces = np.tile(made_up_face(), (4, 1, 1))
    faces[1:, [*INNER_LIP, *OUTER_LIP]] += [0.0, 0.2, 0.0]
    moved = face_points(faces) - face_points(faces[:1])
    np.testing.assert_allclose(moved[1:, LIPS], np.broadcast_to([0.0, 0.2, 0.0], (3, 40, 3)), atol=1e-12)
    np.testing.assert_allclose(moved[:, UPPER_FACE], 0.0, atol=1e-12)


def test_points_are_lips_then_the_upper_face_each_landmark_once() -> None:
    assert len(set(FACE_LANDMARKS)) == NUM_POINTS == 92
    assert set(FACE_LANDMARKS[LIPS]) == {*INNER_LIP, *OUTER_LIP}
    assert not set(FACE_LANDMARKS[UPPER_FACE]) & {*INNER_LIP, *OUTER_LIP}
    assert not set(FACE_LANDMARKS[LIPS]) & set(RIGID), "what a face is laid on by must not talk"
    assert [FACE_LANDMARKS[i] for i in UPPER_INNER] == list(UPPER_INNER_LIP)
    assert [FACE_LANDMARKS[i] for i in LOWER_INNER] == list(LOWER_INNER_LIP)


def test_other_arrays_are_refused() -> None:
    with pytest.raises(MotionError, match=r"landmarks of shape \(478, 3\), expected \(T, 478, 3\)"):
        face_points(made_up_face())
