"""The example scripts, with an avatar made without MediaPipe."""

from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from omegaconf import DictConfig

from scripts import livekit_avatar, pipecat_avatar
from scripts.entry import composed
from src.data.audio import save_wav
from src.errors import ConfigError, StreamError
from tests.render.portraits import drawn_avatar


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("avatars") / "drawn"
    drawn_avatar(gap=2.0).save(folder)
    return folder


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a voice-like tone."""
    times = np.arange(16_000) / 16_000
    path = tmp_path_factory.mktemp("speech") / "hum.wav"
    save_wav(
        path,
        (0.3 * np.sign(np.sin(2 * np.pi * 120 * times)) * np.sin(2 * np.pi * 3 * times)).astype(np.float32),
        16_000,
    )
    return path


def config_of(name: str, avatar: Path, *overrides: str) -> DictConfig:
    return composed(name, [f"avatar={avatar}", "render=mesh_256", "checkpoint=default", *overrides])


def film_of(path: Path) -> tuple[int, float, float]:
    """Pictures, seconds of sound, and its largest sample."""
    with av.open(path) as container:
        num_pictures = sum(1 for _ in container.decode(video=0))
    with av.open(path) as container:
        sound = [frame.to_ndarray() for frame in container.decode(audio=0)]
    samples = np.concatenate(sound, axis=1)
    return num_pictures, samples.shape[1] / 16_000, float(np.abs(samples).max())


def test_the_livekit_avatar_speaks_a_recording_into_a_video(avatar: Path, speech: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    livekit_avatar.main(config_of("livekit_avatar", avatar, f"speech={speech}", f"out={out}"))
    num_pictures, seconds, peak = film_of(out)
    assert num_pictures > 0
    assert seconds > 1.0
    assert peak > 0.1


def test_the_livekit_avatar_asks_for_its_room(avatar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVEKIT_URL", raising=False)
    monkeypatch.setenv("LIVEKIT_TOKEN", "x")
    with pytest.raises(ConfigError, match="no LIVEKIT_URL in the environment. Set both"):
        livekit_avatar.main(config_of("livekit_avatar", avatar))


def test_the_livekit_avatar_says_that_a_room_cannot_be_joined(avatar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "ws://127.0.0.1:9")
    monkeypatch.setenv("LIVEKIT_TOKEN", "x")
    with pytest.raises(StreamError, match="ws://127.0.0.1:9: the room can't be joined"):
        livekit_avatar.main(config_of("livekit_avatar", avatar))


@pytest.mark.parametrize("said", ["text", "speech"])
def test_the_pipecat_pipeline_speaks_into_a_video(said: str, avatar: Path, speech: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    what = "text=Hello" if said == "text" else f"speech={speech}"
    pipecat_avatar.main(config_of("pipecat_avatar", avatar, what, f"out={out}"))
    num_pictures, seconds, peak = film_of(out)
    assert num_pictures > 0
    assert seconds > 0.3
    assert peak > 0.1


def test_the_pipecat_pipeline_wants_one_thing_to_say(avatar: Path) -> None:
    with pytest.raises(ConfigError, match="give either text=<what to say> or speech=<recording>"):
        pipecat_avatar.main(config_of("pipecat_avatar", avatar))


@pytest.mark.parametrize("script", [livekit_avatar, pipecat_avatar], ids=lambda script: script.__name__)
def test_the_built_in_portrait_is_refused_because_it_needs_mediapipe(script: ModuleType) -> None:
    config = composed(script.__name__.removeprefix("scripts."))
    with pytest.raises(ConfigError, match="avatar=builtin is made with MediaPipe, which doesn't go together"):
        script.main(config)
