"""What is asked for is found again: in points that were moved exactly, and in pictures of the built-in portrait."""

import numpy as np
import pytest
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import (
    CLOSED_EYE,
    INNER_LIP_BOTTOM,
    INNER_LIP_TOP,
    LEFT_EAR_POINTS,
    LEFT_MOUTH_CORNER,
    RIGHT_EAR_POINTS,
    RIGHT_MOUTH_CORNER,
)
from src.motion import CORE7, head_rotation
from src.render.avatar import create_avatar, face_size
from src.render.closed_loop import (
    FEWEST,
    MEASURED,
    ClosedLoop,
    measure_swept,
    measure_together,
    random_motion,
    swept_motion,
)
from src.render.mesh import MeshRenderer
from tests.render.portraits import drawn_landmarks

MINIMUM_R = {
    "jaw_open": 0.95,
    "mouth_wide": 0.8,
    "mouth_narrow": 0.8,
    "mouth_width": 0.9,
    "head_yaw": 0.95,
    "head_pitch": 0.85,
    "head_roll": 0.95,
    "eye_blink": 0.9,
}


def moved(frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """(478, 3) points of a drawn face that do what a frame says, without any renderer."""
    points = drawn_landmarks().astype(np.float64)
    points[:, 2] += np.random.default_rng(2).uniform(-20, 20, len(points))
    value = dict(zip(CORE7.names, frame.astype(np.float64), strict=True))
    points[INNER_LIP_BOTTOM] = points[INNER_LIP_TOP]
    across = points[LEFT_MOUTH_CORNER] - points[RIGHT_MOUTH_CORNER]
    way = (value["mouth_wide"] - value["mouth_narrow"]) * face_size(points) * across / np.linalg.norm(across)
    points[LEFT_MOUTH_CORNER] += way / 2
    points[RIGHT_MOUTH_CORNER] -= way / 2
    points[INNER_LIP_BOTTOM, 1] += value["jaw_open"] * face_size(points)
    for _, upper_1, upper_2, _, lower_2, lower_1 in (LEFT_EAR_POINTS, RIGHT_EAR_POINTS):
        for upper, lower in ((upper_1, lower_1), (upper_2, lower_2)):
            points[upper] += value["eye_blink"] * (1 - CLOSED_EYE) * (points[lower] - points[upper])
    turn = head_rotation(value["head_yaw"], value["head_pitch"], value["head_roll"])
    return (points @ turn.T).astype(np.float32)


def shown(asked: NDArray[np.float32]) -> list[list[NDArray[np.float32]]]:
    return [[moved(frame)] for frame in (CORE7.neutral, *asked)]


def is_exact(loop: ClosedLoop) -> bool:
    return all(
        loop.r[name] > 0.9999 and abs(loop.slope[name] - 1) < 1e-3 and loop.mean_error[name] < 0.01 for name in MEASURED
    )


def test_exact_movement_is_measured_exactly_alone_and_together() -> None:
    swept, together = swept_motion(9), random_motion(np.random.default_rng(0), 40)
    assert is_exact(measure_swept(swept, shown(swept)))
    assert is_exact(measure_together(together, shown(together)))


def test_a_sweep_takes_each_channel_from_end_to_end_alone() -> None:
    frames = swept_motion(5)
    assert ((frames != CORE7.neutral).sum(axis=1) <= 1).all()
    for index, channel in enumerate(CORE7.channels):
        turn = frames[5 * index : 5 * index + 5, index]
        assert turn.tolist() == pytest.approx(np.linspace(channel.minimum, channel.maximum, 5).tolist())


def test_a_sweep_blames_the_channel_that_fails_and_no_other() -> None:
    swept = swept_motion(9)
    half = swept.copy()
    half[:, CORE7.index("head_pitch")] *= 0.5
    loop = measure_swept(swept, shown(half))
    assert loop.slope["head_pitch"] == pytest.approx(0.5, abs=0.01)
    assert loop.mean_error["head_pitch"] == pytest.approx(np.abs(np.linspace(-10, 10, 9)).mean(), abs=0.05)
    assert max(loop.mean_error[name] for name in ("head_yaw", "head_roll")) < 0.01
    assert loop.compared == dict.fromkeys(CORE7.names, 9) | {"mouth_width": 18}


def test_pictures_without_a_face_do_not_count() -> None:
    swept = swept_motion(9)
    faces = shown(swept)
    faces[1] = faces[9] = []
    loop = measure_swept(swept, faces)
    assert (loop.found, loop.compared["jaw_open"], loop.compared["eye_blink"]) == (61, 7, 9)
    faces[1:10] = [[]] * 9
    with pytest.raises(RenderError, match=f"jaw_open: a face was found in 0 of 9 pictures, {FEWEST} are needed"):
        measure_swept(swept, faces)
    with pytest.raises(RenderError, match="no face was found in the picture of the neutral frame"):
        measure_swept(swept, [[]] * 64)


@pytest.mark.slow
def test_landmarks_follow_what_was_asked() -> None:
    face_landmarks = pytest.importorskip("src.data.landmarks")
    pytest.importorskip("mediapipe")
    from src.data.person_matte import person_matte

    astronaut = pytest.importorskip("skimage.data").astronaut()
    with face_landmarks.FaceLandmarker(max_faces=1, static=True) as landmarker:
        avatar = create_avatar(astronaut, landmarker.detect(astronaut), person_matte, 512, "astronaut")
        renderer = MeshRenderer(size=512, grid_step=4, iterations=10)
        state = renderer.prepare(avatar)
        asked = random_motion(np.random.default_rng(0), 100)
        images = (renderer.render(state, frame) for frame in (CORE7.neutral, *asked))
        loop = measure_together(asked, [landmarker.detect(image) for image in images])
        alone = swept_motion(7)
        images = (renderer.render(state, frame) for frame in (CORE7.neutral, *alone))
        swept = measure_swept(alone, [landmarker.detect(image) for image in images])
    assert loop.found == len(asked)
    for name, least in MINIMUM_R.items():
        assert loop.r[name] >= least, (name, loop.r)
    assert loop.slope["jaw_open"] == pytest.approx(1.0, abs=0.15)
    assert loop.mean_error["jaw_open"] < 0.035
    for angle in ("head_yaw", "head_pitch", "head_roll"):
        assert loop.mean_error[angle] < 3.0, (angle, loop.mean_error)
    for name in ("jaw_open", "mouth_wide", "mouth_narrow", "mouth_width", "eye_blink"):
        assert swept.r[name] >= 0.95, (name, swept.r)
    assert swept.slope["eye_blink"] == pytest.approx(1.0, abs=0.2)
