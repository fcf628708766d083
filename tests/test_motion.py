import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import MotionError
from src.motion import (
    ARKIT55,
    BLENDSHAPES,
    CORE7,
    SPECS,
    Channel,
    Motion,
    MotionSpec,
    core7_of,
    head_angles,
    head_rotation,
    spec_named,
)

NOSE = np.array([0.0, 0.0, -1.0])  # towards the camera: x right, y down, z away
CROWN = np.array([0.0, -1.0, 0.0])


def ramp(frames: int = 5, **changes: object) -> Motion:
    values = np.linspace(0, 0.4, frames)[:, None].repeat(7, axis=1).astype(np.float32)
    return Motion(**{"values": values, "spec": CORE7, **changes})  # type: ignore[arg-type]


def test_core7_is_what_the_documents_say() -> None:
    assert CORE7.names == (
        "jaw_open", "mouth_wide", "mouth_narrow", "head_yaw", "head_pitch", "head_roll", "eye_blink",
    )  # fmt: skip
    assert [channel.unit for channel in CORE7.channels] == ["ratio"] * 3 + ["degrees"] * 3 + ["ratio"]
    assert np.all(CORE7.neutral == 0)
    assert spec_named("core7") is CORE7
    assert SPECS == {"core7": CORE7, "arkit55": ARKIT55}


def test_arkit55_is_the_landmarkers_blendshapes_and_the_head_of_core7() -> None:
    assert ARKIT55.size == 55
    assert (len(BLENDSHAPES), BLENDSHAPES[0], BLENDSHAPES[25], BLENDSHAPES[51]) == (
        52, "_neutral", "jawOpen", "noseSneerRight",
    )  # fmt: skip
    assert ARKIT55.channels[52:] == CORE7.channels[3:6]
    assert np.all(ARKIT55.neutral == 0)


def blendshapes(**amounts: float) -> Motion:
    values = np.zeros((3, 55), np.float32)
    for name, amount in amounts.items():
        values[1, ARKIT55.index(name)] = amount
    return Motion(values, ARKIT55, 25.0, 1.5, np.array([True, True, False]))


@pytest.mark.parametrize(
    ("shapes", "moved"),
    [
        ({"jawOpen": 0.4}, {"jaw_open": 0.212}),
        ({"mouthLowerDownLeft": 0.5, "mouthLowerDownRight": 0.5}, {"jaw_open": 0.11}),
        ({"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}, {"mouth_wide": 0.1}),
        ({"mouthSmileLeft": 0.5}, {"mouth_wide": 0.05}),
        ({"mouthPucker": 1.0}, {"mouth_narrow": 0.07}),
        ({"mouthFunnel": 0.5, "mouthStretchLeft": 0.1, "mouthStretchRight": 0.1}, {"mouth_narrow": 0.035}),
        ({"eyeBlinkLeft": 0.3, "eyeBlinkRight": 0.5}, {"eye_blink": 0.72}),
        ({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, {"eye_blink": 1.0}),
        ({"head_yaw": -12.0, "head_roll": 3.0}, {"head_yaw": -12.0, "head_roll": 3.0}),
        ({"browInnerUp": 1.0, "_neutral": 1.0}, {}),
    ],
)
def test_arkit55_projects_onto_core7(shapes: dict[str, float], moved: dict[str, float]) -> None:
    motion = core7_of(blendshapes(**shapes))
    assert (motion.spec, motion.fps, motion.start_s) == (CORE7, 25.0, 1.5)
    np.testing.assert_array_equal(motion.valid, [True, True, False])
    expected = np.zeros((3, 7))
    for name, value in moved.items():
        expected[1, CORE7.index(name)] = value
    np.testing.assert_allclose(motion.values, expected, atol=1e-6)


def test_core7_is_its_own_projection() -> None:
    motion = ramp()
    assert core7_of(motion) is motion


def test_another_spec_has_no_projection() -> None:
    other = MotionSpec("other", 1, (Channel("x", "ratio", 0.0, 1.0),))
    with pytest.raises(MotionError, match="no projection"):
        core7_of(Motion(np.zeros((2, 1), np.float32), other))


def test_turning_left_moves_the_nose_right_in_the_picture() -> None:
    assert (head_rotation(10, 0, 0) @ NOSE)[0] == pytest.approx(np.sin(np.radians(10)))


def test_looking_up_moves_the_nose_up_in_the_picture() -> None:
    assert (head_rotation(0, 10, 0) @ NOSE)[1] == pytest.approx(-np.sin(np.radians(10)))


def test_a_tilt_to_the_left_shoulder_is_clockwise_in_the_picture() -> None:
    assert (head_rotation(0, 0, 10) @ CROWN)[0] == pytest.approx(np.sin(np.radians(10)))


@given(st.tuples(*[st.floats(-80, 80)] * 3))
def test_angles_survive_the_way_through_a_rotation_matrix(angles: tuple[float, float, float]) -> None:
    rotation = head_rotation(*angles)
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert np.allclose(head_angles(rotation), angles, atol=1e-6)


def test_angles_broadcast_over_frames() -> None:
    yaw, pitch, roll = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9], [-1, -2, -3]]).T
    rotation = head_rotation(yaw, pitch, roll)
    assert rotation.shape == (4, 3, 3)
    assert np.allclose(head_angles(rotation), np.stack([yaw, pitch, roll], axis=-1))


def test_sampling_on_the_grid_gives_the_frames_and_between_them_the_mean() -> None:
    motion = ramp(start_s=2.0)
    assert np.allclose(motion.sample(motion.times_s), motion.values)
    assert np.allclose(motion.sample(2.0 + 1.5 / 25), (motion.values[1] + motion.values[2]) / 2)


def test_sampling_holds_the_ends() -> None:
    motion = ramp()
    assert np.array_equal(motion.sample([-9.0, 9.0]), motion.values[[0, -1]])


def test_sampling_a_single_frame_gives_it_at_every_time() -> None:
    motion = ramp(frames=1)
    assert np.array_equal(motion.sample([0.0, 1.0]), motion.values[[0, 0]])


def test_times_do_not_accumulate_an_error_over_an_hour() -> None:
    motion = Motion(np.zeros((90_001, 7), np.float32), CORE7)
    assert motion.times_s[-1] == 3600.0


def test_clamping_keeps_what_is_in_range_and_limits_the_rest() -> None:
    clamped = ramp(
        values=np.array([[0.1, 0.1, 0.1, 10, 10, 10, 0.5], [9, -9, 9, -90, 90, -90, 9]], np.float32)
    ).clamped()
    assert np.allclose(clamped.values[0], [0.1, 0.1, 0.1, 10, 10, 10, 0.5])
    assert np.allclose(clamped.values[1], [0.5, 0, 0.2, -30, 20, -20, 1])


@settings(max_examples=20)
@given(frames=st.integers(1, 9), fps=st.floats(1, 120), start_s=st.floats(-10, 1e4))
def test_a_saved_motion_loads_as_it_was(tmp_path_factory, frames: int, fps: float, start_s: float) -> None:
    path = tmp_path_factory.mktemp("motion") / "motion.npz"
    valid = np.arange(frames) % 2 == 0
    motion = ramp(frames=frames, fps=fps, start_s=start_s, valid=valid)
    motion.save(path)
    loaded = Motion.load(path)
    assert np.array_equal(loaded.values, motion.values)
    assert np.array_equal(loaded.valid, valid)
    assert (loaded.spec, loaded.fps, loaded.start_s) == (CORE7, fps, start_s)
    assert [entry.name for entry in path.parent.iterdir()] == ["motion.npz"]


def test_the_file_is_readable_without_our_code(tmp_path) -> None:
    ramp().save(tmp_path / "motion.npz")
    with np.load(tmp_path / "motion.npz") as file:
        assert file["values"].shape == (5, 7)
        assert list(file["names"]) == list(CORE7.names)
        assert (float(file["fps"]), str(file["spec"])) == (25.0, "core7")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.zeros((3, 6))}, r"shape \(3, 6\), expected \(T, 7\)"),
        ({"values": np.zeros((0, 7))}, "T >= 1"),
        ({"values": np.full((2, 7), np.nan)}, "jaw_open in frame 0 is nan"),
        ({"fps": 0.0}, "fps 0.0 .* above 0"),
        ({"valid": np.ones(4, bool)}, r"mask has shape \(4,\), expected \(5,\)"),
    ],
)
def test_malformed_motion_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(MotionError, match=message):
        ramp(**changes)


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(MotionError, match=r"absent\.npz: no such motion file"):
        Motion.load(tmp_path / "absent.npz")


@pytest.mark.parametrize("keep", [0, 10, 500])
def test_a_truncated_file_is_refused(tmp_path, keep: int) -> None:
    path = tmp_path / "motion.npz"
    ramp().save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(MotionError, match="not a readable .npz motion file"):
        Motion.load(path)


def test_a_file_of_another_vocabulary_is_refused(tmp_path) -> None:
    other = MotionSpec("core7", 2, CORE7.channels)
    Motion(np.zeros((2, 7), np.float32), other).save(tmp_path / "motion.npz")
    with pytest.raises(MotionError, match="core7 version 2 .* this program has version 1"):
        Motion.load(tmp_path / "motion.npz")


def test_a_file_that_lacks_a_key_names_it(tmp_path) -> None:
    np.savez(tmp_path / "motion.npz", values=np.zeros((2, 7), np.float32), spec="core7")
    with pytest.raises(MotionError, match="lacks fps, names, spec_version, start_s, valid"):
        Motion.load(tmp_path / "motion.npz")


def test_an_unknown_spec_or_channel_lists_the_known_ones() -> None:
    with pytest.raises(MotionError, match="unknown motion spec 'flame'. Known: core7"):
        spec_named("flame")
    with pytest.raises(MotionError, match="no channel 'tongue'. It has: jaw_open"):
        ramp().channel("tongue")


def test_a_spec_refuses_repeated_names_and_empty_ranges() -> None:
    with pytest.raises(MotionError, match="names repeat"):
        MotionSpec("twice", 1, (CORE7.channels[0], CORE7.channels[0]))
    with pytest.raises(MotionError, match="range above zero width"):
        Channel("flat", "ratio", 0.0, 0.0)
