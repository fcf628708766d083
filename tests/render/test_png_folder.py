import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.errors import RenderError
from src.render.png_folder import PngFolder


@pytest.mark.parametrize("channels", [3, 4])
def test_pictures_and_sound_are_read_back_as_they_were(tmp_path: Path, channels: int) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 20, 30, channels)).astype(np.uint8)
    sound = np.linspace(-1, 1, 1920).astype(np.float32)
    with PngFolder(tmp_path / "out", fps=25, sample_rate_hz=16_000) as folder:
        folder.add_audio(sound)
        for index, image in enumerate(images):
            folder.add_image(image, index / 25)
    for index, image in enumerate(images):
        found = cv2.imread(str(tmp_path / "out" / f"frame_{index:06d}.png"), cv2.IMREAD_UNCHANGED)
        order = [2, 1, 0, 3][:channels]
        assert np.array_equal(found[..., order], image)
    with wave.open(str(tmp_path / "out" / "sound.wav")) as file:
        assert file.getframerate() == 16_000
        samples = np.frombuffer(file.readframes(1920), "<i2") / 32767
    assert samples == pytest.approx(sound, abs=1e-4)


def test_a_folder_with_content_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RenderError, match="holds something"):
        PngFolder(tmp_path, fps=25, sample_rate_hz=None)


def test_a_block_that_raises_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), PngFolder(tmp_path / "out", fps=25, sample_rate_hz=None) as folder:
        folder.add_image(np.zeros((4, 4, 3), np.uint8), 0.0)
        raise ZeroDivisionError
    with pytest.raises(RenderError, match="no image was added"), PngFolder(tmp_path / "o", fps=25, sample_rate_hz=None):
        pass
    assert not list(tmp_path.iterdir())


def test_wrong_times_and_sound_are_refused(tmp_path: Path) -> None:
    with PngFolder(tmp_path / "out", fps=25, sample_rate_hz=None) as folder:
        folder.add_image(np.zeros((4, 4, 3), np.uint8), 0.0)
        with pytest.raises(RenderError, match=r"image time 0.0800 s, expected 0.0400 s"):
            folder.add_image(np.zeros((4, 4, 3), np.uint8), 0.08)
        with pytest.raises(RenderError, match="does not fit a folder opened with sample rate None"):
            folder.add_audio(np.zeros(10, np.float32))
