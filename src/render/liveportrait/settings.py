"""How one portrait is shown: what the command line says, else the avatar's package, else the official program."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from src.errors import ConfigError
from src.render.avatar_settings import LivePortraitSettings, RendererSettings
from src.render.liveportrait.crop import SOURCE
from src.render.liveportrait.finishing import OPEN_LIPS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """As `LivePortraitSettings`, with a value for everything: the official one."""

    crop_scale: float = SOURCE.scale
    crop_shift: float = SOURCE.shift_y
    crop_upright: bool = True
    lip_threshold: float = OPEN_LIPS
    motion: float = 1.0
    eyes: float = 1.0
    lips: float = 1.0
    stitching: bool = True
    paste_back: bool = True


def checked(values: Mapping[str, Any]) -> LivePortraitSettings:
    """Settings of a configuration; None: left to the avatar.

    Raises:
        ConfigError: names each wrong value.
    """
    try:
        return LivePortraitSettings.model_validate(dict(values))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ConfigError(f"render.settings: {wrong}. Correct the values; null asks the avatar's package.") from error


def chosen(given: LivePortraitSettings, own: RendererSettings | None) -> Settings:
    """What applies to an avatar.

    Args:
        given: on the command line or in `conf/`.
        own: of its package.
    """
    packaged = None if own is None else own.liveportrait
    said = {} if packaged is None else packaged.model_dump(exclude_none=True)
    return replace(Settings(), **said | given.model_dump(exclude_none=True))
