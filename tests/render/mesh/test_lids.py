"""Lids that close over what they close over, on a drawn eye."""

import numpy as np
import pytest

from src.motion import ARKIT55
from src.render.mesh.controls import Controls
from src.render.mesh.geometry import Array
from src.render.mesh.lids import CLOSING, EyePose, Lid, eye_poses, find_lids
from tests.render.portraits import SIDE, drawn_avatar, drawn_landmarks

REST = EyePose(0.0, 0.0, 0.0, 0.0, 0.0)
SHUT = EyePose(1.0, 0.0, 0.0, 0.0, 0.0)
EVERY_POSE = [
    EyePose(close, squint, wide, yaw, pitch)
    for close in (0.0, 0.5, 1.0)
    for squint in (0.0, 1.0)
    for wide in (0.0, 1.0)
    for yaw in (-25.0, 25.0)
    for pitch in (-25.0, 0.0, 25.0)
]


def grid() -> Array:
    return np.stack(np.meshgrid(*[np.arange(SIDE, dtype=np.float32)] * 2), axis=-1)


def white_eyed() -> tuple[np.ndarray, tuple[Lid, Lid]]:
    """Grey skin with white eyes."""
    image = np.full((SIDE, SIDE, 3), 120, np.uint8)
    for side in (-26, 26):
        across, down = (grid()[..., 0] - 128 - side) / 11, (grid()[..., 1] - 110) / 4
        image[across**2 + down**2 < 1] = 250
    return image, find_lids(image, drawn_landmarks())


@pytest.fixture(scope="module")
def lid() -> Lid:
    avatar = drawn_avatar()
    return find_lids(avatar.image, avatar.landmarks)[0]


def test_an_eye_at_rest_is_that_of_the_portrait(lid: Lid) -> None:
    image = drawn_avatar().image.copy()
    lid.paint(image, grid(), REST)
    assert np.abs(image.astype(int) - drawn_avatar().image).max() <= 1


def test_a_shut_eye_shows_nothing_of_the_ball() -> None:
    image, lids = white_eyed()
    assert image.max() == 250
    for lid in lids:
        lid.paint(image, grid(), SHUT)
    assert image.max() < 175


def test_a_shut_eye_is_smooth_skin_and_one_dark_line() -> None:
    image, lids = white_eyed()
    for lid in lids:
        lid.paint(image, grid(), SHUT)
        line = lid.frame.to_local(grid())[..., 1] - float((lid.bottom - lid.ways(SHUT)[1]).max())
        near = np.abs(lid.frame.to_local(grid())[..., 0]) < 0.9 * abs(lid.left)
        skin = image[near & (np.abs(line) > 3)].astype(int)
        assert np.abs(skin - 120).max() < 15
        assert image[near & (np.abs(line) < 2)].min() < 100


def test_lids_meet_when_shut_whatever_else_is_asked(lid: Lid) -> None:
    for pose in EVERY_POSE:
        drop, rise = lid.ways(pose)
        gap = (lid.bottom - rise) - (lid.edge + drop)
        height = lid.bottom - lid.edge
        assert (gap <= 1e-3).all() if pose.close == 1.0 else (gap[height > 1] > -1e-3).all(), pose


def test_the_lower_lid_comes_up_a_little_and_the_corners_stay(lid: Lid) -> None:
    drop, rise = lid.ways(SHUT)
    height = float((lid.bottom - lid.edge).max())
    assert 0.15 < rise.max() / height < 0.25
    assert drop[0, 0] == drop[0, -1] == rise[0, 0] == rise[0, -1] == 0.0


def test_lids_follow_the_look(lid: Lid) -> None:
    down, up = lid.ways(EyePose(0.0, 0.0, 0.0, 0.0, -20.0)), lid.ways(EyePose(0.0, 0.0, 0.0, 0.0, 20.0))
    assert down[0].max() > 0 > up[0].min()
    assert down[1].min() < 0 < up[1].max()


def test_a_squint_narrows_and_wide_opens(lid: Lid) -> None:
    squint, wide = lid.ways(EyePose(0.0, 1.0, 0.0, 0.0, 0.0)), lid.ways(EyePose(0.0, 0.0, 1.0, 0.0, 0.0))
    assert squint[0].max() > 0
    assert squint[1].max() > squint[0].max()
    assert wide[0].min() < 0


def test_closing_has_no_jumps(lid: Lid) -> None:
    before = drawn_avatar().image.copy()
    for close in np.linspace(0.02, 1.0, 50):
        image = drawn_avatar().image.copy()
        lid.paint(image, grid(), EyePose(float(close), 0.0, 0.0, 0.0, 0.0))
        assert np.abs(image.astype(int) - before).mean() < 0.05
        before = image


def test_all_poses_are_finite_and_end_inside_the_patch(lid: Lid) -> None:
    for pose in EVERY_POSE:
        layer = lid.posed(pose)
        assert np.isfinite(layer).all()
        assert layer[..., 3].min() >= 0
        assert layer[..., 3].max() <= 1
        for border in (layer[0], layer[-1], layer[:, 0], layer[:, -1]):
            assert border[..., 3].max() < 0.35, pose


def test_each_eye_takes_its_own_share_of_the_controls() -> None:
    frame = ARKIT55.neutral.copy()
    for name, value in {
        "eyeBlinkLeft": 0.5,
        "eyeSquintRight": 0.25,
        "eyeWideLeft": 0.75,
        "eyeLookInRight": 1.0,
    }.items():
        frame[ARKIT55.index(name)] = value
    right, left = eye_poses(Controls.of(frame))
    assert right == pytest.approx((0.0, 0.25, 0.0, 25.0, 0.0))
    assert left == pytest.approx((1 - 0.1**CLOSING, 0.0, 0.75, 0.0, 0.0))
    assert all(pose.is_still for pose in eye_poses(Controls.of(ARKIT55.neutral)))


def test_who_looks_down_shows_no_white_above_the_iris(lid: Lid) -> None:
    for pitch in (-5.0, -10.0, -15.0):
        drop, _ = lid.ways(EyePose(0.0, 0.0, 0.0, 0.0, pitch))
        way = float(lid.ball.way(0.0, pitch)[1])
        room = 0.7 * float((lid.bottom - lid.edge).max())
        assert drop.max() == pytest.approx(min(way, room), abs=0.05)
