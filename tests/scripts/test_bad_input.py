"""Bad input ends in one message, exit code 2 and nothing half-written, from the user's own command line."""

import subprocess
import wave
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from src.motion import Motion
from tests.script_process import run_script

pytestmark = pytest.mark.slow


def script(name: str, **values: object) -> subprocess.CompletedProcess[str]:
    overrides = [f"{key}={value}" if isinstance(value, int) else f"{key}='{value}'" for key, value in values.items()]
    return run_script(name, *overrides)


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """It said one message with these words in it, and showed no traceback."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    (message,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in message


@pytest.fixture(scope="module")
def silent_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one video without sound."""
    path = tmp_path_factory.mktemp("silent") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        for _ in range(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    return path.parent


def write_pcm(path: Path, samples: np.ndarray, rate_hz: int, channels: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(samples.itemsize)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


def test_a_folder_without_a_video(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    result = script("prepare_data", **{"data.root": tmp_path / "videos", "out": tmp_path / "store"})
    refused(result, str(tmp_path / "videos"), "no video in this folder", "data.root")
    assert not (tmp_path / "store").exists()


def test_a_video_without_sound(silent_video: Path, tmp_path: Path) -> None:
    result = script("prepare_data", **{"data.root": silent_video, "out": tmp_path / "store"})
    refused(result, "none of 1 videos could be used", "no_audio: the file has no sound track")


def test_a_truncated_video(silent_video: Path, tmp_path: Path) -> None:
    whole = (silent_video / "clip.mp4").read_bytes()
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "half.mp4").write_bytes(whole[: len(whole) // 2])
    result = script("prepare_data", **{"data.root": tmp_path / "videos", "out": tmp_path / "store"})
    refused(result, "half.mp4: unreadable", "cut off before its index", "Copy it again")


@pytest.mark.parametrize(("columns", "words"), [(0, "no face was found"), (2, "2 faces were found")])
def test_a_portrait_without_a_face_or_with_several(tmp_path: Path, columns: int, words: str) -> None:
    skimage_data = pytest.importorskip("skimage.data", reason="the built-in portrait needs scikit-image")
    faces = np.hstack([skimage_data.astronaut()] * columns) if columns else np.full((300, 300, 3), 120, np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), faces[..., ::-1])
    refused(script("make_avatar", image=tmp_path / "photo.png", out=tmp_path / "avatar"), "photo", words)
    assert [item.name for item in tmp_path.iterdir()] == ["photo.png"]


def test_an_eight_bit_stereo_wav_at_44100_hz_is_read(inputs: Path, tmp_path: Path) -> None:
    tone = np.uint8(128 + 100 * np.sin(np.arange(44_100) / 40))
    audio = write_pcm(tmp_path / "old.wav", np.repeat(tone, 2), 44_100, channels=2)
    result = script("predict", checkpoint=inputs / "best.ckpt", audio=audio, out=tmp_path / "motion.npz")
    assert result.returncode == 0, result.stderr
    assert len(Motion.load(tmp_path / "motion.npz")) == 25


def test_an_empty_wav(inputs: Path, tmp_path: Path) -> None:
    audio = write_pcm(tmp_path / "empty.wav", np.zeros(0, np.int16), 16_000, channels=1)
    for name, key, out in (("predict", "audio", "motion.npz"), ("realtime", "source", "live")):
        avatar = {"avatar": inputs / "avatar", "render.size": 256} if name == "realtime" else {}
        result = script(name, checkpoint=inputs / "best.ckpt", out=tmp_path / out, **{key: audio}, **avatar)
        refused(result, "empty.wav: the sound track is empty (0 samples)", "give another file")
    assert [item.name for item in tmp_path.iterdir()] == ["empty.wav"]


def test_an_unknown_config_key(tmp_path: Path) -> None:
    result = script("predict", checkpont="x", audio="y", out=tmp_path / "z")
    refused(result, "Could not override 'checkpont'")


def test_a_checkpoint_of_another_motion_spec(inputs: Path, tmp_path: Path) -> None:
    stored = torch.load(inputs / "best.ckpt", weights_only=True)
    stored["audio2motion"]["contract"]["spec_name"] = "flame50"
    torch.save(stored, tmp_path / "other.ckpt")
    for name, more in (
        ("predict", {"audio": "speech.wav"}),
        ("realtime", {"avatar": "avatar", "source": "speech.wav"}),
    ):
        given = {key: inputs / value for key, value in more.items()}
        result = script(name, checkpoint=tmp_path / "other.ckpt", out=tmp_path / "out", **given)
        refused(result, "other.ckpt: it speaks motion spec 'flame50', this program knows core7")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_checkpoint(inputs: Path, tmp_path: Path) -> None:
    result = script("predict", checkpoint=inputs / "speech.wav", audio=inputs / "speech.wav", out=tmp_path / "m.npz")
    refused(result, "speech.wav: not a readable checkpoint", "Give the best.ckpt")


def test_an_avatar_folder_that_is_none(inputs: Path, tmp_path: Path) -> None:
    values = {"checkpoint": inputs / "best.ckpt", "source": inputs / "speech.wav", "out": tmp_path / "out"}
    refused(script("realtime", avatar=tmp_path, **values), "no avatar package (avatar.json is missing)", "make_avatar")


def test_a_motion_that_is_none(inputs: Path, tmp_path: Path) -> None:
    result = script("render", avatar=inputs / "avatar", motion=inputs / "speech.wav", out=tmp_path / "video.mp4")
    refused(result, "speech.wav: not a readable .npz motion file", "scripts.predict")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_none(tmp_path: Path) -> None:
    result = script("train", **{"data.store": tmp_path, "out": tmp_path / "run"})
    refused(result, "not a prepared store, manifest.parquet is missing", "scripts.prepare_data")
    assert list(tmp_path.iterdir()) == []
