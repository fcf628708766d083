import subprocess
import sys

import numpy as np
import pytest

from src.data.landmarks import FaceFinder, FaceLandmarker, _points
from src.errors import DataError
from src.face import CHIN, FOREHEAD, LEFT_EYE_OUTER, NOSE_TIP, NUM_LANDMARKS, RIGHT_EYE_OUTER


def test_landmarks_lie_where_the_face_is(face: np.ndarray) -> None:
    assert (face.shape, face.dtype) == ((NUM_LANDMARKS, 3), np.float32)
    assert face[FOREHEAD, 1] < face[NOSE_TIP, 1] < face[CHIN, 1]
    assert 90 < face[CHIN, 1] - face[FOREHEAD, 1] < 120  # the crop's face is about 100 pixels high
    assert face[RIGHT_EYE_OUTER, 0] < face[NOSE_TIP, 0] < face[LEFT_EYE_OUTER, 0]
    assert face[NOSE_TIP, 2] < face[LEFT_EYE_OUTER, 2]  # the nose is nearer to the camera


def test_landmarks_are_pixels_of_pictures_that_are_not_square(portrait: np.ndarray, face: np.ndarray) -> None:
    wide = np.pad(portrait, ((0, 0), (100, 40), (0, 0)))
    with FaceLandmarker(max_faces=1, static=True) as landmarker:
        moved = landmarker.detect(wide)[0]
    np.testing.assert_allclose(moved[:, :2], face[:, :2] + [100, 0], atol=2.0)


def test_following_gives_the_same_landmarks_every_time(portrait: np.ndarray) -> None:
    pictures = [np.roll(portrait, shift, axis=1) for shift in (0, 2, 4, 2, 0)]
    with FaceLandmarker(max_faces=1, static=False) as first, FaceLandmarker(max_faces=1, static=False) as second:
        once = [first.detect(picture)[0] for picture in pictures]
        again = [second.detect(picture)[0] for picture in pictures]
        second.restart()
        restarted = [second.detect(picture)[0] for picture in pictures]
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(once, restarted)


def test_a_picture_without_a_face_has_none() -> None:
    with FaceLandmarker(max_faces=1, static=True) as landmarker:
        assert landmarker.detect(np.full((64, 80, 3), 128, np.uint8)) == []


def test_as_many_faces_are_given_as_are_asked_for(portrait: np.ndarray) -> None:
    pair = np.concatenate([portrait, portrait], axis=1)
    for max_faces in (1, 2):
        with FaceLandmarker(max_faces=max_faces, static=True) as landmarker:
            assert len(landmarker.detect(pair)) == max_faces


def test_every_face_of_a_photo_is_found_however_small(portrait: np.ndarray, face: np.ndarray) -> None:
    height, width = portrait.shape[:2]
    photo = np.full((1500, 2000, 3), 90, np.uint8)
    places = [(100, 150), (1200, 900)]
    for left, top in places:
        photo[top : top + height, left : left + width] = portrait
    with FaceFinder() as finder:
        found = sorted(finder.find(photo), key=lambda landmarks: landmarks[NOSE_TIP, 0])
    assert len(found) == 2
    for landmarks, place in zip(found, places, strict=True):
        np.testing.assert_allclose(landmarks[:, :2], face[:, :2] + place, atol=4.0)


def test_a_photo_of_one_face_has_one_and_of_none_has_none(portrait: np.ndarray, face: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (700, 900, 3), np.uint8)
    with FaceFinder() as finder:
        (found,) = finder.find(portrait)
        assert finder.find(noise) == []
    np.testing.assert_allclose(found[:, :2], face[:, :2], atol=4.0)


@pytest.mark.parametrize("image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)])
def test_what_is_no_rgb_picture_is_refused(image: np.ndarray) -> None:
    with (
        FaceLandmarker(max_faces=1, static=True) as landmarker,
        pytest.raises(DataError, match=r"expected \(H, W, 3\) uint8 RGB"),
    ):
        landmarker.detect(image)


def test_a_missing_mediapipe_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mediapipe"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(DataError, match="pip install mediapipe"):
        FaceLandmarker(max_faces=1, static=True)


def test_importing_the_data_package_does_not_load_mediapipe_or_decord() -> None:
    code = "import sys, src.data.prepare, src.data.labels; sys.exit(bool({'mediapipe', 'decord'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_numbers_read_at_once_are_those_read_point_by_point() -> None:
    from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList

    generator = np.random.default_rng(0)
    points = generator.normal(size=(NUM_LANDMARKS, 3)).astype(np.float32)
    points[7] = 0.0
    plain = NormalizedLandmarkList()
    for x, y, z in points.tolist():
        plain.landmark.add(x=x, y=y, z=z)
    richer = NormalizedLandmarkList()
    richer.CopyFrom(plain)
    richer.landmark[0].visibility = 0.5
    np.testing.assert_array_equal(_points(plain), points)
    np.testing.assert_array_equal(_points(richer), points)
