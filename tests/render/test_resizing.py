import logging

import numpy as np
import pytest

from src.render.resizing import resized
from tests.render.portraits import SIDE, drawn_avatar


def test_the_same_size_is_the_same_avatar() -> None:
    avatar = drawn_avatar()
    assert resized(avatar, SIDE) is avatar


@pytest.mark.parametrize("size", [128, 512])
def test_landmarks_stay_on_the_same_spot_of_the_picture(size: int) -> None:
    avatar = drawn_avatar()
    other = resized(avatar, size)
    assert other.image.shape == other.background.shape == (size, size, 3)
    assert other.matte.shape == (size, size)
    assert other.face_size / size == pytest.approx(avatar.face_size / SIDE)
    # Whole numbers are pixel centres: the middle of the picture is the middle of both.
    middle = (SIDE - 1) / 2
    away = avatar.landmarks[:, :2] - middle
    assert other.landmarks[:, :2] - (size - 1) / 2 == pytest.approx(away * size / SIDE, abs=1e-3)


def test_enlarging_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        resized(drawn_avatar(), 128)
        assert not caplog.records
        resized(drawn_avatar(), 512)
    assert "a picture of 256 pixels is enlarged to 512 and looks soft" in caplog.text


def test_a_plain_picture_stays_plain() -> None:
    avatar = drawn_avatar()
    avatar.image[...] = 100
    assert np.abs(resized(avatar, 512).image.astype(int) - 100).max() <= 1
