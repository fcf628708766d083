"""W, the warping module: the source's feature volume, brought to the driver's keypoints and flattened."""

from typing import NamedTuple

import torch.nn.functional as functional
from torch import Tensor, nn

from src.render.liveportrait.appearance import ConvNorm
from src.render.liveportrait.dense_motion import DenseMotion, DenseMotionNetwork, sample

LEAKY_SLOPE = 0.01


class Warped(NamedTuple):
    """What W gives.

    Attributes:
        features: (B, 256, 64, 64) with the official sizes, for G.
        motion: how the volume was warped.
    """

    features: Tensor
    motion: DenseMotion


class WarpingModule(nn.Module):
    """Volume and keypoints -> features of the driven face."""

    def __init__(
        self, *, dense_motion_network: DenseMotionNetwork, volume_channels: int, volume_depth: int, out_channels: int
    ) -> None:
        """Build the network.

        Args:
            dense_motion_network: what decides where everything comes from.
            volume_channels, volume_depth: of the source's features.
            out_channels: for G.
        """
        super().__init__()
        self.dense_motion_network = dense_motion_network
        self.third = ConvNorm(volume_channels * volume_depth, out_channels)
        self.fourth = nn.Conv2d(out_channels, out_channels, 1)

    def forward(self, volume: Tensor, driving: Tensor, source: Tensor) -> Warped:
        """Warp.

        Args:
            volume: (B, 32, 16, 64, 64) of F, with the official sizes.
            driving, source: (B, 21, 3) keypoints.
        """
        motion = self.dense_motion_network(volume, driving, source)
        flat = sample(volume, motion.deformation).flatten(1, 2)
        x = functional.leaky_relu(self.third(flat), LEAKY_SLOPE)
        return Warped(self.fourth(x) * motion.occlusion, motion)
