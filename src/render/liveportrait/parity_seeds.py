"""How the seeded weights of LivePortrait's networks leave the common rule, and the inputs that vectors share."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src import seeded_weights
from src.seeded_weights import Exceptions

NETWORK, MATHS, WARP, PICTURE = 4e-6, 3e-6, 3e-5, 1e-4
"""Limits as shares of the largest value: F, M, G; S, maths and keypoints; W; pictures of the whole chain."""
SAME = 1e-12
"""Of inputs that are the same to the bit: their stored statistics were summed up in another order."""
LEVELS, LEVELS_SHARE = 1.0, 0.005
"""Limit of bytes, and the share of them that may differ at all after the whole chain."""

_M, _F, _W, _G = ("motion_extractor/", "appearance_feature_extractor/", "warping_module/", "spade_generator/")

WEIGHTS = Exceptions(
    variances=(
        (f"{_M}detector.fc_kp.weight", 0.09),
        (f"{_M}detector.fc_exp.weight", 0.0009),
        (f"{_M}detector.fc_scale.weight", 0.01),
        (f"{_M}detector.fc_t.weight", 0.0025),
        (f"{_M}detector.fc_pitch.weight", 4.0),
        (f"{_M}detector.fc_yaw.weight", 4.0),
        (f"{_M}detector.fc_roll.weight", 4.0),
        (_M, 1.0),
        (f"{_F}first.conv.weight", 6.0),
        (f"{_F}resblocks_3d.", 0.5),
        (f"{_W}dense_motion_network.mask.weight", 6.0),
        (f"{_W}dense_motion_network.occlusion.weight", 0.5),
        (f"{_W}fourth.weight", 1.0),
        (f"{_G}conv_img.0.weight", 0.125),
        ("mlp_gamma.weight", 0.25),
        ("mlp_beta.weight", 0.25),
        ("stitching/mlp.6.weight", 0.0025),
        ("eye/mlp.10.weight", 0.0025),
        ("lip/mlp.6.weight", 0.0025),
    ),
    bias_centres={f"{_M}detector.fc_scale.bias": 1.25},
    bias_halves={
        f"{_M}detector.fc_exp.bias": 0.002,
        f"{_M}detector.fc_t.bias": 0.01,
        "stitching/mlp.6.bias": 0.002,
        "eye/mlp.10.bias": 0.002,
        "lip/mlp.6.bias": 0.002,
    },
)


def seeded_image(name: str, seed: int) -> NDArray[np.uint8]:
    """(256, 256, 3) RGB."""
    return seeded_weights.image(name, seed, 256)


def seeded_tensor(name: str, shape: tuple[int, ...], seed: int, half: float) -> Tensor:
    """Values in [-half, half)."""
    return torch.from_numpy(seeded_weights.uniform(name, shape, seed, 0.0, half))
