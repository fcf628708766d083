"""A ball with an iris that can be moved, on a drawn eye."""

import numpy as np
import pytest

from src.render.mesh.gaze import BALL_OVER_IRIS, Eyeball, find_eyeball
from src.render.mesh.geometry import Array

CENTRE, RADIUS = np.array([30.0, 20.0], np.float32), 8.0
LAMP = (17, 33)


def drawn_eye() -> tuple[Array, Array]:
    """(40, 61, 3) skin, white, a blue iris whose top a lid hides, and a catchlight; and what is seen of the ball."""
    x, y = np.meshgrid(np.arange(61, dtype=np.float32), np.arange(40, dtype=np.float32))
    patch = np.empty((40, 61, 3), np.float32)
    patch[:] = 170, 120, 100
    seen = (np.abs(x - 30) < 24) & (y > 14) & (y < 27)
    patch[seen] = 215
    iris = np.hypot(x - CENTRE[0], y - CENTRE[1]) < RADIUS
    patch[seen & iris] = 50, 70, 110
    patch[LAMP[0] : LAMP[0] + 2, LAMP[1] : LAMP[1] + 2] = 250
    return patch, seen.astype(np.float32)


@pytest.fixture(scope="module")
def ball() -> Eyeball:
    return find_eyeball(*drawn_eye(), CENTRE, RADIUS)


def middle_of_blue(image: Array) -> Array:
    blue = image[..., 2] - image[..., 0] > 25
    rows, columns = np.nonzero(blue)
    return np.array([columns.mean(), rows.mean()])


def test_at_rest_what_is_seen_is_the_photo_exactly(ball: Eyeball) -> None:
    patch, seen = drawn_eye()
    assert np.array_equal(ball.looking(0.0, 0.0)[seen == 1], patch[seen == 1])


def test_the_hidden_part_of_the_iris_and_of_the_white_is_filled(ball: Eyeball) -> None:
    assert ball.rest[13, 30] == pytest.approx([50, 70, 110], abs=15)
    assert ball.rest[8, 10] == pytest.approx([215, 215, 215], abs=25)


@pytest.mark.parametrize(
    ("yaw", "pitch", "axis", "sign"), [(20, 0, 0, 1), (-20, 0, 0, -1), (0, 20, 1, -1), (0, -20, 1, 1)]
)
def test_the_iris_goes_where_the_head_would(ball: Eyeball, yaw: float, pitch: float, axis: int, sign: int) -> None:
    moved = middle_of_blue(ball.looking(yaw, pitch)) - CENTRE
    expected = np.sin(np.radians(20)) * BALL_OVER_IRIS * RADIUS
    assert sign * moved[axis] == pytest.approx(expected, abs=1.0)
    assert abs(moved[1 - axis]) < 0.7


def test_a_turned_iris_is_narrower_than_high(ball: Eyeball) -> None:
    image = ball.looking(25.0, 0.0)
    blue = np.clip((image[..., 2] - image[..., 0]) / 60, 0.0, 1.0)
    assert blue.sum(axis=1).max() < 0.95 * blue.sum(axis=0).max()


def test_catchlights_stay(ball: Eyeball) -> None:
    for yaw in (-15.0, 8.0, 15.0):
        assert ball.looking(yaw, 0.0)[LAMP[0] : LAMP[0] + 2, LAMP[1] : LAMP[1] + 2].min() > 200
    assert ball.iris[LAMP[0], LAMP[1], :3].max() < 150


def test_a_look_begins_without_a_jump(ball: Eyeball) -> None:
    assert np.abs(ball.looking(0.02, 0.0) - ball.looking(0.0, 0.0)).max() < 3.0


def test_an_eye_that_shows_next_to_nothing_still_has_a_ball() -> None:
    patch, seen = drawn_eye()
    ball = find_eyeball(patch, np.zeros_like(seen), CENTRE, RADIUS)
    assert np.isfinite(ball.looking(10.0, 10.0)).all()
