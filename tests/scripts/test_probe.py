"""The probe clip: which one, what is written, and what happens without MediaPipe."""

import logging
import shutil
from pathlib import Path

import av
import cv2
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

import scripts.probe
from scripts.entry import CONFIG_FOLDER
from scripts.probe import Probe, longest
from src.errors import DataError, RenderError
from src.render.mesh import MeshRenderer
from tests.render.portraits import SIDE
from tests.tiny_store import write_tiny_store

pytest.importorskip("matplotlib", reason="pictures need the extra `data`")

CLIPS = ["ann_0", "ann_1", "bob_0"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_tiny_store(folder, {"ann": [30, 55], "bob": [55]})
    return folder


def probe(avatar: Path | str, max_seconds: float = 1.0) -> Probe:
    renderer = MeshRenderer(size=SIDE, grid_step=4, iterations=2)
    return Probe(renderer=renderer, avatar=str(avatar), max_seconds=max_seconds)


def test_a_probe_is_a_video_with_sound_and_a_picture(store: Path, inputs: Path, tmp_path: Path) -> None:
    result = probe(inputs / "avatar").make(inputs / "best.ckpt", store, CLIPS, tmp_path)
    assert result is not None
    assert (result.clip_id, result.seconds) == ("bob_0", 1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["probe.mp4", "probe.png"]
    with av.open(str(result.video)) as container:
        (video,), (audio,) = container.streams.video, container.streams.audio
        assert (video.width, video.height) == (2 * SIDE, SIDE)
        assert sum(1 for _ in container.decode(video)) == 25
        assert audio.rate == 16_000
    assert cv2.imread(str(result.picture)).shape[2] == 3
    assert result.lip_std_ratio.value is not None


def test_the_same_probe_gives_the_same_bytes(store: Path, inputs: Path, tmp_path: Path) -> None:
    drawn = probe(inputs / "avatar", max_seconds=0.4)
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        result = drawn.make(inputs / "best.ckpt", store, CLIPS, tmp_path / name)
        contents.append([result.video.read_bytes(), result.picture.read_bytes()])
    assert contents[0] == contents[1]


def test_the_longest_clip_is_taken_whatever_the_order(store: Path) -> None:
    opened = scripts.probe.open_store(store)
    assert longest(opened, CLIPS) == longest(opened, CLIPS[::-1]) == "bob_0"
    assert longest(opened, ["ann_0"]) == "ann_0"


def test_without_mediapipe_there_is_a_warning_and_no_probe(
    store: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(size: int) -> None:
        raise DataError("MediaPipe is missing. Install it.")

    monkeypatch.setattr(scripts.probe, "builtin_avatar", missing)
    with caplog.at_level(logging.WARNING):
        assert probe("builtin").make(inputs / "best.ckpt", store, CLIPS, tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    assert "No probe clip was drawn: MediaPipe is missing. Install it. It needs the extra `data`" in caplog.text


def test_a_folder_without_an_avatar_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(RenderError):
        probe(tmp_path / "nobody")


def test_the_probe_of_the_configuration_can_be_made(inputs: Path, tmp_path: Path) -> None:
    shutil.copytree(inputs / "avatar", tmp_path / "avatar")
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        settings = compose("probe/default", overrides=[f"probe.avatar={tmp_path / 'avatar'}"]).probe
    assert isinstance(instantiate(settings), Probe)
