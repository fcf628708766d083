"""Sheets show what they say."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from src.errors import RenderError
from src.face import FACE_OVAL, INNER_LIP
from src.motion import ARKIT55, CORE7, Motion
from src.render.contact_sheet import around_face, contact_sheet, every_shape, moments, save_sheet, sweep
from tests.render.portraits import SIDE, drawn_avatar


def test_pictures_stand_in_rows_in_their_order() -> None:
    images = [np.full((40, 20, 3), value, np.uint8) for value in (0, 90, 180)]
    sheet = contact_sheet(["", "", ""], images, columns=2, width=10)
    assert sheet.shape == (40, 20, 3)
    assert [int(sheet[10, 5, 0]), int(sheet[10, 15, 0]), int(sheet[30, 5, 0])] == [0, 90, 180]
    assert (sheet[20:, 10:] == 255).all(), "white where there is no picture"


def test_a_label_can_be_read_on_white_and_on_black() -> None:
    for value in (0, 255):
        cell = contact_sheet(["0.2 s"], [np.full((200, 200, 3), value, np.uint8)], columns=1, width=200)
        assert (cell < 100).any()
        assert (cell > 200).any()


def test_a_sweep_goes_from_end_to_end_and_shapes_stand_alone() -> None:
    labels, frames = sweep(CORE7, "head_yaw", 5)
    assert labels[0] == "head_yaw -30"
    assert frames[:, CORE7.index("head_yaw")].tolist() == [-30, -15, 0, 15, 30]
    names, shapes = every_shape()
    assert len(names) == 52
    assert (shapes != ARKIT55.neutral).sum(axis=1).tolist() == [1] * 52


@pytest.mark.parametrize(("duration_s", "count", "last"), [(2.0, 10, "2.8 s"), (9.0, 20, "4.8 s"), (0.1, 1, "1.0 s")])
def test_moments_are_evenly_spaced_from_the_start_of_the_motion(duration_s: float, count: int, last: str) -> None:
    num_frames = max(round(25 * duration_s), 1)
    values = np.zeros((num_frames, CORE7.size), np.float32)
    values[:, 0] = np.arange(num_frames) / 25
    labels, frames = moments(Motion(values, CORE7, 25, start_s=1.0), per_second=5.0, longest_s=4.0)
    assert (len(labels), len(frames)) == (count, count)
    assert (labels[0], labels[-1]) == ("1.0 s", last)
    assert frames[:, 0] == pytest.approx(np.arange(count) / 5, abs=1e-5)


def test_the_part_around_a_face_holds_it_and_its_mouth_in_the_lower_half() -> None:
    avatar = drawn_avatar()
    marked = avatar.image.copy()
    marked[...] = 0
    for x, y in avatar.landmarks[list(INNER_LIP), :2].round().astype(int):
        marked[y, x] = 255
    part = around_face(marked, avatar.landmarks)
    oval = avatar.landmarks[list(FACE_OVAL), :2]
    assert part.shape[0] == part.shape[1] < SIDE
    assert part.shape[0] >= 0.99 * np.ptp(oval[:, 1])
    rows = np.flatnonzero(part.any(axis=(1, 2)))
    assert 0.5 < rows.mean() / len(part) < 0.8
    assert (part > 0).any(axis=-1).sum() == (marked > 0).any(axis=-1).sum()


def test_a_face_at_the_border_is_cut_within_the_picture() -> None:
    avatar = drawn_avatar()
    for shift in (-120.0, 120.0):
        part = around_face(avatar.image, avatar.landmarks + shift)
        assert part.shape[0] == part.shape[1] > 0


def test_a_sheet_is_read_back(tmp_path: Path) -> None:
    sheet = np.full((30, 20, 3), (200, 100, 50), np.uint8)
    save_sheet(tmp_path / "sheet.png", sheet)
    assert (cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1] == sheet).all()
    with pytest.raises((RenderError, cv2.error)):
        save_sheet(tmp_path / "sheet.unknown", sheet)
