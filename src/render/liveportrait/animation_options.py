"""How a portrait follows a driving face: the options of the animation loop."""

import math
from dataclasses import dataclass
from enum import StrEnum

from src.errors import ConfigError
from src.render.liveportrait.keypoint_sets import EYES, LIPS


class Region(StrEnum):
    """What of a driver is followed."""

    ALL = "all"
    EXPRESSION = "exp"
    POSE = "pose"
    LIPS = "lip"
    EYES = "eyes"

    @property
    def moves_pose(self) -> bool:
        """Rotation and place follow."""
        return self in (Region.ALL, Region.POSE)

    @property
    def keypoints(self) -> tuple[int, ...] | None:
        """Whose expression follows; None: not by keypoints."""
        return {Region.LIPS: LIPS, Region.EYES: EYES}.get(self)


class Friendly(StrEnum):
    """What relative motion of a driver with many frames is fitted to."""

    EXPRESSION = "expression-friendly"
    """The first frame gives the portrait as it is, and motion is scaled by the sizes of the faces."""
    POSE = "pose-friendly"
    """Nothing."""


@dataclass(frozen=True, kw_only=True)
class AnimationOptions:
    """How a driver is followed.

    Attributes:
        relative: the change since the driver's first frame is followed, otherwise the driver itself.
        region: what is followed.
        friendly: see there; without effect on absolute motion and on videos as portraits.
        stitching: make neck and shoulders meet the picture around the crop.
        normalize_lips: close the portrait's lips first, if relative.
        retarget_eyes, retarget_lips: follow only the openings of eyes or lips, by their networks; relative motion then
            leaves out everything else.
        steady_eyes: the eyes of a video as portrait are as open as in its first frame.
        multiplier: of all motion of keypoints.
        observation_variance: of the smoothing of a video as portrait, above 0.

    Raises:
        ConfigError: a value that makes no sense.
    """

    relative: bool
    region: Region
    friendly: Friendly
    stitching: bool
    normalize_lips: bool
    retarget_eyes: bool
    retarget_lips: bool
    steady_eyes: bool
    multiplier: float
    observation_variance: float

    def __post_init__(self) -> None:
        # Configuration files know only the values of enums.
        for name, kind in (("region", Region), ("friendly", Friendly)):
            value = getattr(self, name)
            if value not in list(kind):
                raise ConfigError(f"animation: {name}={value}, expected one of {', '.join(kind)}")
            object.__setattr__(self, name, kind(value))
        if not math.isfinite(self.multiplier):
            raise ConfigError(f"animation: multiplier={self.multiplier}, expected a number")
        if not 0 < self.observation_variance < math.inf:
            raise ConfigError(f"animation: observation_variance={self.observation_variance}, expected above 0")

    @property
    def retargets(self) -> bool:
        """Eyes, lips or both follow their networks."""
        return self.retarget_eyes or self.retarget_lips


OFFICIAL = AnimationOptions(
    relative=True,
    region=Region.ALL,
    friendly=Friendly.EXPRESSION,
    stitching=True,
    normalize_lips=False,
    retarget_eyes=False,
    retarget_lips=False,
    steady_eyes=False,
    multiplier=1.0,
    observation_variance=3e-7,
)
"""The defaults of the official command line."""
