"""What is no face is refused, and any real one is not."""

from collections.abc import Callable

import numpy as np
import pytest

from src.errors import RenderError
from src.face import INNER_LIP, LEFT_EYE, OUTER_LIP
from src.render.face_shape import check_shape
from tests.render.portraits import SIDE, drawn_landmarks

Points = np.ndarray


def turned(points: Points, yaw: float, pitch: float, roll: float) -> Points:
    """About the middle of the picture, in degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    middle = np.array([SIDE / 2, SIDE / 2, 0])
    return (points - middle) @ (about_z @ about_x @ about_y).T + middle


@pytest.mark.parametrize("yaw", [-35, 0, 35])
@pytest.mark.parametrize("pitch", [-40, 0, 40])
@pytest.mark.parametrize("roll", [-45, 0, 45])
@pytest.mark.parametrize("gap", [0.0, 30.0])
def test_a_face_that_may_become_an_avatar_is_one(yaw: float, pitch: float, roll: float, gap: float) -> None:
    check_shape(turned(drawn_landmarks(gap), yaw, pitch, roll), SIDE, "one", "Again.")


def changed(index: tuple[int, ...], change: Callable[[Points], Points]) -> Points:
    points = drawn_landmarks()
    points[list(index)] = change(points[list(index)])
    return points


@pytest.mark.parametrize(
    ("points", "wrong"),
    [
        (np.zeros((478, 3)), "eyes 0 pixels apart"),
        (drawn_landmarks() * 0.1, "eyes 7.4 pixels apart"),
        (drawn_landmarks() + 300, "eyes outside the picture"),
        (drawn_landmarks() + np.float32([0, 120, 0]), "lips outside the picture"),
        (changed((7,), lambda some: some + 400), "points far from the others"),
        (drawn_landmarks() * (-1, 1, 1) + (SIDE, 0, 0), "mirrored"),
        (turned(drawn_landmarks(), 85, 0, 0), "mirrored, or seen from the side"),
        (changed(OUTER_LIP, lambda some: some - (0, 60, 0)), "the mouth is not below the eyes"),
        (changed(INNER_LIP, lambda some: some.mean(axis=0)), "a mouth of 0 face sizes"),
        (changed(LEFT_EYE[1:3], lambda some: some + 80), "a left eye of"),
    ],
)
def test_what_is_none_is_refused(points: Points, wrong: str) -> None:
    with pytest.raises(RenderError) as caught:
        check_shape(points, SIDE, "one", "Again.")
    assert str(caught.value).startswith(f"one: the landmarks are no face ({wrong}")
    assert str(caught.value).endswith("). Again.")
