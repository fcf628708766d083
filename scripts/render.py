"""Render a motion file on an avatar.

python -m scripts.render avatar=<avatar folder> motion=<motion.npz> [audio=<recording>] out=<file.mp4>
python -m scripts.render ... render=mesh_photo render.photo=<photo of the avatar> out=<file.mp4>
python -m scripts.render ... render/backdrop=transparent out=<file.webm, file.mov, or a folder for PNG>
python -m scripts.render ... render=liveportrait motion=<motion.npz, or a motion template .pkl or .npz>
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
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
from src.render.liveportrait.template_names import is_template
from src.render.mp4 import Mp4Writer
from src.render.png_folder import PngFolder
from src.render.renderer import Renderer

logger = logging.getLogger(__name__)


def main(config: DictConfig) -> None:
    """Load everything, then draw: nothing is written when an input is wrong."""
    avatar, path = load_avatar(config), Path(config.motion)
    motion = None if is_template(path) else motion_for(avatar.details, Motion.load(path))
    amplitude = amplitude_of(config, avatar.details)
    log_taken(config, avatar.details)
    waveform = None if config.audio is None else load_recording(Path(config.audio), config.sample_rate_hz).waveform
    renderer, out = instantiate(config.render), Path(config.out)
    writer_of = writer_for(out, renderer)
    state = renderer.prepare(avatar)
    if motion is None:
        times_s, images = template_images(renderer, state, path)
    else:
        times_s = frame_times(motion.start_s + motion.duration_s)
        images = (renderer.render(state, scaled(frame, amplitude)) for frame in motion.sample(times_s))
    with (
        Progress(console=Console(stderr=True), transient=True) as progress,
        writer_of(sample_rate_hz=None if waveform is None else config.sample_rate_hz) as writer,
    ):
        if waveform is not None:
            writer.add_audio(waveform)
        timed = zip(times_s, images, strict=True)
        for time_s, image in progress.track(timed, total=len(times_s), description="rendering"):
            writer.add_image(image, time_s)
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


def template_images(
    renderer: Renderer, state: Any, path: Path
) -> tuple[NDArray[np.float64], Iterator[NDArray[np.uint8]]]:
    """Times of a template's video frames and their pictures: of each time the template's frame that is next to it.

    Raises:
        ConfigError: this renderer follows no templates.
        MotionError: the file is damaged or none.
    """
    # PyTorch takes seconds to come; the mesh does without.
    from src.render.liveportrait.renderer import LivePortraitRenderer
    from src.render.liveportrait.template import read_template

    if not isinstance(renderer, LivePortraitRenderer):
        raise ConfigError(
            f"{path}: a motion template holds LivePortrait's own keypoints, which this renderer doesn't have. Set "
            "render=liveportrait, or give motion of `python -m scripts.predict`."
        )
    template = read_template(path)
    draw = renderer.follow(state, template)
    times_s = frame_times(template.num_frames / template.fps)
    indices = np.minimum(np.round(times_s * template.fps).astype(int), template.num_frames - 1)
    return times_s, (draw(index) for index in indices.tolist())


def frame_times(end_s: float) -> NDArray[np.float64]:
    """(N,) presentation times of a video's frames: from 0 to its end, 25 a second."""
    return np.arange(max(round(end_s * FRAMES_PER_SECOND), 1)) / FRAMES_PER_SECOND


if __name__ == "__main__":
    run(main, "render")
