"""What a run takes from the package of its avatar, and whom it believes it from.

The command line says more than the package, the package more than `conf/`. So `conf/` holds null where the package is
asked, and whatever a user writes there wins.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig
from pydantic import BaseModel

from src.errors import ConfigError
from src.motion import CORE7, Motion, MotionSpec, core7_of
from src.render.avatar import Avatar
from src.render.avatar_schema import Details
from src.render.avatar_settings import LARGEST_GAIN
from src.render.mesh.avatar_backdrop import packaged

_PACKAGED = f"{packaged.__module__}.{packaged.__qualname__}"

logger = logging.getLogger(__name__)


def load_avatar(config: DictConfig) -> Avatar:
    """The avatar of a run; with `trusted_key` only one that the owner of this key signed.

    Raises:
        RenderError: the package is damaged, its consent has ended, or it is not signed as asked.
    """
    trusted_key = None if config.trusted_key is None else Path(config.trusted_key)
    return Avatar.load(Path(config.avatar), trusted_key=trusted_key)


def amplitude_of(config: DictConfig, details: Details) -> NDArray[np.float32]:
    """(7,) factors for `src.render.amplitude.scaled`, of the section `amplitude` and the avatar.

    Raises:
        ConfigError: a factor on the command line is out of range.
    """
    factors = _chosen("amplitude", config.amplitude, details.amplitude)
    return np.array([factors[name] for name in CORE7.names], np.float32)


def idle_of(config: DictConfig, details: Details) -> Any:
    """The idle layer of the section `idle`, as lively as command line and avatar say.

    Raises:
        ConfigError: a gain on the command line is out of range.
    """
    if "gains" not in config.idle:
        return instantiate(config.idle)
    return instantiate(config.idle, gains=_chosen("idle.gains", config.idle.gains, details.idle))


def motion_for(details: Details, motion: Motion) -> Motion:
    """Motion in what the avatar was made for: `arkit55` is brought down to `core7` on an avatar of that."""
    return core7_of(motion) if details.spec == CORE7.name else motion


def spec_for(details: Details) -> MotionSpec | None:
    """What a model is asked to speak for an avatar; None: its own vocabulary."""
    return CORE7 if details.spec == CORE7.name else None


def log_taken(config: DictConfig, details: Details) -> list[str]:
    """Say in one line what the package decides in this run, and give the parts of it; nothing where it says nothing."""
    said = [f"motion {details.spec}"] if details.spec == CORE7.name else []
    if "amplitude" in config:
        said += _taken("amplitude", config.amplitude, details.amplitude)
    if "gains" in config.get("idle", {}):
        said += _taken("idle", config.idle.gains, details.idle)
    policy, own = details.background_policy, details.renderers
    mesh = None if own is None else own.mesh
    if policy is not None and config.render.get("backdrop", {}).get("_target_") == _PACKAGED:
        said.append("background " + " ".join(str(value) for value in policy.model_dump(mode="json").values()))
    if mesh is not None and config.render.get("moves_along", "") is None:
        said.append(f"moves_along {mesh.moves_along:g}")
    given = config.render.get("settings", {})
    if own is not None and given:
        values = {} if own.liveportrait is None else own.liveportrait.model_dump(exclude_none=True)
        said += [f"{name} {value}" for name, value in values.items() if given[name] is None]
    if said:
        logger.info("from the avatar's package: %s", ", ".join(said))
    return said


def _chosen(key: str, given: Mapping[str, float | None], own: BaseModel | None) -> dict[str, float]:
    """For each name what the command line says, else the package, else 1."""
    factors = {}
    for name, value in given.items():
        # Hydra takes any text for a value of a section whose keys depend on the chosen file.
        if value is not None and not (isinstance(value, int | float) and 0 <= value <= LARGEST_GAIN):
            raise ConfigError(
                f"{key}.{name}={value}: expected a factor from 0 (none) to {LARGEST_GAIN:g} (twice), or null for what "
                "the avatar's package says. Correct the value."
            )
        factors[name] = float(getattr(own, name, 1.0) if value is None else value)
    return factors


def _taken(key: str, given: Mapping[str, float | None], own: BaseModel | None) -> list[str]:
    values = {} if own is None else own.model_dump()
    return [f"{key} {name} {values[name]:g}" for name in given if given[name] is None and values.get(name, 1.0) != 1.0]
