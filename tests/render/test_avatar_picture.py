"""The picture of an avatar: what it shows lies where it should, and words stay inside their cells."""

import numpy as np
import pytest

from src.motion import CORE7
from src.render.avatar_picture import GREEN, POSES, Panel, avatar_sheet, layer_panels, pose_frames, triangles, with_mesh
from tests.render.portraits import drawn_avatar

PAPER = 250, 250, 248


def test_the_layers_are_the_ones_of_the_package() -> None:
    avatar = drawn_avatar()
    mesh, person, matte, background = layer_panels(avatar)
    assert np.array_equal(background.image, avatar.background)
    assert np.array_equal(matte.image[..., 1], avatar.matte)
    assert (person.image[avatar.matte == 0] == GREEN).all()
    sure = avatar.matte == 255
    assert np.abs(person.image[sure].astype(int) - avatar.image[sure]).max() <= 1
    assert mesh.caption == f"face {avatar.face_size:.0f} px, 478 points"


def test_the_mesh_is_drawn_on_the_face_alone() -> None:
    avatar = drawn_avatar()
    drawn = with_mesh(avatar)
    scale = drawn.shape[0] // avatar.size
    changed = np.abs(drawn[::scale, ::scale].astype(int) - avatar.image).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    x, y = avatar.landmarks[:, 0], avatar.landmarks[:, 1]
    assert changed.mean() > 0.005
    assert x.min() - 2 <= columns.min() <= columns.max() <= x.max() + 2
    assert y.min() - 2 <= rows.min() <= rows.max() <= y.max() + 2


def test_points_in_one_line_have_no_triangles() -> None:
    assert triangles(np.outer(np.arange(9.0), [1.0, 2.0])).shape == (0, 3)
    assert triangles(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).shape == (1, 3)


def test_poses_are_inside_the_ranges() -> None:
    frames = pose_frames()
    assert frames.shape == (len(POSES), CORE7.size)
    assert (frames >= CORE7.minimum).all()
    assert (frames <= CORE7.maximum).all()


@pytest.mark.parametrize("width", [800, 1800])
@pytest.mark.parametrize("count", [1, 4, 5, 8])
def test_words_never_leave_their_cells(width: int, count: int) -> None:
    long = "a very long name of somebody and something " * 9
    image = np.full((64, 64, 3), 90, np.uint8)
    sheet = avatar_sheet(long, long, [Panel(long, long, image)] * count, width)
    assert sheet.shape[1] == width
    # The margins and the gaps between the columns are paper from top to bottom.
    assert (sheet[:, :32] == PAPER).all()
    assert (sheet[:, -31:] == PAPER).all()
    cell = (width - 2 * 32 - 3 * 18) // 4
    under = slice(92, None)
    for column in range(1, 4):
        gap = 32 + column * (cell + 18)
        assert (sheet[under, gap - 18 : gap] == PAPER).all()


def test_names_in_any_script_are_drawn() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    assert avatar_sheet("名字 \u202eحروف 🙂", "", [Panel("", "", image)], 800).shape[1] == 800
