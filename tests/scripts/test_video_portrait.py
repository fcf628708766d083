"""A video gives its best picture, one without a face says so."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.make_avatar import builtin_avatar
from scripts.video_portrait import best_picture, is_video
from src.errors import RenderError
from src.motion import CORE7
from src.render.mesh import MeshRenderer
from src.render.mp4 import Mp4Writer

pytestmark = pytest.mark.slow
FPS = 25


def film(path: Path, images: list[NDArray[np.uint8]]) -> Path:
    with Mp4Writer(path, width=256, height=256, fps=FPS, sample_rate_hz=None) as video:
        for number, image in enumerate(images):
            video.add_image(image, number / FPS)
    return path


def test_the_picture_at_rest_is_chosen_and_its_time_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("skimage", reason="the built-in portrait needs scikit-image")
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    renderer = MeshRenderer(size=256, grid_step=4, iterations=10)
    state = renderer.prepare(builtin_avatar(256))

    def moved(**channels: float) -> NDArray[np.uint8]:
        frame = np.zeros(CORE7.size, np.float32)
        for name, value in channels.items():
            frame[CORE7.names.index(name)] = value
        return renderer.render(state, frame)

    restless = [moved(head_yaw=25.0), moved(jaw_open=0.25), moved(eye_blink=1.0), moved(head_roll=20.0)]
    rest = moved()
    path = film(tmp_path / "talk.mp4", [*restless * 2, rest, *restless])
    with caplog.at_level("INFO"):
        chosen = best_picture(path, 24.0)
    assert "the picture at 0.32 s is the best of 13" in caplog.text
    assert np.abs(chosen.astype(float) - rest).mean() < 6


def test_a_video_without_a_face_says_what_to_do(tmp_path: Path) -> None:
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    path = film(tmp_path / "wall.mp4", [np.full((256, 256, 3), 120, np.uint8)] * 5)
    with pytest.raises(RenderError, match=r"none of 5 pictures .* exactly one face\. Use a video of one person"):
        best_picture(path, 24.0)


def test_videos_are_told_by_their_names() -> None:
    assert is_video("one/Talk.MP4")
    assert not is_video("photo.webp")
    assert not is_video("builtin")
