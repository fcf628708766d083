"""What channels of motion add to the expression of LivePortrait's keypoints.

The implicit keypoints have no names; what is known is what the official editor adds to them when a slider is moved
(`_LOOK_RIGHT` and so on, per unit of the slider). A channel at the upper end of its range is the end of a slider; where
two channels are the two sides of one movement, each is half of it, because the sliders know no sides. Jaw and lids are
not here: networks open and close them (`src.render.liveportrait.puppet`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from src.motion import MotionSpec
from src.render.liveportrait.keypoint_sets import NUM_KEYPOINTS

Slider = Mapping[tuple[int, str], float]
"""(keypoint, axis) -> what one unit adds; x goes right, y down, z into the picture."""

_LOOK_RIGHT: Slider = {(11, "x"): 0.0007, (15, "x"): 0.001}
"""To the right of the picture, up to 30."""
_LOOK_LEFT: Slider = {(11, "x"): -0.001, (15, "x"): -0.0007}
"""To the left of the picture, up to 30."""
_LOOK_UP: Slider = {(11, "y"): -0.0005, (15, "y"): -0.0005, (13, "y"): -0.00015, (16, "y"): -0.00015}
"""From -63 to 63; lids go along."""
_SMILE: Slider = {
    (20, "y"): -0.01, (14, "y"): -0.02, (17, "y"): 0.0065, (17, "z"): 0.003,
    (13, "y"): -0.00275, (16, "y"): -0.00275, (3, "y"): -0.0035, (7, "y"): -0.0035,
}  # fmt: skip
"""From -0.3 to 1.3."""
_BROWS_UP: Slider = {(1, "y"): 0.001, (2, "y"): -0.001}
_BROWS_DOWN: Slider = {(1, "x"): 0.001, (2, "x"): -0.001, (1, "y"): -0.0003, (2, "y"): 0.0003}
"""Up to 30 each."""
_ASIDE: Slider = {(19, "x"): 1.0}
"""The mouth, from -0.09 to 0.09."""
_PURSE: Slider = {(14, "y"): 0.001, (3, "y"): -0.0005, (7, "y"): -0.0005, (17, "z"): -0.0005}
"""From -20 to 15."""
_GRIN: Slider = {(20, "z"): -0.001, (20, "y"): -0.001, (14, "y"): -0.001}
"""Lip corners apart, up to 15."""


class Share(NamedTuple):
    """Units of a slider that a channel at the upper end of its range is."""

    slider: Slider
    units: float


TABLE: Mapping[str, Share] = {
    # core7
    "mouth_wide": Share(_GRIN, 15),
    "mouth_narrow": Share(_PURSE, 15),
    # arkit55: brows
    "browInnerUp": Share(_BROWS_UP, 15),
    "browOuterUpLeft": Share(_BROWS_UP, 7.5),
    "browOuterUpRight": Share(_BROWS_UP, 7.5),
    "browDownLeft": Share(_BROWS_DOWN, 15),
    "browDownRight": Share(_BROWS_DOWN, 15),
    # eyes: the person's left is on the right of the picture
    "eyeLookOutLeft": Share(_LOOK_RIGHT, 15),
    "eyeLookInRight": Share(_LOOK_RIGHT, 15),
    "eyeLookInLeft": Share(_LOOK_LEFT, 15),
    "eyeLookOutRight": Share(_LOOK_LEFT, 15),
    "eyeLookUpLeft": Share(_LOOK_UP, 31.5),
    "eyeLookUpRight": Share(_LOOK_UP, 31.5),
    "eyeLookDownLeft": Share(_LOOK_UP, -31.5),
    "eyeLookDownRight": Share(_LOOK_UP, -31.5),
    # mouth
    "mouthSmileLeft": Share(_SMILE, 0.65),
    "mouthSmileRight": Share(_SMILE, 0.65),
    "mouthFrownLeft": Share(_SMILE, -0.15),
    "mouthFrownRight": Share(_SMILE, -0.15),
    "mouthStretchLeft": Share(_GRIN, 7.5),
    "mouthStretchRight": Share(_GRIN, 7.5),
    "mouthPucker": Share(_PURSE, 15),
    "mouthFunnel": Share(_PURSE, 10),
    "mouthLeft": Share(_ASIDE, 0.09),
    "mouthRight": Share(_ASIDE, -0.09),
    "jawLeft": Share(_ASIDE, 0.045),
    "jawRight": Share(_ASIDE, -0.045),
}
"""Channel -> slider and units."""

NOT_SHOWN = (
    "_neutral", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "jawForward", "mouthClose", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""Shapes that no slider of the official editor does."""


def expression_offsets(spec: MotionSpec) -> Tensor:
    """(F, 63) float32: what a channel of 1 adds to the flattened expression of 21 keypoints."""
    offsets = torch.zeros(spec.size, NUM_KEYPOINTS, 3)
    for index, channel in enumerate(spec.channels):
        if channel.name in TABLE:
            slider, units = TABLE[channel.name]
            for (keypoint, axis), addition in slider.items():
                offsets[index, keypoint, "xyz".index(axis)] = units * addition / channel.maximum
    return offsets.flatten(1)
