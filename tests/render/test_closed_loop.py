"""What the renderer is asked for is found again in its pictures, on the built-in portrait."""

import numpy as np
import pytest

from src.motion import CORE7
from src.render.avatar import create_avatar
from src.render.closed_loop import measure, random_motion
from src.render.mesh import MeshRenderer

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
        loop = measure(asked, [landmarker.detect(image) for image in images])
    assert loop.found == len(asked)
    for name, least in MINIMUM_R.items():
        assert loop.r[name] >= least, (name, loop.r)
    assert loop.slope["jaw_open"] == pytest.approx(1.0, abs=0.15)
    assert loop.mean_error["jaw_open"] < 0.035
    for angle in ("head_yaw", "head_pitch", "head_roll"):
        assert loop.mean_error[angle] < 3.0, (angle, loop.mean_error)
