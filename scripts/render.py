"""Render a motion file on an avatar.

python -m scripts.render avatar=<avatar folder> motion=<motion.npz> [audio=<recording>] out=<file.mp4>
python -m scripts.render ... render=mesh_photo render.photo=<photo of the avatar> out=<file.mp4>
python -m scripts.render ... render/backdrop=transparent out=<file.webm, file.mov, or a folder for PNG>
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress

from scripts.avatar_settings import amplitude_of, load_avatar, log_taken, motion_for
from scripts.entry import run
from src.data.audio import load_recording
from src.errors import ConfigError
from src.motion import FRAMES_PER_SECOND, Motion
from src.render.alpha_video import ALPHA_SUFFIXES, AlphaVideoWriter
from src.render.amplitude import scaled
from src.render.mp4 import Mp4Writer
from src.render.png_folder import PngFolder
from src.render.renderer import Renderer

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Load everything, then draw: nothing is written when an input is wrong."""
    avatar = load_avatar(config)
    motion = motion_for(avatar.details, Motion.load(Path(config.motion)))
    amplitude = amplitude_of(config, avatar.details)
    log_taken(config, avatar.details)
    waveform = None if config.audio is None else load_recording(Path(config.audio), config.sample_rate_hz).waveform
    renderer, out = instantiate(config.render), Path(config.out)
    writer_of = writer_for(out, renderer)
    state = renderer.prepare(avatar)
    times_s = frame_times(motion)
    with (
        Progress(console=Console(stderr=True), transient=True) as progress,
        writer_of(sample_rate_hz=None if waveform is None else config.sample_rate_hz) as writer,
    ):
        if waveform is not None:
            writer.add_audio(waveform)
        frames = zip(times_s, motion.sample(times_s), strict=True)
        for time_s, frame in progress.track(frames, total=len(times_s), description="rendering"):
            writer.add_image(renderer.render(state, scaled(frame, amplitude)), time_s)
    logger.info("%s: %d frames, %.1f s", out, len(times_s), len(times_s) / FRAMES_PER_SECOND)


def writer_for(out: Path, renderer: Renderer) -> Callable[..., Mp4Writer | AlphaVideoWriter | PngFolder]:
    """What writes pictures of a renderer under a name, lacking the sample rate of the sound.

    Raises:
        ConfigError: the name is of no format, or of one that can't hold these pictures.
    """
    suffix, has_alpha = out.suffix.lower(), renderer.channels == 4
    if not suffix:
        return partial(PngFolder, out, fps=FRAMES_PER_SECOND)
    layout: dict[str, Any] = {"width": renderer.width, "height": renderer.height, "fps": FRAMES_PER_SECOND}
    if suffix == ".mp4" and not has_alpha:
        return partial(Mp4Writer, out, **layout)
    if suffix in ALPHA_SUFFIXES and has_alpha:
        return partial(AlphaVideoWriter, out, **layout)
    if suffix == ".mp4":
        raise ConfigError(
            f"out={out}: MP4 holds no transparency. Give a name that ends in {' or '.join(ALPHA_SUFFIXES)}, a folder "
            "for PNG, or put something behind the person, such as render/backdrop=colour."
        )
    if suffix in ALPHA_SUFFIXES:
        raise ConfigError(
            f"out={out}: this format is written with transparency, and the renderer draws none. Set "
            "render/backdrop=transparent, or give a name that ends in .mp4."
        )
    raise ConfigError(
        f"out={out}: not a format that is written. Give a name that ends in .mp4, with render/backdrop=transparent one "
        f"that ends in {' or '.join(ALPHA_SUFFIXES)}, or a folder for PNG."
    )


def frame_times(motion: Motion) -> np.ndarray:
    """(N,) presentation times of the video's frames: from 0 to the end of the motion, 25 a second."""
    end_s = motion.start_s + motion.duration_s
    return np.arange(max(round(end_s * FRAMES_PER_SECOND), 1)) / FRAMES_PER_SECOND


if __name__ == "__main__":
    run(main, "render")
