"""M, the motion extractor: keypoints, pose and expression of a face in a picture.

Reference:
    Woo et al.: ConvNeXt V2, CVPR 2023: the network before the heads.
"""

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.parameter import Parameter

from src.render.liveportrait.keypoints import RawMotion

EPS = 1e-6


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel of (B, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class ResponseNorm(nn.Module):
    """Global response normalisation over height and width of (B, H, W, C)."""

    def __init__(self, channels: int) -> None:
        """Of `channels`; starts as the identity."""
        super().__init__()
        self.gamma = Parameter(torch.zeros(1, 1, 1, channels))
        self.beta = Parameter(torch.zeros(1, 1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) -> the same shape."""
        response = x.square().sum((1, 2), keepdim=True).sqrt()
        return self.gamma * (x * (response / (response.mean(-1, keepdim=True) + EPS))) + self.beta + x


class ConvNextBlock(nn.Module):
    """A depthwise convolution and a two-layer perceptron of each pixel."""

    def __init__(self, channels: int) -> None:
        """Of `channels` in and out."""
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.grn = ResponseNorm(4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        y = self.norm(self.dwconv(x).movedim(1, -1))
        y = self.pwconv2(self.grn(functional.gelu(self.pwconv1(y))))
        return x + y.movedim(-1, 1)


class Detector(nn.Module):
    """The backbone and its seven heads."""

    def __init__(self, *, num_keypoints: int, num_bins: int, depths: Sequence[int], widths: Sequence[int]) -> None:
        """As `MotionExtractor`."""
        super().__init__()
        self.downsample_layers = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), ChannelNorm(widths[0], eps=EPS))]
        )
        for before, after in itertools.pairwise(widths):
            self.downsample_layers.append(
                nn.Sequential(ChannelNorm(before, eps=EPS), nn.Conv2d(before, after, 2, stride=2))
            )
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNextBlock(width) for _ in range(depth)))
            for depth, width in zip(depths, widths, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1], eps=EPS)
        heads = {"kp": 3 * num_keypoints, "scale": 1, "t": 3, "exp": 3 * num_keypoints}
        for name, size in {**heads, "pitch": num_bins, "yaw": num_bins, "roll": num_bins}.items():
            self.add_module(f"fc_{name}", nn.Linear(widths[-1], size))

    def forward(self, image: Tensor) -> RawMotion:
        """(B, 3, 256, 256) -> what the heads say."""
        x = image
        for downsample, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(downsample(x))
        vector = self.norm(x.mean((-2, -1)))
        return RawMotion(**{name: getattr(self, f"fc_{name}")(vector) for name in RawMotion._fields})


class MotionExtractor(nn.Module):
    """Picture -> canonical keypoints, expression, pose, translation and scale."""

    def __init__(self, *, num_keypoints: int, num_bins: int, depths: Sequence[int], widths: Sequence[int]) -> None:
        """Build the network.

        Args:
            num_keypoints: implicit ones, 21.
            num_bins: of each angle, 66.
            depths: blocks of each stage.
            widths: channels of each stage.
        """
        super().__init__()
        self.detector = Detector(num_keypoints=num_keypoints, num_bins=num_bins, depths=depths, widths=widths)

    def forward(self, image: Tensor) -> RawMotion:
        """What the heads say of a picture, before angles are angles.

        Args:
            image: (B, 3, 256, 256) RGB in 0..1.
        """
        raw: RawMotion = self.detector(image)
        return raw
