from pathlib import Path

import cv2
import numpy as np
import pytest

from src.data.tracking import FaceTrack, FaceTracker, Stopwatch
from src.data.video import read_timeline
from src.face import NUM_LANDMARKS

TIMES_S = np.arange(10) / 25


def tracker(**settings) -> FaceTracker:
    return FaceTracker(**{"max_side_px": 720, "probe_every_s": 0.2, "rival_ratio": 0.6} | settings)


def track(path: Path, **settings):
    with tracker(**settings) as ours:
        return ours.track(path, read_timeline(path), TIMES_S, Stopwatch())


def test_a_face_is_followed_and_its_absence_is_marked(tmp_path: Path, write_video, portrait, face) -> None:
    images = [portrait] * 6 + [np.zeros_like(portrait)] * 2
    found = track(write_video(tmp_path / "clip.mp4", images, np.arange(8) / 25))
    np.testing.assert_array_equal(found.present, [True] * 6 + [False] * 4)
    np.testing.assert_array_equal(found.facts.shown, [True] * 8 + [False] * 2)
    np.testing.assert_allclose(found.landmarks[3], face, atol=4)
    assert found.facts.face_px[3] == pytest.approx(105, abs=10)
    assert abs(found.facts.yaw_deg[3]) < 30
    assert not found.facts.rival.any()


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
    assert twins.facts.rival.all()
    assert not crowd.facts.rival.any()


@pytest.mark.parametrize(("fps", "step"), [(25, 1), (30, 1), (50, 2), (60, 2), (120, 5)])
def test_every_picture_is_looked_at_but_of_fast_videos(tmp_path: Path, write_video, portrait, fps: int, step: int):
    times_s = np.arange(fps // 5) / fps
    path = write_video(tmp_path / "clip.mp4", [portrait] * len(times_s), times_s)
    with tracker() as ours:
        found = ours.follow(path, read_timeline(path), 0.0, 1.0, Stopwatch())
    expected = sorted({*times_s[::step], times_s[-1]})
    np.testing.assert_allclose(found.times_s, expected, atol=1e-3)


def test_a_new_shot_is_noticed_and_its_first_picture_not_believed(tmp_path: Path, write_video, portrait) -> None:
    other = np.full_like(portrait, 255)
    other[:150, :150] = cv2.resize(portrait, (150, 150), interpolation=cv2.INTER_AREA)
    path = write_video(tmp_path / "cut.mp4", [portrait] * 20 + [other] * 20, np.arange(40) / 25)
    with tracker() as ours:
        found = ours.follow(path, read_timeline(path), 0.0, 2.0, Stopwatch())
    assert np.flatnonzero(found.new_shot).tolist() == [20]
    assert found.probed[[0, 20]].any()
    assert not found.present[20]
    assert found.present[[19, 22]].all()


def moving_track(times_s: np.ndarray, new_shot: np.ndarray) -> FaceTrack:
    """Landmarks that say their time, 1000 later after each cut."""
    values = times_s + 1000 * np.cumsum(new_shot)
    landmarks = np.broadcast_to(values[:, None, None], (len(times_s), NUM_LANDMARKS, 3)).astype(np.float32)
    nothing = np.zeros(len(times_s), bool)
    return FaceTrack(times_s, landmarks, ~nothing, new_shot, nothing, nothing)


def test_landmarks_are_those_of_the_instant_and_not_of_the_nearest_picture() -> None:
    times_s = np.arange(60) / 30
    found = moving_track(times_s, np.zeros(60, bool)).at(np.arange(49) / 25)
    np.testing.assert_allclose(found.landmarks[:, 0, 0], np.arange(49) / 25, atol=1e-5)
    assert found.present.all()
    assert not found.interpolated.any()


def test_nothing_is_interpolated_from_one_shot_to_the_next() -> None:
    times_s = np.arange(60) / 30
    found = moving_track(times_s, np.arange(60) == 31).at(np.arange(49) / 25)
    values = found.landmarks[found.present, 0, 0]
    assert ((values < 2) | (values >= 1001)).all()
    (first,) = np.flatnonzero(found.facts.new_shot)
    assert first == 26  # 1.04 s: the first instant after picture 31 at 1.0333 s


def test_a_gap_is_bridged_or_left() -> None:
    times_s = np.arange(50) / 25
    for missing, bridged in ((3, True), (4, False)):
        whole = moving_track(times_s, np.zeros(50, bool))
        kept = ~np.isin(np.arange(50), np.arange(20, 20 + missing))
        found = FaceTrack(whole.times_s, whole.landmarks, kept, *[whole.new_shot] * 3).at(times_s)
        assert found.present[20 : 20 + missing].all() == bridged
        np.testing.assert_array_equal(found.interpolated, ~kept & bridged)
        assert found.facts.shown.all()
