"""Render a motion file on an avatar.

python -m scripts.render avatar=<avatar folder> motion=<motion.npz> [audio=<recording>] out=<file.mp4>
"""

import logging
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress

from scripts.avatar_settings import amplitude_of, log_taken, motion_for
from scripts.entry import run
from src.data.audio import load_recording
from src.errors import ConfigError
from src.motion import FRAMES_PER_SECOND, Motion
from src.render.amplitude import scaled
from src.render.avatar import Avatar
from src.render.mp4 import Mp4Writer

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Load everything, then draw: nothing is written when an input is wrong."""
    out = Path(config.out)
    if out.suffix.lower() != ".mp4":
        raise ConfigError(f"out={config.out}: the video is written as MP4. Give a name that ends in .mp4.")
    avatar = Avatar.load(config.avatar)
    motion = motion_for(avatar.details, Motion.load(Path(config.motion)))
    amplitude = amplitude_of(config, avatar.details)
    log_taken(config, avatar.details)
    waveform = None if config.audio is None else load_recording(Path(config.audio), config.sample_rate_hz).waveform
    renderer = instantiate(config.render)
    state = renderer.prepare(avatar)
    times_s = frame_times(motion)
    with (
        Progress(console=Console(stderr=True), transient=True) as progress,
        Mp4Writer(
            out,
            width=renderer.width,
            height=renderer.height,
            fps=FRAMES_PER_SECOND,
            sample_rate_hz=None if waveform is None else config.sample_rate_hz,
        ) as writer,
    ):
        if waveform is not None:
            writer.add_audio(waveform)
        frames = zip(times_s, motion.sample(times_s), strict=True)
        for time_s, frame in progress.track(frames, total=len(times_s), description="rendering"):
            writer.add_image(renderer.render(state, scaled(frame, amplitude)), time_s)
    logger.info("%s: %d frames, %.1f s", out, len(times_s), len(times_s) / FRAMES_PER_SECOND)


def frame_times(motion: Motion) -> np.ndarray:
    """(N,) presentation times of the video's frames: from 0 to the end of the motion, 25 a second."""
    end_s = motion.start_s + motion.duration_s
    return np.arange(max(round(end_s * FRAMES_PER_SECOND), 1)) / FRAMES_PER_SECOND


if __name__ == "__main__":
    run(main, "render")
