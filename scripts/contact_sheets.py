"""Contact sheets of an avatar: every channel swept, and how it speaks, to be looked at.

python -m scripts.contact_sheets out=<folder> avatar=<avatar folder>
python -m scripts.contact_sheets out=<folder> avatar=<avatar folder> audio=<recording>
python -m scripts.contact_sheets out=<folder> avatar=<avatar folder> motion=<motion.npz>

Writes `core7.png`, each channel in a row, and `arkit55.png`, the face with each blendshape at its upper end. With a
recording, which `checkpoint` turns into motion, or with a motion of `scripts.predict`, it writes `speech.png` too: the
face at five pictures a second, a second in a row.
"""

import logging
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from scripts.best_checkpoint import resolve
from scripts.entry import run
from scripts.make_avatar import BUILTIN, builtin_avatar
from src.data.audio import load_recording
from src.errors import ConfigError
from src.motion import CORE7, Motion
from src.realtime.predictor import SpeechToMotion
from src.render.avatar import Avatar
from src.render.contact_sheet import around_face, contact_sheet, every_shape, moments, save_sheet, sweep

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Draw and write the sheets; nothing is written when an input is wrong."""
    spoken = speech(config)
    renderer = instantiate(config.render)
    avatar = builtin_avatar(renderer.size) if config.avatar == BUILTIN else Avatar.load(config.avatar)
    state = renderer.prepare(avatar)
    rows = [sweep(CORE7, name, config.steps) for name in CORE7.names]
    sheets = {
        "core7": (
            [label for labels, _ in rows for label in labels],
            [renderer.render(state, frame) for _, frames in rows for frame in frames],
            config.steps,
        )
    }
    labels, frames = every_shape()
    # A blendshape is a small thing, and no shape moves the head.
    shapes = [around_face(renderer.render(state, frame), avatar.landmarks) for frame in frames]
    sheets["arkit55"] = labels, shapes, config.steps
    if spoken is not None:
        labels, frames = moments(spoken, config.speech.per_second, config.speech.longest_s)
        images = [around_face(renderer.render(state, frame), avatar.landmarks) for frame in frames]
        sheets["speech"] = labels, images, max(round(config.speech.per_second), 1)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, (captions, images, columns) in sheets.items():
        path = out / f"{name}.{config.format}"
        save_sheet(path, contact_sheet(captions, images, columns=columns, width=config.width))
        logger.info("%s: %d pictures", path, len(images))


def speech(config: DictConfig) -> Motion | None:
    """The motion that the avatar speaks with; None where neither a motion nor a recording is given.

    Raises:
        ConfigError: both are given, or times that are not above 0.
    """
    if config.motion is not None and config.audio is not None:
        raise ConfigError("motion and audio were both given. Give the motion file, or the recording to make one from.")
    if min(config.speech.per_second, config.speech.longest_s) <= 0:
        raise ConfigError(
            f"speech.per_second={config.speech.per_second}, speech.longest_s={config.speech.longest_s}: both must be "
            "above 0. Leave audio and motion away for sheets without speech."
        )
    if config.motion is not None:
        return Motion.load(Path(config.motion))
    if config.audio is None:
        return None
    predictor = SpeechToMotion.load(resolve(config.checkpoint), config.speaker)
    return predictor.predict(load_recording(Path(config.audio), predictor.sample_rate_hz).waveform)


if __name__ == "__main__":
    run(main, "contact_sheets")
