"""Make the synthetic talking corpus: speech, the motion it implies, and videos of both.

python -m scripts.make_corpus out=data/synthetic

Running it again makes only what is missing; `data.clips_per_speaker=20` grows a corpus. Clips of another
configuration, or of a renderer that draws differently, are made again.
"""

import hashlib
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from scripts.entry import run
from scripts.make_avatar import builtin_avatar
from src.data.synthetic_folder import build_corpus
from src.errors import ConfigError
from src.motion import CORE7, Motion
from src.render.avatar import Avatar
from src.render.contact_sheet import range_of_motion
from src.render.mesh import MeshRenderer, MeshState
from src.render.mp4 import Mp4Writer

NOT_OF_A_CLIP = ("root", "clips_per_speaker", "held_out", "licence")
"""Values of the `data` group that change no clip."""


def main(config: DictConfig) -> None:
    """Build the corpus, with a progress bar."""
    camera = Camera(instantiate(config.render), builtin_avatar(config.render.size), config.image_size)
    build_corpus(
        instantiate(config.data),
        render_frames=camera,
        write_clip=write_clip,
        configuration=clip_configuration(config, camera),
        workers=config.workers or os.cpu_count() or 1,
    )


@dataclass(frozen=True, eq=False)
class Camera:
    """Renders motion on an avatar and keeps the middle of each picture; pickles.

    Raises:
        ConfigError: the middle is larger than the picture.
    """

    renderer: MeshRenderer
    avatar: Avatar
    image_size: int

    def __post_init__(self) -> None:
        if not 0 < self.image_size <= self.renderer.size:
            raise ConfigError(
                f"image_size {self.image_size} must be above 0 and at most render.size {self.renderer.size}."
            )

    def __call__(self, motion: Motion) -> Iterator[NDArray[np.uint8]]:
        """(image_size, image_size, 3) uint8 RGB per frame."""
        border = (self.renderer.size - self.image_size) // 2
        middle = slice(border, border + self.image_size)
        for frame in motion.values:
            yield self.renderer.render(self.state, frame)[middle, middle]

    @cached_property
    def state(self) -> MeshState:
        """The prepared avatar, made once per process."""
        if multiprocessing.parent_process():
            # Workers share the cores; threads within them would only wait for each other.
            cv2.setNumThreads(1)
        return self.renderer.prepare(self.avatar)


def write_clip(
    path: Path, images: Iterable[NDArray[np.uint8]], fps: float, waveform: NDArray[np.float32], sample_rate_hz: int
) -> None:
    """Images and sound to an MP4 file."""
    frames = iter(images)
    first = next(frames)
    height, width = first.shape[:2]
    with Mp4Writer(path, width=width, height=height, fps=fps, sample_rate_hz=sample_rate_hz) as writer:
        writer.add_audio(waveform)
        writer.add_image(first, 0.0)
        for index, image in enumerate(frames, start=1):
            writer.add_image(image, index / fps)


def clip_configuration(config: DictConfig, camera: Camera) -> dict[str, Any]:
    """All that decides about a clip's content, JSON-like.

    A few rendered pictures stand for the avatar and for the code that draws it.
    """
    values: Any = OmegaConf.to_container(config, resolve=True)
    _, probes = range_of_motion()
    drawn = hashlib.sha256()
    for image in camera(Motion(probes, CORE7)):
        drawn.update(image.tobytes())
    return {
        "data": {key: value for key, value in values["data"].items() if key not in NOT_OF_A_CLIP},
        "render": values["render"],
        "image_size": values["image_size"],
        "drawn_sha256": drawn.hexdigest(),
    }


if __name__ == "__main__":
    run(main, "make_corpus")
