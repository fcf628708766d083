from pathlib import Path

import cv2
import numpy as np
import pytest

from src.errors import RenderError
from src.render.backdrop import BlurredBackdrop, ColouredBackdrop, OwnBackdrop, PictureBackdrop
from src.render.matting import filled_background
from tests.render.test_matting import PERSON, SIDE, scene


def test_the_own_wall_gives_the_photo() -> None:
    image, matte = scene()
    layers = OwnBackdrop().layers(image, matte, filled_background(image, matte))
    out = np.zeros_like(image)
    layers.compose(layers.person, out, (0, 0, SIDE, SIDE))
    assert np.abs(out.astype(int) - image).max() <= 1


def test_a_colour_is_everywhere_behind() -> None:
    image, matte = scene()
    layers = ColouredBackdrop(colour=(0, 255, 0)).layers(image, matte, image)
    assert (layers.background == (0, 255, 0)).all()
    assert np.abs(layers.person[SIDE // 2, SIDE // 2, :3] - PERSON).max() <= 1


def test_a_blurred_wall_is_smoother() -> None:
    wall = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert BlurredBackdrop(radius=0.05).behind(wall).std() < 0.3 * wall.std()


def test_a_picture_covers_the_wall_and_keeps_its_proportions(tmp_path: Path) -> None:
    picture = np.zeros((40, 160, 3), np.uint8)
    picture[:, 60:100] = 255
    cv2.imwrite(str(tmp_path / "wide.png"), picture)
    behind = PictureBackdrop(path=tmp_path / "wide.png").behind(np.zeros((80, 80, 3), np.uint8))
    assert behind.shape == (80, 80, 3)
    assert behind[:, 4:76].min() > 200


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(RenderError, match="expected red, green and blue"):
        ColouredBackdrop(colour=(0, 256, 0))
    with pytest.raises(RenderError, match="blur radius 0"):
        BlurredBackdrop(radius=0)
