"""From a configuration to a face that can speak: what `scripts.realtime` and everything else that is live begins with.

    animator = open_animator("avatar=avatars/me", "render=mesh_256")
    session = animator.session()

is all that a program needs; `src.realtime.session` says what a session takes and gives. An avatar package holds its
landmarks, so MediaPipe is needed for the built-in portrait only.
"""

import copy
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig

from scripts.avatar_settings import amplitude_of, idle_of, load_avatar, log_taken, spec_for
from scripts.best_checkpoint import resolve
from scripts.entry import composed
from scripts.make_avatar import BUILTIN, builtin_avatar
from src.errors import ConfigError
from src.files import sha256_of
from src.realtime.animator import Animator
from src.realtime.core import Draw, SessionCore
from src.realtime.frame import Layout
from src.realtime.predictor import SpeechToMotion
from src.realtime.spoken import Predictor
from src.render.amplitude import scaled
from src.render.avatar import Avatar

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Cast:
    """An animator and what it was made of.

    Attributes:
        animator: makes sessions.
        predictor: its model.
        checkpoint: the file of it.
        avatar: the package, or the built-in portrait.
        decided: what the package decides in this run.
    """

    animator: Animator
    predictor: SpeechToMotion
    checkpoint: Path
    avatar: Avatar
    decided: list[str]

    def inputs(self, config: DictConfig) -> dict[str, Any]:
        """Files and hashes, for a report."""
        builtin = config.avatar == BUILTIN
        return {
            "checkpoint": {
                "path": str(self.checkpoint),
                "sha256": sha256_of(self.checkpoint),
                "exported_from_sha256": self.predictor.model.exported_from_sha256,
            },
            "avatar": {
                "path": str(config.avatar),
                "sha256": self.avatar.source_sha256 if builtin else sha256_of(Path(config.avatar)),
                "decided": self.decided,
            },
        }


def open_animator(*overrides: str) -> Animator:
    """A face that can speak, from `conf/live` and overrides as on the command line, for programs.

    Raises:
        ConfigError, CheckpointError, RenderError: as `cast_for`.
    """
    animator = cast_for(composed("live_session", overrides)).animator
    animator.warm_up()
    return animator


def cast_for(config: DictConfig) -> Cast:
    """Load the model, the avatar and the renderer of a configuration with the keys of `scripts.schema.Live`.

    Raises:
        ConfigError: the renderer gives pictures with alpha, or a value is out of range.
        CheckpointError, RenderError: model or avatar can't be used.
    """
    checkpoint = resolve(config.checkpoint)
    renderer = instantiate(config.render)
    if renderer.channels != 3:
        raise ConfigError(
            "render/backdrop=transparent: live pictures have no alpha. Set render/backdrop=colour for keying, or "
            "make a video with `python -m scripts.render out=<file.webm>`."
        )
    avatar = builtin_avatar(renderer.size) if config.avatar == BUILTIN else load_avatar(config)
    torch.set_num_threads(config.num_threads)
    predictor = SpeechToMotion.load(checkpoint, config.speaker, spec_for(avatar.details))
    state, amplitude = renderer.prepare(avatar), amplitude_of(config, avatar.details)

    def draw(frame: NDArray[np.float32]) -> NDArray[np.uint8]:
        return renderer.render(state, scaled(frame, amplitude))

    def make_core(predictor: Predictor, draw: Draw, seed: int) -> SessionCore:
        seeded = copy.deepcopy(config)
        seeded.seed = seed
        return instantiate(seeded.session)(
            predictor=predictor,
            draw=draw,
            idle=idle_of(seeded, avatar.details),
            voice=instantiate(seeded.voice),
            drift=instantiate(seeded.drift),
        )

    decided = log_taken(config, avatar.details)
    layout = Layout(renderer.width, renderer.height, predictor.fps, predictor.sample_rate_hz)
    return Cast(Animator(predictor, draw, layout, make_core), predictor, checkpoint, avatar, decided)


def check_pace(animator: Animator) -> None:
    """See that this machine keeps up with live speech; `warm_up` first.

    Raises:
        ConfigError: it does not; what it shows would only get later.
    """
    drawn, fps = animator.drawn_per_second(), animator.layout.fps
    if drawn < fps:
        raise ConfigError(
            f"this machine draws {drawn:.3g} pictures a second with this renderer, live speech needs {fps:g}. Use a "
            "GPU, or a smaller or simpler one such as render=mesh_256."
        )


def check_packaged(config: DictConfig) -> None:
    """See that the avatar is a package, where MediaPipe can't be.

    Raises:
        ConfigError: it is the built-in portrait, whose landmarks are found with MediaPipe.
    """
    if config.avatar == BUILTIN:
        raise ConfigError(
            "avatar=builtin is made with MediaPipe, which doesn't go together with LiveKit and Pipecat. Make a package "
            "in .venv, `python -m scripts.make_avatar image=builtin out=avatars/astronaut`, and give its folder."
        )
