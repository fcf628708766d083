from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.alignment import align
from src.data.labels import extract_motion, label_core7
from src.data.rejection import MediaError, Reason
from src.data.smoothing import MAX_INTERPOLATED_FRAMES
from src.errors import DataError
from src.face import (
    FACE_SIZE_POINTS,
    LEFT_INNER_CORNER,
    LEFT_LOWER_LID,
    LEFT_MOUTH_CORNER,
    LEFT_UPPER_LID,
    LOWER_INNER_LIP,
    NUM_LANDMARKS,
    RIGHT_INNER_CORNER,
    RIGHT_LOWER_LID,
    RIGHT_MOUTH_CORNER,
    RIGHT_UPPER_LID,
    RIGID,
    UPPER_INNER_LIP,
)
from src.motion import CORE7, frame_times, head_rotation

T = 75
TIME = np.arange(T) / 25
MOUTH_AND_EYES = ("jaw_open", "mouth_wide", "mouth_narrow", "eye_blink")


@pytest.fixture(scope="module")
def closed(face: np.ndarray) -> np.ndarray:
    """(478, 3) the face with its lips closed, in units of its size and about its centre."""
    points = face.astype(np.float64)
    middle = (points[list(UPPER_INNER_LIP)] + points[list(LOWER_INNER_LIP)]) / 2
    points[list(UPPER_INNER_LIP)] = points[list(LOWER_INNER_LIP)] = middle
    size = np.linalg.norm(points[FACE_SIZE_POINTS[0]] - points[FACE_SIZE_POINTS[1]])
    return (points - points[list(RIGID)].mean(axis=0)) / size


def talk(closed: np.ndarray, opening: np.ndarray, spread: np.ndarray, blink: np.ndarray) -> np.ndarray:
    """(T, 478, 3) the face with its lips opened and spread by shares of its size and its lids closed."""
    frames = np.repeat(closed[None], len(opening), axis=0)
    across = closed[FACE_SIZE_POINTS[1]] - closed[FACE_SIZE_POINTS[0]]
    across /= np.linalg.norm(across)
    down = np.cross([0, 0, 1], across)
    down /= np.linalg.norm(down)
    frames[:, LOWER_INNER_LIP] += opening[:, None, None] * down
    corners = closed[LEFT_MOUTH_CORNER] - closed[RIGHT_MOUTH_CORNER]
    corners /= np.linalg.norm(corners)
    for left, right in ((LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER), (LEFT_INNER_CORNER, RIGHT_INNER_CORNER)):
        frames[:, left] += spread[:, None] / 2 * corners
        frames[:, right] -= spread[:, None] / 2 * corners
    for upper, lower in ((RIGHT_UPPER_LID, RIGHT_LOWER_LID), (LEFT_UPPER_LID, LEFT_LOWER_LID)):
        gap = frames[:, lower] - frames[:, upper]
        frames[:, upper] += blink[:, None, None] * gap
    return frames


def film(points: np.ndarray, angles: np.ndarray, size_px: float | np.ndarray = 60.0) -> np.ndarray:
    """Turn, scale and shift a face as the camera would see it."""
    turned = np.einsum("tij,tpj->tpi", head_rotation(*angles.T), points)
    return (turned * np.reshape(size_px, (-1, 1, 1)) + [300, 200, 0]).astype(np.float32)


def still(count: int = T) -> np.ndarray:
    return np.zeros(count)


def swing(*amplitudes: float) -> np.ndarray:
    """(T, 3) head angles of slow swings with a median of 0."""
    return np.stack([a * np.sin(2 * np.pi * f * TIME) for a, f in zip(amplitudes, (0.33, 0.66, 1.0), strict=True)], 1)


def label(landmarks: np.ndarray, present: np.ndarray | None = None):
    return label_core7(landmarks, np.ones(len(landmarks), bool) if present is None else present, 25.0, 0.0)


def test_head_angles_are_recovered_and_leave_the_mouth_and_eyes_alone(closed: np.ndarray) -> None:
    speech = (
        0.1 * (1 - np.cos(2 * np.pi * 2 * TIME)),
        0.05 * np.sin(2 * np.pi * TIME),
        np.exp(-((TIME - 1.5) ** 2) * 200),
    )
    points = talk(closed, *speech)
    angles = swing(20, 12, 8)
    turned, straight = label(film(points, angles)), label(film(points, np.zeros((T, 3))))
    inside = slice(3, -3)
    # These landmarks are exact: unlike FaceMesh's they don't rise when the mouth opens, but labels expect it.
    heads = turned.values[:, 3:6] - straight.values[:, 3:6]
    np.testing.assert_allclose(heads[inside], angles[inside], atol=0.5)
    for name in MOUTH_AND_EYES:
        np.testing.assert_allclose(turned.channel(name), straight.channel(name), atol=0.005, err_msg=name)


@pytest.mark.parametrize(("channel", "axis"), [("head_yaw", 0), ("head_pitch", 1), ("head_roll", 2)])
def test_a_turn_moves_its_own_channel_only(closed: np.ndarray, channel: str, axis: int) -> None:
    angles = np.zeros((T, 3))
    angles[:, axis] = 15 * np.sin(2 * np.pi * 0.66 * TIME)
    motion = label(film(talk(closed, still(), still(), still()), angles))
    for other in CORE7.names:
        if other == channel:
            np.testing.assert_allclose(motion.channel(other), angles[:, axis], atol=0.5)
        else:
            np.testing.assert_allclose(motion.channel(other), 0, atol=0.05 if other.startswith("head") else 1e-3)


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.3, 8), yaw=st.floats(-25, 25), pitch=st.floats(-15, 15), roll=st.floats(-15, 15))
def test_labels_do_not_depend_on_distance_place_or_standing_pose(
    closed: np.ndarray, scale: float, yaw: float, pitch: float, roll: float
) -> None:
    points = talk(closed, 0.1 * (1 - np.cos(8 * TIME)), 0.06 * np.sin(5 * TIME), still())
    plain = label(film(points, np.zeros((T, 3))))
    posed = label(film(points, np.tile([yaw, pitch, roll], (T, 1)), 60 * scale))
    np.testing.assert_allclose(posed.values, plain.values, atol=2e-3)


def test_walking_towards_the_camera_is_no_motion_of_the_face(closed: np.ndarray) -> None:
    motion = label(film(talk(closed, still(), still(), still()), np.zeros((T, 3)), np.linspace(40, 120, T)))
    np.testing.assert_allclose(motion.values, 0, atol=1e-3)


def test_mouth_channels_measure_what_the_lips_do_in_face_sizes(closed: np.ndarray) -> None:
    opening = np.maximum(0, 0.2 * np.sin(2 * np.pi * 1.0 * TIME))  # closed half of the time
    spread = 0.4 * opening * np.sign(TIME - 1.5)  # narrow vowels, then wide ones
    motion = label(film(talk(closed, opening, spread, still()), swing(5, 3, 2)))
    np.testing.assert_allclose(motion.channel("jaw_open"), opening, atol=0.012)
    np.testing.assert_allclose(motion.channel("mouth_wide") - motion.channel("mouth_narrow"), spread, atol=0.012)
    assert np.minimum(motion.channel("mouth_wide"), motion.channel("mouth_narrow")).max() == 0


def test_a_mouth_that_never_closes_is_not_read_as_closed(closed: np.ndarray) -> None:
    motion = label(film(talk(closed, 0.1 + still(), still(), still()), np.zeros((T, 3))))
    assert motion.channel("jaw_open").min() > 0.085


def test_lips_that_close_only_when_rounded_are_not_narrow_by_themselves(closed: np.ndarray) -> None:
    rounded = (TIME > 1) & (TIME < 2.2)
    opening, spread = np.where(rounded, 0.0, 0.1), np.where(rounded, -0.12, 0.0)
    motion = label(film(talk(closed, opening, spread, still()), np.zeros((T, 3))))
    assert motion.channel("mouth_narrow")[rounded].max() > 0.07
    assert motion.channel("mouth_wide")[~rounded].max() < 0.05


def test_shut_lids_are_1_and_open_ones_0(closed: np.ndarray) -> None:
    blink = still()
    blink[30:34] = blink[60] = 1.0
    motion = label(film(talk(closed, still(), still(), blink), swing(5, 3, 2)))
    np.testing.assert_allclose(motion.channel("eye_blink"), blink, atol=0.02)


def test_smoothing_neither_delays_a_closure_nor_fills_it(closed: np.ndarray) -> None:
    opening = 0.15 + still()
    opening[:5] = opening[20] = opening[40:42] = 0.0
    jaw = label(film(talk(closed, opening, still(), still()), np.zeros((T, 3)))).channel("jaw_open")
    assert jaw[20] < 0.05
    assert jaw[40:42].max() < 0.03
    np.testing.assert_allclose(jaw[30:52], jaw[30:52][::-1], atol=1e-4)  # symmetric about the closure: no lag


def test_a_reversed_clip_has_reversed_labels(closed: np.ndarray) -> None:
    generator = np.random.default_rng(0)
    points = talk(closed, 0.1 * generator.random(T), 0.05 * generator.normal(size=T), still())
    filmed = film(points, swing(10, 5, 5))
    np.testing.assert_allclose(label(filmed[::-1]).values, label(filmed).values[::-1], atol=1e-3)


def test_a_hand_before_the_forehead_does_not_turn_the_head(closed: np.ndarray) -> None:
    filmed = film(talk(closed, still(), still(), still()), np.zeros((T, 3)))
    filmed[20:30, RIGID[8:12]] += [15, 10, 0]  # four of the points, a quarter of the face size
    np.testing.assert_allclose(label(filmed).values[:, 3:6], 0, atol=1.0)


def test_short_gaps_are_interpolated_and_long_ones_held_and_both_are_invalid(closed: np.ndarray) -> None:
    opening = np.linspace(0, 0.4, T)
    filmed = film(talk(closed, opening, still(), still()), np.zeros((T, 3)))
    present = np.ones(T, bool)
    present[:2] = present[20 : 20 + MAX_INTERPOLATED_FRAMES] = present[40:50] = False
    filmed[~present] = 0
    motion = label(filmed, present)
    jaw, seen = motion.channel("jaw_open"), label(film(talk(closed, opening, still(), still()), np.zeros((T, 3))))
    offset = jaw[10] - seen.channel("jaw_open")[10]
    np.testing.assert_array_equal(motion.valid, present)
    np.testing.assert_allclose(jaw[18:26] - offset, seen.channel("jaw_open")[18:26], atol=2e-3)
    np.testing.assert_allclose(jaw[42:48], jaw[42], atol=2e-3)
    assert jaw[42] == pytest.approx(opening[39] + offset - seen.channel("jaw_open")[0], abs=0.02)


def test_labels_stay_inside_their_ranges(closed: np.ndarray) -> None:
    generator = np.random.default_rng(1)
    points = talk(closed, generator.uniform(0, 2, T), generator.uniform(-1, 1, T), generator.uniform(-1, 2, T))
    values = label(film(points, swing(70, 40, 60))).values
    assert (values >= CORE7.minimum).all()
    assert (values <= CORE7.maximum).all()


def test_one_frame_can_be_labelled(closed: np.ndarray) -> None:
    motion = label(film(closed[None], np.zeros((1, 3))))
    assert motion.values.shape == (1, 7)
    np.testing.assert_allclose(motion.values, 0, atol=1e-3)


def test_alignment_leaves_only_what_the_face_does(closed: np.ndarray) -> None:
    aligned = align(film(talk(closed, still(), still(), still()), swing(15, 8, 5)).astype(np.float64))
    assert np.ptp(aligned.points, axis=0).max() < 1e-3


def test_a_clip_without_a_face_has_no_labels() -> None:
    with pytest.raises(DataError, match="seen in no frame"):
        label(np.zeros((5, NUM_LANDMARKS, 3), np.float32), np.zeros(5, bool))


def test_arrays_that_disagree_are_refused() -> None:
    with pytest.raises(DataError, match=r"landmarks have shape \(5, 477, 3\)"):
        label(np.zeros((5, 477, 3), np.float32))


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (640, 1), (641, 2), (19_200, 30), (16_000, 25)])
def test_frames_cover_the_sound(samples: int, frames: int) -> None:
    times_s = frame_times(samples / 16_000)
    assert len(times_s) == frames
    np.testing.assert_array_equal(times_s, np.arange(frames) / 25)


def test_motion_of_a_file_starts_at_its_first_sample(tmp_path: Path, write_video, portrait: np.ndarray) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 12_800).astype(np.float32)
    path = write_video(tmp_path / "clip.mp4", [portrait] * 20, 0.2 + np.arange(20) / 25, sound, audio_codec="aac")
    motion = extract_motion(path)
    # Pictures begin 0.2 s after the sound: five frames were not seen.
    assert (motion.start_s, motion.fps, motion.spec) == (0.0, 25.0, CORE7)
    np.testing.assert_array_equal(motion.valid[:20], np.arange(20) >= 5)


def test_a_file_without_sound_starts_at_zero_of_its_container(tmp_path: Path, write_video, portrait) -> None:
    motion = extract_motion(write_video(tmp_path / "mute.mp4", [portrait] * 10, np.arange(10) / 25))
    assert len(motion) == 10
    assert motion.valid.all()


def test_a_video_without_a_face_is_refused(tmp_path: Path, write_video) -> None:
    path = write_video(tmp_path / "wall.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 5, np.arange(5) / 25)
    with pytest.raises(MediaError, match="no face was found") as caught:
        extract_motion(path)
    assert caught.value.reason == Reason.NO_FACE
