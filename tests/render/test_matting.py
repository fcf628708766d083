import cv2
import numpy as np
import pytest

from src.errors import RenderError
from src.render.matting import (
    EPSILON,
    _inverse,
    filled_background,
    finds_the_face,
    foreground,
    matte_from_landmarks,
    refined_matte,
    separated,
)
from tests.render.portraits import SIDE, drawn_landmarks

PERSON, WALL = np.array([200.0, 60, 40]), np.array([40.0, 90, 160])


def scene(blur: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a soft disk before a wall that gets brighter to the right, and the disk's true alpha."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    cv2.circle(mask, (SIDE // 2, SIDE // 2), 70, (1.0,), -1)
    alpha = cv2.GaussianBlur(mask, (0, 0), blur)[..., None]
    wall = WALL + np.linspace(0, 40, SIDE)[None, :, None] * np.ones((SIDE, 1, 3))
    return np.round(alpha * PERSON + (1 - alpha) * wall).astype(np.uint8), np.round(255 * alpha[..., 0]).astype(
        np.uint8
    )


def blurred(matte: np.ndarray, shift: int = 0) -> np.ndarray:
    return np.roll(cv2.GaussianBlur(matte, (0, 0), 4), shift, axis=1)


@pytest.mark.parametrize("shift", [0, 3])
def test_refining_finds_the_border_that_a_blurred_mask_misses(shift: int) -> None:
    image, truth = scene()
    coarse = blurred(truth, shift)
    refined = refined_matte(image, coarse)
    errors = [np.abs(matte.astype(float) - truth).mean() for matte in (coarse, refined)]
    assert errors[1] < 0.35 * errors[0]


def test_islands_are_dropped_and_holes_filled() -> None:
    image, truth = scene()
    coarse = blurred(truth)
    coarse[8:20, 8:20], coarse[120:124, 120:124] = 255, 0
    refined = refined_matte(image, coarse)
    assert refined[8:20, 8:20].max() == 0
    assert refined[120:124, 120:124].min() > 248


def test_the_colours_of_person_and_wall_mix_to_the_picture() -> None:
    image, truth = scene()
    person, wall = separated(image, truth)
    alpha = truth[..., None] / 255.0
    assert np.abs(alpha * person + (1 - alpha) * wall - image).mean() < 1.0


def test_the_foreground_has_lost_the_wall() -> None:
    image, truth = scene()
    edge = (truth > 20) & (truth < 200)
    before, after = (np.abs(picture[edge] - PERSON).mean() for picture in (image, foreground(image, truth)))
    assert after < 0.25 * before


def test_the_wall_is_the_picture_where_seen_and_goes_on_behind() -> None:
    image, truth = scene()
    wall = filled_background(image, truth)
    seen = cv2.dilate(truth, np.ones((11, 11), np.uint8)) == 0
    assert (wall[seen] == image[seen]).all()
    expected = WALL + np.linspace(0, 40, SIDE)[None, :, None]
    assert np.abs(wall - expected).max() < 16
    assert np.abs(wall - expected).mean() < 2


def test_a_picture_without_wall_keeps_itself() -> None:
    image, truth = scene()
    assert (filled_background(image, np.full_like(truth, 255)) == image).all()


def test_a_drawn_matte_holds_the_face_and_an_empty_one_does_not() -> None:
    landmarks = drawn_landmarks()
    drawn = matte_from_landmarks(landmarks, (SIDE, SIDE))
    assert finds_the_face(drawn, landmarks)
    assert drawn[:8].max() < 128
    assert not finds_the_face(np.zeros_like(drawn), landmarks)


def test_a_mask_of_another_picture_is_refused() -> None:
    image, truth = scene()
    with pytest.raises(RenderError, match="Make the mask from the same picture"):
        refined_matte(image, truth[:-1])


@pytest.mark.parametrize(("texture", "found"), [(0.0, True), (25.0, False)])
def test_hair_that_the_mask_missed_is_found_before_a_plain_wall(texture: float, found: bool) -> None:
    image, truth = scene()
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 10 * texture, (SIDE, SIDE, 1)), (0, 0), 4)[..., None]
    image = np.clip(
        WALL + (image.astype(float) - WALL) * (truth > 0)[..., None] + noise * (truth == 0)[..., None], 0, 255
    )
    image[100:180, 52:66] = 10
    refined = refined_matte(image.astype(np.uint8), blurred(truth))
    assert (refined[110:170, 56:60].mean() > 200) == found


def test_the_inverse_written_out_is_that_of_lapack() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (8, 8, 5, 3))
    noise[:4] *= 1e-3  # windows of one colour, where only the added variance keeps the matrix from being singular
    moments = (np.swapaxes(noise, 2, 3) @ noise + EPSILON * np.eye(3)).astype(np.float32)
    found = _inverse([[moments[..., i, j] for j in range(3)] for i in range(3)])
    wanted = np.linalg.inv(moments.astype(np.float64))
    scale = np.abs(wanted).max(axis=(2, 3))[..., None, None]
    np.testing.assert_allclose(np.moveaxis(np.array(found), (0, 1), (2, 3)) / scale, wanted / scale, atol=1e-6)
