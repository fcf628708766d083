import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig

from scripts.entry import CONFIG_FOLDER
from scripts.make_corpus import Camera, clip_configuration
from scripts.schema import register
from src.data.synthetic import SyntheticCorpus
from src.errors import ConfigError
from src.motion import CORE7, Motion
from src.render.avatar import Avatar

ROOT = Path(__file__).resolve().parents[2]
GREY = np.full((8, 8, 3), 128, np.uint8)
AVATAR = Avatar("grey", GREY, np.zeros((478, 3), np.float32), np.full((8, 8), 255, np.uint8), GREY, (0, 0, 8), "none")


def config(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return compose("make_corpus", [*overrides])


class Ramp:
    """A renderer whose pixels tell their column and their frame's jaw opening."""

    size = 8

    def prepare(self, avatar: Avatar) -> int:
        return int(avatar.image[0, 0, 0])

    def render(self, state: int, frame: NDArray[np.float32]) -> NDArray[np.uint8]:
        row = np.arange(8) + state + round(100 * float(frame[0]))
        return np.broadcast_to(row[None, :, None], (8, 8, 3)).astype(np.uint8)


def test_the_configuration_describes_a_corpus_in_the_asked_folder(tmp_path: Path) -> None:
    corpus = instantiate(config(f"out={tmp_path}").data)
    assert isinstance(corpus, SyntheticCorpus)
    assert corpus.root == tmp_path
    assert len({speaker.language for speaker in corpus.speakers}) >= 3
    assert len({(speaker.voice, speaker.variant) for speaker in corpus.speakers}) == len(corpus.speakers)


def test_the_camera_shows_the_middle_of_each_rendered_frame() -> None:
    values = np.zeros((3, CORE7.size), np.float32)
    values[:, 0] = (0.0, 0.1, 0.2)
    images = list(Camera(Ramp(), AVATAR, 4)(Motion(values, CORE7)))  # type: ignore[arg-type]
    assert [image.shape for image in images] == [(4, 4, 3)] * 3
    assert [image[0, :, 0].tolist() for image in images] == [[130 + n, 131 + n, 132 + n, 133 + n] for n in (0, 10, 20)]


def test_a_middle_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(ConfigError, match="image_size 10 must be above 0 and at most render.size 8"):
        Camera(Ramp(), AVATAR, 10)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("override", "same"),
    [
        ("data.clips_per_speaker=50", True),
        ("out=elsewhere", True),
        ("workers=7", True),
        ("data.seed=1", False),
        ("image_size=128", False),
        ("render.size=512", False),
        ("data.articulator.nod_degrees=0", False),
    ],
)
def test_clips_are_made_again_exactly_when_their_content_would_change(override: str, same: bool) -> None:
    camera = Camera(Ramp(), AVATAR, 4)  # type: ignore[arg-type]
    plain, changed = (clip_configuration(config("out=here", *more), camera) for more in ([], [override]))
    assert (plain == changed) is same


def test_clips_are_made_again_when_the_renderer_draws_differently() -> None:
    class Darker(Ramp):
        def render(self, state: object, frame: np.ndarray) -> np.ndarray:
            return super().render(state, frame) // 2

    one, other = (
        clip_configuration(config("out=here"), Camera(renderer, AVATAR, 4))  # type: ignore[arg-type]
        for renderer in (Ramp(), Darker())
    )
    assert one != other


@pytest.mark.slow
def test_two_builds_are_identical_and_hold_picture_sound_and_truth(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the speech library is not installed (extra `speech`)")
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra `data`)")
    from src.data.audio import load_recording

    speaker = "{_target_:src.data.synthetic.Speaker,voice:en-us,variant:m2,pitch:50,rate_wpm:250}"
    for name in ("one", "two"):
        arguments = (f"out={tmp_path / name}", "data.clips_per_speaker=2", f"data.speakers=[{speaker}]", "workers=1")
        command = [sys.executable, "-m", "scripts.make_corpus", *arguments, "data.sentences_per_clip=1"]
        subprocess.run(command, cwd=ROOT, check=True)
    one, two = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    listed = json.loads((tmp_path / "one/corpus.json").read_text("utf-8"))
    for clip in listed["clips"]:
        video = tmp_path / "one" / clip["path"]
        assert len(load_recording(video).waveform) / 16_000 == pytest.approx(clip["seconds"], abs=0.07)
        assert len(Motion.load(video.with_suffix(".motion.npz"))) == pytest.approx(25 * clip["seconds"], abs=1)
