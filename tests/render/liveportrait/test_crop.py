"""Crops turn faces upright and always frame them alike, wherever they are in the picture."""

import numpy as np
import pytest

from src.errors import RenderError
from src.render.liveportrait import crop
from src.render.liveportrait.crop import Framing, cut_face, driving_rectangle, face_rectangle, moved_points

EYES_AND_MOUTH = np.array([[-30, -40], [30, -40], [0, 0], [-20, 40], [20, 40]], np.float32)


def placed(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (EYES_AND_MOUTH @ turn.T + shift).astype(np.float32)


@pytest.mark.parametrize("angle", [-0.5, 0.0, 0.3, 2.0])
def test_a_face_lies_in_its_crop_alike_wherever_it_is(angle: float) -> None:
    def in_crop(points: np.ndarray) -> np.ndarray:
        return moved_points(points, face_rectangle(points, crop.SOURCE).to_crop(512))

    expected = in_crop(placed(0, 1, (0, 0)))
    np.testing.assert_allclose(in_crop(placed(angle, 2.5, (300, 200))), expected, atol=2e-3)


def test_a_rectangle_is_the_box_of_landmarks_times_the_scale() -> None:
    rectangle = face_rectangle(placed(0, 1, (100, 200)), Framing(2.0, -0.1))
    assert rectangle.side == 160
    np.testing.assert_allclose(rectangle.centre, [100, 200 - 16], atol=1e-4)
    assert rectangle.angle_rad == pytest.approx(0, abs=1e-6)
    assert face_rectangle(placed(0.4, 1, (0, 0)), crop.SOURCE).angle_rad == pytest.approx(0.4, abs=1e-5)


@pytest.mark.parametrize("count", [478, 203, 106, 68])
def test_larger_sets_of_landmarks_have_their_own_eyes_and_mouth(count: int) -> None:
    points = np.random.default_rng(count).uniform(0, 100, (count, 2))
    assert face_rectangle(points, crop.SOURCE).side > 100


def test_a_point_of_the_picture_is_found_in_the_crop_and_back() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[80:83, 150:153] = 255
    cut = cut_face(image, face_rectangle(placed(0.2, 1, (150, 100)), crop.SOURCE), 256)
    x, y = cut.points([[151, 81]])[0]
    assert cut.image[round(float(y)), round(float(x))].min() > 200
    np.testing.assert_allclose(moved_points([[x, y]], cut.to_picture), [[151, 81]], atol=1e-3)


def test_a_crop_of_the_whole_picture_is_the_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = crop.Rectangle(np.array([32.0, 32.0]), 64.0, 0.0)
    np.testing.assert_array_equal(cut_face(image, whole, 64).image, image)
    beside = crop.Rectangle(np.array([132.0, 32.0]), 64.0, 0.0)
    assert not cut_face(image, beside, 64).image.any()


def test_a_driving_video_is_cut_by_the_mean_of_its_squares() -> None:
    points = np.random.default_rng(0).uniform(100, 200, (203, 2)).astype(np.float32)
    one = driving_rectangle(points[None])
    both = driving_rectangle(np.stack([points, points + 20]))
    np.testing.assert_allclose(both.centre - one.centre, 10, atol=1e-3)
    assert both.angle_rad == 0


def test_odd_landmarks_are_refused() -> None:
    with pytest.raises(RenderError, match=r"shape \(477, 2\), expected \(N, 2\) with N one of 478, 203, 106, 68, 5"):
        face_rectangle(np.zeros((477, 2)), crop.SOURCE)
    with pytest.raises(RenderError, match="all landmarks lie in one place"):
        face_rectangle(np.ones((5, 2)), crop.SOURCE)
    with pytest.raises(RenderError, match="NaN or infinity among the landmarks"):
        face_rectangle(np.full((5, 2), np.inf), crop.SOURCE)
    with pytest.raises(RenderError, match="without landmarks"):
        driving_rectangle(np.zeros((0, 203, 2)))
