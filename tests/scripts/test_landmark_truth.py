from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scripts.landmark_truth import fitted_decoder, landmark_pairs, true_points, why_no_landmarks
from src.data.alignment import align
from src.data.labels import label_core7
from src.data.speaker_offset import delayed
from src.data.store import Store, write_clip, write_manifest
from src.data.tracking import FaceTracker, Stopwatch
from src.data.video import read_timeline
from src.eval.face_points import LIPS, LOWER_INNER, UPPER_INNER, face_points
from src.eval.lip_decoder import LipDecoder, explained_share, landmark_figures
from src.face import LOWER_INNER_LIP
from src.motion import CORE7
from tests.eval.faces import made_up_face, turned
from tests.tiny_store import write_tiny_store

OPENING = np.array([0.0, 1.0, 0.3])


def store_with_landmarks(folder: Path, splits: dict[str, str]) -> Store:
    """A speaker per part: heads that sway while the lower inner lip follows `jaw_open`."""
    plain = write_tiny_store(folder, {speaker: [60, 60] for speaker in splits})
    rows = []
    for number, info in enumerate(plain.clips):
        clip = plain.load(info.clip_id)
        faces = np.tile(made_up_face(), (60, 1, 1))
        faces[:, LOWER_INNER_LIP] += clip.motion.channel("jaw_open")[:, None, None] * OPENING
        time_s = clip.motion.times_s
        sway = 10 * number + 8 * np.sin(3 * time_s), 5 * np.cos(2 * time_s), 4 * np.sin(5 * time_s)
        landmarks = turned(faces, *sway, size_px=80.0 + 20 * number)
        landmarks[~clip.motion.valid] = 0
        rows.append(write_clip(folder, info, clip.waveform, [clip.motion], landmarks.astype(np.float32)))
    return write_manifest(folder, [replace(row, split=splits[row.speaker]) for row in rows])


def test_points_move_with_the_lips_and_not_with_the_head(tmp_path: Path) -> None:
    store = store_with_landmarks(tmp_path, {"ann": "train"})
    motion, truth = store.load("ann_1").motion, true_points(store, "ann_1")
    assert truth is not None
    np.testing.assert_array_equal(truth.seen, motion.valid)
    moved = truth.points - truth.points.mean(axis=0)
    opening = motion.channel("jaw_open") - motion.channel("jaw_open")[motion.valid].mean()
    gap = (moved[:, LOWER_INNER] - moved[:, UPPER_INNER])[truth.seen].mean(axis=1)
    # Landmarks are stored in steps of some hundredths of a pixel.
    np.testing.assert_allclose(gap, opening[truth.seen, None] * OPENING, atol=0.01)
    np.testing.assert_allclose(np.ptp(moved[:, UPPER_INNER], axis=0), 0, atol=0.01)


def test_points_of_frames_without_a_face_lie_between_their_neighbours_and_are_not_seen(tmp_path: Path) -> None:
    truth = true_points(store_with_landmarks(tmp_path, {"ann": "train"}), "ann_0")
    assert truth is not None
    assert np.flatnonzero(~truth.seen).tolist() == [3, 4, 5]
    between = truth.points[2] + (truth.points[6] - truth.points[2]) * np.array([0.25, 0.5, 0.75])[:, None, None]
    np.testing.assert_allclose(truth.points[3:6], between, atol=1e-6)


def test_points_are_delayed_as_their_motion_is(tmp_path: Path) -> None:
    store = store_with_landmarks(tmp_path, {"ann": "train"})
    plain, later = true_points(store, "ann_0"), true_points(store, "ann_0", delay_ms=80.0)
    assert plain is not None
    assert later is not None
    np.testing.assert_allclose(later.points[2:], plain.points[:-2], atol=1e-6)
    assert np.flatnonzero(~later.seen).tolist() == [0, 1, 5, 6, 7]


@pytest.mark.parametrize("delay_ms", [80.0, 31.0, -52.0])
def test_delayed_points_are_seen_where_delayed_motion_is_valid(tmp_path: Path, delay_ms: float) -> None:
    store = store_with_landmarks(tmp_path, {"ann": "train"})
    later = true_points(store, "ann_0", delay_ms)
    assert later is not None
    np.testing.assert_array_equal(later.seen, delayed(store.load("ann_0").motion, delay_ms).valid)


def test_the_map_is_fitted_on_the_training_part_and_holds_for_the_others(tmp_path: Path) -> None:
    store = store_with_landmarks(tmp_path / "store", {"ann": "train", "bob": "test"})
    assert why_no_landmarks(store) == ""
    decoder = fitted_decoder(store, CORE7, tmp_path / "kept")
    np.testing.assert_allclose(
        decoder.weights[CORE7.index("jaw_open"), list(LOWER_INNER)], np.tile(OPENING, (9, 1)), atol=0.03
    )
    share = explained_share(decoder, landmark_pairs(store, CORE7, ["bob_0", "bob_1"])).lips
    assert share is not None
    assert share > 0.99


def test_a_fitted_map_is_kept_by_the_content_of_the_store(tmp_path: Path) -> None:
    store = store_with_landmarks(tmp_path / "store", {"ann": "train", "bob": "test"})
    first = fitted_decoder(store, CORE7, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").iterdir()
    for path in (tmp_path / "store" / "clips").iterdir():
        path.unlink()
    np.testing.assert_array_equal(fitted_decoder(store, CORE7, tmp_path / "kept").weights, first.weights)
    other = store_with_landmarks(tmp_path / "store", {"ann": "train", "bob": "val"})
    kept.write_bytes(b"damaged")
    np.testing.assert_allclose(fitted_decoder(other, CORE7, tmp_path / "kept").weights, first.weights)
    assert len(list((tmp_path / "kept").iterdir())) == 2, "another split is another map"


def test_stores_that_can_have_no_landmark_figures_say_why(tmp_path: Path) -> None:
    bare = write_tiny_store(tmp_path / "bare", {"ann": [30]})
    assert why_no_landmarks(bare).startswith("the store keeps no landmarks")
    assert true_points(bare, "ann_0") is None
    untrained = store_with_landmarks(tmp_path / "untrained", {"ann": "test"})
    assert why_no_landmarks(untrained).startswith("the store has no training part with landmarks")


@pytest.mark.slow
def test_a_real_mouth_is_told_by_its_channels(shared: Path) -> None:
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    video = shared / "data/real/video/retalk_woman5_5s.mp4"
    with FaceTracker(max_side_px=1280, probe_every_s=np.inf, rival_ratio=1.0) as tracker:
        track = tracker.track(video, read_timeline(video), np.arange(100) / 25, Stopwatch())
    seen = track.present
    points = face_points(align(track.landmarks[seen].astype(np.float64)).points)
    values = label_core7(track.landmarks, seen, 25.0, 0.0).values[seen]
    half = len(points) // 2
    decoder = LipDecoder.fit([(values[:half], points[:half])], CORE7)
    later = values[half:], points[half:]
    share = explained_share(decoder, [later]).mouth_shape
    assert share is not None
    assert share > 0.6
    neutral = decoder.neutral(*later)
    truth, shuffled = (
        {
            each.metric.id: each.value
            for each in landmark_figures(decoder.points(motion, neutral), points[half:], neutral)
        }
        for motion in (values[half:], values[half:][::-1])
    )
    assert truth["lmd"] < shuffled["lmd"]
    assert truth["mod"] < 0.5 * shuffled["mod"]
    assert np.abs(points[:, LIPS].mean(axis=(0, 1))[0]) < 0.05, "a mouth is in the middle of its face"
