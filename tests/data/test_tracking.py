from pathlib import Path

import cv2
import numpy as np
import pytest

from src.data.tracking import FaceTracker, Stopwatch
from src.data.video import read_timeline

TIMES_S = np.arange(10) / 25


def track(path: Path, **settings):
    with FaceTracker(**{"max_side_px": 720, "probe_every_s": 0.2, "rival_ratio": 0.6} | settings) as tracker:
        return tracker.track(path, read_timeline(path), TIMES_S, Stopwatch())


def test_a_face_is_followed_and_its_absence_is_marked(tmp_path: Path, write_video, portrait, face) -> None:
    images = [portrait] * 6 + [np.zeros_like(portrait)] * 2
    found = track(write_video(tmp_path / "clip.mp4", images, np.arange(8) / 25))
    np.testing.assert_array_equal(found.present, [True] * 6 + [False] * 4)
    np.testing.assert_array_equal(found.covered, [True] * 9 + [False])  # the last picture also serves 0.32 s
    np.testing.assert_allclose(found.landmarks[3], face, atol=4)
    assert found.face_px == pytest.approx(105, abs=10)
    assert found.rivals == 0


def test_landmarks_are_in_pixels_of_the_source_when_it_was_shrunk(tmp_path: Path, write_video, portrait, face) -> None:
    large = cv2.resize(portrait, (768, 768), interpolation=cv2.INTER_CUBIC)
    found = track(write_video(tmp_path / "large.mp4", [large] * 10, TIMES_S), max_side_px=256)
    np.testing.assert_allclose(found.landmarks[5] / 3, face, atol=4)


def test_a_second_face_of_the_same_size_is_a_rival_and_a_small_one_is_not(
    tmp_path: Path, write_video, portrait
) -> None:
    small = np.zeros_like(portrait)
    small[64:192, 64:192] = cv2.resize(portrait, (128, 128), interpolation=cv2.INTER_AREA)
    twins = track(write_video(tmp_path / "twins.mp4", [np.hstack([portrait, portrait])] * 10, TIMES_S))
    crowd = track(write_video(tmp_path / "crowd.mp4", [np.hstack([portrait, small])] * 10, TIMES_S))
    assert (twins.rivals, crowd.rivals) == (1.0, 0.0)
