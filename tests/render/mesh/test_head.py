"""A head that turns: signs, symmetry, no folds, and what it carries along."""

import numpy as np
import pytest
from numpy.typing import NDArray

from src.face import CHIN, FOREHEAD, NOSE_TIP
from src.render.mesh.geometry import sample_grid
from src.render.mesh.head import Follow, HeadField, head_field, held, loose
from tests.render.portraits import SIDE, drawn_landmarks

STEP = 8
TURNS = [(y, p, r) for y in (-30.0, -12.0, 0.0, 12.0, 30.0) for p in (-20.0, 0.0, 20.0) for r in (-20.0, 0.0, 20.0)]
FOLLOWS = {"loose": loose, "held": held}


@pytest.fixture(scope="module", params=list(FOLLOWS))
def head(request: pytest.FixtureRequest) -> HeadField:
    landmarks = drawn_landmarks()
    return head_field(landmarks, FOLLOWS[request.param](landmarks, SIDE, STEP), SIDE, STEP)


@pytest.fixture(scope="module")
def free() -> HeadField:
    return head_field(drawn_landmarks(), loose(drawn_landmarks(), SIDE, STEP), SIDE, STEP)


def shown(head: HeadField, point: NDArray[np.float32], yaw: float, pitch: float, roll: float) -> NDArray[np.float32]:
    return head.forward(point[None, :2], head.turned(yaw, pitch), roll)[0] - point[:2]


def test_a_head_at_rest_stays_exactly_where_it_is(head: HeadField) -> None:
    assert np.array_equal(head.backward(head.turned(0.0, 0.0), 0.0, 10), head.nodes)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), TURNS)
def test_no_turn_folds_the_picture(head: HeadField, yaw: float, pitch: float, roll: float) -> None:
    field = head.backward(head.turned(yaw, pitch), roll, 10)
    (xy, xx), (yy, yx) = (np.gradient(field[..., axis], STEP) for axis in (0, 1))
    assert (xx * yy - xy * yx).min() > 0.05


@pytest.mark.parametrize(("yaw", "pitch", "roll"), TURNS)
def test_forward_and_backward_undo_each_other(head: HeadField, yaw: float, pitch: float, roll: float) -> None:
    points = drawn_landmarks()[[CHIN, FOREHEAD, NOSE_TIP], :2]
    turned = head.turned(yaw, pitch)
    arrived = head.forward(points, turned, roll)
    back = sample_grid(head.backward(turned, roll, 20), arrived[None], STEP)[0]
    assert np.abs(back - points).max() < 1.0


def test_small_turns_either_way_are_alike(head: HeadField) -> None:
    nose = drawn_landmarks()[NOSE_TIP]
    left, right = (shown(head, nose, yaw, 0.0, 0.0) for yaw in (10.0, -10.0))
    assert left[0] > 3.0
    # The drawn nose is in the middle; the other points of the drawn relief are random and not symmetric.
    assert left[0] == pytest.approx(-right[0], rel=0.25)
    assert shown(head, nose, 0.0, 10.0, 0.0)[1] < -2.0
    assert shown(head, nose, 0.0, -10.0, 0.0)[1] > 2.0


def test_a_free_head_is_tilted_whole(free: HeadField) -> None:
    landmarks = drawn_landmarks()
    moved = free.forward(landmarks[[FOREHEAD, CHIN], :2], free.turned(0.0, 0.0), 20.0)
    across = moved[0] - moved[1]
    assert np.degrees(np.arctan2(across[0], -across[1])) == pytest.approx(20.0, abs=1.0)
    assert np.linalg.norm(across) == pytest.approx(
        np.linalg.norm((landmarks[FOREHEAD] - landmarks[CHIN])[:2]), rel=0.02
    )


def test_shoulders_follow_a_little_and_the_lower_border_not_at_all(free: HeadField) -> None:
    field = free.backward(free.turned(20.0, 0.0), 15.0, 10) - free.nodes
    way = np.linalg.norm(field, axis=-1)
    shoulder, top = way[int(0.9 * SIDE / STEP), SIDE // STEP // 5], way[SIDE // STEP // 5].max()
    assert 0.1 < shoulder < 0.3 * top
    assert way[-1].max() < 0.25


def test_a_head_comes_nearer_when_it_bows(free: HeadField) -> None:
    eyes = drawn_landmarks()[[33, 263], :2]
    distances = [np.ptp(free.forward(eyes, free.turned(0.0, pitch), 0.0)[:, 0]) for pitch in (-20.0, 0.0, 20.0)]
    assert distances[0] > distances[1] > distances[2]


def test_what_follows_lies_between_nothing_and_everything() -> None:
    for follow in (loose(drawn_landmarks(), SIDE, STEP), held(drawn_landmarks(), SIDE, STEP)):
        assert isinstance(follow, Follow)
        for share in (follow.turn, follow.twist):
            assert share.min() >= 0
            assert share.max() <= 1


def test_nothing_is_squeezed_or_stretched_more_than_a_few_times(head: HeadField) -> None:
    for yaw, pitch in {turn[:2] for turn in TURNS}:
        field = head.turned(yaw, pitch) / STEP
        (xy, xx), (yy, yx) = np.gradient(field[..., 0]), np.gradient(field[..., 1])
        areas = (1 + xx) * (1 + yy) - xy * yx
        assert areas.min() > 0.25
        assert areas.max() < 3.5


def test_the_nose_turns_by_what_was_asked(free: HeadField) -> None:
    # Of a flattened head the farther half of a turn would be missing.
    nose = drawn_landmarks()[NOSE_TIP]
    ways = [shown(free, nose, yaw, 0.0, 0.0)[0] for yaw in (10.0, 20.0, 30.0)]
    sines = np.sin(np.radians([10.0, 20.0, 30.0]))
    assert np.ptp(ways / sines) < 0.2 * float(np.mean(ways / sines))


def test_shoulders_stand_still_higher_up_where_they_leave_the_picture() -> None:
    landmarks = drawn_landmarks()
    share = loose(landmarks, SIDE, STEP).turn
    resting = [int(np.flatnonzero(column < 0.1)[0]) for column in (share[:, 0], share[:, SIDE // STEP // 2])]
    assert resting[0] < resting[1]
