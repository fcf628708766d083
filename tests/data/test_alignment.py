import numpy as np
import pytest

from src.data.alignment import align, without_blinks, without_openings
from src.face import FACE_SIZE_POINTS
from src.motion import head_rotation

TIME = np.arange(200) / 25


def lids(*starts: int) -> np.ndarray:
    """(200,) blinks of 6 frames from each start."""
    shut = np.zeros(200)
    for start in starts:
        shut[start : start + 6] = [0.4, 1, 1, 1, 0.6, 0.2]
    return shut


def test_points_are_in_face_sizes_and_the_pose_is_relative_to_the_median(face: np.ndarray) -> None:
    angles = np.stack([2 + 8 * np.sin(TIME), -2 + 5 * np.sin(2 * TIME), 4 * np.cos(3 * TIME)], axis=1)
    turned = np.einsum("tij,pj->tpi", head_rotation(*angles.T), face.astype(np.float64)) * 1.7
    aligned = align(turned)
    sizes = np.linalg.norm(aligned.points[:, FACE_SIZE_POINTS[0]] - aligned.points[:, FACE_SIZE_POINTS[1]], axis=1)
    np.testing.assert_allclose(sizes, 1, atol=1e-6)
    np.testing.assert_allclose(np.median(aligned.angles, axis=0), 0, atol=0.05)
    np.testing.assert_allclose(aligned.angles, angles - np.median(angles, axis=0), atol=0.5)


@pytest.mark.parametrize("tilt", [-3.0, 1.5])
def test_what_lids_add_to_the_pitch_is_taken_away(tilt: float) -> None:
    blink = lids(20, 77, 130)
    pitch = 4 * np.sin(2 * np.pi * 0.4 * TIME)
    corrected = without_blinks(pitch + tilt * blink, blink)
    assert np.abs(corrected - pitch).max() < 0.3 * abs(tilt)


def test_a_head_that_nods_without_blinking_keeps_its_nods() -> None:
    pitch = 8 * np.sin(2 * np.pi * 1.5 * TIME)
    np.testing.assert_array_equal(without_blinks(pitch, np.zeros(200)), pitch)
    assert np.abs(without_blinks(pitch, lids(40, 120)) - pitch).max() < 4.1


def test_no_blink_is_blamed_for_more_than_faces_show() -> None:
    blink = lids(50)
    np.testing.assert_allclose(without_blinks(-20 * blink, blink), -16 * blink, atol=1e-9)


def test_what_an_open_mouth_adds_to_the_pitch_is_taken_away_and_nods_stay() -> None:
    nods, opening = 3 * np.sin(2 * np.pi * 0.7 * TIME), 0.1 * (1 + np.sin(2 * np.pi * 3 * TIME))
    corrected = without_openings(nods + 8 * opening, opening)
    np.testing.assert_allclose(corrected - np.median(corrected), nods - np.median(nods), atol=1e-9)
    np.testing.assert_array_equal(without_openings(nods, np.full(200, 0.3)), nods)
